"""A text -> the field of a message that holds it: what is said again and again is laid once."""

from __future__ import annotations

from json import encoder
from typing import Final

ONE_BYTE: Final = 0x80
"""Numbers below this take one byte."""
LAST: Final = [bytes((number,)) for number in range(ONE_BYTE)]
SEVEN: Final = [bytes((number | ONE_BYTE,)) for number in range(ONE_BYTE)]
"""Seven bits of a number: its last ones, and those with more behind them."""
QUOTE: Final = encoder.encode_basestring
"""A text -> the same in quotes, as JSON has it."""
KEYS: Final[dict[str, str]] = {}
"""Names of an object in JSON, as they stand before their value."""
FLOATS: Final[dict[float, str]] = {}
"""Numbers with a point in JSON: the shortest digits that mean them are costly to find."""
SHORT: Final = 64
"""Texts of so many characters at most are remembered, with the field that holds them."""
MOST_TEXTS: Final = 1_024
"""So many of each kind are."""
MOST_GROUP: Final = 256
"""Bytes of a field that holds several texts and is remembered."""


class Odd(Exception):
    """Something that is seldom said, or wrong: the reference writes it, or says what is wrong."""


def number_of(value: int) -> bytes:
    """Return *value*, which is not negative, as protobuf writes it: seven bits a byte."""
    if value < ONE_BYTE:
        return LAST[value]
    if value < ONE_BYTE * ONE_BYTE:
        return SEVEN[value & 0x7F] + LAST[value >> 7]
    return SEVEN[value & 0x7F] + number_of(value >> 7)


def field(begins: bytes, value: bytes) -> bytes:
    """Return the field that *begins* so, and holds *value*."""
    return begins + number_of(len(value)) + value


def text_of(value: object) -> str:
    """Return *value*, which is a text. Raises Odd."""
    if not isinstance(value, str):
        raise Odd
    return value


def text(begins: bytes, value: object) -> bytes:
    """Return a field that holds a text; empty texts have none. Raises Odd."""
    data = text_of(value).encode()
    return field(begins, data) if data else b""


class Texts:
    """Fields of one kind that hold a text: what is said again and again is laid once."""

    __slots__ = ("around", "begins", "empty", "known")

    def __init__(self, begins: bytes, *, empty: bool = False, around: bytes = b"") -> None:
        """Lay fields that begin so; with *empty* also those that hold nothing.

        *around* begins a field that each is in.
        """
        self.begins = begins
        self.empty = empty
        self.around = around
        self.known: dict[str, bytes] = {}

    def lay(self, value: object) -> bytes:
        """Return the field that holds *value*. Raises Odd."""
        # Hot path: names and ids are few.
        made = self.known.get(text_of(value))
        return self._new(text_of(value)) if made is None else made

    def _new(self, value: str) -> bytes:
        data = value.encode()
        made = field(self.begins, data) if data or self.empty else b""
        if self.around:
            made = field(self.around, made)
        if len(value) <= SHORT and type(value) is str:
            if len(self.known) >= MOST_TEXTS:
                self.known.clear()
            self.known[value] = made
        return made


class Groups:
    """Fields of one kind that hold a name and more, by both: of each name what was said last."""

    __slots__ = ("known",)

    def __init__(self) -> None:
        self.known: dict[object, Group] = {}

    def find(self, name: object, more: object) -> bytes | None:
        """Return the field, if it is known. Raises TypeError for a name that cannot be one."""
        known = self.known.get(name)
        return known.made if known is not None and known.more == more else None

    def keep(self, name: object, more: object, made: bytes) -> None:
        """Know that *made* is the field of these, if it is short. Nobody changes *more*."""
        if len(made) <= MOST_GROUP and type(name) is str:
            if len(self.known) >= MOST_TEXTS:
                self.known.clear()
            self.known[name] = Group(more, made)


class Group:
    """What is said beside a name, and the field that holds both."""

    __slots__ = ("made", "more")

    def __init__(self, more: object, made: bytes) -> None:
        self.more = more
        self.made = made


def key_of(given: object) -> str:
    """Return the name of a value in an object, as it stands before it. Raises Odd."""
    name = text_of(given)
    made = KEYS.get(name)
    if made is None:
        made = QUOTE(name) + ": "
        if len(made) <= SHORT and type(name) is str:
            if len(KEYS) >= MOST_TEXTS:
                KEYS.clear()
            KEYS[name] = made
    return made


def float_of(value: float) -> str:
    """Return *value* as JSON. Raises Odd for what is endless or no number: those have no JSON."""
    made = FLOATS.get(value)
    if made is None:
        if value - value != 0.0:
            raise Odd
        made = repr(value)
        if value != 0.0:  # There are two noughts, which are equal.
            if len(FLOATS) >= MOST_TEXTS:
                FLOATS.clear()
            FLOATS[value] = made
    return made
