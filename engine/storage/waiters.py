"""Who waits for records in, who was told out: in an event loop, or in a thread that is blocked.

Each waits until so many records are kept, and is told why they are not, or "".
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future as Blocked
from dataclasses import dataclass

Told = asyncio.Future[str] | Blocked[str]


@dataclass(slots=True, eq=False)
class Waiter:
    """Waits for the record number *ticket* since an instant."""

    ticket: int
    since: float
    told: Told


class Waiters:
    """Those who wait, first come first. Not for several threads at once."""

    def __init__(self) -> None:
        self._all: deque[Waiter] = deque()

    def __len__(self) -> int:
        return len(self._all)

    def add(self, waiter: Waiter) -> None:
        """Take one more, for the newest record."""
        self._all.append(waiter)

    def leave(self, waiter: Waiter) -> bool:
        """Let one go that waits no longer; return whether it was not told anything yet."""
        if waiter in self._all:
            self._all.remove(waiter)
            return True
        return False

    def finish(self, done: int, why: str) -> None:
        """Tell those who wait for the first *done* records; from any thread."""
        by_loop: dict[asyncio.AbstractEventLoop, list[Told]] = {}
        while self._all and self._all[0].ticket <= done:
            told = self._all.popleft().told
            if isinstance(told, Blocked):
                told.set_result(why)
            else:
                by_loop.setdefault(told.get_loop(), []).append(told)
        for loop, waiting in by_loop.items():
            if not loop.is_closed():
                loop.call_soon_threadsafe(answer_all, waiting, why)

    def expired(self, before: float) -> list[Told]:
        """Return, and let go, those who wait since *before* and still listen."""
        late = []
        while self._all and self._all[0].since < before:
            told = self._all.popleft().told
            if not told.done():
                late.append(told)
        return late


def answer_all(waiting: Sequence[Told], why: str) -> None:
    """Tell those who have not gone, in their loop."""
    for one in waiting:
        if not one.done():
            one.set_result(why)
