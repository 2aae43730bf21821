from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.service.entries import ReviewEntry
from engine.service.notify import LONGEST, Bell, Courier, Post, Tally, back_off, instant
from engine.service.record import RecordError
from engine.service.times import iso_time
from engine.sinks.notice import Notice, NotSent
from engine.storage.notices import Spool
from engine.storage.reviews import SECOND, Move, Review
from engine.storage.reviews_sqlite import SqliteReviews
from tests.storage.asked import asked

START = 1_700_000_000 * SECOND
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE


class People:
    """A way to people who hear, or do not."""

    def __init__(self) -> None:
        self.heard: list[Notice] = []
        self.away: list[str] = []
        """The ids that cannot be sent; `*` for all."""

    def send(self, notice: Notice) -> None:
        if "*" in self.away or notice.id in self.away:
            raise NotSent("away")
        self.heard.append(notice)

    def ids(self) -> list[str]:
        return [one.id for one in self.heard]


class Town:
    """A store of reviews, a bell, and a courier to people."""

    def __init__(self, folder: Path, **post: Any) -> None:
        self.now = START
        self.store = SqliteReviews(folder / "reviews.db")
        self.spool = Spool(folder / "notices.db", 100)
        self.tally = Tally()
        self.people = People()
        self.post = Post(name="pager", **post)
        self.bell = Bell(self.spool, [self.post], self.tally)
        self.courier = Courier(self.post, self.people, self.spool, self, self.tally, lambda: 0.5)

    def find(self, review_id: str) -> Review:
        return self.store.find(review_id, self.now)

    def ask(self, review_id: str, within: int = HOUR, **more: Any) -> None:
        question = asked(review_id, at=self.now, within=within, **more)
        self.store.open_or_join(question, self.now)
        self.tell()

    def act(self, review_id: str, verb: Any, **more: Any) -> None:
        self.store.act(review_id, Move(verb=verb, who="bob", **more), self.now)
        self.tell()

    def tell(self) -> None:
        """Record what was done, and let the bell hear it."""
        deeds = self.store.untold(100, self.now)
        for deed in deeds:
            self.bell.write(
                ReviewEntry(
                    time=iso_time(deed.time),
                    review_id=deed.review_id,
                    act=deed.act,
                    who=deed.who,
                    state=deed.state,
                    round=deed.round,
                    tenant=deed.tenant,
                    user=deed.user,
                    queue=deed.queue,
                    number=deed.number,
                )
            )
        self.store.told([one.number for one in deeds])

    def send(self) -> list[str]:
        """Send what is ready, and return what people have heard so far."""
        while self.courier.round(self.now):
            if self.courier.why:
                break
        return self.people.ids()

    def close(self) -> None:
        self.spool.close()
        self.store.close()


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    made = Town(tmp_path)
    yield made
    made.close()


def test_who_must_look_is_told_once_and_without_content(town: Town) -> None:
    town.ask("a", severity="high", queue="money")
    assert town.send() == ["a.1.opened"]
    (heard,) = town.people.heard
    assert (heard.queue, heard.severity, heard.rules, heard.state) == (
        "money",
        "high",
        ("p.r",),
        "open",
    )
    assert (heard.expires_at, heard.otherwise) == ("2023-11-14T23:13:20Z", "deny")
    question = town.find("a").question
    assert question.shown.content is not None
    assert question.shown.content not in str(heard)
    assert town.send() == ["a.1.opened"]


def test_what_came_of_it_is_told(town: Town) -> None:
    for review_id, verb in (("a", "approve"), ("b", "reject")):
        town.ask(review_id)
        town.send()
        town.act(review_id, "claim")
        town.act(review_id, verb)
    assert town.send() == ["a.1.opened", "a.1.resolved", "b.1.opened", "b.1.resolved"]
    assert [(one.state, one.who) for one in town.people.heard[1::2]] == [
        ("approved", "bob"),
        ("rejected", "bob"),
    ]


def test_what_is_over_already_does_not_wait_for_anybody(town: Town) -> None:
    town.ask("a")
    town.act("a", "approve")
    assert town.send() == ["a.1.resolved"]


def test_what_is_nearly_over_is_told_in_time(town: Town) -> None:
    town.ask("a")
    town.send()
    town.now += 50 * MINUTE - 1
    assert town.send() == ["a.1.opened"]
    town.now += 1
    assert town.send() == ["a.1.opened", "a.1.due"]
    town.now += 10 * MINUTE
    town.store.expire(town.now, 10)
    town.tell()
    assert town.send() == ["a.1.opened", "a.1.due", "a.1.expired"]


