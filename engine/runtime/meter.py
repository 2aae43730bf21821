"""Events and instants go in; how many fell into the window before an instant comes out.

A window is cut into 60 slots of equal length. The count is that of the running slot and of the 60
before it, so an event is forgotten when it is between one window and one window and a sixtieth
old: never too early. The clock going back counts into the newest slot there is.
"""

from __future__ import annotations

from itertools import repeat

import msgspec

SLOTS = 60
_KEPT = SLOTS + 1
_MOST = 2**32 - 1


class Meter(msgspec.Struct, frozen=True, gc=False):
    """Counts of the slot numbered *newest* and of the 60 before it, newest first."""

    newest: int
    counts: tuple[int, ...]


def slot_length(window: int) -> int:
    """Return the length of a slot in ns; ValueError for a window that is not above 0."""
    if window <= 0:
        raise ValueError(f"a meter's window must be above 0, not {window} ns")
    return -(-window // SLOTS)


def record(meter: Meter | None, window: int, now: int) -> Meter:
    """Return the meter with one more event at *now*."""
    newest = now // slot_length(window)
    if meter is None:
        return Meter(newest, (1, *repeat(0, SLOTS)))
    passed = newest - meter.newest
    if passed <= 0:
        first, *rest = meter.counts
        return Meter(meter.newest, (min(first + 1, _MOST), *rest))
    if passed >= _KEPT:
        return Meter(newest, (1, *repeat(0, SLOTS)))
    return Meter(newest, (1, *repeat(0, passed - 1), *meter.counts[: _KEPT - passed]))


def count(meter: Meter, window: int, now: int) -> int:
    """Return how many events are not older than the window (and at most a sixtieth of it more)."""
    passed = now // slot_length(window) - meter.newest
    if passed <= 0:
        return sum(meter.counts)
    return sum(meter.counts[: max(0, _KEPT - passed)])


def expiry(meter: Meter, window: int) -> int:
    """Return the instant from which the meter counts nothing."""
    return (meter.newest + _KEPT) * slot_length(window)
