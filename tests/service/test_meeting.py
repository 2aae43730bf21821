"""Decisions that wait for the store of reviews, and those that do not."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from threading import Event

import pytest

from engine.runtime.decision import Decision
from engine.runtime.memory import MemoryStore
from engine.service.apart import Apart
from engine.service.asking import Undecided
from engine.service.bundles import Recipe, load_folder
from engine.service.gate import Gate
from engine.service.meeting import LATE
from engine.service.reviews import PRUNE_EVERY, Reviews
from engine.storage.reviews import (
    Move,
    Question,
    Refused,
    Review,
    ReviewsUnavailable,
    Upkeep,
)
from engine.storage.reviews_sqlite import SqliteReviews
from tests.service.bundle import SECRET, asked, write_folder
from tests.service.test_gate import Clock, Watcher
from tests.service.test_reviews import HOUR, POLICY, Book
from tests.storage.asked import asked as question


class Slow(SqliteReviews):
    """A store that answers when it may."""

    may = Event()

    def open_or_join(self, question: Question, now: int) -> Review:
        self.may.wait(60)
        return super().open_or_join(question, now)


class Desk:
    """A gate whose store of reviews is slow."""

    def __init__(self, folder: Path) -> None:
        self.store = Slow(folder / "reviews.db")
        self.store.may = Event()
        self.book, self.watcher, self.clock = Book(), Watcher(), Clock()
        self.reviews = Reviews(self.store, self.book, self.clock)
        self.gate = Gate(
            MemoryStore(),
            self.book,
            secret=SECRET,
            clock=self.clock,
            observer=self.watcher,
            reviews=self.reviews,
        )
        bundle = load_folder(write_folder(folder / "p", {"p.pol": POLICY}), Recipe(SECRET))
        self.gate.swap(bundle)

    def begin(self, content: str = "doubt") -> Undecided:
        found = self.gate.begin(asked(content))
        assert isinstance(found, Undecided)
        return found

    def end(self, begun: Undecided) -> Decision:
        found = self.gate.go_on(begun)
        assert isinstance(found, Decision)
        return found


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path)
    yield made
    made.store.may.set()
    made.gate.close()


def test_a_slow_store_holds_up_no_decision_that_needs_no_review(desk: Desk) -> None:
    async def both() -> Decision:
        begun = desk.begin()
        waits = asyncio.ensure_future(begun.hear())
        for _ in range(20):
            other = desk.gate.begin(asked("hello"))
            assert isinstance(other, Decision)
            await asyncio.sleep(0)
        assert not waits.done()
        desk.store.may.set()
        await waits
        return desk.end(begun)

    made = asyncio.run(both())
    assert (made.effective_action, len(desk.book.decisions())) == ("escalate", 21)
    assert desk.reviews.counts()[0].number == 1


def test_who_has_no_time_left_is_denied_before_the_deadline(desk: Desk) -> None:
    begun = desk.begin()
    asyncio.run(begun.hear(lambda: 0.01))
    made = desk.end(begun)
    assert made.effective_action == "deny"
    assert desk.watcher.failures == [LATE]


def test_a_store_that_fails_denies(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object) -> Review:
        raise ReviewsUnavailable("it is away")

    monkeypatch.setattr(desk.store, "open_or_join", away)
    begun = desk.begin()
    asyncio.run(begun.hear())
    assert desk.end(begun).effective_action == "deny"
    assert desk.watcher.failures == ["it is away"]


def test_where_too_many_wait_one_more_is_denied(desk: Desk) -> None:
    desk.reviews._apart.close()
    desk.reviews._apart = Apart(1, most=1)
    first = desk.begin()
    begun = desk.begin("doubt, too")
    begun.wait()
    assert desk.end(begun).effective_action == "deny"
    assert desk.watcher.failures == ["too many wait for the store of reviews"]
    desk.store.may.set()
    first.wait()
    assert desk.end(first).effective_action == "escalate"


def test_who_has_gone_leaves_no_decision(desk: Desk) -> None:
    async def leave() -> None:
        waits = asyncio.ensure_future(desk.begin().hear())
        await asyncio.sleep(0)
        waits.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waits

    asyncio.run(leave())
    assert desk.book.decisions() == []


def test_where_nobody_waits_the_review_is_opened_all_the_same(desk: Desk) -> None:
    policies = desk.gate.policies
    made = desk.gate.decide_read(policies, lambda: policies.reader.read(asked("doubt")))
    assert made.effective_action == "escalate"
    desk.store.may.set()
    desk.reviews._apart.send(lambda: None).result()
    assert len(desk.book.decisions()) == 1


def test_a_caller_that_cannot_wait_asks_nobody(desk: Desk) -> None:
    request = {**asked("doubt"), "capabilities": ["mask"]}
    assert isinstance(desk.gate.begin(request), Decision)


def test_acts_and_upkeep_wait_apart_and_are_recorded_here(desk: Desk) -> None:
    desk.store.may.set()
    made = desk.gate.decide(asked("doubt"))
    assert made.escalation is not None
    review_id = made.escalation.review_id
    assert desk.reviews.now == desk.clock.now

    async def work() -> None:
        desk.book.full = True
        review = await desk.reviews.acted(review_id, Move(verb="approve", who="bob"))
        assert review.state == "approved"
        assert await desk.reviews.tend_apart() == "the disk is full"
        desk.book.full = False
        assert await desk.reviews.tend_apart() == ""
        with pytest.raises(Refused):
            await desk.reviews.acted(review_id, Move(verb="claim", who="bob"))

    asyncio.run(work())
    assert desk.book.acts() == ["opened", "approved", "refused"]


def test_what_is_over_is_deleted_now_and_then_and_that_is_recorded(tmp_path: Path) -> None:
    clock, book = Clock(), Book()
    store = SqliteReviews(tmp_path / "reviews.db")
    reviews = Reviews(store, book, clock, upkeep=Upkeep(keep=HOUR))
    store.open_or_join(question(at=clock.now), clock.now)
    assert reviews.tend() == ""
    clock.now += 3 * HOUR
    assert [reviews.tend() for _ in range(3)] == ["", "", ""]
    assert book.acts() == ["opened", "expired"]
    clock.now += PRUNE_EVERY
    assert [reviews.tend() for _ in range(2)] == ["", ""]
    assert book.acts() == ["opened", "expired", "deleted"]
    assert reviews.counts() == ()
    reviews.close()
