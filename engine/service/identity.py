"""A clock in, decision ids out: UUIDv7 (RFC 9562, method 3), so that ids sort by time.

48 bits are the milliseconds, 12 bits the fraction of the millisecond, 62 bits are random.
``uuid.UUID`` objects and one system call an id would cost several microseconds. Here entropy is
fetched for many ids at once and made into one text, of which each id takes the next piece; what ids
of one millisecond begin with is made once: a fifth of a microsecond an id.
"""

from __future__ import annotations

import os
from typing import Final

from engine.content.native import i64

MILLISECOND: Final = 1_000_000
AT_ONCE: Final = 256
RANDOM_BYTES: Final = 8
DIGITS: Final = 2 * RANDOM_BYTES
LAST: Final = 18
"""Characters of an id that are random: ``-`` and four digits, ``-`` and twelve."""
FIRST_DIGITS: Final = 4
TWO: Final = tuple([f"{number:02x}" for number in range(256)])
ONE: Final = tuple([f"{number:x}" for number in range(16)])
"""Digits of a fraction. One table for all three would seldom be in the processor's cache."""
PART: Final = 281_474_977
PART_BITS: Final = 36
"""2^12 of a millionth, with so many bits behind the point, rounded up: so many times as much as
fewer than a million is never a whole fraction too much. A division takes longer than all else."""
VARIANTS = bytes(0x80 | number & 0x3F for number in range(256))
"""The byte that begins with the two variant bits, by the random byte in its place."""


class Forks:
    """How often this process was forked from another, since this module was loaded."""

    __slots__ = ("count",)

    def __init__(self) -> None:
        self.count = 0

    def note(self) -> None:  # pragma: no cover - runs in the child
        """Count one more."""
        self.count += 1


FORKS: Final = Forks()
os.register_at_fork(after_in_child=FORKS.note)


class IdSource:
    """Owns a store of entropy. Ids of one source never repeat, not even after ``fork``."""

    __slots__ = ("_at", "_begin", "_forks", "_lasts", "_since")

    def __init__(self) -> None:
        self._lasts = ""
        """The random ends of ids, one behind the other."""
        self._at = 0
        """How much of them was used."""
        self._forks = 0
        self._since: i64 = -MILLISECOND
        """When the millisecond of the newest id began."""
        self._begin = ""
        """What ids of that millisecond begin with."""

    def make(self, now: int) -> str:
        """Return a new id for *now* (ns since the Unix epoch)."""
        # Hot path. A forked child must not use up the parent's entropy a second time.
        if self._at >= len(self._lasts) or self._forks != FORKS.count:
            self._fetch()
        instant: i64 = now
        rest: i64 = instant - self._since
        if not 0 <= rest < MILLISECOND:
            rest = self._turn(instant)
        fraction: i64 = rest * PART >> PART_BITS
        at = self._at
        self._at = at + LAST
        return f"{self._begin}{TWO[fraction >> 4]}{ONE[fraction & 15]}{self._lasts[at : at + LAST]}"

    def _turn(self, instant: i64) -> i64:
        """Begin ids of another millisecond; return how long it is since that has begun."""
        milliseconds: i64 = instant // MILLISECOND
        self._since = milliseconds * MILLISECOND
        stamp = f"{milliseconds:012x}"
        self._begin = f"{stamp[-12:-4]}-{stamp[-4:]}-7"
        return instant - self._since

    def _fetch(self) -> None:
        self._forks = FORKS.count
        entropy = bytearray(os.urandom(RANDOM_BYTES * AT_ONCE))
        entropy[::RANDOM_BYTES] = entropy[::RANDOM_BYTES].translate(VARIANTS)
        digits = entropy.hex().encode()
        lasts = bytearray(b"-") * (LAST * AT_ONCE)
        for number in range(DIGITS):  # Each digit of all ids in one step.
            place = number + 1 if number < FIRST_DIGITS else number + 2
            lasts[place::LAST] = digits[number::DIGITS]
        self._lasts = lasts.decode()
        self._at = 0
