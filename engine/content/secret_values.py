"""What stands where a secret could stand: is it a secret, or a word, a reference, a placeholder?

Detectors that know a secret by its name only (`assignments`, `carriers`) ask here. A value is told
from its characters, and a name from its words::

    stripeApiKey  ->  stripe, api, key     a key      monkey, keyboard, authors     none
"""

# ruff: noqa: E501 - a pattern reads best in one piece

from __future__ import annotations

import re

from engine.content.validate import bits

MIN_BITS, MIN_HEX_BITS = 3.0, 2.6
MIN_GENERIC, MIN_PASSWORD, MIN_WORD = 10, 5, 5
MIN_MIXED = 16
MIN_CHAT_DIGITS = 2
MIN_PASSWORD_BITS = 2
"""``aaa111`` has one bit a character."""
MOST_SPACES = 1
SHORT = 3
"""Words of so many letters have a vowel."""
OPENING = "!#$%&*@^~+-"
"""With such a sign or a letter or digit a password may begin."""
WORDY = 3.5
"""A name has so many letters a word; of random letters no three in a row look like one."""
NAME_REACH = 96

PLACEHOLDER = re.compile(
    r"(?i)[<\[{(*].*|\$[\w({].*|%\w+%|.*(?:\$\{|\{\{|\$\().*|#\{.*"
    r"|.*(?:your|example|dummy|changeme|change[_-]me|placeholder|redacted|insert|replace|xxxx|\*\*\*\*|\.\.\.\.|_here\b).*"
    r"|(?:this|self|os|process|config|settings|env|request|req|args|params|ctx|options|data|secrets|vars?|values)[.\[].*"
    r"|x{3,}|_+|-+|=+|null|none|nil|true|false|undefined|string|required|optional|todo|tbd|n/a"
    r"|(?:required|nullable|sometimes|confirmed|string|min|max)[|:].*"
    r"|(?:my|the|a|some|test)?[-_ ]?(?:password|passwd|pass|pwd|secret|token|key|api[-_]?key)s?"
)
"""What stands in code and documentation where a secret would stand."""

_boring = re.compile(
    r"(?i)https?:.*|[./~]?[a-z_\-./]+|[a-z_]+(?:\.[a-z_]+)+\(?.*|[0-9.,:/+\- ]+"
    r"|[0-9]{4}-[0-9]{2}-[0-9]{2}t.*|v?[0-9]+(?:\.[0-9]+)+[a-z0-9.\-]*|.*\.(?:json|ya?ml|txt|py|js|ts|css|md|pem|crt|html?)"
    r"|[a-z]\w*\.[a-z_]\w*|[a-z0-9.\-]+:[0-9]{2,5}(?:/.*)?|[0-9]{2,5}/[a-z/_.\-]*|.*(?:0123456789|abcdefghij).*"
    r"|value[0-9].*|(?:apache|[al]?gpl|bsd|mpl|epl|cc-by)-[\w.+\-]*|(?-i:[a-z0-9\-]+(?:\.[a-z0-9\-]+)*\.[a-z]{2,10})"
    r"|[a-z_]+[0-9]{0,2}|[a-z]+(?:[-_][a-z]+)*[-_]?[0-9]{0,2}|(?:sha|md|aes|rsa|hmac)[-_]?[0-9]+(?:[-_:/].*)?"
)
_known = re.compile(
    r"gh[pousr]_|github_pat_|glpat-|xox[a-z]-|sk-|[rs]k_(?:live|test)_|AKIA|ASIA|AIza"
    r"|ey[JK][\w\-]*\.ey|SG\.|npm_|hf_|hv[sb]\.|ops_ey"
)
_plain = re.compile(
    r"(?i)[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
)
"""Digests and ids: most are no secrets, and names such as ``key`` are theirs."""
_hex = re.compile(r"[0-9a-f]{16,}|[0-9A-F]{16,}")
_pieces = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[0-9]+")
_variable = re.compile(rb"[A-Za-z_]+")
QUOTES = (b'"', b"'", b"`")
COMMA = ord(",")
_spoken = re.compile(r"(?i)[aeiouy]")
_identifier = re.compile(r"[A-Za-z0-9]+(?:[_\-./:][A-Za-z0-9]+)*")
_reference = re.compile(r"[A-Za-z_]\w*(?:(?:\.|->|::)[A-Za-z_]\w*)+")
_more_query = re.compile(r"&(?:amp;)?[A-Za-z_][\w.]*=")

