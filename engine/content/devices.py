"""Detectors of addresses of devices (``pii.ip``, ``pii.mac``)."""

from __future__ import annotations

from engine.content import codes, validate
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


def _network(text: str) -> int:
    """Return how many characters of *text* are an address, with its mask if it has one."""
    address, slash, mask = text.partition("/")
    most = 128 if ":" in address else 32
    return len(text) if slash and int(mask) <= most and mask == str(int(mask)) else len(address)


def _ipv6(text: str) -> bool:
    address = text.partition("/")[0]
    return address.strip(":") != "" and validate.ipv6(address)


def _cisco(text: str) -> bool:
    """Return whether *text* is a MAC address in three groups, and no number in thousands."""
    return codes.mac(text) and not text.replace(".", "").isdigit()


IP = Entity(
    "pii.ip",
    "An IPv4 or IPv6 address, or a network of them with the length of its prefix.",
    (
        Pattern(
            rf"{IPV4}(?:/[0-9]{{1,3}})?",
            0.7,
            hint=r"[0-9](?:\.[0-9]{1,3}){3}",
            guard=_dotted,
            fit=_network,
            retry=True,
        ),
        Pattern(
            rf"(?:(?:::)?(?:[0-9A-Fa-f]{{1,4}}::?){{1,7}}(?:{IPV4}|[0-9A-Fa-f]{{1,4}})?"
            rf"|::(?:{IPV4}|[0-9A-Fa-f]{{1,4}}))(?:%[0-9A-Za-z]{{1,16}})?(?:/[0-9]{{1,3}})?",
            0.7,
            hint=r"[0-9A-Fa-f]::|::[0-9A-Fa-f]|(?:[0-9A-Fa-f]{1,4}:){6}",
            guard=_hexed,
            fit=_network,
            check=_ipv6,
            retry=True,
        ),
    ),
)

MAC = Entity(
    "pii.mac",
    "A MAC address (EUI-48), neither empty nor that of all devices.",
    (
        Pattern(
            r"[0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2}){5}|[0-9A-Fa-f]{2}(?:-[0-9A-Fa-f]{2}){5}",
            0.8,
            hint=r"[:\-][0-9A-Fa-f]{2}[:\-][0-9A-Fa-f]{2}[:\-][0-9A-Fa-f]{2}[:\-]",
            guard=alone(b":-"),
            check=codes.mac,
        ),
        Pattern(
            r"[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4}",
            0.6,
            hint=r"[0-9A-Fa-f]\.[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4}",
            guard=_dotted,
            check=_cisco,
        ),
    ),
)

DEVICES = (IP, MAC)
