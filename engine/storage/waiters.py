"""Who waits for records in, who was told out: in an event loop, or in a thread that is blocked.

Each waits until so many records are kept, and is told why they are not, or "".
"""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future as Blocked
from dataclasses import dataclass
from threading import Lock
from time import monotonic

from engine.storage.durability import Way

Told = asyncio.Future[str] | Blocked[str]
Together = defaultdict[asyncio.AbstractEventLoop | None, list[Told]]
"""Those who wait, by their loops."""


@dataclass(slots=True, eq=False)
class Waiter:
    """Waits for the record number *ticket* since an instant."""

    ticket: int
    since: float
    told: Told
    loop: asyncio.AbstractEventLoop | None
    """In which it does; None for a thread."""


class Waiters:
    """Those who wait, first come first. All is done under *lock*, but for `block`."""

    def __init__(self, lock: Lock, way: Way, late: Callable[[], str]) -> None:
        """*late* notes that somebody has waited too long, and says what is to be told then."""
        self._lock = lock
        self._patience = way.patience
        self._endless = way.on_full == "block"
        self._late = late
        self._all: deque[Waiter] = deque()
        self._watcher: asyncio.AbstractEventLoop | None = None
        """The loop that looks after their patience."""

    def add(self, ticket: int, loop: asyncio.AbstractEventLoop) -> asyncio.Future[str]:
        """Take one more, for the newest record; return what it awaits in *loop*."""
        told: asyncio.Future[str] = loop.create_future()
        self._all.append(Waiter(ticket, monotonic(), told, loop))
        if self._watcher is not loop and not self._endless:
            self._watcher = loop
            loop.call_later(self._patience / 4, self._look, loop)
        return told

    def add_blocked(self, ticket: int) -> Blocked[str]:
        """Take a thread, for the newest record; return what it hands to `block`."""
        told: Blocked[str] = Blocked()
        self._all.append(Waiter(ticket, monotonic(), told, None))
        return told

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        with self._lock:
            late = self._expired(monotonic() - self._patience)
            whys = [self._late() for _ in late]
            self._watcher = loop if self._all else None
        if late:
            answer_all(late, whys[0])
        if self._watcher is loop:
            loop.call_later(self._patience / 4, self._look, loop)

    def _expired(self, before: float) -> list[Told]:
        """Return, and let go, those who wait since *before* and still listen."""
        late = []
        while self._all and self._all[0].since < before:
            told = self._all.popleft().told
            if not told.done():
                late.append(told)
        return late

    @property
    def patience(self) -> float | None:
        """Seconds; None: endless."""
        return None if self._endless else self._patience

    def block(self, told: Blocked[str]) -> str:
        """Wait, not under the lock, as long as patience is; return what one who waits is told."""
        try:
            return told.result(self.patience)
        except TimeoutError:
            with self._lock:
                return self._late() if self._leave(told) else told.result()

    def _leave(self, told: Told) -> bool:
        """Let one go that waits no longer; return whether it was not told anything yet."""
        for waiter in self._all:
            if waiter.told is told:
                self._all.remove(waiter)
                return True
        return False

    def finish(self, done: int) -> None:
        """Tell those who wait for the first *done* records that they are kept."""
        # Hot path: it keeps the thread that syncs from the next sync.
        waiting = self._all
        by_loop: Together = defaultdict(list)
        while waiting and waiting[0].ticket <= done:
            waiter = waiting.popleft()
            by_loop[waiter.loop].append(waiter.told)
        tell(by_loop, "")

    def refuse(self, above: int, last: int, why: str) -> None:
        """Tell those who wait for a record behind number *above*, up to *last*, why."""
        by_loop: Together = defaultdict(list)
        for waiter in self._all:
            if above < waiter.ticket <= last:
                by_loop[waiter.loop].append(waiter.told)
        self._all = deque(one for one in self._all if not above < one.ticket <= last)
        tell(by_loop, why)


def tell(by_loop: Together, why: str) -> None:
    """Tell those who wait; from any thread. Each loop is woken once."""
    for loop, together in by_loop.items():
        if loop is None:
            answer_all(together, why)
        elif not loop.is_closed():
            loop.call_soon_threadsafe(answer_all, together, why)


def answer_all(waiting: Sequence[Told], why: str) -> None:
    """Tell those who have not gone, in their loop."""
    for one in waiting:
        if not one.done():
            one.set_result(why)
