"""A list of fields in, why HTTP/2 does not allow it out (RFC 9113, 8.1 to 8.5)."""

from __future__ import annotations

from collections.abc import Iterable

from engine.doors.http2.fields import Fields

PSEUDO = frozenset((b":method", b":path", b":scheme", b":authority"))
NEEDED = (b":method", b":path", b":scheme")
OF_CONNECT = {b":method", b":authority"}
CONNECTION_SPECIFIC = frozenset(
    (b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade")
)
NAME_SIGNS = b"abcdefghijklmnopqrstuvwxyz0123456789!#$%&'*+-.^_`|~"
"""Of a token (RFC 9110, 5.6.2), without the capital letters."""
NO_SIGNS = b"\0\r\n"
"""Which no value has."""
BLANKS = b" \t"
"""With which no value begins or ends."""


def refuse_request(fields: Fields) -> str | None:
    """Return why *fields* are no request; None if they are one."""
    pseudo: dict[bytes, bytes] = {}
    plain: list[tuple[bytes, bytes]] = []
    for one in fields:
        name, value = one
        if name[:1] != b":":
            plain.append(one)
            continue
        if plain or name in pseudo or name not in PSEUDO:
            return "pseudo-fields out of order"
        if _is_refused(value):
            return "a value with signs that HTTP/2 forbids"
        pseudo[name] = value
    if pseudo.get(b":method") == b"CONNECT":
        if pseudo.keys() != OF_CONNECT or not pseudo[b":authority"]:
            return "CONNECT asks for an authority and for nothing else"
    elif not all(pseudo.get(name) for name in NEEDED):
        return "a pseudo-field is missing"
    return refuse_plain(plain)


def refuse_trailers(fields: Fields) -> str | None:
    """Return why *fields* may not end a message; None if they may."""
    return refuse_plain(fields)


def refuse_plain(fields: Iterable[tuple[bytes, bytes]]) -> str | None:
    """Return why *fields* may not stand in any message, or None; a pseudo-field may not."""
    for name, value in fields:
        if not name or name.translate(None, NAME_SIGNS):
            return "a name with signs that HTTP/2 forbids"
        if name in CONNECTION_SPECIFIC or (name == b"te" and value != b"trailers"):
            return "a field that HTTP/2 forbids"
        if _is_refused(value):
            return "a value with signs that HTTP/2 forbids"
    return None


def _is_refused(value: bytes) -> bool:
    """Return whether *value* may stand in no field."""
    return value.strip(BLANKS) != value or value.translate(None, NO_SIGNS) != value
