"""Futures and when they are to be had at the latest: one timer for all of them."""

from __future__ import annotations

import asyncio
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


Due = tuple[float, int, Waits]


class Deadlines:
    """Fails futures that are not done in time. Belongs to one event loop.

    A timer of its own for each would cost more than all else of a call.
    """

    def __init__(self) -> None:
        self._due: list[Due] = []
        self._number = 0
        self._timer: asyncio.TimerHandle | None = None
        self._at = 0.0
        self._most = 2 * FEW
        self._loop = asyncio.get_running_loop()

    def add(self, deadline: float, future: Waits) -> None:
        """Fail *future* with DeadlineExceeded at *deadline*, in the loop's time."""
        due = self._due
        while due and due[0][2].done():
            heappop(due)
        self._number += 1
        heappush(due, (deadline, self._number, future))
        if len(due) > self._most:
            due[:] = [one for one in due if not one[2].done()]
            heapify(due)
            self._most = 2 * (len(due) + FEW)
        if self._timer is None or deadline < self._at:
            self._set(deadline)

    def close(self) -> None:
        """Fail nothing any more."""
        self._due.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _set(self, deadline: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._at = deadline
        self._timer = self._loop.call_at(deadline, self._look)

    def _look(self) -> None:
        self._timer = None
        now = self._loop.time()
        due = self._due
        while due and (due[0][2].done() or due[0][0] <= now):
            future = heappop(due)[2]
            if not future.done():
                future.set_exception(DeadlineExceeded("DEADLINE_EXCEEDED", "no answer in time"))
        if due:
            self._set(due[0][0])
