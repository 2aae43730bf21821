"""A process knows for what share of a while its core ran slowly."""

from __future__ import annotations

from time import sleep

from bench.load.machine import SERVER, core
from bench.load.pace import EVERY, Pace, slow_share


def test_looks_are_slow_that_take_longer_than_the_least_by_much() -> None:
    assert slow_share([100, 129, 131, 200], 100) == 0.5
    assert slow_share([], 100) == 0.0


def test_each_while_is_told_by_itself() -> None:
    with Pace(core(SERVER)) as pace:
        for _ in range(2):
            with pace.watch() as paced:
                sleep(5 * EVERY)
            assert 0.0 <= paced.slow <= 1.0
        with pace.watch() as paced:
            pass
        assert paced.slow == 0.0
        process = pace.process
    assert process.returncode == 0
