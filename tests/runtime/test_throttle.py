from __future__ import annotations

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from engine.runtime import throttle
from engine.runtime.buckets import Bucket
from engine.runtime.store import NANO
from tests.runtime.buckets import DAY, MINUTE, NOW, budget, granted, refill, refused, taken

# --- refilling -----------------------------------------------------------------------------------


def test_a_burst_then_one_a_period() -> None:
    take = refill(NANO, 60 * NANO, MINUTE, 10 * NANO)
    bucket: Bucket | None = None
    for left in range(9, -1, -1):
        bucket, level = throttle.admit(bucket, take, NOW)
        assert level == granted(left * NANO, (10 - left) * NANO)
    _, level = throttle.admit(bucket, take, NOW)
    assert level == refused(0, NANO, 10 * NANO)
    _, level = throttle.admit(bucket, take, NOW + NANO - 1)
    assert level.retry_after == 1
    assert throttle.admit(bucket, take, NOW + NANO)[1].granted


def test_thirds_of_a_nanosecond_are_not_lost() -> None:
    take = refill(1, 3, 10, 1)  # one billionth every 3 1/3 ns
    bucket, count = None, 0
    for now in range(1000):
        after, level = throttle.admit(bucket, take, now)
        if level.granted:
            bucket, count = after, count + 1
    # Taken at once at ns 0, 4, 8, … : what a bucket of one cannot keep is lost, never invented.
    assert count == 250


@given(
    limit=st.integers(1, 50),
    window=st.integers(1, 50),
    burst=st.integers(0, 50),
    steps=st.lists(st.tuples(st.integers(-20, 60), st.integers(0, 30)), max_size=40),
)
def test_every_answer_is_the_exact_one(
    limit: int, window: int, burst: int, steps: list[tuple[int, int]]
) -> None:
    bucket: Bucket | None = None
    now, own, tokens = 0, 0, Fraction(burst)
    for step, amount in steps:
        now += step
        take = refill(amount, limit, window, burst)
        own = own if bucket else now
        there = max(now, own)
        full = min(Fraction(burst), tokens + Fraction(limit, window) * (there - own))
        after, level = throttle.admit(bucket, take, now)
        fits = full >= amount if amount else full > 0
        assert level.granted == fits
        assert throttle.standing(bucket, take, now).remaining == full // 1
        if fits:
            bucket, own, tokens = after, there, full - amount
            assert level.remaining == tokens // 1
            assert level.retry_after == 0
        elif amount > burst or not burst:
            assert level.retry_after == -1
        else:
            wait = level.retry_after
            assert throttle.admit(bucket, take, now + wait)[1].granted
            assert not throttle.admit(bucket, take, now + wait - 1)[1].granted
        if bucket:
            shown = throttle.standing(bucket, take, now)
            assert throttle.standing(bucket, take, now + shown.reset).remaining == burst
            assert shown.reset == 0 or (
                throttle.drain(bucket, take, now + shown.reset - 1).level > 0
            )


def test_a_clock_put_back_grants_nothing() -> None:
    take = refill(NANO, NANO, MINUTE)
    bucket = taken(None, take, NOW)
    for back in (1, MINUTE, 365 * DAY):
        _, level = throttle.admit(bucket, take, NOW - back)
        assert level == refused(0, MINUTE + back, MINUTE + back)


def test_a_clock_going_to_and_fro_refills_once() -> None:
    take = refill(NANO, NANO, MINUTE)
    bucket = taken(taken(None, take, NOW), take, NOW + MINUTE)
    assert not throttle.admit(bucket, take, NOW)[1].granted
    assert not throttle.admit(bucket, take, NOW + MINUTE)[1].granted


def test_more_than_the_burst_never_fits() -> None:
    assert throttle.admit(None, refill(11, 60, 1, 10), NOW)[1] == refused(10, -1, 0)


def test_a_limit_of_nothing_gives_its_burst_once() -> None:
    take = refill(1, 0, MINUTE, 1)
    after, level = throttle.admit(None, take, NOW)
    assert level == granted(0, -1)
    assert after.until == throttle.FOREVER
    assert throttle.admit(after, take, NOW + DAY)[1] == refused(0, -1, -1)


def test_an_unknown_cost_passes_while_anything_is_left() -> None:
    nothing = refill(0, 10, 10, 10)
    assert throttle.admit(None, nothing, NOW)[1] == granted(10, 0)
    empty = taken(None, refill(10, 10, 10, 10), NOW)
    assert throttle.admit(empty, nothing, NOW)[1] == refused(0, 1, 10)
    assert throttle.admit(None, refill(0, 0, 10, 0), NOW)[1].retry_after == -1


def test_changing_the_period_keeps_what_was_used() -> None:
    half = taken(None, refill(5, 10, 60), NOW)
    assert throttle.standing(half, refill(1, 10, 3600), NOW).remaining == 5
    assert throttle.standing(half, refill(1, 10, 7), NOW).remaining == 5


# --- budgets -------------------------------------------------------------------------------------


def test_a_budget_is_new_when_its_period_opens() -> None:
    spent = taken(None, budget(7, 10), NOW + 5)
    assert throttle.admit(spent, budget(4, 10), NOW + 6)[1] == refused(3, DAY - 6, DAY - 6)
    assert throttle.standing(spent, budget(3, 10), NOW + 6) == granted(3, DAY - 6)
    assert throttle.admit(spent, budget(4, 10, day=1), NOW + DAY)[1] == granted(6, DAY)


def test_more_than_a_whole_budget_never_fits() -> None:
    assert throttle.admit(None, budget(11, 10), NOW)[1].retry_after == -1
    assert throttle.admit(None, budget(0, 0), NOW)[1].retry_after == -1


def test_a_used_up_budget_refuses_an_unknown_cost() -> None:
    spent = taken(None, budget(10, 10), NOW)
    assert not throttle.admit(spent, budget(0, 10), NOW)[1].granted
    assert throttle.admit(None, budget(0, 10), NOW)[1].granted


def test_a_clock_put_back_over_midnight_stays_in_the_new_day() -> None:
    today = taken(None, budget(10, 10, day=1), NOW + DAY)
    _, level = throttle.admit(today, budget(1, 10), NOW + DAY - 1)
    assert level == refused(0, DAY + 1, DAY + 1)


# --- forgetting ----------------------------------------------------------------------------------


def test_what_was_forgotten_is_not_granted_again_when_the_clock_goes_back() -> None:
    take = refill(10, 10, MINUTE)
    swept = taken(None, take, NOW).until
    again = taken(throttle.unseen(take, NOW, swept), take, NOW)
    assert not throttle.admit(again, take, swept)[1].granted
    assert throttle.admit(again, take, swept + MINUTE)[1].granted
    assert throttle.unseen(take, swept, swept) is None


def test_a_forgotten_budget_counts_for_a_whole_period_from_then() -> None:
    take = budget(10, 10)
    again = taken(throttle.unseen(take, NOW + 5, NOW + DAY), take, NOW + 5)
    assert not throttle.admit(again, budget(1, 10, day=1), NOW + DAY)[1].granted
    assert throttle.admit(again, budget(1, 10, day=2), NOW + 2 * DAY)[1].granted
    midway = taken(throttle.unseen(take, NOW, NOW + 5), take, NOW)
    late = throttle.admit(midway, budget(1, 10, day=1), NOW + DAY + 9)[1]
    assert late == refused(0, DAY - 9, DAY - 9)
