"""Those who wait for reviews in, each change of a review out to all who wait for it.

One look a process serves everybody: every half a second the store is asked for the number of the
newest deed of each review that is waited for, and only what has a new number is read. What another
process or machine did is seen that way; what this one did is seen at once (`nudge`).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager, suppress

from engine.service.asking import Overloaded
from engine.storage.reviews import NoReview, Review, ReviewsUnavailable

PAUSE = 0.5
"""Seconds between two looks."""

MOST = 2_000
"""How many may wait at once in one process."""

UNSEEN = -1
"""The number of a deed of a review that was not looked at yet."""

Look = Callable[[Mapping[str, int]], Awaitable[Mapping[str, tuple[int, Review]]]]
"""Known numbers by review in; what has another number out: that, and the review as it stands."""


class Seat:
    """One who waits, and what is new for them."""

    def __init__(self) -> None:
        self.review: Review | None = None
        self.woken = asyncio.Event()


class Watched:
    """A review that is waited for: the number of its newest deed that was seen, and the seats."""

    def __init__(self) -> None:
        self.number = UNSEEN
        self.seats: set[Seat] = set()


class Watcher:
    """Owns the seats and the task that looks; of one event loop."""

    def __init__(self, look: Look, most: int = MOST, pause: float = PAUSE) -> None:
        """Look with *look* every *pause* seconds while somebody waits; *most* may."""
        self._look = look
        self._most = most
        self._pause = pause
        self._watched: dict[str, Watched] = {}
        self._hurry = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.waiting = 0
        """How many wait."""

    async def follow(self, review_id: str, review: Review) -> AsyncGenerator[Review, None]:
        """Yield *review*, which was just read, and then each change, until it is not open.

        Of changes that follow soon upon each other perhaps only the last. Raises Overloaded when
        too many wait. Whoever stops iterating must close the iterator.
        """
        with self._seated(review_id) as seat:
            yield review
            while review.state == "open":
                await seat.woken.wait()
                seat.woken.clear()
                if seat.review is not None and seat.review != review:
                    review = seat.review
                    yield review

    def nudge(self) -> None:
        """Look at once: this process has done something."""
        self._hurry.set()

    @contextmanager
    def _seated(self, review_id: str) -> Iterator[Seat]:
        if self.waiting >= self._most:
            raise Overloaded(f"{self._most:,} wait for reviews already")
        seat = Seat()
        watched = self._watched.setdefault(review_id, Watched())
        watched.number = UNSEEN  # What was done since *review* was read must not be missed.
        watched.seats.add(seat)
        self.waiting += 1
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._watch())
        try:
            yield seat
        finally:
            self.waiting -= 1
            watched.seats.discard(seat)
            if not watched.seats:
                self._watched.pop(review_id, None)
            if not self._watched and self._task is not None:
                self._task.cancel()
                self._task = None

    async def _watch(self) -> None:
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._hurry.wait(), self._pause)
            self._hurry.clear()
            # A store that is away is asked again: who waits has a deadline of their own.
            with suppress(ReviewsUnavailable, NoReview):
                await self._tell()

    async def _tell(self) -> None:
        known = {review_id: watched.number for review_id, watched in self._watched.items()}
        for review_id, (number, review) in (await self._look(known)).items():
            watched = self._watched.get(review_id)
            if watched is None:
                continue
            watched.number = number
            for seat in watched.seats:
                seat.review = review
                seat.woken.set()
