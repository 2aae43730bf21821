from __future__ import annotations

from pathlib import Path

import pytest

from engine.runtime.memory import MemoryStore
from engine.runtime.policyset import PolicySet
from engine.runtime.store import Store
from engine.state.lmdb import LmdbStore
from tests.runtime.made import answer, at, load
from tests.runtime.transcripts import POLICY, TRANSCRIPTS

WHO: dict[str, object] = {
    "tenant": {"id": "corp"},
    "user": {"id": "jane@corp.example"},
    "session": {"id": "s"},
}


@pytest.fixture(scope="module")
def agents() -> PolicySet:
    return load(POLICY)


@pytest.mark.parametrize("name", TRANSCRIPTS)
def test_agents_do_what_the_user_said(name: str, agents: PolicySet) -> None:
    check(name, agents, MemoryStore())


@pytest.mark.parametrize("name", TRANSCRIPTS)
def test_a_store_in_a_file_knows_the_same(name: str, agents: PolicySet, tmp_path: Path) -> None:
    store = LmdbStore(tmp_path, map_size=2**20)
    check(name, agents, store)
    store.close()


def check(name: str, agents: PolicySet, store: Store) -> None:
    for number, step in enumerate(TRANSCRIPTS[name]):
        made = answer(agents, WHO | step.request, store, at(number))
        assert (number, made.action) == (number, step.action), step.request
