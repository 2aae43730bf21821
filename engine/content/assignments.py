"""Detectors of secrets (``secret.*``) that only a name, header or carrier gives away.

``db_password = "hunter2!x"`` has no shape of its own. What tells is the name on the left, and that the
value on the right is neither a word, a reference nor a placeholder.
"""

# ruff: noqa: E501 - a pattern reads best in one piece

from __future__ import annotations

import re

from engine.content.detectors import Entity, Pattern
from engine.content.validate import bits

MIN_BITS = 3.0
MIN_GENERIC, MIN_PASSWORD = 10, 5
MIN_MIXED = 16
MIN_CHAT_DIGITS = 2

OPERATOR = (
    r"[\"'`\])]{0,3}[ \t]{0,4}(?:=>|:{1,3}=|[=:,]|[\"']?[ \t]value=)[ \t]{0,4}\\?[\"'`(]{0,2}"
)
VALUE = r"([A-Za-z0-9_.\-+/~!@#$%^*?|]{5,256}={0,2})"
PHRASE_VALUE = r"([A-Za-z0-9_.\-+/=~!@#$%^&*?:|]{5,128})"
NAME = r"[A-Za-z0-9_.\-]*[\"'`\])]*[ \t]*(?:=>|:*=|[=:,]|[\"']?[ \t]value=)[ \t]*\\?[\"'`(]*"
"""What may stand between such a name and its value, without limits: for hints."""
NAMES = (
    "key", "token", "secret", "credential", "auth", "login", "licen", "access", "webhook", "_pat",
    "api", "_sid", "session",
)  # fmt: skip
PASS_NAMES = ("passw", "pwd", "passphrase", "passcode", "pass", "kennwort", "contrase", "senha")

PLACEHOLDER = re.compile(
    r"(?i)[<\[{(*].*|\$[\w({].*|%\w+%|.*(?:\$\{|\{\{).*"
    r"|.*(?:your|example|dummy|changeme|placeholder|redacted|insert|replace|xxxx|\*\*\*\*|\.\.\.\.).*"
    r"|(?:this|self|os|process|config|settings|env|request|req|args|params|ctx|options|data)\..*"
    r"|x{3,}|_+|-+|=+|null|none|nil|true|false|undefined|string|required|optional|todo|tbd|n/a"
    r"|(?:my|the|a|some|test)?[-_ ]?(?:password|passwd|pass|pwd|secret|token|key|api[-_]?key)s?"
)
"""What stands in code and documentation where a secret would stand."""

_boring = re.compile(
    r"(?i)https?:.*|[./~]?[a-z_\-./]+|[a-z_]+(?:\.[a-z_]+)+\(?.*|[0-9.,:/+\- ]+"
    r"|[0-9]{4}-[0-9]{2}-[0-9]{2}t.*|v?[0-9]+(?:\.[0-9]+)+[a-z0-9.\-]*|.*\.(?:json|ya?ml|txt|py|js|pem|html?)"
    r"|[a-z]\w*\.[a-z_]\w*|[a-z0-9.\-]+:[0-9]{2,5}(?:/.*)?|.*(?:0123456789|abcdefghij).*"
    r"|[a-z_]+[0-9]{0,2}|[a-z]+(?:[-_][a-z]+)*[-_]?[0-9]{0,2}|(?:sha|md|aes|rsa|hmac)[-_]?[0-9]+.*"
)
_known = re.compile(
    r"gh[pousr]_|github_pat_|glpat-|xox[a-z]-|sk-|[rs]k_(?:live|test)_|AKIA|ASIA|AIza|ey[JK]|SG\.|npm_|hf_|hv[sb]\."
)

_harmless = re.compile(
    rb"(?i)(?:(?:public|foreign|primary|partition|sort|cache|bucket|schema)[_\-]?(?:key|token)|[cx]srf[_\-]?token"
    rb"|(?:credentials?|issuer)[_\-]?id|key[_\-]?hash|(?:key|secret|token|api|access)[\w\-]{0,20}(?:name|version))"
    rb"[\"'`\])]{0,3}[ \t]{0,4}[=:>,]{1,3}[ \t]{0,4}\\?[\"'`(]{0,2}\Z"
)
"""Names that hold a word such as ``key``, and no secret."""
NAME_REACH = 64


def _secretive(data: bytes, start: int, _end: int) -> bool:
    """Return whether the name in front of a value is one of a secret."""
    return _harmless.search(data[max(0, start - NAME_REACH) : start]) is None


def generic(text: str) -> int:
    """Return how much of *text* is a secret value: random looking, no word, path, number or date; else 0."""
    value = _stripped(text)
    if (
        len(value) < MIN_GENERIC
        or _known.match(value)
        or PLACEHOLDER.fullmatch(value)
        or _boring.fullmatch(value)
        or bits(value) < MIN_BITS
    ):
        return 0
    digits = any(map(str.isdigit, value))
    mixed = len(value) >= MIN_MIXED and value.lower() != value != value.upper()
    return len(value) if digits or mixed else 0


