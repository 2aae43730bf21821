"""Who waits for records in, who was told out: in an event loop, or in a thread that is blocked.

Each waits until so many records are kept, and is told why they are not, or "". In an event loop
something can be called instead: then no task need wait.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future as Blocked
from threading import Lock
from time import monotonic

from engine.storage.durability import Way

Told = asyncio.Future[str] | Blocked[str]
Fault = Callable[[str], Exception]
"""Makes what who waits in a loop gets raised, in the place of hearing why."""
Then = Callable[[Exception | None], None]
"""Called, in a loop, when records are kept; or with what else would be raised. Raises nothing."""


class Group:
    """Those who began to wait in one place, one after another, at about one instant."""

    __slots__ = ("called", "loop", "since", "tickets", "told")

    def __init__(self, loop: asyncio.AbstractEventLoop | None, since: float) -> None:
        """*loop* is the one in which they wait; None for threads."""
        self.loop = loop
        self.since = since
        self.tickets: list[int] = []
        """The number of the record that each waits for: never less than the one before."""
        self.told: list[Told] = []
        self.called: list[Then] = []
        """Those of a group of which nobody else is: one of both lists is empty."""

    def split(self, ticket: int) -> Group:
        """Take out, and return, those who wait for records up to number *ticket*."""
        first = Group(self.loop, self.since)
        count = sum([one <= ticket for one in self.tickets])
        first.tickets, self.tickets = self.tickets[:count], self.tickets[count:]
        first.told, self.told = self.told[:count], self.told[count:]
        first.called, self.called = self.called[:count], self.called[count:]
        return first


class Waiters:
    """Those who wait, first come first. All is done under *lock*, but for `block`."""

    def __init__(
        self, lock: Lock, way: Way, late: Callable[[], str], fault: Fault | None = None
    ) -> None:
        """*late* notes that somebody has waited too long, and says what is to be told then."""
        self._lock = lock
        self._patience = way.patience
        self._endless = way.on_full == "block"
        self._late = late
        self._fault = fault
        self._all: deque[Group] = deque()
        self._newest: Group | None = None
        """The last of them, while others may join it."""
        self._watcher: asyncio.AbstractEventLoop | None = None
        """The loop that looks after their patience."""

    def add(self, ticket: int, loop: asyncio.AbstractEventLoop) -> asyncio.Future[str]:
        """Take one more, for the newest record; return what it awaits in *loop*."""
        # Hot path: every decision that waits for its record comes by here.
        told: asyncio.Future[str] = loop.create_future()
        group = self._newest
        if group is None or group.loop is not loop or group.called:
            group = self._begin(loop)
        group.tickets.append(ticket)
        group.told.append(told)
        return told

    def add_called(self, ticket: int, loop: asyncio.AbstractEventLoop, then: Then) -> None:
        """Take one more, for the newest record, for which *then* is called in *loop*."""
        # Hot path: as `add`.
        group = self._newest
        if group is None or group.loop is not loop or group.told:
            group = self._begin(loop)
        group.tickets.append(ticket)
        group.called.append(then)

    def _begin(self, loop: asyncio.AbstractEventLoop | None) -> Group:
        group = Group(loop, monotonic())
        self._all.append(group)
        self._newest = group
        if loop is not None and self._watcher is not loop and not self._endless:
            self._watcher = loop
            loop.call_later(self._patience / 4, self._look, loop)
        return group

    def apart(self) -> None:
        """Have those who come from now on wait apart from those who are there."""
        self._newest = None

    def add_blocked(self, ticket: int) -> Blocked[str]:
        """Take a thread, for the newest record; return what it hands to `block`."""
        told: Blocked[str] = Blocked()
        group = self._begin(None)
        self._newest = None
        group.tickets.append(ticket)
        group.told.append(told)
        return told

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        with self._lock:
            late = self._expired(monotonic() - self._patience)
            whys = [self._late() for group in late for _ in (*group.told, *group.called)]
            self._watcher = loop if self._all else None
        for group in late:
            if group.told or group.called:
                self._tell(group, whys[0])
        if self._watcher is loop:
            loop.call_later(self._patience / 4, self._look, loop)

    def _expired(self, before: float) -> list[Group]:
        """Return, and let go, those who wait since *before* and still listen."""
        late: list[Group] = []
        while self._all and self._all[0].since < before:
            group = self._all.popleft()
            group.told = [one for one in group.told if not one.done()]
            late.append(group)
        if not self._all:
            self._newest = None
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
        for group in self._all:
            if group.loop is None and group.told[0] is told:
                self._all.remove(group)
                return True
        return False

    def finish(self, done: int) -> None:
        """Tell those who wait for the first *done* records that they are kept."""
        waiting = self._all
        while waiting and waiting[0].tickets[0] <= done:
            group = waiting[0]
            if group.tickets[-1] <= done:
                waiting.popleft()
            else:
                group = group.split(done)
            self._tell(group, "")
        if not waiting:
            self._newest = None

    def refuse(self, above: int, last: int, why: str) -> None:
        """Tell those who wait for a record behind number *above*, up to *last*, why."""
        kept: deque[Group] = deque()
        for group in self._all:
            before, refused = group.split(above), group.split(last)
            kept.extend([one for one in (before, group) if one.tickets])
            if refused.tickets:
                self._tell(refused, why)
        self._all, self._newest = kept, None

    def _tell(self, group: Group, why: str) -> None:
        """Tell those in *group*; from any thread. Their loop is woken once."""
        loop = group.loop
        if group.called and loop is not None:
            self.call(loop, group.called, why)
        elif loop is None or loop is running_loop():
            self.answer(group.told, why)
        elif not loop.is_closed():
            loop.call_soon_threadsafe(self.answer, group.told, why)

    def call(self, loop: asyncio.AbstractEventLoop, called: list[Then], why: str) -> None:
        """Have all of *called* called in *loop*; from any thread."""
        problem = (self._fault or Refused)(why) if why else None
        # In a turn of its own: who is called may put the next record, which takes the lock.
        if loop is running_loop():
            loop.call_soon(_call, called, problem)
        elif not loop.is_closed():
            loop.call_soon_threadsafe(_call, called, problem)

    def answer(self, waiting: list[Told], why: str) -> None:
        """Tell those who have not gone, in their loop."""
        for one in waiting:
            if one.done():
                continue
            if why and self._fault is not None and isinstance(one, asyncio.Future):
                one.set_exception(self._fault(why))
                one.exception()  # Nobody need know when the one who asked has gone.
            else:
                one.set_result(why)


class Refused(Exception):
    """What is called hears this where nobody has said what it is to hear; the text is why."""


def _call(called: list[Then], problem: Exception | None) -> None:
    for then in called:
        then(problem)


def refused(why: str) -> Blocked[str]:
    """Return what a thread waits for that is told *why* at once."""
    told: Blocked[str] = Blocked()
    told.set_result(why)
    return told


def running_loop() -> asyncio.AbstractEventLoop | None:
    """Return the loop that runs in this thread; None where none does."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
