"""A clock in, decision ids out: UUIDv7 (RFC 9562, method 3), so that ids sort by time.

48 bits are the milliseconds, 12 bits the fraction of the millisecond, 62 bits are random.
``uuid.UUID`` objects and one system call an id would cost several microseconds. Here entropy is
fetched for many ids at once and made into text at once, what ids of one millisecond begin with is
made once, and the text is put together directly: a third of a microsecond.
"""

from __future__ import annotations

import os
from typing import ClassVar, Final

MILLISECOND: Final = 1_000_000
AT_ONCE: Final = 256
FRACTIONS: Final = tuple([f"{number:03x}" for number in range(4096)])
"""The three digits of each fraction of a millisecond."""
VARIANTS = bytes(0x80 | number & 0x3F for number in range(256))
"""The byte that begins with the two variant bits, by the random byte in its place."""


class Forks:
    """How often this process was forked from another, since this module was loaded."""

    count: ClassVar[int] = 0

    @classmethod
    def note(cls) -> None:  # pragma: no cover - runs in the child
        """Count one more."""
        cls.count += 1


os.register_at_fork(after_in_child=Forks.note)


class IdSource:
    """Owns a store of entropy. Ids of one source never repeat, not even after ``fork``."""

    __slots__ = ("_begin", "_forks", "_lasts", "_milliseconds")

    def __init__(self) -> None:
        self._lasts: list[str] = []
        """The random digits of ids to come: ``-`` and four, ``-`` and twelve."""
        self._forks = 0
        self._milliseconds = -1
        self._begin = ""
        """What ids of that millisecond begin with."""

    def make(self, now: int) -> str:
        """Return a new id for *now* (ns since the Unix epoch)."""
        # A forked child must not use up the parent's entropy a second time.
        if not self._lasts or self._forks != Forks.count:
            self._fetch()
        milliseconds = now // MILLISECOND
        if milliseconds != self._milliseconds:
            self._milliseconds = milliseconds
            stamp = f"{milliseconds:012x}"
            self._begin = f"{stamp[-12:-4]}-{stamp[-4:]}-7"
        fraction = ((now - milliseconds * MILLISECOND) << 12) // MILLISECOND
        return self._begin + FRACTIONS[fraction] + self._lasts.pop()

    def _fetch(self) -> None:
        self._forks = Forks.count
        firsts = bytearray(os.urandom(2 * AT_ONCE))
        firsts[::2] = firsts[::2].translate(VARIANTS)
        lasts = os.urandom(6 * AT_ONCE).hex("-", 6).split("-")
        self._lasts = [
            f"-{first}-{last}"
            for first, last in zip(firsts.hex("-", 2).split("-"), lasts, strict=True)
        ]