NOT_SAID = frozenset(
    [
        "password",
        "passwords",
        "passwort",
        "passwd",
        "passphrase",
        "contraseña",
        "senha",
        "kennwort",
        "secret",
        "secrets",
        "string",
        "required",
        "optional",
        "hidden",
        "input",
        "field",
        "invalid",
        "incorrect",
        "wrong",
        "missing",
        "empty",
        "default",
        "basic",
        "plain",
        "plaintext",
        "hashed",
        "encrypted",
        "prompt",
        "stdin",
        "vault",
        "masked",
        "username",
        "email",
        "name",
        "number",
        "button",
        "submit",
        "object",
        "confirm",
        "current",
        "forgot",
        "reset",
        "login",
        "logout",
        "value",
        "token",
        "credential",
        "credentials",
        "short",
        "weak",
        "strong",
        "expired",
        "mismatch",
        "update",
        "change",
        "changed",
        "length",
        "minlength",
        "validation",
        "error",
        "message",
        "label",
        "title",
        "false",
        "undefined",
        "unknown",
        "disabled",
        "enabled",
        "needed",
        "correct",
        "stored",
        "protected",
        "visible",
        "shown",
        "sent",
        "never",
        "always",
        "blank",
        "unset",
        "based",
        "authentication",
        "keyboard",
        "interactive",
        "manager",
    ]
)
"""Words that follow ``password is`` or stand beside the name, and are no password."""

_INNOCENT = frozenset(
    [
        "monkey",
        "monkeys",
        "donkey",
        "turkey",
        "hockey",
        "jockey",
        "whiskey",
        "hotkey",
        "hotkeys",
        "keyboard",
        "keyboards",
        "keyword",
        "keywords",
        "keymap",
        "keynote",
        "keystone",
        "keyframe",
        "keyframes",
        "keypress",
        "keydown",
        "keyup",
        "keypad",
        "tokenizer",
        "tokenize",
        "tokenized",
        "tokenization",
        "author",
        "authors",
        "authority",
        "authored",
        "secretary",
        "accessor",
        "accessors",
        "accessible",
        "accessibility",
        "accessory",
        "accessed",
        "apiary",
        "apis",
    ]
)
_secretive = re.compile(
    r"(?:key|token|secret|cred|auth|login|licen[sc]e|access|webhook|pat|api|sid|session).*"
    r"|.*(?:key|token|secret|creds?|auth|licen[sc]e|pat|sid)s?"
)
_strong = re.compile(
    r"(?i)token|secret|passw|credential|licen[sc]e|api[_\-. ]?key|access[_\-. ]?key|private[_\-. ]?key"
    r"|(?:auth|account|master|encryption|signing|client|consumer|app|storage|service)[_\-. ]?key"
)
_harmless = re.compile(
    r"(?i).*(?:(?:public|foreign|primary|partition|sort|cache|bucket|schema|idempotency|registry)[_\-]?(?:key|token)"
    r"|[cx]srf[_\-]?token|(?:credentials?|issuer|key|token|session|login|author|access[_\-]key|secret)[_\-]?ids?"
    r"|(?:name|version|type|length|size|count|hash|path|file|dir|ur[il]|host|prefix|suffix|label|ref|arn|alias"
    r"|status|expiry|expires|ttl|date|time|timestamp|algorithm|format|field|column|index|class|method|handler"
    r"|scope|endpoint|provider|audience|checksum|fingerprint|digest|integrity|thumbprint|pattern|regexp?))"
)
"""Names that hold a word such as ``key``, and no secret."""
NAME_BYTES = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-"
OPENED, CLOSED, OPERATORS = b"\"'`( \t\\", b"\"'`)] \t\\", b"=:>,"
_about = re.compile(
    r"(?i)(?:pass|pwd).{0,20}?(?:label|title|text|hint|message|msg|error|errors|field|placeholder|name|type|input|regexp?"
    r"|rules?|policy|url|path|file|help|min|max|len|length|column|selector|id|header|prompt)\Z"
)
"""Names of what is about a password."""


def secretive(data: bytes, start: int, end: int) -> bool:
    """Return whether the name in front of ``data[start:end]`` is one of a secret.

    A digest or UUID is one only behind a name that says so itself: ``token``, not ``key``.
    """
    if not _valued(data, start, end):
        return False
    name = _name_before(data, start)
    if _harmless.fullmatch(name):
        return False
    words = {one.lower() for one in _pieces.findall(name)} - _INNOCENT
    if not any(map(_secretive.fullmatch, words)):
        return False
    value = data[start:end].decode()
    return _plain.fullmatch(value) is None or _strong.search(name) is not None


