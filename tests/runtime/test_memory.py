from __future__ import annotations

import pytest

from engine.runtime.memory import MemoryStore
from engine.runtime.store import Take

NOW = 1_767_225_600_000_000_000


def take(name: str, amount: int = 1) -> Take:
    return Take(rule="r", key=name, amount=amount, limit=10, burst=10, window=1000, unit="tokens")


def test_a_copy_goes_its_own_way() -> None:
    store = MemoryStore(session_life=50)
    store.take([take("a", 4)], NOW, reservation="d", hold=100)
    store.record("m", "k", 1000, NOW)
    store.label("t", "s", "first", None, NOW)
    copy = store.copy()
    copy.take([take("a", 6)], NOW)
    copy.record("m", "k", 1000, NOW)
    copy.label("t", "s", "second", None, NOW)
    assert copy.settle("d", {"tokens": 0}, NOW)
    assert store.peek([take("a", 6)], NOW)[0].granted
    assert store.count("m", "k", 1000, NOW) == 1
    assert store.labels("t", "s", NOW + 49) == {"first"}
    assert copy.labels("t", "s", NOW + 49) == {"first", "second"}
    assert not copy.labels("t", "s", NOW + 50)
    assert store.settle("d", {"tokens": 0}, NOW)
    store.close()


@pytest.mark.slow
def test_what_no_longer_matters_does_not_pile_up() -> None:
    store = MemoryStore()
    for number in range(10_000):
        store.take([take(f"a{number}")], NOW + number * 1000)
        store.record("m", str(number), 1, NOW + number * 1000)
        store.label("t", str(number), "tainted", NOW + number * 1000, NOW)
    assert store._kept.size() <= 2048


def test_what_still_matters_is_kept_however_much_it_is() -> None:
    store = MemoryStore()
    for number in range(5000):
        store.take([take(f"a{number}", 10)], NOW)
    assert not any(store.peek([take(f"a{number}")], NOW)[0].granted for number in range(5000))
