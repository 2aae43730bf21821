from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.clients.asking import KINDS
from tests.doors.grpc.serving import Daemon, serve


@pytest.fixture(params=["tcp", "unix"])
def daemon(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Daemon]:
    address = "127.0.0.1:0" if request.param == "tcp" else f"unix://{tmp_path}/engine.sock"
    with serve(address) as running:
        yield running


@pytest.fixture(params=[*KINDS])
def client(request: pytest.FixtureRequest, daemon: Daemon) -> Iterator[Any]:
    with KINDS[request.param](daemon.address, timeout=5) as made:
        yield made
