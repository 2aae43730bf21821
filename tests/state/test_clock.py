"""The steady clock: shared, carried over reboots, deaf to steps of the wall clock."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.runtime.memory import MemoryStore
from engine.runtime.store import NANO
from engine.state import clock as clocks
from engine.state.clock import Anchor, SteadyClock, SteadyStore, followed, keep_here, unpack
from engine.state.errors import StateError
from engine.state.lmdb import LmdbStore
from tests.state.takes import DAY, MINUTE, NOW, requests, tokens, usd

HOUR = 3600 * NANO
FIRST, SECOND = b"1" * 36, b"2" * 36
"""Names of boots."""


class Machine:
    """A machine whose clocks are turned by hand, and what is kept on its disk."""

    def __init__(self) -> None:
        self.boot = FIRST
        self.running = 5 * MINUTE
        self.wall = NOW
        self.keep = keep_here()

    def clock(self) -> SteadyClock:
        return SteadyClock(
            self.keep, boot=self.boot, running=lambda: self.running, wall=lambda: self.wall
        )

    def wait(self, time: int) -> None:
        self.running += time
        self.wall += time

    def start_again(self, wall: int) -> None:
        self.boot, self.running, self.wall = SECOND, 0, wall


def test_time_passes_as_it_does() -> None:
    machine = Machine()
    clock = machine.clock()
    assert clock.now() == NOW
    machine.wait(HOUR)
    assert clock.now() == NOW + HOUR


@pytest.mark.parametrize("step", [-3 * HOUR, 3 * HOUR])
def test_a_step_of_the_wall_clock_does_not_move_it(step: int) -> None:
    machine = Machine()
    clock = machine.clock()
    machine.wall += step
    assert clock.now() == NOW
    assert clock.ahead() == -step
    assert machine.clock().now() == NOW, "a process that starts later shares it"


def test_a_difference_goes_away_slowly() -> None:
    machine = Machine()
    clock = machine.clock()
    machine.wall += NANO
    machine.wait(HOUR // 4)
    clock.follow()
    assert clock.now() == NOW + HOUR // 4 + HOUR // 4 // 2000
    machine.wait(HOUR)
    clock.follow()
    assert clock.now() == machine.wall
    assert clock.ahead() == 0


def test_processes_that_follow_together_do_not_follow_faster() -> None:
    machine = Machine()
    several = [machine.clock() for _ in range(5)]
    machine.wall -= HOUR
    machine.wait(MINUTE)
    for clock in several:
        clock.follow()
    assert {clock.now() for clock in several} == {NOW + MINUTE - MINUTE // 2000}


def test_it_is_carried_over_a_reboot() -> None:
    machine = Machine()
    clock = machine.clock()
    machine.wait(HOUR)
    clock.follow()
    machine.start_again(NOW + 2 * HOUR)
    assert machine.clock().now() == NOW + 2 * HOUR


def test_a_reboot_into_the_past_does_not_go_back() -> None:
    machine = Machine()
    clock = machine.clock()
    machine.wait(HOUR)
    clock.follow()
    machine.start_again(NOW - 365 * DAY)
    after = machine.clock()
    assert after.now() == NOW + HOUR
    machine.wait(MINUTE)
    assert after.now() == NOW + HOUR + MINUTE


def test_an_unreadable_anchor_is_made_anew() -> None:
    machine = Machine()
    machine.keep(lambda _: b"?")
    assert unpack(b"?") is None
    assert machine.clock().now() == NOW


@given(
    offset=st.integers(-DAY, DAY),
    steps=st.lists(st.tuples(st.integers(0, HOUR), st.integers(-DAY, DAY)), max_size=20),
)
def test_it_never_goes_back_nor_runs_fast(offset: int, steps: list[tuple[int, int]]) -> None:
    anchor, running = Anchor(FIRST, NOW + offset, NOW + offset), 0
    for passed, jump in steps:
        before = running + anchor.offset
        running += passed
        anchor = followed(anchor, running, running + NOW + jump)
        moved = running + anchor.offset - before
        assert abs(moved - passed) <= passed // 2000
        assert moved >= 0


def test_the_machine_has_a_boot_and_a_time(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    store = LmdbStore(tmp_path)
    clock = SteadyClock(store.anchor)
    assert abs(clock.ahead()) < HOUR
    assert clocks.running_time() > 0
    assert SteadyClock(store.anchor).now() >= clock.now() - NANO
    store.close()
    monkeypatch.setattr(clocks, "BOOT_ID", tmp_path / "none")
    with pytest.raises(StateError, match="mount /proc"):
        clocks.boot_id()


# --- a store that lives by it --------------------------------------------------------------------


def test_a_jump_ahead_grants_no_fresh_quota() -> None:
    machine = Machine()
    store = SteadyStore(MemoryStore(), machine.clock())
    assert store.take([requests(amount=10)], machine.wall)[0].granted
    machine.wall += 7 * DAY
    assert not store.peek([requests()], machine.wall)[0].granted
    assert not store.take([requests()], machine.wall)[0].granted
    machine.wait(MINUTE)
    assert store.take([requests(amount=10)], machine.wall)[0].granted


def test_a_budget_is_not_forgotten_while_its_day_goes_on() -> None:
    machine = Machine()
    store = SteadyStore(MemoryStore(), machine.clock())
    machine.wall -= HOUR
    machine.wait(DAY - MINUTE)
    day = store.instant(machine.wall) // DAY - NOW // DAY
    assert store.take([usd(amount=100, day=day)], machine.wall)[0].granted
    machine.wait(30 * MINUTE)
    store.sweep(machine.wall, 100)
    assert store.instant(machine.wall) // DAY - NOW // DAY == day + 1
    assert store.take([usd(amount=100, day=day + 1)], machine.wall)[0].granted
    machine.wait(HOUR)
    store.sweep(machine.wall, 100)
    assert not store.take([usd(day=day + 1)], machine.wall)[0].granted


def test_everything_else_lives_by_it_too() -> None:
    machine = Machine()
    store = SteadyStore(MemoryStore(), machine.clock())
    far = machine.wall + 300 * DAY
    store.take([tokens(amount=80)], far, reservation="d", hold=MINUTE)
    store.record("m", "k", MINUTE, far)
    store.label("t", "s", "short", far + MINUTE, far)
    store.label("t", "s", "long", None, far)
    store.remember("t", "s", {"ab": b"sealed"}, far)
    assert store.count("m", "k", MINUTE, 0) == 1
    assert store.labels("t", "s", 0) == {"short", "long"}
    assert store.recall("t", "s", ["ab"], 0) == {"ab": b"sealed"}
    assert store.sweep(far, 100) == 0
    machine.wait(MINUTE - 1)
    assert store.labels("t", "s", 0) == {"short", "long"}
    machine.wait(1)
    assert store.labels("t", "s", 0) == {"long"}
    assert not store.settle("d", {"tokens": 1}, 0)
    machine.wait(2 * DAY)
    assert store.sweep(0, 100) >= 3
    store.close()


def test_what_sessions_read_lives_by_it_too() -> None:
    machine = Machine()
    store = SteadyStore(MemoryStore(), machine.clock())
    far = machine.wall + 300 * DAY
    store.note("t", "s", "short", frozenset({1}), far + MINUTE, far)
    store.note("t", "s", "long", frozenset({1}), None, far)
    assert [store.turn("t", "s", far, advance=True) for _ in range(2)] == [1, 2]
    assert store.noted("t", "s", frozenset({1, 2}), 0).seen == {"short": {1}, "long": {1}}
    machine.wait(MINUTE)
    assert store.noted("t", "s", frozenset({1}), far).seen == {"long": {1}}
    machine.wait(DAY - MINUTE - 1)
    assert store.turn("t", "s", 0, advance=False) == 2
    machine.wait(1)
    assert store.turn("t", "s", 0, advance=False) == 0
    assert store.noted("t", "s", frozenset({1}), 0).seen == {}
