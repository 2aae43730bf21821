"""A state file that goes while it is in use: nothing is counted beside what others count."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from engine.runtime.store import StoreUnavailable
from engine.state.lmdb import FILE, LmdbStore
from tests.state.takes import NOW, requests


def removed(path: Path) -> None:
    path.rename(path.with_name("away"))


def replaced(path: Path) -> None:
    path.rename(path.with_name("away"))
    path.write_bytes(b"")


@pytest.mark.parametrize("take_away", [removed, replaced])
@pytest.mark.parametrize("name", [FILE, f"{FILE}-lock"])
def test_a_file_that_is_gone_is_not_counted_in_until_it_is_back(
    tmp_path: Path, name: str, take_away: Callable[[Path], None]
) -> None:
    store = LmdbStore(tmp_path)
    path = tmp_path / name
    assert store.take([requests("a")], NOW)[0].granted
    take_away(path)
    with pytest.raises(StoreUnavailable, match="removed or replaced while it was in use"):
        store.sweep(NOW, 1)
    with pytest.raises(StoreUnavailable, match="removed or replaced"):
        store.take([requests("a")], NOW)
    with pytest.raises(StoreUnavailable, match="removed or replaced"):
        store.labels("t", "s", NOW)
    path.with_name("away").replace(path)
    store.take([requests("a")], NOW)
    assert store.sweep(NOW, 1) == 0
    store.close()


def test_a_file_that_others_share_stays_what_it_is(tmp_path: Path) -> None:
    store = LmdbStore(tmp_path)
    for number in range(3000):  # It grows.
        store.take([requests(f"{number:08}")], NOW)
    assert store.sweep(NOW, 1) == 0
    store.close()
