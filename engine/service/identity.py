"""A clock in, decision ids out: UUIDv7 (RFC 9562, method 3), so that ids sort by time.

48 bits are the milliseconds, 12 bits the fraction of the millisecond, 62 bits are random.
``uuid.UUID`` objects and one system call an id would cost several microseconds; here entropy is
fetched for many ids at once and the text is put together directly.
"""

from __future__ import annotations

import os

MILLISECOND = 1_000_000
FRACTIONS = 4096
AT_ONCE = 256
DIGITS = 16
"""Hexadecimal digits of entropy that one id takes."""

VARIANTS = {digit: "89ab"[int(digit, 16) & 3] for digit in "0123456789abcdef"}
"""The digit that holds the two variant bits, by the random digit in its place."""


class IdSource:
    """Owns a store of entropy. Ids of one source never repeat, not even after ``fork``."""

    __slots__ = ("_digits", "_owner", "_position")

    def __init__(self) -> None:
        self._digits = ""
        self._position = 0
        self._owner = 0

    def make(self, now: int) -> str:
        """Return a new id for *now* (ns since the Unix epoch)."""
        position = self._position
        # A forked child must not use up the parent's entropy a second time.
        if position >= len(self._digits) or self._owner != os.getpid():
            self._digits = os.urandom(AT_ONCE * DIGITS // 2).hex()
            self._owner = os.getpid()
            position = 0
        self._position = position + DIGITS
        digits = self._digits
        milliseconds, rest = divmod(now, MILLISECOND)
        stamp = f"{milliseconds:012x}{rest * FRACTIONS // MILLISECOND:03x}"
        variant = VARIANTS[digits[position]]
        return (
            f"{stamp[-15:-7]}-{stamp[-7:-3]}-7{stamp[-3:]}-"
            f"{variant}{digits[position + 1 : position + 4]}-{digits[position + 4 : position + 16]}"
        )
