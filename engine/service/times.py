"""Nanoseconds since the epoch in, a time of the record out."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

SECOND: Final = 1_000_000_000
MICROSECONDS: Final = 1_000_000


def iso_time(now: int) -> str:
    """Return *now* (ns since the epoch) as RFC 3339 in UTC with microseconds."""
    seconds, rest = now // SECOND, now % SECOND
    # The digits behind the point: with a one in front of them they are seven.
    return f"{iso_second(seconds)}.{str(MICROSECONDS + rest // 1000)[1:]}Z"


@lru_cache(maxsize=4)
def iso_second(seconds: int) -> str:
    """Return the second as RFC 3339 without a zone. Remembered: many decisions share one."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}"
