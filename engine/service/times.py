"""Nanoseconds since the epoch in, a time of the record out."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from engine.content.native import i64

SECOND: Final = 1_000_000_000
MICROSECONDS: Final = 1_000_000


class Newest:
    """The second that was written last."""

    __slots__ = ("known",)

    def __init__(self) -> None:
        self.known: tuple[int, str] = (0, "1970-01-01T00:00:00")
        """When it began, and how it is written. In one piece: several threads ask."""


NEWEST: Final = Newest()


def iso_time(now: int) -> str:
    """Return *now* (ns since the epoch) as RFC 3339 in UTC with microseconds."""
    begun, text = NEWEST.known
    rest: i64 = now - begun
    if not 0 <= rest < SECOND:  # Many decisions share a second.
        begun = now // SECOND * SECOND
        text = f"{datetime.fromtimestamp(begun // SECOND, UTC):%Y-%m-%dT%H:%M:%S}"
        NEWEST.known = (begun, text)
        rest = now - begun
    # The digits behind the point: with a one in front of them they are seven.
    return f"{text}.{str(MICROSECONDS + rest // 1000)[1:]}Z"
