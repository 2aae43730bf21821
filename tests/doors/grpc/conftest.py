from __future__ import annotations

from collections.abc import Iterator

import grpc
import pytest

from engine.runtime.memory import MemoryStore
from tests.doors.grpc import serving
from tests.doors.grpc.serving import Channel, Daemon, serve


@pytest.fixture(scope="session", autouse=True, params=["grpcio", "lean"])
def transport(request: pytest.FixtureRequest) -> str:
    """Build every door over each of the servers: both keep the same promises."""
    serving.chosen = request.param
    return serving.chosen


@pytest.fixture(scope="session", params=["tcp", "unix"])
def running(
    transport: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Daemon]:
    folder = tmp_path_factory.mktemp("door")
    address = "127.0.0.1:0" if request.param == "tcp" else f"unix://{folder}/engine.sock"
    with serve(address, transport=transport) as started:
        yield started


@pytest.fixture
def daemon(running: Daemon) -> Daemon:
    """Return a daemon that has seen nothing yet."""
    running.gate.store = MemoryStore()
    return running


@pytest.fixture
def channel(daemon: Daemon) -> Iterator[Channel]:
    with grpc.insecure_channel(
        daemon.address, [("grpc.max_send_message_length", 64 << 20)]
    ) as made:
        yield made
