from __future__ import annotations

import time
from pathlib import Path

import pytest

from engine.daemon.leap import LEAST, REST, SECOND, WHY, Leap
from engine.daemon.retention import rules_of, tidy, without_age
from engine.daemon.settings_retention import TenantKeep
from engine.storage.retention import Keep, Rules
from tests.daemon.test_retention import SETTINGS, left, written

YEAR = 365 * 86_400 * SECOND


class Clocks:
    def __init__(self) -> None:
        self.ahead, self.running = YEAR, 0

    def leap(self) -> Leap:
        return Leap(lambda: self.running + self.ahead, lambda: self.running)


def test_a_clock_that_was_set_ahead_is_believed_a_day_later() -> None:
    clocks = Clocks()
    leap = clocks.leap()
    clocks.running += YEAR
    clocks.ahead += LEAST  # As what is followed slowly, or slept through.
    assert not leap.lately()
    clocks.ahead += LEAST + 1
    assert leap.lately()
    clocks.running += REST - 1
    assert leap.lately()
    clocks.running += 1
    assert not leap.lately()


def test_a_clock_that_was_set_back_again_is_believed_at_once() -> None:
    clocks = Clocks()
    leap = clocks.leap()
    clocks.ahead += YEAR
    assert leap.lately()
    clocks.ahead -= YEAR
    assert not leap.lately()
    clocks.ahead -= YEAR
    assert not leap.lately()


def test_after_a_leap_nothing_is_forgotten_for_its_age(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(tmp_path)
    told: list[str] = []
    now = time.time_ns()
    monkeypatch.setattr(time, "time_ns", lambda: now + 10 * YEAR)
    assert tidy(SETTINGS, tmp_path, told.append, lambda: True).records == 0
    assert (told, len(left(tmp_path))) == ([WHY], 20)


def test_what_does_not_ask_the_clock_holds_after_a_leap_too() -> None:
    tenants = {"north": TenantKeep(keep_days=3, keep_megabytes=7)}
    rules = rules_of(SETTINGS.__class__(folder="audit", keep_days=10, tenants=tenants))
    assert without_age(rules) == Rules(tenants={"north": Keep(megabytes=7)})
