from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.language import program
from engine.runtime import throttle
from engine.runtime.store import NANO, Level, Take
from engine.runtime.throttle import Bucket
from tests.runtime.exact import ExactRefill

MINUTE = 60 * NANO
NOW = 1_767_225_600 * NANO  # 2026-01-01T00:00:00Z
DAY = 86_400 * NANO


def refill(amount: int, limit: int, window: int, burst: int | None = None) -> Take:
    most = limit if burst is None else burst
    return Take(
        rule="r", key="k", amount=amount, limit=limit, burst=most, window=window, unit="tokens"
    )


def budget(amount: int, limit: int, day: int = 0) -> Take:
    opens = NOW + day * DAY
    return Take(
        rule="r",
        key="k",
        amount=amount,
        limit=limit,
        burst=limit,
        window=None,
        opens=opens,
        closes=opens + DAY,
        unit="usd",
    )


def written(
    limit: str,
    *,
    unit: str = "requests",
    period: timedelta | None = None,
    calendar: Literal["day", "week", "month"] | None = None,
    zone: str = "",
    burst: str | None = None,
) -> program.Throttle:
    return program.Throttle(
        limit=Decimal(limit),
        unit=unit,
        period=period,
        calendar=calendar,
        zone=zone,
        keys=(),
        burst=Decimal(limit if burst is None else burst),
    )


def granted(remaining: int, reset: int) -> Level:
    return Level(granted=True, remaining=remaining, retry_after=0, reset=reset)


def refused(remaining: int, wait: int, reset: int) -> Level:
    return Level(granted=False, remaining=remaining, retry_after=wait, reset=reset)


def taken(bucket: Bucket | None, take: Take, now: int) -> Bucket:
    after, level = throttle.admit(bucket, take, now, corrigible=True)
    assert level.granted
    return after


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


# --- correcting ----------------------------------------------------------------------------------


def settled(bucket: Bucket | None, take: Take, at: int, real: int, now: int) -> Bucket:
    after = throttle.correct(bucket, throttle.Reserved(take, at), real, now)
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
    reserved = throttle.Reserved(take, NOW)
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
    open_takes: list[tuple[throttle.Reserved, int]] = []
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
                    open_takes.append((throttle.Reserved(take, after.at), number))
        elif open_takes:
            reserved, number = open_takes.pop(which % len(open_takes))
            bucket = throttle.correct(bucket, reserved, figure, now)
            exact.correct(number, figure, now)
            corrected = True
        left = throttle.standing(bucket, refill(1, limit, window, burst), now).remaining
        assert left <= exact.left(now)
        assert corrected or left == exact.left(now)


# --- several buckets -----------------------------------------------------------------------------


def test_one_refusal_leaves_every_bucket_alone() -> None:
    wide, narrow = refill(3, 10, 10), Take(rule="r", key="n", amount=3, limit=2, burst=2, window=10)
    made = throttle.attempt([wide, narrow], lambda _take, _now: None, NOW)
    assert made.levels == (granted(10, 0), refused(2, -1, 0))
    assert not made.changed


def test_the_same_bucket_twice_is_taken_from_twice() -> None:
    take = refill(4, 10, 10)
    made = throttle.attempt([take, take], lambda _take, _now: None, NOW)
    assert [level.remaining for level in made.levels] == [6, 2]
    third = throttle.attempt([take, take, take], lambda _take, _now: None, NOW)
    assert [level.granted for level in third.levels] == [True, True, False]
    assert not third.changed


def test_only_units_that_can_be_corrected_are_reserved() -> None:
    tokens = refill(4, 10, 10)
    requests = Take(rule="r", key="q", amount=1, limit=9, burst=9, window=1)
    made = throttle.attempt([tokens, requests], lambda _take, _now: None, NOW, corrigible=True)
    assert made.reserved == (throttle.Reserved(tokens, NOW),)


# --- from a rule's throttle ----------------------------------------------------------------------


def test_a_rule_becomes_integers() -> None:
    rule = written("1.5", period=timedelta(minutes=1), burst="0.25")
    take = throttle.bucket(rule, "p.r", ["acme", None], 1, NOW)
    assert (take.limit, take.burst, take.window) == (1_500_000_000, 250_000_000, MINUTE)
    assert (take.rule, take.unit, take.amount) == ("p.r", "requests", NANO)
    assert take.key == '["p.r","requests","","acme",null]'


def test_a_calendar_rule_knows_its_period() -> None:
    rule = written("50", unit="usd", calendar="day", zone="Europe/Berlin")
    take = throttle.bucket(rule, "p.r", ["acme"], Decimal("0.1"), NOW)
    assert take.window is None
    assert (take.opens, take.closes) == (NOW - 3600 * NANO, NOW + 23 * 3600 * NANO)
    assert take.key == '["p.r","usd","day Europe/Berlin","acme"]'


def test_shadow_rules_have_buckets_of_their_own() -> None:
    rule = written("5", period=timedelta(seconds=1))
    keys = {
        throttle.prepare(rule, "p.r", shadow=shadow).take(["acme"], 1, NOW).key
        for shadow in (False, True)
    }
    assert len(keys) == 2


@pytest.mark.parametrize("period", [None, timedelta(0), timedelta(seconds=-1)])
def test_a_period_of_nothing_is_refused(period: timedelta | None) -> None:
    with pytest.raises(ValueError, match=r"period of `p[.]r` must be above 0"):
        throttle.prepare(written("1", period=period), "p.r")


def test_a_period_longer_than_the_clock_is_cut() -> None:
    assert throttle.prepare(written("1", period=timedelta.max), "r").window == throttle.FOREVER


@pytest.mark.parametrize("limit", ["-1", "NaN", "Infinity"])
def test_a_limit_that_is_none_is_refused(limit: str) -> None:
    with pytest.raises(ValueError, match=r"limit of `p[.]r` must be a number of at least 0"):
        throttle.prepare(written(limit, period=timedelta(1)), "p.r")


@pytest.mark.parametrize(
    ("amount", "expected"),
    [
        (0, 0),
        (3, 3 * NANO),
        (10**30, throttle.MOST),
        (Decimal("0.1"), 100_000_000),
        (0.5, 500_000_000),
        (Decimal("1.0000000001"), 1_000_000_001),
        (Decimal("1E-999999"), 1),
        (Decimal("0E-999999"), 0),
        (Decimal("1E+999999"), throttle.MOST),
    ],
)
def test_amounts_become_billionths_rounded_up(amount: Decimal | float, expected: int) -> None:
    assert throttle.billionths(amount) == expected


@pytest.mark.parametrize(
    "amount", [-1, -0.5, float("nan"), float("inf"), Decimal(-1), Decimal("NaN"), Decimal("sNaN")]
)
def test_amounts_that_are_none_are_refused(amount: Decimal | float) -> None:
    with pytest.raises(throttle.ImpossibleAmount):
        throttle.billionths(amount)
