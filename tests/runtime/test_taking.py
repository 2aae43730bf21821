from __future__ import annotations

import msgspec

from engine.runtime import taking
from engine.runtime.buckets import Attempt, Bucket, Reservation, Reserved, Slots
from engine.runtime.store import NANO, Take
from tests.runtime.buckets import DAY, NOW, budget, granted, refill, refused, slot


def cost(amount: int) -> Take:
    return msgspec.structs.replace(budget(amount, 10), key="u")


class Kept:
    """A store of nothing but what it is given."""

    def __init__(self, made: Attempt | None = None) -> None:
        self.made = made or Attempt(())

    def bucket(self, take: Take, now: int) -> Bucket | None:
        del now
        return self.made.buckets.get(take.key)

    def slots(self, take: Take, now: int) -> Slots | None:
        del now
        return self.made.slots.get(take.key)


def test_one_refusal_leaves_every_bucket_alone() -> None:
    wide, narrow = refill(3, 10, 10), Take(rule="r", key="n", amount=3, limit=2, burst=2, window=10)
    made = taking.attempt([wide, narrow, slot(2, 9)], Kept(), NOW, hold=DAY)
    assert made == Attempt((granted(10, 0), refused(2, -1, 0), granted(2 * NANO, 0)))


def test_no_free_slot_leaves_every_bucket_alone() -> None:
    first = taking.attempt([slot(1, 9)], Kept(), NOW)
    made = taking.attempt([refill(3, 10, 10), slot(1, 9)], Kept(first), NOW + 2)
    assert made == Attempt((granted(10, 0), refused(0, 7, 7)))


def test_the_same_bucket_twice_is_taken_from_twice() -> None:
    take = refill(4, 10, 10)
    made = taking.attempt([take, take], Kept(), NOW)
    assert [level.remaining for level in made.levels] == [6, 2]
    third = taking.attempt([take, take, take], Kept(), NOW)
    assert [level.granted for level in third.levels] == [True, True, False]
    assert not third.buckets


def test_only_what_can_be_corrected_is_reserved() -> None:
    tokens, held = refill(4, 10, 10), slot(3, 9)
    requests = Take(rule="r", key="q", amount=1, limit=9, burst=9, window=1)
    made = taking.attempt([tokens, requests, held], Kept(), NOW, hold=5)
    assert made.reservation == Reservation(
        NOW + 9, (Reserved(tokens, NOW), Reserved(held, NOW + 9))
    )
    assert taking.attempt([requests], Kept(), NOW, hold=5).reservation is None
    assert taking.attempt([tokens], Kept(), NOW).reservation is None


def test_a_reservation_lasts_as_long_as_its_slots() -> None:
    made = taking.attempt([slot(1, 9)], Kept(), NOW, hold=100)
    assert made.reservation is not None
    assert made.reservation.until == NOW + 100
    more = taking.attempt([slot(1, 9, "t")], Kept(made), NOW + 50, hold=1, before=made.reservation)
    assert more.reservation is not None
    assert more.reservation.until == NOW + 100


def test_a_reservation_remembers_both_of_two_takes() -> None:
    first = taking.attempt([refill(4, 10, 10)], Kept(), NOW, hold=5)
    second = taking.attempt([cost(2)], Kept(), NOW, hold=5, before=first.reservation)
    assert second.reservation is not None
    assert [one.take.unit for one in second.reservation.reserved] == ["tokens", "usd"]


def test_of_one_bucket_a_reservation_remembers_the_newest_take() -> None:
    first = taking.attempt([refill(4, 10, 10)], Kept(), NOW, hold=5)
    again = taking.attempt([refill(1, 10, 10)], Kept(first), NOW, hold=5, before=first.reservation)
    assert again.reservation is not None
    assert [one.take.amount for one in again.reservation.reserved] == [1]
    assert again.levels == (granted(5, 5),)


def test_what_a_reservation_took_long_ago_is_forgotten() -> None:
    first = taking.attempt([refill(4, 10, 10)], Kept(), NOW, hold=5)
    later = taking.attempt([cost(2)], Kept(), NOW + 5, hold=5, before=first.reservation)
    assert later.reservation is not None
    assert [one.take.unit for one in later.reservation.reserved] == ["usd"]


def test_a_decision_taken_twice_holds_one_slot() -> None:
    first = taking.attempt([slot(1, 9)], Kept(), NOW, hold=5)
    again = taking.attempt([slot(1, 9)], Kept(first), NOW + 3, hold=5, before=first.reservation)
    assert again.levels == (granted(0, 9),)
    assert again.slots == {"s": Slots(NOW + 3, (NOW + 12,), (1,))}
    twice = taking.attempt([slot(2, 9), slot(2, 9)], Kept(), NOW, hold=5)
    assert twice.slots == {"s": Slots(NOW, (NOW + 9,), (1,))}
    nobodys = taking.attempt([slot(2, 9), slot(2, 9)], Kept(), NOW)
    assert nobodys.slots == {"s": Slots(NOW, (NOW + 9,), (2,))}


def test_a_slot_that_ended_before_the_decision_came_again_is_not_given_back_twice() -> None:
    first = taking.attempt([slot(2, 9)], Kept(), NOW, hold=50)
    other = taking.attempt([slot(2, 9)], Kept(first), NOW + 5)
    again = taking.attempt([slot(2, 9)], Kept(other), NOW + 9, hold=50, before=first.reservation)
    assert again.slots == {"s": Slots(NOW + 9, (NOW + 14, NOW + 18), (1, 1))}


def test_settling_corrects_and_gives_back() -> None:
    made = taking.attempt([refill(4, 10, 10), slot(1, 9), cost(3)], Kept(), NOW, hold=50)
    assert made.reservation is not None
    changes = taking.settled(made.reservation, {"usd": 1}, Kept(made), NOW + 1)
    assert changes.slots == {"s": Slots(NOW + 1)}
    assert (changes.buckets["k"].level, changes.buckets["u"].level) == (30, 1)
    assert taking.settled(made.reservation, {"usd": 1}, Kept(), NOW).buckets.keys() == {"k"}


def test_settling_a_slot_that_has_ended_frees_no_other() -> None:
    made = taking.attempt([slot(1, 9)], Kept(), NOW, hold=50)
    other = taking.attempt([slot(1, 9)], Kept(made), NOW + 9)
    assert made.reservation is not None
    changes = taking.settled(made.reservation, {}, Kept(other), NOW + 10)
    assert changes.slots == {"s": Slots(NOW + 10, (NOW + 18,), (1,))}
    assert not taking.settled(made.reservation, {}, Kept(), NOW + 10).slots
