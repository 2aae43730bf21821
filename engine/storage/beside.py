"""A trail in, its syncs that the kernel does beside an event loop out: one at a time.

The loop hears the end. So nothing waits for the disk but those who wait for their records.
"""

from __future__ import annotations

from asyncio import AbstractEventLoop
from collections.abc import Callable
from math import inf
from time import monotonic
from typing import NamedTuple

from engine.storage.aio import Aio, syncer
from engine.storage.trail import Begun, Trail

GLANCE = 0.05
"""Seconds after which who waits looks whether somebody else was told."""


class Landed(NamedTuple):
    """How a sync has ended."""

    seconds: float
    failed: OSError | None


class Flight:
    """A sync that the kernel is at: which one, not what it says; compiled, a tuple has no such."""

    __slots__ = ("begun", "kernel", "since")

    def __init__(self, begun: Begun, kernel: Aio) -> None:
        """Begin now."""
        self.begun = begun
        self.kernel = kernel
        self.since = monotonic()


class Beside:
    """Syncs *trail*. Not for several threads at once, but for `wait`."""

    def __init__(self, trail: Trail, hear: Callable[[], None]) -> None:
        """*hear* is called in the loop when a sync has ended, and is to ask for its `end`."""
        self._trail = trail
        self._hear = hear
        self._kernel: Aio | None = None
        self._tried = False
        self._loop: AbstractEventLoop | None = None
        """In which the end is heard; None while there is none to rely on."""
        self._hears: AbstractEventLoop | None = None
        """That which was told to hear it."""
        self._begun: Flight | None = None

    @property
    def flying(self) -> bool:
        """Whether a sync was begun, and its end not asked for."""
        return self._begun is not None

    def listen(self, loop: AbstractEventLoop) -> None:
        """Hear in *loop*, which runs, from now on."""
        if self._loop is loop:
            return
        self._loop = loop
        if not self._tried:
            self._tried = True
            self._kernel = syncer()
        if self._kernel is not None and self._hears is not loop:
            self._forget()
            loop.add_reader(self._kernel.told, self._hear)
            self._hears = loop

    def leave(self) -> None:
        """Rely on no loop, until one is listened in again."""
        self._loop = None

    def begin(self) -> bool:
        """Begin to sync what was appended; return whether that could be."""
        loop, kernel = self._loop, self._kernel
        if loop is None or kernel is None or not loop.is_running():
            return False
        begun = self._trail.begin_sync()
        if begun is None:
            return False
        try:
            kernel.begin(begun.segment.file)
        except OSError:
            self._trail.end_sync(None)
            return False
        self._begun = Flight(begun, kernel)
        return True

    def end(self) -> Landed | None:
        """Return how what was begun has ended; None if it has not, or there is none."""
        flight = self._begun
        if flight is None:
            return None
        failed: OSError | None = None
        try:
            flight.kernel.end()
        except BlockingIOError:
            return None
        except OSError as error:
            failed = error
        self._begun = None
        self._trail.end_sync(flight.begun, failed)
        return Landed(monotonic() - flight.since, failed)

    def wait(self, seconds: float | None) -> None:
        """Wait until what was begun, if anything, has ended; or for so long."""
        flight = self._begun
        until = inf if seconds is None else monotonic() + seconds
        # Another thread may ask for the end meanwhile: then nothing is told any more.
        while flight is not None and flight is self._begun:
            left = min(until - monotonic(), GLANCE)
            if left <= 0 or flight.kernel.wait(left):
                return

    def close(self) -> None:
        """Give everything back; nothing may have been begun."""
        self._forget()
        if self._kernel is not None:
            self._kernel.close()
        self._kernel = None

    def _forget(self) -> None:
        loop, self._hears = self._hears, None
        if loop is not None and self._kernel is not None and not loop.is_closed():
            # Compiled, what a call gives must be what its type says, and uvloop's gives nothing.
            remove: Callable[[int], object] = loop.remove_reader
            remove(self._kernel.told)
