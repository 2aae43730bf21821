from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.runtime.memory import MemoryStore
from engine.runtime.store import Store
from engine.state.lmdb import LmdbStore
from tests.state.servers import MISSING, PROGRAM, Server, ValkeyStore, shared

SMALL = 2**18


@pytest.fixture
def server() -> Server:
    """A Valkey or Redis server that the tests of a process share, empty."""
    if PROGRAM is None:
        pytest.skip(MISSING)
    made = shared()
    made.do("FLUSHALL")
    return made


@pytest.fixture(params=["memory", "lmdb", "valkey"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    made: Store
    match request.param:
        case "memory":
            made = MemoryStore()
        case "lmdb":
            made = LmdbStore(tmp_path, map_size=SMALL)
        case _:
            server: Server = request.getfixturevalue("server")
            made = ValkeyStore(server.url)
    yield made
    made.close()
