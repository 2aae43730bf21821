"""Work that may take long in, done in threads of its own; what it comes to out.

A store of reviews may be a server that is slow, frozen or away, or a file that others hold. Whoever
decides must not wait for it: only those whose decision needs it do.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Semaphore
from time import monotonic
from typing import TypeVar

from engine.storage.reviews import ReviewsUnavailable

THREADS = 4
MOST_WAITING = 1000
PATIENCE = 2.0
"""Seconds that work waits for a thread before it is given up."""

BUSY = "too many wait for the store of reviews"
CLOSED = "the store of reviews was closed"

Made = TypeVar("Made")


class Apart:
    """Owns threads. Whatever it is given may be done after `close` was called, or never."""

    def __init__(
        self,
        threads: int = THREADS,
        most: int = MOST_WAITING,
        patience: float = PATIENCE,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="engine-reviews")
        self._room = Semaphore(most)
        self._patience = patience
        self._clock = clock

    def send(self, work: Callable[[], Made]) -> Future[Made]:
        """Begin *work*.

        Raises ReviewsUnavailable when too much waits already, as it may itself, or it was closed.
        """
        if not self._room.acquire(blocking=False):
            raise ReviewsUnavailable(BUSY)
        latest = self._clock() + self._patience

        def done() -> Made:
            if self._clock() > latest:
                raise ReviewsUnavailable(BUSY)
            return work()

        try:
            begun = self._pool.submit(done)
        except RuntimeError:
            self._room.release()
            raise ReviewsUnavailable(CLOSED) from None
        begun.add_done_callback(lambda _: self._room.release())
        return begun

    async def do(self, work: Callable[[], Made]) -> Made:
        """Return what *work* comes to, and raise what it raises."""
        return await asyncio.wrap_future(self.send(work))

    def close(self) -> None:
        """Wait for what was begun; what was not never will be."""
        self._pool.shutdown(wait=True, cancel_futures=True)
