"""A time of a record in, a number that can be compared out, and back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache

MICROSECONDS = 1_000_000
UNKNOWN = -1
"""The number of a time that cannot be read."""
_SECOND = 19
"""Characters of `2026-01-01T00:00:00`."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@lru_cache(maxsize=1024)
def _seconds(text: str) -> int:
    return int((datetime.fromisoformat(text).replace(tzinfo=UTC) - _EPOCH).total_seconds())


def moment_of(time: str) -> int:
    """Return the RFC 3339 *time* in UTC, or its beginning, as microseconds since the epoch.

    UNKNOWN for what is none.
    """
    filled = time.removesuffix("Z")
    if len(filled) < _SECOND:
        filled += "0000-01-01T00:00:00"[len(filled) :]
    rest = filled[_SECOND + 1 :]
    try:
        found = _seconds(filled[:_SECOND]) * MICROSECONDS
        return found + int(rest[:6].ljust(6, "0")) if rest else found
    except ValueError:
        return UNKNOWN


def time_of(moment: int) -> str:
    """Return microseconds since the epoch as RFC 3339."""
    time = _EPOCH + timedelta(microseconds=moment)
    return f"{time:%Y-%m-%dT%H:%M:%S.%f}Z"