def spoken(text: str) -> int:
    """Return how much of *text* is a secret value in prose, where more than one digit is asked for."""
    size = generic(text)
    digits = sum(map(str.isdigit, text[:size]))
    return size if size >= MIN_MIXED and digits >= MIN_CHAT_DIGITS else 0


def password(text: str) -> int:
    """Return how much of *text* may be a password: any value that is no placeholder, word or reference."""
    value = _stripped(text)
    if len(value) < MIN_PASSWORD or _known.match(value) or PLACEHOLDER.fullmatch(value):
        return 0
    return len(value) if not value.isalpha() and bits(value) > 2 else 0  # noqa: PLR2004 - "aaa111"


def _stripped(text: str) -> str:
    return text.rstrip(".:,?!" if not text.endswith("==") else "")


GENERIC = Entity(
    "secret.generic",
    "A random looking value that is assigned to a name such as key, token or secret, or so called.",
    (
        Pattern(
            r"(?i)(?:key|token|secret|credentials?|auth|login|licen[sc]e|access|webhook|_pat|api|_sid|session)"
            r"[A-Za-z0-9_.\-]{0,30}" + OPERATOR + VALUE,
            0.7,
            keywords=NAMES,
            hint=r"(?i)(?:key|token|secret|credential|auth|login|licen[sc]e|access|webhook|_pat|api|_sid"
            r"|session)" + NAME + r"[A-Za-z0-9_.\-+/~!@#$%^*?|]{8}",
            prose=True,
            guard=_secretive,
            fit=generic,
        ),
        Pattern(
            r"(?i)\b(?:key|token|secret|credential)s?[\"']?[ \t]{1,2}(?:(?:is|was|of|to)[ \t])?[\"'`]?"
            + VALUE,
            0.6,
            keywords=("key", "token", "secret", "credential"),
            hint=r"(?i)(?:key|token|secret|credential)s?[\"']?[ \t]+(?:(?:is|was|of|to)[ \t])?[\"'`]?"
            r"[A-Za-z0-9_.\-+/~!@#$%^*?|]{14}[A-Za-z0-9_.\-+/~!@#$%^*?|=]{2}",
            prose=True,
            fit=spoken,
        ),
    ),
)

PASSWORD = Entity(
    "secret.password",
    "A value that is assigned to a name such as password or pwd, or so called.",
    (
        Pattern(
            r"(?i)(?:(?:passw(?:or[dt])?d?|pwd|passphrase|passcode|kennwort|contraseña|senha)[A-Za-z0-9_.\-]{0,20}"
            # Not a passport.
            r"|(?:(?:\b|_)p|(?-i:[a-z]P))ass(?:[0-9_.\-][A-Za-z0-9_.\-]{0,20})?)"
            + OPERATOR + PHRASE_VALUE,
            0.7,
            keywords=PASS_NAMES,
            before=1,
            hint=r"(?i)(?:pass|pwd|kennwort|contraseña|senha)" + NAME
            + r"[A-Za-z0-9_.\-+/=~!@#$%^&*?:|]{5}",
            prose=True,
            fit=password,
        ),
        Pattern(
            r"(?i)\b(?:password|passwort|passphrase|passcode|kennwort|contraseña|senha|mot de passe)"
            r"[ \t](?:is|was|ist|lautet|es|è|é|est)[ \t]{1,2}[\"'`]?" + PHRASE_VALUE,
            0.7,
            keywords=("passw", "passphrase", "passcode", "kennwort", "contrase", "senha", "mot de passe"),
            hint=r"(?i)(?:pass(?:wor[dt]|phrase|code)|kennwort|contraseña|senha|mot de passe)"
            r"[ \t](?:is|was|ist|lautet|es|è|é|est)[ \t]",
            prose=True,
            fit=password,
        ),
    ),
)  # fmt: skip

HTTP_AUTH = Entity(
    "secret.http_auth",
    "Credentials in an HTTP authorization header or in an option of curl.",
    (
        Pattern(
            r"(?i)authorization[\"']?\s{0,2}[:=]\s{0,2}[\"']?(?:basic|bearer|token|apikey|digest)[ \t]{1,3}"
            r"([A-Za-z0-9+/=._~\-]{8,})",
            0.9,
            keywords=("authorization",),
            check=lambda text: not PLACEHOLDER.fullmatch(text) and bits(text) > 2,  # noqa: PLR2004
        ),
        Pattern(
            r"(?i)curl[^\n]{0,200}?[ \t](?:-u|--user)[ \t=]{0,2}[\"']?[^\s\"':$<]{1,64}:([^\s\"'$<]{5,100})",
            0.85,
            keywords=("curl",),
            check=lambda text: not PLACEHOLDER.fullmatch(text),
        ),
    ),
)

ASSIGNED = (GENERIC, PASSWORD, HTTP_AUTH)
