"""Much text and what is looked for in it in; what there is out, seen in threads of their own.

Both finders let other threads run while they look, so the event loop goes on with other decisions.
So many requests may wait as is set; one more is `Crowded`: the deployment says what becomes of it,
as of content that is too large. A look for which nobody waits any more ends at its next window.
"""

from __future__ import annotations

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from time import perf_counter_ns
from typing import NamedTuple

from engine.runtime.evidence import Senses
from engine.runtime.sight import GoingOn, Look, Seen, look_at

WAITING = 64
"""Requests that may wait for a look, or be looked at."""
MOST_THREADS = 4


class Crowded(Exception):
    """Too many requests wait for a look; the text says how many are the most."""


class Ended(Exception):
    """Nobody waits for the look any more."""


class Sighting(NamedTuple):
    """What was *seen*, and how many nanoseconds that took."""

    seen: Seen
    spent: int


def timed(look: Look, senses: Senses, going_on: GoingOn) -> Sighting:
    """Look, and return what there is; waiting for a thread does not count."""
    started = perf_counter_ns()
    return Sighting(look_at(look, senses, going_on), perf_counter_ns() - started)


def spare_threads() -> int:
    """Return how many threads may look without keeping this machine's event loop from its work."""
    return max(1, min(MOST_THREADS, (os.cpu_count() or 1) - 1))


class Lookout:
    """Looks at much text. `see` belongs to one event loop, `see_here` to any thread.

    Threads are started when there is something to see.
    """

    def __init__(self, threads: int = 0, waiting: int = WAITING) -> None:
        """Look with *threads* (0: see `spare_threads`); so many requests may be *waiting*."""
        self._pool = ThreadPoolExecutor(threads or spare_threads(), thread_name_prefix="lookout")
        self._most = waiting
        self._closed = Event()
        self.waiting = 0
        """How many requests wait now."""
        self.turned_away = 0
        """How many were too many so far."""

    async def see(self, look: Look, senses: Senses, *, patient: bool = False) -> Sighting:
        """Return what there is. Raises Crowded unless *patient*, and what *senses* raise."""
        if self.waiting >= self._most and not patient:
            self.turned_away += 1
            raise Crowded(f"{self._most} requests with long content wait already")
        left = Event()

        def going_on() -> None:
            if left.is_set() or self._closed.is_set():
                raise Ended

        self.waiting += 1
        try:
            return await asyncio.wrap_future(self._pool.submit(timed, look, senses, going_on))
        finally:
            self.waiting -= 1
            left.set()

    def see_here(self, look: Look, senses: Senses) -> Sighting:
        """Return what there is, seen in this thread."""

        def going_on() -> None:
            if self._closed.is_set():
                raise Ended

        return timed(look, senses, going_on)

    def close(self) -> None:
        """End every look, and the threads."""
        self._closed.set()
        self._pool.shutdown(cancel_futures=True)
