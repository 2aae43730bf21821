from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from engine.runtime.prepare import MOST, billionths, bucket, prepare
from engine.runtime.store import NANO
from engine.runtime.throttle import FOREVER, ImpossibleAmount
from tests.runtime.buckets import MINUTE, NOW, written


def test_a_rule_becomes_integers() -> None:
    rule = written("1.5", period=timedelta(minutes=1), burst="0.25")
    take = bucket(rule, "p.r", ("acme", None), 1, NOW)
    assert (take.limit, take.burst, take.window) == (1_500_000_000, 250_000_000, MINUTE)
    assert (take.rule, take.unit, take.amount) == ("p.r", "requests", NANO)
    assert take.key == '["p.r","requests","","acme",null]'


def test_a_calendar_rule_knows_its_period() -> None:
    rule = written("50", unit="usd", calendar="day", zone="Europe/Berlin")
    take = bucket(rule, "p.r", ("acme",), Decimal("0.1"), NOW)
    assert take.window is None
    assert (take.opens, take.closes) == (NOW - 3600 * NANO, NOW + 23 * 3600 * NANO)
    assert take.key == '["p.r","usd","day Europe/Berlin","acme"]'


def test_a_limit_of_what_runs_at_once_has_a_life_instead_of_a_window() -> None:
    rule = written("4", unit="concurrent", period=timedelta(minutes=10))
    take = bucket(rule, "p.r", ("acme",), 1, NOW)
    assert (take.limit, take.amount, take.window, take.life) == (4 * NANO, NANO, None, 10 * MINUTE)
    assert (take.opens, take.closes, take.unit) == (0, 0, "concurrent")
    assert take.key == '["p.r","concurrent","","acme"]'


def test_half_a_slot_and_slots_of_a_month_are_refused() -> None:
    for rule in (
        written("1.5", unit="concurrent", period=timedelta(minutes=10)),
        written("1", unit="concurrent", calendar="month"),
    ):
        with pytest.raises(ValueError, match=r"`p[.]r` must limit a whole number of slots"):
            prepare(rule, "p.r")


def test_shadow_rules_have_buckets_of_their_own() -> None:
    rule = written("5", period=timedelta(seconds=1))
    keys = {
        prepare(rule, "p.r", shadow=shadow).take(("acme",), 1, NOW).key for shadow in (False, True)
    }
    assert len(keys) == 2


@pytest.mark.parametrize("period", [None, timedelta(0), timedelta(seconds=-1)])
def test_a_period_of_nothing_is_refused(period: timedelta | None) -> None:
    with pytest.raises(ValueError, match=r"period of `p[.]r` must be above 0"):
        prepare(written("1", period=period), "p.r")


def test_a_period_longer_than_the_clock_is_cut() -> None:
    assert prepare(written("1", period=timedelta.max), "r").window == FOREVER


@pytest.mark.parametrize("limit", ["-1", "NaN", "Infinity"])
def test_a_limit_that_is_none_is_refused(limit: str) -> None:
    with pytest.raises(ValueError, match=r"limit of `p[.]r` must be a number of at least 0"):
        prepare(written(limit, period=timedelta(1)), "p.r")


@pytest.mark.parametrize(
    ("amount", "expected"),
    [
        (0, 0),
        (3, 3 * NANO),
        (10**30, MOST),
        (Decimal("0.1"), 100_000_000),
        (0.5, 500_000_000),
        (Decimal("1.0000000001"), 1_000_000_001),
        (Decimal("1E-999999"), 1),
        (Decimal("0E-999999"), 0),
        (Decimal("1E+999999"), MOST),
    ],
)
def test_amounts_become_billionths_rounded_up(amount: Decimal | float, expected: int) -> None:
    assert billionths(amount) == expected


@pytest.mark.parametrize(
    "amount", [-1, -0.5, float("nan"), float("inf"), Decimal(-1), Decimal("NaN"), Decimal("sNaN")]
)
def test_amounts_that_are_none_are_refused(amount: Decimal | float) -> None:
    with pytest.raises(ImpossibleAmount):
        billionths(amount)