def _name_before(data: bytes, start: int) -> str:
    """Return the name that the value at *start* is assigned to: ``key`` of ``"my.key": "``."""
    # Hot path: a pattern that is anchored at its end costs twenty times as much.
    left = data[max(0, start - NAME_REACH) : start].rstrip(OPENED).rstrip(OPERATORS)
    if left.endswith((b" value", b"\tvalue")):
        left = left[:-6]
    left = left.rstrip(CLOSED)
    return left[len(left.rstrip(NAME_BYTES)) :].decode()


def _valued(data: bytes, start: int, end: int) -> bool:
    """Return whether ``data[start:end]`` is a value: no call, and no argument behind another."""
    if data[end : end + 1] in (b"(", b"["):
        return False
    # ``f(password, strict=True)``, where a value in quotes would be one.
    return not data[max(0, start - 4) : start].rstrip(b" \t").endswith(b",")


def called(data: bytes, start: int, end: int) -> bool:
    """Return whether ``data[start:end]`` behind the name of a password is a value: no call, no name."""
    listed = COMMA in data[max(0, start - 4) : start]
    if (listed or data[start - 1 : start] not in QUOTES) and _variable.fullmatch(data, start, end):
        return False
    return _valued(data, start, end) and _about.search(_name_before(data, start)) is None


def wordy(value: str) -> bool:
    """Return whether *value* is a name in code: words with separators or capitals between them."""
    value = value.strip("_")
    if not _identifier.fullmatch(value) or (
        value.isalnum() and value in (value.lower(), value.upper())
    ):
        return False
    pieces = _pieces.findall(value)
    words = [one for one in pieces if one.isalpha()]
    return (
        sum(map(len, words)) >= WORDY * len(words)
        and len(words) >= 2 * (len(pieces) - len(words))
        and all(_spoken.search(one) for one in words if len(one) >= SHORT and not one.isupper())
        and all(len(one) <= MIN_WORD for one in pieces if one.isdigit())
    )


def generic(text: str) -> int:
    """Return how much of *text* is a secret value: random looking, no word, path, number or date; else 0."""
    value = _stripped(text)
    size = len(value)
    # Hot path: most of what is assigned is a word.
    if size < MIN_GENERIC or not (
        any(map(str.isdigit, value))
        or (size >= MIN_MIXED and value.lower() != value != value.upper())
    ):
        return 0
    spread = bits(value)
    innocent = (
        spread < MIN_HEX_BITS
        or (spread < MIN_BITS and not _hex.fullmatch(value))
        or _known.match(value)
        or PLACEHOLDER.fullmatch(value)
        or _boring.fullmatch(value)
        or wordy(value)
    )
    return 0 if innocent else size


def spoken(text: str) -> int:
    """Return how much of *text* is a secret value in prose, where more than one digit is asked for."""
    size = generic(text)
    digits = sum(map(str.isdigit, text[:size]))
    return size if size >= MIN_MIXED and digits >= MIN_CHAT_DIGITS else 0


def password(text: str) -> int:
    """Return how much of *text* may be a password: any value that is no placeholder, word or reference."""
    value = _stripped(_more_query.split(text, maxsplit=1)[0])
    return len(value) if _any_password(value) else 0


def _any_password(value: str) -> bool:
    return not (
        len(value) < MIN_PASSWORD
        or _known.match(value)
        or PLACEHOLDER.fullmatch(value)
        or _reference.fullmatch(value)
        or value.isalpha()
        or bits(value) <= MIN_PASSWORD_BITS
    )


def quoted(text: str) -> int:
    """Return how much of *text*, what is in quotes, is a password: all or none.

    Small letters may be one, in two words too; what begins with a comma stands between two strings.
    """
    if text.islower() and text.replace(" ", "").isalpha() and text.count(" ") <= MOST_SPACES:
        return said(text) if not NOT_SAID.intersection(text.split()) else 0
    begins = text[0].isalnum() or text[0] in OPENING
    return len(text) if begins and " " not in text and _any_password(text) else 0


def said(text: str) -> int:
    """Return how much of *text*, a word in quotes or on a command line, is a password: all or none."""
    if PLACEHOLDER.fullmatch(text) or text.lower() in NOT_SAID or _reference.fullmatch(text):
        return 0
    return len(text)


def _stripped(text: str) -> str:
    return text.rstrip(".:,?!" if not text.endswith("==") else "")
