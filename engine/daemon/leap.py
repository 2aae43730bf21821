"""The machine's clocks in; whether the wall clock was set ahead lately out.

What a clock that runs ahead calls old may be of today, and what is forgotten does not come back. So
for a day after it was set ahead nothing is forgotten for its age: long enough for somebody to
notice, or for the clock to be set back. See `state.clock` for how throttles and budgets do.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from engine.state.clock import running_time

SECOND = 10**9
LEAST = 3600 * SECOND
"""Ahead by less is none: what is forgotten an hour early was a day old at least."""
REST = 86_400 * SECOND

WHY = "the clock was set ahead by more than an hour: for a day nothing is forgotten for its age"


class Leap:
    """Asked now and then, by one thread at a time."""

    def __init__(
        self, wall: Callable[[], int] = time.time_ns, running: Callable[[], int] = running_time
    ) -> None:
        self._wall = wall
        self._running = running
        self._offset = wall() - running()
        self._until = 0

    def lately(self) -> bool:
        """Return whether the wall clock was set ahead within a day, and not back since."""
        running = self._running()
        offset = self._wall() - running
        if offset - self._offset > LEAST:
            self._until = running + REST
        elif self._offset - offset > LEAST:
            self._until = 0
        self._offset = offset
        return running < self._until
