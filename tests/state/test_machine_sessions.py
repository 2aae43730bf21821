"""What sessions read, their turns, sweeps, restarts and leaps of the clock, against a model."""

from __future__ import annotations

import tempfile
from pathlib import Path
from shutil import rmtree

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from engine.runtime.memory import LINGER, MemoryStore
from engine.runtime.store import USER, Store
from engine.state.lmdb import LmdbStore

LIFE = 160
"""Of a session: a short one, so that many end."""
START = 1000
PRINTS = frozenset(range(40))
EVERYTHING = frozenset(range(400))

sources = st.sampled_from([USER, "untrusted", "page"])
sessions = st.sampled_from(["s", "t"])
prints = st.frozensets(st.sampled_from(sorted(PRINTS)), max_size=8) | st.builds(
    lambda start, size: frozenset(range(start, start + size)),
    st.integers(0, 300),
    st.integers(0, 99),
)


class SessionMachine(RuleBasedStateMachine):
    """A store in memory beside the model."""

    def __init__(self) -> None:
        super().__init__()
        self.store = self.opened()
        self.now = START
        self.floor = 0
        """What was forgotten stays so: the clock does not go back before the last sweep."""
        self.sources: dict[tuple[str, str], tuple[int, frozenset[int]]] = {}
        self.turns: dict[str, tuple[int, int]] = {}

    def opened(self) -> Store:
        return MemoryStore(session_life=LIFE)

    def restarted(self) -> Store:
        assert isinstance(self.store, MemoryStore)
        return self.store.copy()

    @rule(steps=st.integers(0, 30) | st.integers(-100, 200))
    def pass_time(self, steps: int) -> None:
        self.now = max(self.floor, self.now + steps)

    @rule(session=sessions, source=sources, new=prints, life=st.none() | st.integers(-5, 120))
    def note(self, session: str, source: str, new: frozenset[int], life: int | None) -> None:
        until = None if life is None else self.now + life
        self.store.note("north", session, source, new, until, self.now)
        for place in [one for one in self.sources if one[0] == session]:
            if self.sources[place][0] <= self.now:
                del self.sources[place]  # What has ended is gone, should the clock go back too.
        end, kept = self.sources.get((session, source), (self.now, frozenset[int]()))
        if until is not None:
            end = max(end, until)
        elif end < self.now + LIFE - LIFE // LINGER:
            end = self.now + LIFE
        self.sources[session, source] = (end, kept | new)

    @rule(session=sessions, moved=st.booleans())
    def turn(self, session: str, *, moved: bool) -> None:
        until, count = self.turns.get(session, (0, 0))
        count = count if until > self.now else 0
        if moved:
            count += 1
            self.turns[session] = (self.now + LIFE, count)
        assert self.store.turn("north", session, self.now, advance=moved) == count

    @rule(what=st.sampled_from(["sweep", "restart"]), limit=st.integers(1, 9))
    def forget_or_restart(self, what: str, limit: int) -> None:
        if what == "restart":
            self.store = self.restarted()
            return
        self.floor = self.now
        self.store.sweep(self.now, limit)

    @rule(session=sessions, asked=prints)
    def ask(self, session: str, asked: frozenset[int]) -> None:
        self.check(session, asked)

    @invariant()
    def all_is_there(self) -> None:
        self.check("s", EVERYTHING)
        self.check("t", EVERYTHING)

    def check(self, session: str, asked: frozenset[int]) -> None:
        found = self.store.noted("north", session, asked, self.now)
        assert not found.full
        assert found.seen == {
            source: kept & asked
            for (where, source), (until, kept) in self.sources.items()
            if where == session and until > self.now
        }

    def teardown(self) -> None:
        later = self.now + 10 * LIFE
        while self.store.sweep(later, 1000):
            pass
        for session in ("s", "t"):
            assert self.store.noted("north", session, EVERYTHING, 0).seen == {}
            assert self.store.turn("north", session, 0, advance=False) == 0
        self.store.close()


class LmdbSessionMachine(SessionMachine):
    """A store in a file, closed and opened again as a restart."""

    def opened(self) -> Store:
        self.folder = Path(tempfile.mkdtemp())
        return LmdbStore(self.folder, map_size=2**17, session_life=LIFE)

    def restarted(self) -> Store:
        self.store.close()
        return LmdbStore(self.folder, map_size=2**17, session_life=LIFE)

    def teardown(self) -> None:
        super().teardown()
        rmtree(self.folder)


@pytest.mark.parametrize("new", [frozenset[int](), frozenset({1})])
@pytest.mark.parametrize("life", [0, -1])
def test_what_ends_at_once_is_there_for_a_clock_that_goes_back(
    tmp_path: Path, life: int, new: frozenset[int]
) -> None:
    for store in (MemoryStore(session_life=LIFE), LmdbStore(tmp_path, session_life=LIFE)):
        store.note("north", "s", USER, new, START + life, START)
        assert store.noted("north", "s", EVERYTHING, START).seen == {}
        assert store.noted("north", "s", EVERYTHING, START - 1).seen == {USER: new}
        store.close()


class LongSessionMachine(SessionMachine):
    """As much as a night allows."""


class LongLmdbSessionMachine(LmdbSessionMachine):
    """As much as a night allows."""


SessionMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=50)
LmdbSessionMachine.TestCase.settings = settings(max_examples=40, stateful_step_count=50)
LongSessionMachine.TestCase.settings = settings(max_examples=3000, stateful_step_count=80)
LongLmdbSessionMachine.TestCase.settings = settings(max_examples=1500, stateful_step_count=80)
TestMemory = pytest.mark.slow(SessionMachine.TestCase)
TestLmdb = pytest.mark.slow(LmdbSessionMachine.TestCase)
TestMemoryLong = pytest.mark.nightly(LongSessionMachine.TestCase)
TestLmdbLong = pytest.mark.nightly(LongLmdbSessionMachine.TestCase)
