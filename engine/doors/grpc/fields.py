"""The bytes of protobuf's fields in, what they hold out: lengths, numbers, and Structs.

A Struct is protobuf's JSON. To read it with protobuf and `convert.read_struct`, the reference,
takes ten times as long. What is not laid out as protobuf's libraries lay it out raises ValueError,
or IndexError where there is no byte any more; so there is but one way to read what does not.

    0a 0c | 0a 06 72 65 67 69 6f 6e | 12 02 1a 00     {"region": ""}
"""

from __future__ import annotations

from math import isfinite
from struct import Struct
from typing import Final

MOST_SHIFTED: Final = 21
"""Bits that are read in front of a number's last byte."""
END: Final = b"\0"
"""No field begins with it: it is put behind what is read."""
MORE: Final = 0x80
"""From here on a byte is not the last of its number."""
FIRST: Final = 0x0A
SECOND: Final = 0x12
"""What the first and the second field begin with, where a length follows."""
# What the fields of google.protobuf.Value begin with.
NULL: Final = 0x08
NUMBER: Final = 0x11
STRING: Final = 0x1A
BOOL: Final = 0x20
OBJECT: Final = 0x2A
LIST: Final = 0x32
NUMBER_BYTES: Final = 9
DEEPEST: Final = 32
"""Objects and lists in one another that are read straight from the bytes."""

double = Struct("<d").unpack_from


def bounds(data: bytes, at: int) -> tuple[int, int]:
    """Return where what the field at *at* holds begins and ends. Raises ValueError."""
    length = data[at + 1]
    if length < MORE:
        return at + 2, at + 2 + length
    more = data[at + 2]
    if more >= MORE:
        raise ValueError
    return at + 3, at + 3 + (length & 0x7F | more << 7)


def number(data: bytes, at: int) -> tuple[int, int]:
    """Return the number at *at*, below 2**28, and where it ends. Raises ValueError."""
    if data[at] < MORE:
        return data[at], at + 1
    made = shift = 0
    while (digit := data[at]) >= MORE:
        made |= (digit & 0x7F) << shift
        shift += 7
        at += 1
        if shift > MOST_SHIFTED:
            raise ValueError
    return made | digit << shift, at + 1


def read_struct(data: bytes, at: int, end: int, depth: int) -> dict[str, object]:
    """Return what the Struct between *at* and *end* holds. Raises ValueError.

    Invariant: as `convert.read_struct` has it, for what is laid out as usual.
    """
    made: dict[str, object] = {}
    if depth > DEEPEST:
        raise ValueError
    while at < end:
        if data[at] != FIRST:
            raise ValueError
        at, entry = bounds(data, at)
        if data[at] != FIRST:
            raise ValueError
        at, inner = bounds(data, at)
        name, at = data[at:inner].decode(), inner
        if data[at] != SECOND or name in made:
            raise ValueError
        at, inner = bounds(data, at)
        if inner != entry or inner > end:
            raise ValueError
        made[name] = read_value(data, at, inner, depth)
        at = inner
    return made


def read_value(  # noqa: C901 - kind by kind
    data: bytes, at: int, end: int, depth: int
) -> object:
    """Return what the Value between *at* and *end* holds. Raises ValueError."""
    if at == end:
        return None
    kind = data[at]
    if kind in (STRING, OBJECT, LIST):
        at, inner = bounds(data, at)
        if inner != end:
            raise ValueError
        if kind == STRING:
            return data[at:end].decode()
        if kind == OBJECT:
            return read_struct(data, at, end, depth + 1)
        return read_list(data, at, end, depth + 1)
    if kind == NUMBER and at + NUMBER_BYTES == end:
        figure: float = double(data, at + 1)[0]
        if isfinite(figure):
            return figure
    elif at + 2 == end and data[at + 1] <= 1:
        if kind == BOOL:
            return data[at + 1] == 1
        if kind == NULL and data[at + 1] == 0:
            return None
    raise ValueError


def read_list(data: bytes, at: int, end: int, depth: int) -> list[object]:
    """Return what the ListValue between *at* and *end* holds. Raises ValueError."""
    made: list[object] = []
    if depth > DEEPEST:
        raise ValueError
    while at < end:
        if data[at] != FIRST:
            raise ValueError
        at, inner = bounds(data, at)
        if inner > end:
            raise ValueError
        made.append(read_value(data, at, inner, depth))
        at = inner
    return made
