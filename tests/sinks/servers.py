"""Real servers for tests, each in a process of its own that is killed with the test."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.ports import free_port

ROOT = Path(__file__).parents[2]
PATIENCE = 60.0


def wait_for(port: int) -> None:
    """Return when somebody listens on *port*."""
    ends = time.monotonic() + PATIENCE
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            assert time.monotonic() < ends, f"nobody listens on port {port}"
            time.sleep(0.02)
        else:
            return


class Server:
    """A server that can be killed and started again, with what it has kept."""

    def __init__(self, command: list[str], port: int) -> None:
        self.port = port
        self._command = command
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it listens."""
        self._process = subprocess.Popen(  # noqa: S603 - a server that the test names
            self._command,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        wait_for(self.port)

    def kill(self) -> None:
        """End it as a crash would."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            self._process = None


@contextmanager
def nats_server(folder: Path) -> Iterator[Server]:
    """Run nats-server with JetStream in *folder*."""
    program = shutil.which("nats-server")
    if program is None:
        pytest.skip("there is no nats-server")
    port = free_port()
    server = Server([program, "-a", "127.0.0.1", "-p", str(port), "-js", "-sd", str(folder)], port)
    server.start()
    try:
        yield server
    finally:
        server.kill()


@contextmanager
def s3_server() -> Iterator[Server]:
    """Run moto's S3."""
    port = free_port()
    code = f"from moto.server import main; main(['-H', '127.0.0.1', '-p', '{port}'])"
    server = Server([sys.executable, "-W", "ignore", "-c", code], port)
    server.start()
    try:
        yield server
    finally:
        server.kill()
