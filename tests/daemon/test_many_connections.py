"""Thousands of connections to the real daemon: what they cost, and that nobody else notices."""

from __future__ import annotations

import os
import resource
import select
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import grpc
import pytest
from hpack import Encoder

from engine.doors.http2 import frames
from engine.wire import engine_pb2 as wire
from tests.daemon.running import PATIENCE, Running, daemon
from tests.doors.grpc.authority import Authority
from tests.service.bundle import write_folder

pytestmark = pytest.mark.slow

AUTHORITY = Authority()
IDLE = 10_000
IDLE_BYTES = 16 << 10
"""Of memory for a connection that only is there."""
TLS_IDLE, TLS_BYTES = 500, 128 << 10
CPU_SECONDS = 30
GREETING = frames.PREFACE + frames.settings(())
REQUEST = wire.DecideRequest(
    tenant_id="north", user_id="u1", stage=wire.STAGE_REQUEST, content="hello"
).SerializeToString()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_folder(tmp_path / "policies", {"door.pol": "policy door { default allow }"})
    AUTHORITY.issue().write(tmp_path)
    return tmp_path


@pytest.fixture
def files() -> Iterator[int]:
    """Let this process have many files open."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    if before[1] < IDLE + 1_000:
        pytest.skip(f"no more than {before[1]} files may be open here")
    resource.setrlimit(resource.RLIMIT_NOFILE, (before[1], before[1]))
    yield before[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def flags(*settings: str) -> tuple[str, ...]:
    common = ("grpc.listen=127.0.0.1:0", "grpc.transport=lean", "metrics.listen=")
    return tuple(part for one in (*common, *settings) for part in ("--set", one))


def resident(process: int) -> int:
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGESIZE")


@contextmanager
def asking(running: Running) -> Iterator[Any]:
    """Yield what asks for a decision, on a connection of its own."""
    with grpc.insecure_channel(running.address) as made:
        channel: Any = made
        method = channel.unary_unary("/engine.v1.PolicyEngine/Decide")

        def ask() -> float:
            began = time.perf_counter()
            found = method(REQUEST, timeout=PATIENCE, wait_for_ready=True)
            assert wire.Decision.FromString(found).action == wire.ACTION_ALLOW
            return time.perf_counter() - began

        for _ in range(200):
            ask()
        yield ask


def where(running: Running) -> tuple[str, int]:
    host, _, port = running.address.rpartition(":")
    return host, int(port)


def greet(running: Running, stack: ExitStack, count: int) -> list[socket.socket]:
    """Return so many connections that have said what they must, and were answered."""
    made = []
    for _ in range(count):
        one = stack.enter_context(socket.create_connection(where(running), PATIENCE))
        one.sendall(GREETING)
        made.append(one)
    for one in made:
        assert one.recv(9)[3] == frames.SETTINGS
    return made


def test_ten_thousand_idle_connections_cost_little_and_hold_nobody_up(
    folder: Path, files: int
) -> None:
    del files
    with daemon(folder, *flags()) as running, asking(running) as ask, ExitStack() as stack:
        before = resident(running.process.pid)
        connections = greet(running, stack, IDLE)
        for _ in range(500):
            ask()
        assert resident(running.process.pid) - before < IDLE * IDLE_BYTES
        assert connections[0].send(frames.ping(b"still it", ack=False))
        assert frames.PING in connections[0].recv(4096)[3:]
        stack.close()
        ask()
        assert running.stop() == 0


def test_idle_connections_with_tls_are_bounded_too(folder: Path) -> None:
    files = ("grpc.tls.certificate_file=tls.crt", "grpc.tls.key_file=tls.key")
    context = ssl.create_default_context(cadata=AUTHORITY.root.decode())
    context.set_alpn_protocols(["h2"])
    with (
        daemon(folder, *flags(*files, "grpc.socket=s")) as running,
        asking(Running(running.process, f"unix://{folder}/s", running.errors)) as ask,
        ExitStack() as stack,
    ):
        before = resident(running.process.pid)
        for _ in range(TLS_IDLE):
            raw = socket.create_connection(where(running), PATIENCE)
            found = stack.enter_context(context.wrap_socket(raw, server_hostname="localhost"))
            found.sendall(GREETING)
            assert found.recv(9)[3] == frames.SETTINGS
        silent = [stack.enter_context(socket.socket()) for _ in range(TLS_IDLE)]
        for one in silent:
            one.connect(where(running))
        ask()
        assert resident(running.process.pid) - before < 2 * TLS_IDLE * TLS_BYTES
        assert running.stop() == 0


def test_a_daemon_that_may_open_few_files_refuses_what_is_too_much_and_goes_on(
    folder: Path, files: int
) -> None:
    del files
    few = 400
    limit = (
        f"import resource, runpy; resource.setrlimit(resource.RLIMIT_NOFILE, ({few}, {few}));"
        "runpy.run_module('engine', run_name='__main__')"
    )
    with (
        subprocess.Popen(  # noqa: S603 - our own interpreter
            [sys.executable, "-c", limit, "serve", "policies", *flags("grpc.socket=s")],
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        ) as process,
        ExitStack() as stack,
    ):
        stack.callback(process.kill)  # Else it would be waited for when anything fails.
        assert process.stdout is not None
        address = process.stdout.readline().split(" serves ")[1].split(",")[0]
        running = Running(process, address, folder / "errors.txt")
        with asking(running) as ask, ExitStack() as opened:
            made = [
                opened.enter_context(socket.create_connection(where(running), PATIENCE))
                for _ in range(2 * few)
            ]
            time_before = cpu(process.pid)
            ask()
            refused = [one for one in made if ended(one)]
            assert len(refused) > few
            assert cpu(process.pid) - time_before < CPU_SECONDS
            ask()
        assert running.stop() == 0


def ended(one: socket.socket) -> bool:
    """Return whether the daemon has ended a connection; those that it keeps were greeted."""
    poll = select.poll()  # `select` takes no descriptor above 1,023.
    poll.register(one, select.POLLIN)
    assert poll.poll(PATIENCE * 1000)
    try:
        return one.recv(9) == b""
    except ConnectionError:
        return True


def cpu(process: int) -> float:
    """Return the seconds of processor that a process has had."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_a_thousand_connections_that_ask_once_each_leave_nothing(folder: Path) -> None:
    fields = (
        (":method", "POST"),
        (":scheme", "http"),
        (":path", "/engine.v1.PolicyEngine/Decide"),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
    )
    body = b"\0" + len(REQUEST).to_bytes(4) + REQUEST
    asked = (
        GREETING
        + frames.headers(1, Encoder().encode(fields), frames.FRAME_BYTES, end=False)
        + frames.head(len(body), frames.DATA, frames.END_STREAM, 1)
        + body
    )
    with daemon(folder, *flags()) as running, asking(running) as ask:
        opened, before = sockets_of(running), resident(running.process.pid)
        for _ in range(1_000):
            with socket.create_connection(where(running), PATIENCE) as one:
                one.sendall(asked)
                seen = b""
                while b"grpc-status" not in seen:  # No Huffman code in what it says.
                    seen += one.recv(4096)
        ask()
        deadline = time.monotonic() + PATIENCE
        while sockets_of(running) > opened:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        assert resident(running.process.pid) - before < 16 << 20
        assert running.stop() == 0


def sockets_of(running: Running) -> int:
    """Return how many sockets a daemon has open."""
    found = 0
    for one in Path(f"/proc/{running.process.pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # It was closed just now.
            found += str(one.readlink()).startswith("socket:")
    return found
