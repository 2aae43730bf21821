"""Detectors of addresses of devices (``pii.ip``)."""

from __future__ import annotations

from engine.content import validate
from engine.content.detectors import Entity, Pattern, alone

_dotted = alone(b".")

OCTET = r"(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
IPV4 = rf"{OCTET}(?:\.{OCTET}){{3}}"
HEXED = frozenset(b"0123456789abcdefABCDEF:")


def _hexed(data: bytes, start: int, end: int) -> bool:
    """Guard of an IPv6 address: no part of a longer run of hexadecimal groups."""
    before, after = data[max(0, start - 2) : start], data[end : end + 2]
    if before and (before[-1:].isalnum() or (before[-1:] == b":" and before[0] in HEXED)):
        return False
    return not after or not (after[:1].isalnum() or (after[:1] in b".:" and after[-1] in HEXED))


def _ipv6(text: str) -> bool:
    return text.strip(":") != "" and validate.ipv6(text)


IP = Entity(
    "pii.ip",
    "An IPv4 or IPv6 address.",
    (
        Pattern(IPV4, 0.7, hint=r"[0-9](?:\.[0-9]{1,3}){3}", guard=_dotted, retry=True),
        Pattern(
            rf"(?:(?:::)?(?:[0-9A-Fa-f]{{1,4}}::?){{1,7}}(?:{IPV4}|[0-9A-Fa-f]{{1,4}})?"
            rf"|::(?:{IPV4}|[0-9A-Fa-f]{{1,4}}))(?:%[0-9A-Za-z]{{1,16}})?",
            0.7,
            hint=r"[0-9A-Fa-f]::|::[0-9A-Fa-f]|(?:[0-9A-Fa-f]{1,4}:){6}",
            guard=_hexed,
            check=_ipv6,
            retry=True,
        ),
    ),
)

DEVICES = (IP,)
