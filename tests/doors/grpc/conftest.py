from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest

from tests.doors.grpc.serving import Channel, Daemon, serve


@pytest.fixture(params=["tcp", "unix"])
def daemon(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Daemon]:
    address = "127.0.0.1:0" if request.param == "tcp" else f"unix://{tmp_path}/engine.sock"
    with serve(address) as running:
        yield running


@pytest.fixture
def channel(daemon: Daemon) -> Iterator[Channel]:
    with grpc.insecure_channel(
        daemon.address, [("grpc.max_send_message_length", 64 << 20)]
    ) as made:
        yield made
