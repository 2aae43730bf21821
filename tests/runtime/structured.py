"""Structured fields (RFC 9651, section 4.2) as a strict reader has them: lists of strings."""

from __future__ import annotations

import re
from base64 import b64decode

Value = str | int | bytes

_INTEGER = re.compile(r"-?[0-9]{1,15}(?![0-9.])")
_STRING = re.compile(r'"((?:[ !#-\[\]-~]|\\["\\])*)"')
_BYTES = re.compile(r":([A-Za-z0-9+/]*={0,2}):")
_KEY = re.compile(r"[a-z*][a-z0-9_.*-]*")


def read_list(field: str) -> list[tuple[str, dict[str, Value]]]:
    """Return the strings in the list *field*, each with its parameters. Raises ValueError."""
    found: list[tuple[str, dict[str, Value]]] = []
    place = 0
    while True:
        name, place = _bare(field, place)
        if not isinstance(name, str):
            raise TypeError(f"no string at the beginning of {field}")
        parameters: dict[str, Value] = {}
        while field[place : place + 1] == ";":
            match = _KEY.match(field, place + 1)
            if match is None or field[match.end() : match.end() + 1] != "=":
                raise ValueError(f"no parameter at {place} of {field}")
            value, place = _bare(field, match.end() + 1)
            parameters[match[0]] = value
        found.append((name, parameters))
        if place == len(field):
            return found
        if field[place : place + 2] != ", ":
            raise ValueError(f"no comma at {place} of {field}")
        place += 2


def _bare(field: str, place: int) -> tuple[Value, int]:
    if match := _STRING.match(field, place):
        return re.sub(r"\\(.)", r"\1", match[1]), match.end()
    if match := _BYTES.match(field, place):
        return b64decode(match[1], validate=True), match.end()
    if match := _INTEGER.match(field, place):
        return int(match[0]), match.end()
    raise ValueError(f"nothing that can be read at {place} of {field}")
