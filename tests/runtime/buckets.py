"""Takes and levels as the tests of throttles write them."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Literal

from engine.language import program
from engine.runtime import throttle
from engine.runtime.buckets import Bucket
from engine.runtime.store import NANO, Level, Take

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


def slot(limit: int, life: int, key: str = "s", amount: int = 1) -> Take:
    """One of *limit* slots."""
    return Take(
        rule="s",
        key=key,
        amount=amount * NANO,
        limit=limit * NANO,
        burst=limit * NANO,
        window=None,
        unit="concurrent",
        life=life,
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
