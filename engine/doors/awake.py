"""Busy polling: a loop that looks for more for a while, before it lets its processor sleep.

A processor that sleeps takes tens of microseconds to wake up, in a virtual machine most of all: as
long as a call takes. Who has a core to spare for a door trades that core for this time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import perf_counter


class Awake:
    """Keeps the running loop awake for *seconds* after each `stir`. *now* is a clock in seconds.

    Everything else that the loop has to do goes on meanwhile; threads have their turns between two
    looks.
    """

    __slots__ = ("_again", "_loop", "_now", "_seconds", "_stirred", "_until", "looking")

    def __init__(self, seconds: float, now: Callable[[], float] = perf_counter) -> None:
        self._seconds = seconds
        self._now = now
        self._loop = asyncio.get_running_loop()
        self._again = self._look
        self._stirred = False
        self._until = 0.0
        self.looking = False
        """Whether it keeps the loop awake."""

    def stir(self) -> None:
        """Stay awake: something has come, so that more may."""
        # Hot path: the clock is read where nothing has to be done.
        self._stirred = True
        if not self.looking:
            self.looking = True
            self._loop.call_soon(self._again)

    def _look(self) -> None:
        """Look again in the next turn of the loop, until nothing has come for long enough."""
        now = self._now()
        if self._stirred:
            self._stirred = False
            self._until = now + self._seconds
        elif now >= self._until:
            self.looking = False
            return
        self._loop.call_soon(self._again)
