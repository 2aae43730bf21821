from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.runtime import throttle
from engine.runtime.buckets import Bucket, Reserved
from engine.runtime.store import Take
from tests.runtime.buckets import DAY, MINUTE, NOW, budget, granted, refill, refused, taken
from tests.runtime.exact import ExactRefill


def settled(bucket: Bucket | None, take: Take, at: int, real: int, now: int) -> Bucket:
    after = throttle.correct(bucket, Reserved(take, at), real, now)
    assert after is not None
    return after


def test_a_refund_is_what_was_not_used() -> None:
    take = refill(8, 10, MINUTE)
    after = settled(taken(None, take, NOW), take, NOW, 3, NOW)
    assert throttle.standing(after, take, NOW).remaining == 7


def test_too_little_taken_is_a_debt_that_later_takes_wait_for() -> None:
    take = refill(8, 10, 10)
    after = settled(taken(None, take, NOW), take, NOW, 25, NOW)
    assert throttle.standing(after, take, NOW) == granted(0, 25)
    assert throttle.admit(after, refill(1, 10, 10), NOW)[1] == refused(0, 16, 25)


def test_a_refund_does_not_return_what_has_leaked_away() -> None:
    take = refill(10, 10, 10)
    first = taken(None, take, NOW)
    second = taken(first, take, NOW + 10)
    after = settled(second, take, NOW, 0, NOW + 10)
    assert not throttle.admit(after, refill(1, 10, 10), NOW + 10)[1].granted


def test_a_refund_into_a_busy_bucket_is_whole() -> None:
    big, small = refill(50, 10, 10, 100), refill(9, 10, 10, 100)
    bucket = taken(taken(None, refill(40, 10, 10, 100), NOW), big, NOW)
    for second in range(1, 40):
        bucket = taken(bucket, small, NOW + second * 10)
    before = throttle.standing(bucket, small, NOW + 390).remaining
    after = settled(bucket, big, NOW, 10, NOW + 390)
    assert throttle.standing(after, small, NOW + 390).remaining == before + 40


@pytest.mark.parametrize("apart", [0, 1])
@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_refunds_in_any_order_return_everything(order: tuple[int, int], apart: int) -> None:
    take, slow = refill(5, 1, 1000, 10), refill(1, 1, 1000, 10)
    bucket = taken(taken(None, take, NOW), take, NOW + apart)
    for which in order:
        bucket = settled(bucket, take, NOW + which * apart, 0, NOW + apart)
    assert throttle.standing(bucket, slow, NOW + apart).remaining == 10


def test_a_refund_lowers_what_a_later_one_may_return() -> None:
    take, one = refill(5, 1, 1, 20), refill(1, 1, 1, 20)
    bucket = taken(taken(None, take, NOW), take, NOW)
    bucket = taken(bucket, one, NOW + 7)  # of 10, 3 are left to leak; without both takes: none
    for _ in range(2):
        bucket = settled(bucket, take, NOW, 0, NOW + 7)
    assert throttle.standing(bucket, one, NOW + 7).remaining == 19


def test_takes_that_cannot_be_corrected_count_for_those_that_can() -> None:
    take = refill(5, 1, 1)
    wide = refill(5, 1, 1, 20)
    bucket = taken(None, wide, NOW)
    bucket, _ = throttle.admit(bucket, wide, NOW + 4)  # 1 of the first 5 has not leaked away yet
    after = settled(bucket, take, NOW, 0, NOW + 4)
    assert throttle.standing(after, wide, NOW + 4).remaining == 15


def test_a_debt_between_does_not_hide_what_has_leaked_away() -> None:
    one, all_of_it = refill(1, 10, 10), refill(9, 10, 10)
    bucket = taken(taken(None, one, NOW), all_of_it, NOW)
    in_debt = settled(bucket, one, NOW, 31, NOW + 9)
    after = settled(in_debt, all_of_it, NOW, 0, NOW + 9)
    assert throttle.standing(after, one, NOW + 9).reset == 30


