from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.runtime.memory import MemoryStore
from engine.runtime.store import Store
from engine.state.lmdb import LmdbStore

SMALL = 2**18


@pytest.fixture(params=["memory", "lmdb"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    made: Store = (
        MemoryStore() if request.param == "memory" else LmdbStore(tmp_path, map_size=SMALL)
    )
    yield made
    made.close()
