"""Futures and when they are to be had at the latest: one timer for all of them."""

from __future__ import annotations

import asyncio
from collections import deque
from heapq import heapify, heappop, heappush
from typing import Any, Protocol

from pol_client.errors import DeadlineExceeded

FEW = 64
"""So many futures are kept that are done, beside as many as are not."""


class Waits(Protocol):
    """What has a deadline: a future, or what can be failed like one."""

    def done(self) -> bool:
        """Return whether it is over."""
        ...

    def set_exception(self, failure: Any, /) -> None:
        """Fail it."""
        ...


class Due:
    """Somebody who waits, and until when at most."""

    __slots__ = ("deadline", "future", "over")

    def __init__(self, deadline: float, future: Waits) -> None:
        self.deadline = deadline
        self.future = future
        self.over = False
        """Whether it is known that nobody waits any more; else the future is asked."""

    def done(self) -> bool:
        """Return whether nobody waits any more."""
        return self.over or self.future.done()


class Deadlines:
    """Fails futures that are not done in time. Belongs to one event loop.

    A timer of its own for each would cost more than all else of a call. Most deadlines come after
    those that were told before, since callers give all their calls the same time: they stand in
    line. The others are sorted.
    """

    def __init__(self) -> None:
        self._line: deque[Due] = deque()
        self._latest = 0.0
        """The deadline of the last in the line."""
        self._sorted: list[tuple[float, int, Due]] = []
        self._number = 0
        self._timer: asyncio.TimerHandle | None = None
        self._at = 0.0
        self._most = 2 * FEW
        self.trouble = ""
        """Why no connection came about the last time, unless one did since."""
        self._loop = asyncio.get_running_loop()

    @property
    def watched(self) -> int:
        """How many are kept, those that are over included."""
        return len(self._line) + len(self._sorted)

    def add(self, deadline: float, future: Waits) -> Due:
        """Fail *future* with DeadlineExceeded at *deadline*, in the loop's time, unless it is over.

        Whoever tells what is returned when it is over spares asking.
        """
        due = Due(deadline, future)
        self.watch(due)
        return due

    def watch(self, due: Due) -> None:
        """Fail what waits at its deadline."""
        line, deadline = self._line, due.deadline
        while line and line[0].over:
            line.popleft()
        if not line or deadline >= self._latest:  # Hot path.
            line.append(due)
            self._latest = deadline
        else:
            self._number += 1
            heappush(self._sorted, (deadline, self._number, due))
        if self.watched > self._most:
            self._tidy()
        if self._timer is None or deadline < self._at:
            self._set(deadline)

    def close(self) -> None:
        """Fail nothing any more."""
        self._line.clear()
        self._sorted.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _tidy(self) -> None:
        """Forget those that nobody waits for."""
        self._line = deque([one for one in self._line if not one.done()])
        self._sorted = [one for one in self._sorted if not one[2].done()]
        heapify(self._sorted)
        self._most = 2 * (len(self._line) + len(self._sorted) + FEW)

    def _set(self, deadline: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._at = deadline
        self._timer = self._loop.call_at(deadline, self._look)

    def _look(self) -> None:
        """Fail those whose time is over."""
        self._timer = None
        now = self._loop.time()
        late: list[Due] = []
        line, others = self._line, self._sorted
        while line and (line[0].deadline <= now or line[0].done()):
            late.append(line.popleft())
        while others and (others[0][0] <= now or others[0][2].done()):
            late.append(heappop(others)[2])
        why = "no answer in time" + (f"; {self.trouble}" if self.trouble else "")
        for due in late:
            if not due.done():
                due.over = True
                due.future.set_exception(DeadlineExceeded("DEADLINE_EXCEEDED", why))
        self._set_next()

    def _set_next(self) -> None:
        """Look again when the next deadline is."""
        if self._line:
            next_one = self._line[0].deadline
            if self._sorted:
                next_one = min(next_one, self._sorted[0][0])
        elif self._sorted:
            next_one = self._sorted[0][0]
        else:
            return
        if self._timer is None or next_one < self._at:
            self._set(next_one)