def test_what_was_answered_is_not_nearly_over(town: Town) -> None:
    town.ask("a")
    town.act("a", "approve")
    town.now += 55 * MINUTE
    assert town.send() == ["a.1.resolved"]


def test_what_has_little_time_is_told_once(town: Town) -> None:
    town.ask("a", within=5 * MINUTE)
    assert town.send() == ["a.1.opened"]
    assert town.spool.waiting() == {}


def test_the_next_round_is_told_anew(town: Town) -> None:
    town.ask("a", within=20 * MINUTE)
    town.send()
    town.now += HOUR
    town.store.expire(town.now, 10)
    town.now += HOUR
    town.ask("a", within=20 * MINUTE)
    assert town.send() == ["a.1.opened", "a.1.expired", "a.2.opened"]


@pytest.mark.parametrize(
    ("post", "heard"),
    [
        ({"events": frozenset({"resolved"})}, ["high.1.resolved", "low.1.resolved"]),
        ({"queues": frozenset({"money"})}, ["high.1.opened", "high.1.resolved"]),
        ({"least": "high"}, ["high.1.opened", "high.1.resolved"]),
    ],
)
def test_each_is_told_what_it_wants(tmp_path: Path, post: dict[str, Any], heard: list[str]) -> None:
    town = Town(tmp_path, **post)
    town.ask("high", severity="high", queue="money")
    town.ask("low", severity="low", queue="people")
    town.send()
    for review_id in ("high", "low"):
        town.act(review_id, "approve")
    assert town.send() == heard
    town.close()


def test_what_cannot_be_sent_is_sent_later(town: Town) -> None:
    town.ask("a")
    town.people.away = ["*"]
    assert town.send() == []
    assert town.courier.why == "away"
    town.people.away = []
    assert town.send() == []
    town.now += SECOND + 1
    assert town.send() == ["a.1.opened"]
    assert town.courier.why == ""
    assert town.tally.counts == {("pager", "failed"): 1, ("pager", "sent"): 1}


def test_one_that_is_never_taken_keeps_no_other_waiting(town: Town) -> None:
    for review_id in ("a", "b", "c"):
        town.ask(review_id)
    town.people.away = ["a.1.opened"]
    town.send()
    town.now += 2 * SECOND
    assert town.send() == ["b.1.opened", "c.1.opened"]


def test_one_that_is_never_taken_is_given_up(town: Town) -> None:
    town.ask("a", within=72 * HOUR)
    town.people.away = ["*"]
    for _ in range(400):
        town.send()
        town.now += LONGEST
    assert town.tally.counts["pager", "given_up"] == 1
    assert town.spool.ready("pager", town.now, 10) == []


def test_what_was_deleted_is_not_told(town: Town, tmp_path: Path) -> None:
    town.ask("a")
    (tmp_path / "empty").mkdir()
    elsewhere = Town(tmp_path / "empty")
    town.courier.reviews = elsewhere
    assert town.send() == []
    assert town.spool.waiting() == {}
    elsewhere.close()


def test_who_is_told_to_stop_stops(town: Town) -> None:
    for review_id in ("a", "b"):
        town.ask(review_id)
    going = iter([True, False])
    town.courier.round(town.now, lambda: next(going))
    assert town.people.ids() == ["a.1.opened"]


def test_what_is_too_much_is_counted(tmp_path: Path) -> None:
    town = Town(tmp_path)
    town.spool.close()
    town.spool = Spool(tmp_path / "notices.db", 1)
    town.bell = Bell(town.spool, [Post(name="pager", events=frozenset({"opened"}))], town.tally)
    town.ask("a")
    town.ask("b")
    assert town.tally.counts == {("pager", "full"): 1}
    town.close()


def test_what_cannot_wait_is_recorded_again(town: Town) -> None:
    town.spool.close()
    with pytest.raises(RecordError, match="closed database"):
        town.ask("a")
    town.spool = Spool(town.spool._path, 100)
    town.bell = Bell(town.spool, [town.post], town.tally)
    town.courier.spool = town.spool
    town.now += 2 * MINUTE
    town.tell()
    assert town.send() == ["a.1.opened"]


def test_a_sink_is_left_alone_for_longer_and_longer() -> None:
    waits = [back_off(tries, 0.5) / SECOND for tries in (0, 1, 4, 8, 9, 1000)]
    assert waits == [1, 2, 16, 256, 300, 300]
    assert back_off(0, 0.0) == SECOND // 2
    assert back_off(0, 1.0) == SECOND * 3 // 2


def test_an_instant_is_read_exactly() -> None:
    assert instant(iso_time(START + 123_456_000)) == START + 123_456_000
