"""Takes, settlements, sweeps, restarts and leaps of the clock, any of them, against a model."""

from __future__ import annotations

import tempfile
from pathlib import Path
from shutil import rmtree

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from engine.runtime import meter as meters
from engine.runtime.memory import MemoryStore
from engine.runtime.store import NANO, Level, Store, Take
from engine.state.lmdb import LmdbStore
from tests.runtime.exact import ExactBudget, ExactRefill, ExactSlots

DAY = 100
"""A short one, so that many pass."""
WINDOW = 90
START = 1000
NAMES = ("tokens", "slow", "requests", "usd", "never")

SLOTS = "slots"

names = st.sampled_from(NAMES)
anything = st.sampled_from((*NAMES, SLOTS, SLOTS))


class StoreMachine(RuleBasedStateMachine):
    """A store in memory beside the model."""

    def __init__(self) -> None:
        super().__init__()
        self.store = self.opened()
        self.now = START
        self.exact = True
        """Whether the store must grant all that the model does: until a refund or a sweep."""
        self.model: dict[str, ExactRefill | ExactBudget] = {
            "tokens": ExactRefill(limit=10, window=7, burst=12),
            "slow": ExactRefill(limit=3, window=50, burst=20),
            "requests": ExactRefill(limit=1, window=9, burst=3),
            "usd": ExactBudget(limit=15, length=DAY),
            "never": ExactRefill(limit=0, window=1, burst=4),
        }
        self.slots = ExactSlots(limit=2, life=40)
        self.exact_slots = True
        """Whether the store must grant all slots that the model does: until a sweep."""
        self.reserved: dict[str, tuple[int, dict[str, int]]] = {}
        self.nobodies = 0
        self.events: list[int] = []
        self.labels: dict[str, int] = {}

    def opened(self) -> Store:
        return MemoryStore()

    def restarted(self) -> Store:
        assert isinstance(self.store, MemoryStore)
        return self.store.copy()

    def make(self, name: str, amount: int) -> Take:
        if name == SLOTS:
            limit = self.slots.limit * NANO
            return Take(
                rule=name,
                key=name,
                amount=NANO if amount else 0,
                limit=limit,
                burst=limit,
                window=None,
                unit="concurrent",
                life=self.slots.life,
            )
        exact = self.model[name]
        if isinstance(exact, ExactBudget):
            opens = self.now // DAY * DAY
            return Take(
                rule=name,
                key=name,
                amount=amount,
                limit=exact.limit,
                burst=exact.limit,
                window=None,
                opens=opens,
                closes=opens + DAY,
                unit=name,
            )
        return Take(
            rule=name,
            key=name,
            amount=amount,
            limit=exact.limit,
            burst=exact.burst,
            window=exact.window,
            unit=name,
        )

    def standings(self) -> list[int]:
        takes = [self.make(name, 0) for name in (*NAMES, SLOTS)]
        return [level.remaining for level in self.store.peek(takes, self.now)]

    @rule(steps=st.integers(0, 30) | st.integers(-300, 300))
    def pass_time(self, steps: int) -> None:
        self.now = max(0, self.now + steps)

    @rule(name=names, amount=st.integers(0, 6))
    def take_one(self, name: str, amount: int) -> None:
        self.take_all({name: amount}, hold=1000, reserve=True)

    @rule(
        wanted=st.dictionaries(anything, st.integers(0, 6), min_size=1, max_size=3),
        hold=st.just(1000) | st.integers(0, 200),
        reserve=st.sampled_from([True, True, False]),
    )
    def take_several(self, wanted: dict[str, int], hold: int, *, reserve: bool) -> None:
        self.take_all(wanted, hold=hold, reserve=reserve)

    @rule(reserve=st.sampled_from([True, True, True, False]))
    def take_slot(self, *, reserve: bool) -> None:
        self.take_all({SLOTS: 1}, hold=1000, reserve=reserve)

    @precondition(lambda self: self.reserved)
    @rule(
        wanted=st.dictionaries(anything, st.integers(0, 6), min_size=1, max_size=3),
        which=st.integers(0, 99),
    )
    def take_again(self, wanted: dict[str, int], which: int) -> None:
        """Take under the name of a decision that has taken already."""
        decision = sorted(self.reserved)[which % len(self.reserved)]
        self.take_all(wanted, hold=100, reserve=True, again=decision)

    def take_all(
        self, wanted: dict[str, int], *, hold: int, reserve: bool, again: str = ""
    ) -> None:
        before = self.standings()
        takes = [self.make(name, amount) for name, amount in wanted.items()]
        decision = (again or f"d{len(self.reserved)}") if reserve else ""
        mine = again if again and self.reserved[again][0] > self.now else ""
        fits = {name: self.fits(name, amount, mine) for name, amount in wanted.items()}
        peeked = self.store.peek(takes, self.now)
        levels = self.store.take(takes, self.now, reservation=decision, hold=hold)
        assert levels == peeked or again
        for name, level in zip(wanted, levels, strict=True):
            exact = self.exact_slots if name == SLOTS else self.exact
            assert fits[name] or not level.granted
            assert level.granted or not (exact and fits[name])
            if name == SLOTS and exact and not level.granted and not mine:
                self.check_wait(level)
        if all(level.granted for level in levels):
            self.note(wanted, decision, hold)
        else:
            assert self.standings() == before

    def fits(self, name: str, amount: int, mine: str) -> bool:
        if name == SLOTS:
            return self.slots.left(self.now, besides=mine) > 0
        return self.model[name].fits(amount, self.now)

    def check_wait(self, level: Level) -> None:
        """When no slot is free, it is told when enough of them end by themselves."""
        held = self.slots.held(self.now)
        assert level.reset == (held[0] - self.now if held else 0)
        if self.slots.limit:
            assert level.retry_after == held[len(held) - self.slots.limit] - self.now
        else:
            assert level.retry_after == -1

    def note(self, wanted: dict[str, int], decision: str, hold: int) -> None:
        numbers = {
            name: self.model[name].take(amount, self.now)
            for name, amount in wanted.items()
            if name != SLOTS
        }
        until = self.now + hold
        if SLOTS in wanted:
            self.nobodies += 1
            if wanted[SLOTS]:
                self.slots.take(decision or f"nobody{self.nobodies}", self.now)
                until = max(until, self.slots.holders.get(decision, 0))
            else:
                self.slots.free(decision, self.now)
                until = max(until, self.slots.moment(self.now))
            numbers[SLOTS] = 0
        corrigible = {name: number for name, number in numbers.items() if name != "requests"}
        if decision:
            ends, earlier = self.reserved.get(decision, (0, {}))
            if ends <= self.now:  # A slot may last longer than it seems, see `settle`.
                earlier = {SLOTS: 0} if SLOTS in earlier and not self.exact_slots else {}
            kept = earlier | corrigible
            self.reserved[decision] = (max(until, ends), kept) if corrigible else (ends, earlier)

    @precondition(lambda self: self.reserved)
    @rule(data=st.data())
    def settle(self, data: st.DataObject) -> None:
        decision = data.draw(st.sampled_from(sorted(self.reserved)))
        until, numbers = self.reserved[decision]
        units = st.sampled_from([*numbers] or ["usd"])
        amounts = data.draw(st.dictionaries(units, st.sampled_from([0, 0, 1, 2, 20])))
        settled = self.store.settle(decision, amounts, self.now)
        assert settled or until <= self.now
        # What was swept may have put the slots' time forward, and with it the reservation's end.
        assert until > self.now or not settled or (SLOTS in numbers and not self.exact_slots)
        self.reserved[decision] = (0, {})
        if not settled:
            return
        for name, number in numbers.items():
            if name == SLOTS:
                self.slots.free(decision, self.now, known=self.exact_slots)
                continue
            exact = self.model[name]
            estimate = exact.takes[number][1]
            real = amounts.get(name, estimate)
            exact.correct(number, real, self.now)
            self.exact = self.exact and real == estimate

    @rule(limit=st.integers(0, 4), life=st.sampled_from([5, 40, 40, 200]))
    def write_another_limit(self, limit: int, life: int) -> None:
        self.slots.limit, self.slots.life = limit, life

    @rule(what=st.sampled_from(["sweep", "record", "label", "restart"]), figure=st.integers(1, 200))
    def do_something_else(self, what: str, figure: int) -> None:
        match what:
            case "sweep":
                self.sweep(figure)
            case "record":
                self.record()
            case "label":
                self.label("ab"[figure % 2], figure)
            case _:
                self.store = self.restarted()

    def sweep(self, limit: int) -> None:
        if self.store.sweep(self.now, limit):
            self.exact = self.exact_slots = False
        while self.store.sweep(self.now, 1000):
            self.exact = self.exact_slots = False
        for exact in self.model.values():
            exact.sweep(self.now)
        self.slots.sweep(self.now)
        for decision, (until, _) in list(self.reserved.items()):
            if until <= self.now:
                self.reserved[decision] = (0, {})
        slot = meters.slot_length(WINDOW)
        if self.events and (max(self.events) // slot + 61) * slot <= self.now:
            self.events.clear()
        if self.labels and max(self.labels.values()) <= self.now:
            self.labels.clear()

    def record(self) -> None:
        self.store.record("m", "k", WINDOW, self.now)
        self.events.append(max([self.now, *self.events]))

    def label(self, label: str, life: int) -> None:
        self.store.label("t", "s", label, self.now + life, self.now)
        self.labels[label] = max(self.now + life, self.labels.get(label, 0))

    @invariant()
    def no_more_is_left_than_exactly(self) -> None:
        *standings, free = self.standings()
        for name, left in zip(NAMES, standings, strict=True):
            exactly = self.model[name].left(self.now)
            assert left == exactly if self.exact else left <= exactly
        exactly = self.slots.left(self.now) * NANO
        assert free == exactly if self.exact_slots else free <= exactly

    @invariant()
    def meters_are_right_to_a_slot(self) -> None:
        now = max([self.now, *self.events])
        found = self.store.count("m", "k", WINDOW, self.now)
        slack = 2 * meters.slot_length(WINDOW)
        assert found >= sum(1 for at in self.events if at >= now - WINDOW)
        assert found <= sum(1 for at in self.events if at > now - WINDOW - 60 * slack)

    @invariant()
    def labels_are_there(self) -> None:
        there = {label for label, until in self.labels.items() if until > self.now}
        assert self.store.labels("t", "s", self.now) == there

    def teardown(self) -> None:
        self.store.close()


class LmdbMachine(StoreMachine):
    """A store in a file, closed and opened again as a restart."""

    def opened(self) -> Store:
        self.folder = Path(tempfile.mkdtemp())
        return LmdbStore(self.folder, map_size=2**17)

    def restarted(self) -> Store:
        self.store.close()
        return LmdbStore(self.folder, map_size=2**17)

    def teardown(self) -> None:
        super().teardown()
        rmtree(self.folder)


class LongMachine(StoreMachine):
    """As much as a night allows."""


class LongLmdbMachine(LmdbMachine):
    """As much as a night allows."""


StoreMachine.TestCase.settings = settings(max_examples=80, stateful_step_count=60)
LmdbMachine.TestCase.settings = settings(max_examples=25, stateful_step_count=60)
LongMachine.TestCase.settings = settings(max_examples=3000, stateful_step_count=80)
LongLmdbMachine.TestCase.settings = settings(max_examples=1000, stateful_step_count=80)
TestMemory = pytest.mark.slow(StoreMachine.TestCase)
TestLmdb = pytest.mark.slow(LmdbMachine.TestCase)
TestMemoryLong = pytest.mark.nightly(LongMachine.TestCase)
TestLmdbLong = pytest.mark.nightly(LongLmdbMachine.TestCase)