def test_a_take_that_nobody_may_correct_keeps_no_history() -> None:
    assert throttle.admit(None, refill(1, 10, 10), NOW)[0].lows == ()


def test_history_is_bounded() -> None:
    bucket: Bucket | None = None
    for second in range(200):
        bucket = taken(bucket, refill(20, 10, 10, 10_000), NOW + second * 10)
        assert len(bucket.lows) <= 8
        assert list(bucket.lows) == sorted(bucket.lows)


def test_history_ends_with_a_changed_period() -> None:
    take = refill(5, 10, 10)
    bucket = taken(None, take, NOW)
    changed = refill(5, 10, 20)
    assert throttle.standing(settled(bucket, changed, NOW, 0, NOW), changed, NOW).remaining == 5


def test_a_correction_of_a_closed_budget_is_dropped() -> None:
    take = budget(5, 10)
    today = taken(taken(None, take, NOW), budget(1, 10, day=1), NOW + DAY)
    reserved = Reserved(take, NOW)
    assert throttle.correct(today, reserved, 9, NOW + DAY) is None
    assert throttle.correct(None, reserved, 9, NOW) is None


def test_a_budget_is_corrected_both_ways() -> None:
    take = budget(5, 10)
    bucket = taken(None, take, NOW)
    assert throttle.standing(settled(bucket, take, NOW, 2, NOW), take, NOW).remaining == 8
    assert throttle.standing(settled(bucket, take, NOW, 19, NOW), take, NOW).remaining == 0


def test_a_forgotten_bucket_is_charged_the_debt() -> None:
    take = refill(5, 10, 10)
    after = settled(None, take, NOW, 12, NOW + 100)
    assert throttle.standing(after, take, NOW + 100).remaining == 3


def test_a_negative_real_amount_is_refused() -> None:
    with pytest.raises(throttle.ImpossibleAmount, match=r"tokens cannot be negative: -1"):
        throttle.check_amounts({"usd": 0, "tokens": -1})
    throttle.check_amounts({"usd": 0, "tokens": 1})


# Small figures and many corrections, so that refunds overlap and buckets run empty in between.
moves = st.lists(
    st.tuples(st.just("take"), st.integers(0, 6), st.sampled_from([1, 1, 1, 0]))
    | st.tuples(st.just("settle"), st.sampled_from([0, 0, 1, 3, 9]), st.integers(0, 9))
    | st.tuples(st.just("wait"), st.integers(0, 4), st.just(0))
    | st.tuples(st.just("back"), st.integers(0, 4), st.just(0)),
    max_size=30,
)


@pytest.mark.slow
@settings(max_examples=500)
@given(st.integers(0, 3), st.integers(1, 3), st.integers(0, 25), moves)
def test_no_order_of_corrections_gives_more_than_was_ever_unused(
    limit: int, window: int, burst: int, moves: list[tuple[str, int, int]]
) -> None:
    exact = ExactRefill(limit=limit, window=window, burst=burst)
    bucket: Bucket | None = None
    open_takes: list[tuple[Reserved, int]] = []
    now, corrected = NOW, False
    for kind, figure, which in moves:
        if kind == "wait":
            now += figure
        elif kind == "back":
            now -= figure
        elif kind == "take":
            take = refill(figure, limit, window, burst)
            after, level = throttle.admit(bucket, take, now, corrigible=bool(which))
            assert level.granted <= exact.fits(figure, now)
            assert corrected or level.granted == exact.fits(figure, now)
            if level.granted:
                bucket, number = after, exact.take(figure, now)
                if which:
                    open_takes.append((Reserved(take, after.at), number))
        elif open_takes:
            reserved, number = open_takes.pop(which % len(open_takes))
            bucket = throttle.correct(bucket, reserved, figure, now)
            exact.correct(number, figure, now)
            corrected = True
        left = throttle.standing(bucket, refill(1, limit, window, burst), now).remaining
        assert left <= exact.left(now)
        assert corrected or left == exact.left(now)
