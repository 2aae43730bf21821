"""Budgets that fill with time and with what is earned."""

from __future__ import annotations

from engine.doors.http2.limits import Bucket


class Clock:
    """A clock that stands where it is put."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def taken(bucket: Bucket) -> int:
    """Return how many there were."""
    count = 0
    while bucket.take():
        count += 1
    return count


def test_a_budget_is_spent_once_and_fills_with_time() -> None:
    clock = Clock()
    bucket = Bucket(10, 2.0, clock)
    assert taken(bucket) == 10
    clock.now = 3.0
    assert 5 <= taken(bucket) <= 6
    clock.now = 1_000.0
    assert taken(bucket) <= 10


def test_what_is_earned_adds_up_and_never_beyond_all_that_it_holds() -> None:
    bucket = Bucket(10, 0.0, Clock())
    bucket.give(5)
    assert taken(bucket) == 10
    bucket.give(0.5)
    bucket.give(2.5)
    assert 2 <= taken(bucket) <= 3
    bucket.earned += 1_000
    assert taken(bucket) == 10
