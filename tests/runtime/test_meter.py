from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.runtime import meter
from engine.runtime.meter import Meter

MINUTE = 60_000_000_000


def recorded(window: int, *times: int) -> Meter:
    made: Meter | None = None
    for now in times:
        made = meter.record(made, window, now)
    assert made is not None
    return made


def test_events_of_the_window_are_counted() -> None:
    made = recorded(MINUTE, 0, 1, MINUTE // 2, MINUTE)
    assert meter.count(made, MINUTE, MINUTE) == 4


def test_an_event_is_forgotten_between_one_window_and_a_sixtieth_more() -> None:
    made = recorded(MINUTE, MINUTE - 1)
    assert meter.count(made, MINUTE, 2 * MINUTE - 1) == 1
    assert meter.count(made, MINUTE, 2 * MINUTE + MINUTE // 60) == 0


def test_an_old_meter_counts_nothing_and_starts_anew() -> None:
    made = recorded(MINUTE, 0, 0, 0)
    assert meter.count(made, MINUTE, 10 * MINUTE) == 0
    assert meter.count(recorded(MINUTE, 0, 0, 10 * MINUTE), MINUTE, 10 * MINUTE) == 1


def test_a_clock_put_back_forgets_nothing() -> None:
    made = recorded(MINUTE, 10 * MINUTE, 3 * MINUTE)
    assert meter.count(made, MINUTE, 0) == 2
    assert meter.count(made, MINUTE, 10 * MINUTE) == 2


def test_counts_do_not_overflow() -> None:
    full = Meter(0, (2**32 - 1, *(0 for _ in range(60))))
    assert meter.record(full, MINUTE, 0).counts[0] == 2**32 - 1


@pytest.mark.parametrize("window", [0, -1])
def test_a_window_of_nothing_is_refused(window: int) -> None:
    with pytest.raises(ValueError, match="must be above 0"):
        meter.slot_length(window)


@given(
    window=st.integers(1, 1000),
    steps=st.lists(st.integers(0, 400), min_size=1, max_size=80),
    later=st.integers(0, 2000),
)
def test_never_too_early_and_at_most_a_slot_too_late(
    window: int, steps: list[int], later: int
) -> None:
    times = [sum(steps[: n + 1]) for n in range(len(steps))]
    made, now = recorded(window, *times), times[-1] + later
    found = meter.count(made, window, now)
    assert found >= sum(1 for time in times if time >= now - window)
    slack = meter.slot_length(window)
    assert found <= sum(1 for time in times if time > now - 60 * slack - slack)
    assert meter.count(made, window, meter.expiry(made, window)) == 0
    assert meter.count(made, window, meter.expiry(made, window) - 1) > 0
