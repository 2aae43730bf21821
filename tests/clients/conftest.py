from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from engine.runtime.memory import MemoryStore
from tests.clients.asking import KINDS, PATIENCE
from tests.doors.grpc.serving import Daemon, serve


@pytest.fixture(scope="session", params=["tcp-lean", "unix-lean", "tcp-grpcio"])
def running(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Daemon]:
    folder = tmp_path_factory.mktemp("client")
    way, _, transport = request.param.partition("-")
    address = "127.0.0.1:0" if way == "tcp" else f"unix://{folder}/engine.sock"
    with serve(address, transport=transport) as started:
        yield started


@pytest.fixture
def daemon(running: Daemon) -> Daemon:
    """Return a daemon that has seen nothing yet."""
    running.gate.store = MemoryStore()
    return running


@pytest.fixture(params=[*KINDS])
def client(request: pytest.FixtureRequest, daemon: Daemon) -> Iterator[Any]:
    with KINDS[request.param](daemon.address, timeout=PATIENCE) as made:
        yield made
