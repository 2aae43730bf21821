"""How many questions a door answers in one go, before it sends answers and lets others speak.

Together they cost less: one write for all. But the answer to the first waits until the last one is
decided, and so do all other connections. Most decisions take microseconds; one that looks for
everything in a long text takes a hundred times as long.
"""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import Final

SECONDS: Final = 0.000_6
"""So long, about, the first of several waits for the last."""
TURN_SECONDS: Final = 0.002
"""When a connection was answered for so long, others have their turn; one go takes no longer, but
for a single question that does."""


class Breath:
    """What questions took, the last time that several came together. *now* is a clock in seconds.

    Who asks for little and for much in turns is trusted again step by step.
    """

    __slots__ = ("_each", "now")

    def __init__(self, now: Callable[[], float] = perf_counter) -> None:
        self.now = now
        self._each = 0.0

    def fitting(self, most: int, seconds: float = SECONDS) -> int:
        """Return how many of *most* take so many *seconds* together: one at least."""
        each = self._each
        return most if each * most <= seconds else max(1, int(seconds / each))

    def took(self, seconds: float, count: int) -> None:
        """Note what *count* of them took."""
        self._each = max(seconds / count, self._each / 2)
