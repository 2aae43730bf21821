from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engine.runtime import calendar

SECOND = 1_000_000_000
HOUR = 3600 * SECOND


def instant(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * SECOND


def hours(period: calendar.Period, zone: str, at: str) -> float:
    opens, closes = calendar.bounds(period, zone, instant(at))
    assert opens <= instant(at) < closes
    return (closes - opens) / HOUR


def test_a_day_in_no_zone_is_a_day_in_utc() -> None:
    opens, closes = calendar.bounds("day", "", instant("2026-03-01T12:34:56"))
    assert (opens, closes) == (instant("2026-03-01T00:00:00"), instant("2026-03-02T00:00:00"))


def test_a_week_begins_on_monday() -> None:
    opens, closes = calendar.bounds("week", "UTC", instant("2026-03-01T12:00:00"))
    assert (opens, closes) == (instant("2026-02-23T00:00:00"), instant("2026-03-02T00:00:00"))


@pytest.mark.parametrize(
    ("at", "days"), [("2026-02-14T00:00:00", 28), ("2024-02-29T23:59:59", 29), ("2026-12-31", 31)]
)
def test_a_month_has_its_days(at: str, days: int) -> None:
    assert hours("month", "UTC", at) == days * 24


@pytest.mark.parametrize(
    ("zone", "at", "expected"),
    [
        ("Europe/Berlin", "2026-03-29T12:00:00", 23),
        ("Europe/Berlin", "2026-10-25T12:00:00", 25),
        ("Europe/Berlin", "2026-10-26T12:00:00", 24),
        ("Asia/Beirut", "2024-03-31T12:00:00", 23),  # midnight does not exist
        ("America/Havana", "2026-11-01T12:00:00", 25),  # midnight exists twice
        ("America/St_Johns", "2000-10-29T02:29:59", 24),  # put back from 00:01 to 23:01 …
        ("America/St_Johns", "2000-10-29T03:00:00", 25),  # … which is yesterday's date again
        ("Australia/Lord_Howe", "2026-04-04T15:30:00", 24.5),
        ("Asia/Kathmandu", "2026-05-01T12:00:00", 24),
    ],
)
def test_days_have_the_hours_that_the_clocks_give_them(zone: str, at: str, expected: float) -> None:
    assert hours("day", zone, at) == expected


def test_the_first_midnight_opens_a_day_that_has_two() -> None:
    opens, _ = calendar.bounds("day", "America/Havana", instant("2026-11-01T12:00:00"))
    assert opens == instant("2026-11-01T04:00:00")


def test_a_day_that_a_country_left_out_has_no_period() -> None:
    at = instant("2011-12-30T09:00:00")
    _, closes = calendar.bounds("day", "Pacific/Apia", at)
    opens, _ = calendar.bounds("day", "Pacific/Apia", closes)
    assert closes == opens == instant("2011-12-30T10:00:00")


def test_a_day_may_open_within_a_quarter_of_an_hour() -> None:
    early, late = instant("1971-05-01T00:44:29"), instant("1971-05-01T00:44:30")
    assert calendar.bounds("day", "Africa/Monrovia", early)[1] == late
    assert calendar.bounds("day", "Africa/Monrovia", late)[0] == late


@pytest.mark.parametrize("zone", ["", "America/New_York", "Pacific/Kiritimati"])
@pytest.mark.parametrize("period", ["day", "week", "month"])
@pytest.mark.parametrize("at", ["0001-01-01T00:00:00", "9999-12-31T23:59:59"])
def test_the_first_and_the_last_of_all_dates_have_periods(
    period: calendar.Period, zone: str, at: str
) -> None:
    cycle = 146_097 * 24 * HOUR
    for now in (instant(at), instant(at) - cycle, instant(at) + cycle):
        opens, closes = calendar.bounds(period, zone, now)
        assert opens <= now < closes
        assert calendar.bounds(period, zone, opens) == (opens, closes)
        assert calendar.bounds(period, zone, closes)[0] == closes
        assert calendar.bounds(period, zone, opens - 1)[1] == opens
        assert closes - opens <= 31 * 24 * HOUR


def test_the_last_month_has_31_days() -> None:
    opens, closes = calendar.bounds("month", "", instant("9999-12-31T23:59:59"))
    assert (opens, closes - opens) == (instant("9999-12-01T00:00:00"), 31 * 24 * HOUR)


def test_a_zone_that_does_not_exist_is_an_error() -> None:
    with pytest.raises(ZoneInfoNotFoundError):
        calendar.bounds("day", "Europe/Atlantis", 0)


ZONES = [
    "UTC",
    "Europe/Berlin",
    "America/St_Johns",
    "America/Havana",
    "Asia/Beirut",
    "Africa/Cairo",
]


@given(
    period=st.sampled_from(["day", "week", "month"]),
    zone=st.sampled_from(ZONES),
    now=st.integers(0, instant("2037-01-01T00:00:00")),
)
@example("day", "America/St_Johns", instant("2000-10-29T02:31:00"))
def test_periods_follow_each_other_without_gap_or_overlap(
    period: calendar.Period, zone: str, now: int
) -> None:
    opens, closes = calendar.bounds(period, zone, now)
    assert opens <= now < closes
    assert calendar.bounds(period, zone, opens) == (opens, closes)
    assert calendar.bounds(period, zone, closes - 1) == (opens, closes)
    assert calendar.bounds(period, zone, closes)[0] == closes
    assert calendar.bounds(period, zone, opens - 1)[1] == opens


@pytest.mark.slow
@pytest.mark.parametrize("zone", ZONES)
def test_a_period_opens_whenever_the_date_changes_for_the_first_time(zone: str) -> None:
    place = ZoneInfo(zone)
    start = int(datetime(2000, 1, 1, tzinfo=UTC).timestamp())
    seen = [datetime.fromtimestamp(start + 900 * n, place).date() for n in range(4 * 24 * 366)]
    latest = seen[0]
    for n, (_, date) in enumerate(pairwise(seen), 1):
        if date > latest:
            latest = date
            opens, closes = calendar.bounds("day", zone, (start + 900 * n) * SECOND)
            assert (start + 900 * (n - 1)) * SECOND < opens <= (start + 900 * n) * SECOND < closes
