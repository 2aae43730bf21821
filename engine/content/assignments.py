"""Detectors of secrets (``secret.*``) that only a name, header or carrier gives away.

``db_password = "hunter2!x"`` has no shape of its own. What tells is the name on the left, and that the
value on the right is neither a word, a reference nor a placeholder (see `secret_values`).
"""

# ruff: noqa: E501 - a pattern reads best in one piece

from __future__ import annotations

from engine.content.carriers import COMMANDS, CURL, ELEMENTS, FILES
from engine.content.detectors import Entity, Pattern
from engine.content.secret_values import (
    MIN_PASSWORD_BITS,
    PLACEHOLDER,
    called,
    generic,
    password,
    quoted,
    said,
    secretive,
    spoken,
)
from engine.content.validate import bits

OPERATOR = r"\\{0,3}[\"'`\])]{0,3}[ \t]{0,4}(?:=>|:{1,3}=|[=:,]|[\"']?[ \t]value=)[ \t]{0,4}\\{0,3}[\"'`(]{0,2}"
VALUE = r"([A-Za-z0-9_.\-+/~!@#$%^*?|]{5,256}={0,2})"
PHRASE_VALUE = r"([A-Za-z0-9_.\-+/=~!@#$%^&*?:|]{5,128})"
NAME = r"[A-Za-z0-9_.\-]*\\*[\"'`\])]*[ \t]*(?:=>|:*=|[=:,]|[\"']?[ \t]value=)[ \t]*\\*[\"'`(]*"
"""What may stand between such a name and its value, without limits: for hints."""
NAMES = (
    "key", "token", "secret", "cred", "auth", "login", "licen", "access", "webhook", "_pat",
    "api", "_sid", "session",
)  # fmt: skip
PASS_NAMES = ("passw", "pwd", "passphrase", "passcode", "pass", "kennwort", "contrase", "senha")

NAMED = (
    r"(?i)(?:(?:passw(?:or[dt])?d?|pwd|passphrase|passcode|kennwort|contraseña|senha)[A-Za-z0-9_.\-]{0,20}"
    # Not a passport.
    r"|(?:(?:\b|_)p|(?-i:[a-z]P))ass(?:[0-9_.\-][A-Za-z0-9_.\-]{0,20})?)"
)
HINTED = r"(?i)(?:pass|pwd|kennwort|contraseña|senha)" + NAME
CLOSED = r"\\{0,3}[\"'`\])]{0,3}[ \t]{0,4}"
SPOKEN_NAMES = ("passw", "passphrase", "passcode", "kennwort", "contrase", "senha", "mot de passe")


def _drawn(text: str) -> bool:
    return not PLACEHOLDER.fullmatch(text) and bits(text) > MIN_PASSWORD_BITS


GENERIC = Entity(
    "secret.generic",
    "A random looking value that is assigned to a name such as key, token or secret, or so called.",
    (
        Pattern(
            r"(?i)(?:key|token|secret|cred(?:ential)?s?|auth|login|licen[sc]e|access|webhook|_pat|api|_sid|session)"
            r"[A-Za-z0-9_.\-]{0,30}" + OPERATOR + VALUE,
            0.7,
            keywords=NAMES,
            hint=r"(?i)(?:key|token|secret|cred|auth|login|licen[sc]e|access|webhook|_pat|api|_sid"
            r"|session)" + NAME + r"[A-Za-z0-9_.\-+/~!@#$%^*?|]{8}[A-Za-z0-9_.\-+/~!@#$%^*?|=]{2}",
            prose=True,
            guard=secretive,
            fit=generic,
            aimed="hint",
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
            aimed="hint",
        ),
        *ELEMENTS,
    ),
)

PASSWORD = Entity(
    "secret.password",
    "A value that is assigned to a name such as password or pwd, so called, or given to a program as one.",
    (
        Pattern(
            NAMED + OPERATOR + PHRASE_VALUE,
            0.7,
            keywords=PASS_NAMES,
            before=1,
            hint=HINTED + r"[A-Za-z0-9_.\-+/=~!@#$%^*?|&:]{5}",
            prose=True,
            guard=called,
            fit=password,
        ),
        Pattern(
            # A word in quotes, or several.
            NAMED
            + rf"{CLOSED}(?:=>|:=|={{1,3}}|:)[ \t]{{0,4}}\\{{0,3}}[\"']([^\"'\\\n<>{{}}$]{{5,64}})\\{{0,3}}[\"']",
            0.7,
            keywords=PASS_NAMES,
            before=1,
            hint=HINTED,
            prose=True,
            guard=called,
            fit=quoted,
        ),
        Pattern(
            # In a file of settings or a shell, a word.
            r"(?:^|[\s;])(?:[A-Z0-9_]{0,40}_)?(?:PASS(?:WORD|WD|PHRASE)?|PWD|PW)=([A-Za-z]{5,64})(?:[\s;]|$)",
            0.7,
            keywords=("pass", "pwd", "pw="),
            before=42,
            hint=r"P(?:ASS(?:WORD|WD|PHRASE)?|WD|W)=[A-Za-z]{5}",
            fit=said,
        ),
        Pattern(
            r"(?i)\b(?:password|passwort|passphrase|passcode|kennwort|contraseña|senha|mot de passe)"
            r"[ \t](?:is|was|ist|lautet|es|è|é|est)[ \t]{1,2}[\"'`]?" + PHRASE_VALUE,
            0.7,
            keywords=SPOKEN_NAMES,
            hint=r"(?i)(?:pass(?:wor[dt]|phrase|code)|kennwort|contraseña|senha|mot de passe)"
            r"[ \t](?:is|was|ist|lautet|es|è|é|est)[ \t]",
            prose=True,
            fit=password,
        ),
        Pattern(
            r"(?i)\b(?:password|passwort|passphrase|passcode|kennwort|contraseña|senha|mot de passe)"
            r"(?:[ \t](?:for|of|für|de|para|pour)[ \t][^\n.]{1,60}?)?[ \t](?:is|was|ist|lautet|es|è|é|est)[ \t]{1,2}"
            r"(?:(?:set|changed|reset)[ \t]to[ \t])?\\?[\"'`]([^\s\"'`\\]{3,64})\\?[\"'`]",
            0.7,
            keywords=SPOKEN_NAMES,
            hint=r"(?i)(?:pass(?:wor[dt]|phrase|code)|kennwort|contraseña|senha|mot de passe)"
            r"[^\n]*[ \t](?:is|was|ist|lautet|es|è|é|est)[ \t]",
            prose=True,
            fit=said,
        ),
        *COMMANDS,
        *FILES,
    ),
)

HTTP_AUTH = Entity(
    "secret.http_auth",
    "Credentials in an HTTP authorization header, or the user and password in an option of curl.",
    (
        Pattern(
            r"(?i)authorization[\"']?\s{0,2}[:=]\s{0,2}[\"']?(?:basic|bearer|token|apikey|digest)[ \t]{1,3}"
            r"([A-Za-z0-9+/=._~\-]{8,})",
            0.9,
            keywords=("authorization",),
            check=_drawn,
        ),
        Pattern(
            r"(?i)authorization[\"']?\s{0,2}[:=]\s{0,2}[\"']?([A-Za-z0-9+/=._~\-@]{16,})",
            0.85,
            keywords=("authorization",),
            fit=generic,
        ),
        CURL,
    ),
)

ASSIGNED = (GENERIC, PASSWORD, HTTP_AUTH)
