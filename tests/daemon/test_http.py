from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from engine.daemon import http
from engine.daemon.counts import Metrics
from engine.daemon.http import WatchServer
from engine.daemon.metrics import GateWatch, make_registry
from engine.daemon.options import Address
from engine.runtime.memory import MemoryStore
from engine.service.bundles import Recipe, load_folder
from engine.service.gate import Gate
from tests.service.bundle import SECRET, write_folder

Work = Callable[[WatchServer, Address], Awaitable[None]]


@pytest.fixture
def gate() -> Gate:
    return Gate(MemoryStore(), secret=SECRET)


def serving(gate: Gate, work: Work) -> None:
    """Run *work* while the pages are served."""

    async def run() -> None:
        server = WatchServer(GateWatch(gate, make_registry(Metrics(), gate)))
        address = await server.start(Address("127.0.0.1", 0))
        try:
            await work(server, address)
        finally:
            await server.stop()

    asyncio.run(run())


async def exchange(address: Address, sent: bytes, *, end: bool = False) -> bytes:
    """Return all that is answered to the bytes *sent*; nothing when the connection is reset."""
    reader, writer = await asyncio.open_connection(address.host, address.port)
    try:
        writer.write(sent)
        if end:
            writer.write_eof()
        return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


def fetch(gate: Gate, *paths: str, draining: bool = False) -> list[tuple[str, str]]:
    """Return status and body of each of *paths*."""
    found: list[tuple[str, str]] = []

    async def work(server: WatchServer, address: Address) -> None:
        server.draining = draining
        for path in paths:
            answer = await exchange(address, f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            head, _, body = answer.partition(b"\r\n\r\n")
            found.append((head.split(b" ", 1)[1].split(b"\r\n")[0].decode(), body.decode()))

    serving(gate, work)
    return found


def test_metrics_come_as_text_for_scrapers(gate: Gate) -> None:
    ((status, body),) = fetch(gate, "/metrics?x=1")
    assert status == "200 OK"
    assert "engine_ready 0.0" in body
    assert "process_resident_memory_bytes" in body


def test_readiness_follows_the_policies_and_the_drain(gate: Gate, tmp_path: Path) -> None:
    assert fetch(gate, "/healthz", "/readyz") == [
        ("200 OK", "alive\n"),
        ("503 Service Unavailable", "no policies were loaded yet\n"),
    ]
    gate.swap(load_folder(write_folder(tmp_path), Recipe(SECRET)))
    assert fetch(gate, "/readyz") == [("200 OK", f"serving {gate.status().revision}\n")]
    assert fetch(gate, "/healthz", "/readyz", draining=True) == [
        ("200 OK", "alive\n"),
        ("503 Service Unavailable", "draining\n"),
    ]


def test_other_pages_do_not_exist(gate: Gate) -> None:
    assert fetch(gate, "/") == [("404 Not Found", "see /metrics, /healthz and /readyz\n")]


def test_other_methods_are_refused_and_head_has_no_body(gate: Gate) -> None:
    async def work(_server: WatchServer, address: Address) -> None:
        posted = await exchange(address, b"POST /metrics HTTP/1.1\r\n\r\n")
        assert posted.startswith(b"HTTP/1.1 405 ")
        headed = await exchange(address, b"HEAD /healthz HTTP/1.1\r\n\r\n")
        assert headed.endswith(b"Content-Length: 6\r\nConnection: close\r\n\r\n")

    serving(gate, work)


@pytest.mark.parametrize("sent", [b"", b"GET /metrics", b"\x16\x03\x01", b"x" * 20_000])
def test_a_client_that_speaks_no_http_gets_nothing_and_disturbs_nobody(
    gate: Gate, sent: bytes
) -> None:
    async def work(_server: WatchServer, address: Address) -> None:
        assert await exchange(address, sent, end=True) == b""
        assert b"alive" in await exchange(address, b"GET /healthz HTTP/1.1\r\n\r\n")

    serving(gate, work)


def test_a_client_that_says_nothing_is_not_waited_for(
    gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "PATIENCE", 0.01)

    async def work(_server: WatchServer, address: Address) -> None:
        assert await exchange(address, b"GET ") == b""

    serving(gate, work)


def test_clients_beyond_the_limit_are_turned_away(
    gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "MOST_CLIENTS", 1)

    async def work(_server: WatchServer, address: Address) -> None:
        reader, first = await asyncio.open_connection(address.host, address.port)
        first.write(b"GET ")
        await first.drain()
        # The second is accepted after the first, and the first is still being read.
        assert await exchange(address, b"GET /healthz HTTP/1.1\r\n\r\n", end=True) == b""
        first.write_eof()
        assert await reader.read() == b""
        first.close()
        await first.wait_closed()

    serving(gate, work)


def test_a_server_that_never_started_can_be_stopped(gate: Gate) -> None:
    asyncio.run(WatchServer(GateWatch(gate, make_registry(Metrics(), gate))).stop())
