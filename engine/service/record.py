"""Where the lines of the record are kept."""

from __future__ import annotations

from asyncio import gather
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Protocol

from engine.service.entries import Entry, Line
from engine.service.laid import Laid


class RecordError(Exception):
    """A line could not be written; the text says where and why, without the line."""


Then = Callable[[Exception | None], None]
"""Hears that something may be answered, or the RecordError for which it must not be.

It raises nothing.
"""


class Recorder(Protocol):
    """Keeps entries."""

    @property
    def dropped(self) -> int:
        """How many entries were lost because they could not be kept."""
        ...

    @property
    def lays(self) -> bool:
        """Whether it takes decisions of which only the line is there: `Laid`."""
        ...

    def write(self, entry: Line) -> None:
        """Keep *entry*; raise RecordError when it cannot be kept and that must not be."""
        ...

    @property
    def together(self) -> bool:
        """Whether what was written may always be answered at once, so that much may be together."""
        ...

    def write_all(self, entries: Sequence[Entry | Laid]) -> bool:
        """Keep *entries* in one go; return whether that went well: if not, none of them is kept.

        Only asked where they are kept ``together``.
        """
        ...

    def kept(self) -> Awaitable[None] | None:
        """Return what is to be awaited before what was written last is answered; None for nothing.

        It raises RecordError when that must not be answered.
        """
        ...

    def tell(self, then: Then) -> bool:
        """Have *then* called when what was written last may be answered; return False if it may.

        Never before this returns; in the event loop that runs.
        """
        ...

    def waits(self) -> Callable[[], None] | None:
        """Return what waits until what was written last may be answered; None for nothing.

        Whoever asks calls it at once, in the same thread; others may write meanwhile. It raises
        RecordError when that must not be answered.
        """
        ...

    def reopen(self) -> None:
        """Begin a new file where the old one was moved away."""
        ...

    def close(self) -> None:
        """Release the file."""
        ...


class Both:
    """Keeps entries with two recorders; the first is asked first."""

    def __init__(self, first: Recorder, second: Recorder) -> None:
        self._first = first
        self._second = second

    together = False
    """What one has kept, the other may not keep."""

    @property
    def lays(self) -> bool:
        """Whether both take lines that are laid."""
        return self._first.lays and self._second.lays

    @property
    def dropped(self) -> int:
        """How many entries one of them has lost."""
        return self._first.dropped + self._second.dropped

    def write(self, entry: Line) -> None:
        """Keep *entry* twice. Raises RecordError."""
        self._first.write(entry)
        self._second.write(entry)

    def write_all(self, _entries: Sequence[Entry | Laid]) -> bool:
        """Return False: it is never asked."""
        return False

    def kept(self) -> Awaitable[None] | None:
        """Return what is to be awaited until both may be answered for. It raises RecordError."""
        first, second = self._first.kept(), self._second.kept()
        if first is None or second is None:
            return first or second
        return one_by_one((first, second))

    def tell(self, then: Then) -> bool:
        """Have *then* called when both may be answered for; return False if they may now."""
        both = Heard(then)
        for each in (self._first, self._second):
            both.waiting += each.tell(both.hear)
        return both.waiting > 0

    def waits(self) -> Callable[[], None] | None:
        """Return what waits until both may be answered for. It raises RecordError."""
        first, second = self._first.waits(), self._second.waits()
        if first is None or second is None:
            return first or second

        def both() -> None:
            first()
            second()

        return both

    def reopen(self) -> None:
        """Begin new files. Raises RecordError."""
        self._first.reopen()
        self._second.reopen()

    def close(self) -> None:
        """Release the files."""
        self._first.close()
        self._second.close()


class Heard:
    """Hears several answers in the place of one who wants to hear one."""

    def __init__(self, then: Then) -> None:
        self._then = then
        self._problem: Exception | None = None
        self.waiting = 0

    def hear(self, problem: Exception | None) -> None:
        """Pass on the first problem, or that there is none, when all was heard."""
        self._problem = self._problem or problem
        self.waiting -= 1
        if not self.waiting:
            self._then(self._problem)


async def one_by_one(waited: Iterable[Awaitable[None]]) -> None:
    """Await all that is *waited* for; raise what the first of those raises that fail."""
    problems = [found for found in await gather(*waited, return_exceptions=True) if found]
    for problem in problems:
        raise problem


class NoRecorder:
    """Keeps nothing."""

    dropped = 0
    together = True
    lays = False

    def write(self, entry: Line) -> None:
        """Forget it."""

    def write_all(self, _entries: Sequence[Entry | Laid]) -> bool:
        """Return False: those that look at entries look at each."""
        return False

    def kept(self) -> Awaitable[None] | None:
        """Wait for nothing."""
        return None

    def tell(self, _then: Then) -> bool:
        """Wait for nothing."""
        return False

    def waits(self) -> Callable[[], None] | None:
        """Wait for nothing."""
        return None

    def reopen(self) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""
