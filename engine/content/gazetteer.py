"""Which lists a word stands in: given names, surnames, places, countries, English words.

The lists (``gazetteer.md`` names their sources and licences) are not kept as words: a word is a
32-bit hash of its plain form, and beside each hash stands a byte of bits, one for each list.
300,000 words take 1.5 MB of memory; one word in about 14,000 that is in no list is taken for one
that is. The file holds the sorted hashes byte by byte in planes, so that they pack well and are
read in a few milliseconds: their differences would take a tenth less, and five times as long.
"""

from __future__ import annotations

import pkgutil
import unicodedata
import zlib
from array import array
from bisect import bisect_left
from dataclasses import dataclass, field
from functools import cache

FILE = "gazetteer.bin"
PLANES = 4
"""Bytes of a hash."""

GIVEN = 1
SURNAME = 2
PLACE = 4
"""A town, county or state, or its English name."""
COUNTRY = 8
PART = 16
"""A word of the name of a place that has several."""
COMMON = 32
"""An English word that most people know."""
WORD = 64
"""An English word of a large dictionary."""
FAMOUS = 128
ENGLISH = COMMON | WORD
"""The name of a town with more than 100,000 inhabitants."""

_LETTERS = str.maketrans(
    {
        "ł": "l", "ø": "o", "đ": "d", "ß": "ss", "æ": "ae", "œ": "oe", "\u0131": "i", "þ": "th",
        "ð": "d", "\u2019": "'", "`": "'",
    }
)  # fmt: skip


def plain(word: str) -> str:
    """Return *word* in lower case and without accents: ``Łódź`` is ``lodz``."""
    low = word.lower()
    if low.isascii():
        return low
    parts = unicodedata.normalize("NFKD", low.translate(_LETTERS))
    return "".join(one for one in parts if not unicodedata.combining(one))


def hashed(word: str) -> int:
    """Return the 32-bit hash of *word*, which is plain (CRC-32 of its UTF-8)."""
    return zlib.crc32(word.encode("utf-8", "replace"))


@dataclass(frozen=True, slots=True)
class Gazetteer:
    """Sorted hashes, and the bits that belong to each."""

    hashes: array[int] = field(repr=False)
    bits: bytes = field(repr=False)

    def look(self, word: str) -> int:
        """Return the bits of *word*, which is plain; 0 if it is in no list."""
        wanted = hashed(word)
        at = bisect_left(self.hashes, wanted)
        if at < len(self.bits) and self.hashes[at] == wanted:
            return self.bits[at]
        return 0


def pack(bits: dict[int, int]) -> bytes:
    """Return the file that holds *bits*, by hash."""
    order = sorted(bits)
    planes = [bytes(one >> 8 * plane & 255 for one in order) for plane in range(PLANES)]
    return zlib.compress(b"".join([*planes, bytes(bits[one] for one in order)]), 9)


def unpack(packed: bytes) -> Gazetteer:
    """Return the gazetteer that *packed* holds."""
    data = memoryview(zlib.decompress(packed))
    size = len(data) // (PLANES + 1)
    hashes = array("I", bytes(size * PLANES))
    view = memoryview(hashes).cast("B")
    for plane in range(PLANES):
        view[plane::PLANES] = data[plane * size : (plane + 1) * size]
    view.release()
    return Gazetteer(hashes, bytes(data[PLANES * size :]))


@cache
def gazetteer() -> Gazetteer:
    """Return the gazetteer of this package, read at the first call."""
    packed = pkgutil.get_data(__package__, FILE)
    assert packed is not None
    return unpack(packed)
