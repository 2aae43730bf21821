"""A decision that a person must look at in; what the store of reviews has made of it out.

Whoever decides does not wait for the store: the decision waits, and others are made meanwhile.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import Future, wait
from contextlib import suppress
from dataclasses import dataclass
from time import perf_counter_ns

from engine.runtime.decision import Decision
from engine.runtime.record import Record
from engine.service.releasing import Substitute
from engine.service.reviews import Reviews
from engine.storage.reviews import ReviewsUnavailable

LATE = "the store of reviews has not answered within the caller's deadline"


@dataclass(frozen=True, slots=True)
class Meeting:
    """The question to the store that is under way."""

    decision: Decision
    """What the policies say."""
    answer: Future[Decision | Substitute]
    started: int

    @property
    def spent(self) -> int:
        """How long it has been waited for, in ns."""
        return perf_counter_ns() - self.started

    def wait(self) -> None:
        """Block until there is an answer."""
        wait([self.answer])

    async def hear(self, limit: float | None) -> None:
        """Wait for the answer, *limit* seconds at most."""
        with suppress(Exception):  # `outcome` raises it.
            await asyncio.wait_for(asyncio.wrap_future(self.answer), limit)

    def outcome(self) -> Decision | Substitute:
        """Return what came of it. Raises ReviewsUnavailable, and what went wrong."""
        if self.answer.cancelled() or not self.answer.done():
            raise ReviewsUnavailable(LATE)
        return self.answer.result()


def meet(reviews: Reviews, record: Record, decision: Decision, now: int) -> Meeting:
    """Ask the store about *decision*."""
    started = perf_counter_ns()
    try:
        answer = reviews.send(record, decision, now)
    except ReviewsUnavailable as error:
        answer = Future()
        answer.set_exception(error)
    return Meeting(decision, answer, started)
