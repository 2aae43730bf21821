"""Much text and what is looked for in it in; what there is out, seen in threads of their own.

Both finders let other threads run while they look, so the event loop goes on with other decisions.
So many requests may wait as is set; what becomes of one more the deployment says, as of content
that is too large. A look for which nobody waits any more ends at its next window.
"""

from __future__ import annotations

import asyncio
import os
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from threading import Event
from time import perf_counter_ns
from typing import NamedTuple

from engine.runtime.evidence import Senses
from engine.runtime.sight import GoingOn, Look, Seen, look_at

WAITING = 64
"""Requests that may wait for a look, or be looked at."""
MOST_THREADS = 4


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


@dataclass(frozen=True, slots=True)
class Watch:
    """A look under way: what comes of *answer*, and a way to say that nobody waits any more."""

    look: Look
    answer: Future[Sighting]
    _left: Event

    def leave(self) -> None:
        """End the look, if it has not ended."""
        self._left.set()
        self.answer.cancel()

    def wait(self) -> None:
        """Block until it has ended, well or not, or leave."""
        try:
            wait((self.answer,))
        finally:
            self.leave()

    async def hear(self) -> None:
        """Wait until it has ended, well or not, or leave."""
        ended = asyncio.wrap_future(self.answer)
        try:
            await asyncio.wait((ended,))
        finally:
            self.leave()
        if not ended.cancelled():
            ended.exception()  # What went wrong is told by `answer`.


class Lookout:
    """Looks at much text in threads, which are started when there is something to see."""

    def __init__(self, threads: int = 0, waiting: int = WAITING) -> None:
        """Look with *threads* (0: see `spare_threads`); so many requests may be *waiting*."""
        self._pool = ThreadPoolExecutor(threads or spare_threads(), thread_name_prefix="lookout")
        self._most = waiting
        self._closed = Event()
        self.waiting = 0
        """How many requests wait now, of those that an event loop drives."""
        self.turned_away = 0
        """How many were too many so far."""

    def refusal(self) -> str:
        """Return why one more request cannot wait, and count it; empty when it can."""
        if self.waiting < self._most:
            return ""
        self.turned_away += 1
        return f"{self._most} requests with long content wait already"

    def begin(self, look: Look, senses: Senses) -> Watch:
        """Begin to look. Safe in any thread; what goes wrong comes of the answer."""
        left = Event()

        def going_on() -> None:
            if left.is_set() or self._closed.is_set():
                raise Ended

        if self._closed.is_set():
            answer: Future[Sighting] = Future()
            answer.set_exception(Ended())
        else:
            answer = self._pool.submit(timed, look, senses, going_on)
        return Watch(look, answer, left)

    async def see(self, look: Look, senses: Senses) -> Watch:
        """Return a look that has ended, well or not."""
        self.waiting += 1
        try:
            watch = self.begin(look, senses)
            await watch.hear()
        finally:
            self.waiting -= 1
        return watch

    def close(self) -> None:
        """End every look, and the threads."""
        self._closed.set()
        self._pool.shutdown(cancel_futures=True)
