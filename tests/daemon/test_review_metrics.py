from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import Metric

from engine.daemon.notify import overheard
from engine.daemon.review_metrics import (
    FRESH,
    MOST_QUEUES,
    NONE,
    OTHERS,
    ReviewMetrics,
    ReviewTally,
    added,
    first,
)
from engine.daemon.sums import Sums, families_of
from engine.service.entries import AdminEntry
from engine.service.record import NoRecorder
from engine.service.reviews import Reviews
from engine.storage.reviews import SECOND, Count, Move, Refused
from engine.storage.reviews_sqlite import SqliteReviews
from tests.storage.asked import HOUR, asked

START = 1_700_000_000 * SECOND


class Place:
    """Reviews, what is counted of them, and clocks."""

    def __init__(self, folder: Path) -> None:
        self.now = START
        self.seconds = 0.0
        self.tally = ReviewTally()
        self.store = SqliteReviews(folder / "reviews.db")
        recorder = overheard(NoRecorder(), self.tally, None)
        self.reviews = Reviews(self.store, recorder, lambda: self.now)
        self.metrics = ReviewMetrics(self.reviews, self.tally, None, lambda: self.seconds)

    def ask(self, review_id: str, **more: str) -> None:
        self.store.open_or_join(asked(review_id, at=self.now, within=HOUR, **more), self.now)  # type: ignore[arg-type]
        self.reviews.tell()

    def look(self) -> dict[str, dict[tuple[str, ...], float]]:
        """Return the values of every metric by its labels, looked at anew."""
        self.seconds += FRESH
        return values(self.metrics.collect())


def values(metrics: Iterator[Metric]) -> dict[str, dict[tuple[str, ...], float]]:
    found: dict[str, dict[tuple[str, ...], float]] = {}
    for one in metrics:
        for sample in one.samples:
            found.setdefault(sample.name, {})[tuple(sample.labels.values())] = sample.value
    return found


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path)
    yield made
    made.reviews.close()


def test_what_waits_is_told_by_queue_and_severity(place: Place) -> None:
    place.ask("a", severity="high", queue="money")
    place.ask("b", severity="high", queue="money", tenant="south")
    place.now += 60 * SECOND
    place.ask("c", queue="people")
    place.reviews.act("c", Move(verb="claim", who="bob"))
    found = place.look()
    assert found["engine_reviews_open"] == {("money", "high"): 2, ("people", NONE): 1}
    assert found["engine_reviews_oldest_seconds"] == {("money",): 60, ("people",): 0}
    assert found["engine_reviews_claimed"] == {(): 1}
    assert found["engine_reviews_up"] == {(): 1}
    assert found["engine_reviews_opened_total"] == {("money",): 2, ("people",): 1}


def test_what_came_of_it_is_counted_with_how_long_it_took(place: Place) -> None:
    for review_id in ("a", "b", "c"):
        place.ask(review_id)
    place.now += 20 * SECOND
    place.reviews.act("a", Move(verb="approve", who="bob"))
    with pytest.raises(Refused):
        place.reviews.act("a", Move(verb="approve", who="bob"))
    place.now += 40 * SECOND
    place.reviews.act("b", Move(verb="reject", who="bob"))
    place.now += HOUR
    place.reviews.tend()
    found = place.look()
    assert found["engine_reviews_ended_total"] == {
        ("people", "approved"): 1,
        ("people", "rejected"): 1,
        ("people", "expired"): 1,
    }
    assert found["engine_review_acts_refused_total"] == {(): 1}
    buckets = found["engine_review_answer_seconds_bucket"]
    assert (buckets["10.0",], buckets["30.0",], buckets["60.0",]) == (0, 1, 2)
    assert buckets["+Inf",] == found["engine_review_answer_seconds_count"][()] == 2
    assert found["engine_review_answer_seconds_sum"] == {(): 80}


def test_the_store_is_not_asked_at_every_look(place: Place) -> None:
    place.ask("a")
    place.look()
    place.ask("b")
    assert values(place.metrics.collect())["engine_reviews_open"] == {("people", NONE): 1}
    assert place.look()["engine_reviews_open"] == {("people", NONE): 2}


def test_a_store_that_is_away_is_told(place: Place) -> None:
    place.ask("a")
    place.look()
    place.store.close()
    found = place.look()
    assert found["engine_reviews_up"] == {(): 0}
    assert found["engine_reviews_open"] == {("people", NONE): 1}


def test_what_is_recorded_of_decisions_is_not_counted(place: Place) -> None:
    place.tally.write(AdminEntry(time="", act="started", who="root"))
    assert place.look()["engine_review_acts_refused_total"] == {(): 0}


def test_where_there_are_no_reviews_nothing_is_told() -> None:
    assert list(ReviewMetrics(None, ReviewTally(), None).collect()) == []


def test_what_two_workers_see_counts_once_and_what_they_did_is_added_up(place: Place) -> None:
    place.ask("a")
    place.look()
    sums = Sums()
    other = ReviewMetrics(place.reviews, ReviewTally(), None)
    sums.hear("1", families_of(place.metrics.collect()))
    sums.hear("2", families_of(other.collect()))
    found = values(sums.collect())
    assert found["engine_reviews_open"] == {("people", NONE): 1}
    assert found["engine_reviews_up"] == {(): 1}
    assert found["engine_reviews_opened_total"] == {("people",): 1}


def test_queues_beyond_a_number_are_told_together(place: Place) -> None:
    counts = [
        Count(queue=f"q{n:03}", tenant="t", state="open", number=1, oldest=n)
        for n in range(MOST_QUEUES + 2)
    ]
    assert added(counts)[OTHERS, NONE] == 2
    assert len(added(counts)) == MOST_QUEUES + 1
    assert first(counts)[OTHERS] == MOST_QUEUES
    for n in range(MOST_QUEUES + 2):
        place.ask(f"r{n}", queue=f"q{n:03}")
    assert place.look()["engine_reviews_opened_total"][OTHERS,] == 2
