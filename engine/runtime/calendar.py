"""A calendar period, a time zone and an instant go in; the bounds of that period come out.

Periods are a partition of the time line: the day D lasts from the first instant of D's local
midnight to the first instant of the next, so that days of 23 and 25 hours, midnights that do not
exist (clocks put forward at 00:00) or exist twice (put back from 01:00) all have one owner for
every instant. Weeks begin on Monday, as in ISO 8601.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Literal, assert_never
from zoneinfo import ZoneInfo

Period = Literal["day", "week", "month"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = 1_000_000_000
_QUARTER = 900 * _SECOND
_MICROSECOND = timedelta(microseconds=1)
_CYCLE = 146_097 * 86_400 * _SECOND
"""400 years: then the Gregorian calendar begins anew, on the same day of the week."""
_EARLY, _LATE = -62_000_000_000 * _SECOND, 253_000_000_000 * _SECOND
"""Of the years 5 and 9987: beyond them a neighbouring day may be one that Python does not have."""


def bounds(period: Period, zone: str, now: int) -> tuple[int, int]:
    """Return when the *period* around *now* opens and closes, in ns; an empty *zone* is UTC.

    ``zoneinfo.ZoneInfoNotFoundError`` for a zone that does not exist.
    """
    # Hot path: one look-up instead of 10 us of zone arithmetic. The quarter's own period is right
    # for all of the quarter except where a period ends inside it, and then the exact answer is
    # computed.
    opens, closes = _around(period, zone, now - now % _QUARTER)
    if opens <= now < closes:
        return opens, closes
    return _around(period, zone, now)


@lru_cache(maxsize=1024)
def _around(period: Period, zone: str, now: int) -> tuple[int, int]:
    place = ZoneInfo(zone or "UTC")
    # What a zone does then is a rule of dates and weekdays, or does not change any more.
    away = min(0, (now - _EARLY) // _CYCLE) or max(0, -((_LATE - now) // _CYCLE))
    if away:
        opens, closes = _around(period, zone, now - away * _CYCLE)
        return opens + away * _CYCLE, closes + away * _CYCLE
    local = (_EPOCH + timedelta(seconds=now // _SECOND)).astimezone(place).date()
    first = _first_day(period, local)
    opens, closes = _midnight(first, place), _midnight(_next(period, first), place)
    # Clocks put back over midnight (00:01 to 23:01) show yesterday's date again in a day that has
    # begun.
    while now >= closes:
        first = _next(period, first)
        opens, closes = closes, _midnight(_next(period, first), place)
    return opens, closes


def _first_day(period: Period, day: date) -> date:
    match period:
        case "day":
            return day
        case "week":
            return day - timedelta(days=day.weekday())
        case "month":
            return day.replace(day=1)
        case _:
            assert_never(period)


def _next(period: Period, first: date) -> date:
    match period:
        case "day":
            return first + timedelta(days=1)
        case "week":
            return first + timedelta(days=7)
        case "month":
            return (first + timedelta(days=31)).replace(day=1)
        case _:
            assert_never(period)


def _midnight(day: date, place: ZoneInfo) -> int:
    # fold=0: the first of two midnights; a midnight in a gap becomes the instant at which the gap
    # begins.
    moment = datetime(day.year, day.month, day.day, tzinfo=place, fold=0)
    return (moment - _EPOCH) // _MICROSECOND * 1000
