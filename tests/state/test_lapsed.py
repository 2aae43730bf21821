from __future__ import annotations

from pathlib import Path

import pytest

from engine.runtime.memory import MemoryStore
from engine.runtime.store import Store
from engine.state.clock import SteadyClock, SteadyStore, keep_here
from engine.state.lmdb import LmdbStore
from engine.state.spare import Spare
from tests.state.takes import MINUTE, NOW, tokens


@pytest.mark.parametrize("kind", ["memory", "lmdb"])
def test_what_nobody_settled_is_counted_once(kind: str, tmp_path: Path) -> None:
    store: Store = MemoryStore() if kind == "memory" else LmdbStore(tmp_path, map_size=2**18)
    for number in range(3):
        store.take([tokens()], NOW, reservation=f"d{number}", hold=MINUTE)
    store.settle("d0", {}, NOW)
    assert not store.settle("d1", {}, NOW + MINUTE)
    assert not store.settle("unknown", {}, NOW + MINUTE)
    store.sweep(NOW + MINUTE, 100)
    assert store.lapsed == 2
    assert not store.settle("d2", {}, NOW + MINUTE)
    assert store.lapsed == 2
    store.close()


def test_a_store_at_hand_has_its_callers_clock_and_no_other_beside_it(tmp_path: Path) -> None:
    store = LmdbStore(tmp_path, map_size=2**18)
    steady = SteadyStore(store, SteadyClock(keep_here(), boot=b"b" * 36))
    assert store.instant(NOW) == NOW
    assert steady.spare() is store.spare() is None
    store.close()


def test_stores_around_a_store_say_what_it_does() -> None:
    store = MemoryStore()
    steady = SteadyStore(store, SteadyClock(keep_here(), boot=b"b" * 36))
    store.lapsed = 3
    assert steady.lapsed == Spare(store).lapsed == 3
