"""Field blocks in, lists of fields out (RFC 7541), and the other way round for few constant fields.

Blocks are decoded by a library. Most requests of a connection have the same block: what it meant is
remembered for as long as the dynamic table stands still.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

from hpack import Decoder
from hpack.exceptions import HPACKError, OversizedHeaderListError
from hpack.table import HeaderTable

from engine.doors.http2.frames import Code, ConnectionFailed

Made = TypeVar("Made")

Fields = tuple[tuple[bytes, bytes], ...]

TABLE_BYTES = 4_096
"""Of the dynamic table: SETTINGS_HEADER_TABLE_SIZE."""
RESIZE, SIZE, MORE = 0x20, 0x1F, 0x80
"""How a change of the table's size begins, its digits, and that there are more (RFC 7541, 6.3)."""
RESIZES = 2
"""So often a block may change it, at its beginning: to the least that it was, and to the last."""
EMPTY_TABLE = bytes((RESIZE,))
"""With which a block begins that makes its reader's table as small as can be."""
REMEMBERED = 32
REMEMBERED_BYTES = 2_048
"""How many blocks are remembered, and how long each, and what it means, may be."""
LONG = 127
ENTRY_BYTES = 32
"""What each field counts beside its name and value."""


class _Table(HeaderTable):
    """A dynamic table that counts its changes."""

    changes = 0

    def add(self, name: bytes, value: bytes) -> None:
        self.changes += 1
        super().add(name, value)

    @property
    def maxsize(self) -> int:
        return super().maxsize

    @maxsize.setter
    def maxsize(self, newmax: int) -> None:
        self.changes += 1
        HeaderTable.maxsize.fset(self, newmax)  # type: ignore[attr-defined]


class FieldReader(Generic[Made]):
    """Decodes the blocks of one connection, in their order, to what *make* makes of the fields."""

    def __init__(self, header_bytes: int, make: Callable[[Fields], Made]) -> None:
        """*header_bytes* bounds a decoded list."""
        self._decoder = Decoder(max_header_list_size=header_bytes)
        self._decoder.header_table = self._table = _Table()
        self._decoder.max_allowed_table_size = TABLE_BYTES
        self._make = make
        self.known: dict[bytes, Made] = {}
        """What blocks mean while the table stands still."""

    def read(self, block: bytes) -> Made:
        """Return what *block* means. Raises ConnectionFailed."""
        known = self.known.get(block)
        if known is not None:
            return known
        before = self._table.changes
        if _resizes_too_often(block):
            raise ConnectionFailed(Code.COMPRESSION_ERROR, "a table that changes all the time")
        try:
            fields = tuple([(name, value) for name, value in self._decoder.decode(block, raw=True)])
        except OversizedHeaderListError:
            raise ConnectionFailed(Code.ENHANCE_YOUR_CALM, "too many fields") from None
        except (HPACKError, ValueError, IndexError):
            raise ConnectionFailed(Code.COMPRESSION_ERROR, "a field block that is none") from None
        made = self._make(fields)
        if self._table.changes != before:
            self.known.clear()
        elif max(len(block), size_of(fields)) <= REMEMBERED_BYTES:
            if len(self.known) >= REMEMBERED:
                self.known.clear()
            self.known[block] = made
        return made


def _resizes_too_often(block: bytes) -> bool:
    """Return whether *block* begins with more changes of the table's size than anybody needs."""
    at = count = 0
    while at < len(block) and block[at] & ~SIZE == RESIZE:
        count += 1
        if count > RESIZES:
            return True
        more = block[at] & SIZE == SIZE
        at += 1
        while more and at < len(block):
            more = block[at] >= MORE
            at += 1
    return False


def size_of(fields: Fields) -> int:
    """Return how large a list of fields is (RFC 7541, 4.1)."""
    return sum([len(name) + len(value) + ENTRY_BYTES for name, value in fields])


def literal(name: bytes, value: bytes) -> bytes:
    """Return one field as a literal that is not indexed, without Huffman coding."""
    return b"\0" + _string(name) + _string(value)


def block_of(fields: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Return a block of literals."""
    return b"".join([literal(name, value) for name, value in fields])


def _string(text: bytes) -> bytes:
    length = len(text)
    if length < LONG:
        return bytes((length,)) + text
    rest = length - LONG
    digits = bytearray((LONG,))
    while rest > LONG:
        digits.append(rest & 0x7F | 0x80)
        rest >>= 7
    digits.append(rest)
    return bytes(digits) + text
