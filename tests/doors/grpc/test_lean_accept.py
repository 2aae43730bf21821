"""Connections that come in, in the event loop of the tests and in that of the daemon."""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import suppress
from threading import Thread
from typing import ClassVar, Self

import pytest
import uvloop

from engine.doors.grpc import lean_accept
from engine.doors.grpc.lean_accept import Acceptor
from engine.doors.grpc.lean_sockets import secured
from engine.doors.grpc.listener import Tls
from tests.doors.grpc.authority import Authority

AUTHORITY = Authority()
SERVER = AUTHORITY.issue()
CONTEXT = secured(Tls(SERVER.certificate, SERVER.key))
PATIENCE = 60


class Echo(asyncio.Protocol):
    """Says what it hears."""

    there: ClassVar[set[Echo]] = set()
    """Those whose clients have not gone."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.there.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self.there.discard(self)

    def data_received(self, data: bytes) -> None:
        self.transport.write(data)  # type: ignore[attr-defined]


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def loop(request: pytest.FixtureRequest) -> Iterator[asyncio.AbstractEventLoop]:
    made = request.param()
    thread = Thread(target=made.run_forever)
    thread.start()
    yield made
    asyncio.run_coroutine_threadsafe(hear(), made).result(PATIENCE)
    made.call_soon_threadsafe(made.stop)
    thread.join()
    made.close()


async def hear() -> None:
    """Let connections hear that their clients have gone."""
    while Echo.there:  # noqa: ASYNC110 - the kernel says so when it has time
        await asyncio.sleep(0.001)
    for _ in range(20):
        await asyncio.sleep(0)


class Listening:
    """An acceptor that runs in *loop*."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        make: Callable[[], asyncio.Protocol | None] = Echo,
        context: ssl.SSLContext | None = None,
        handshakes: int = 10,
        patience: float = PATIENCE,
    ) -> None:
        self._loop = loop
        listening = socket.create_server(("127.0.0.1", 0))
        self._where = listening.getsockname()
        self.acceptor = Acceptor(listening, make, context, handshakes, patience)

    def __enter__(self) -> Self:
        self._do(self.acceptor.start)
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop()

    def stop(self) -> None:
        self._do(self.acceptor.stop)

    def connect(self) -> socket.socket:
        return socket.create_connection(self._where, PATIENCE)

    def _do(self, work: Callable[[], None]) -> None:
        async def run() -> None:
            work()

        asyncio.run_coroutine_threadsafe(run(), self._loop).result(PATIENCE)


def ended(found: socket.socket) -> bool:
    """Return whether the server ends the connection without a word."""
    try:
        return found.recv(1) == b""
    except ConnectionError:
        return True


def echoes(found: socket.socket) -> bool:
    found.sendall(b"word")
    return found.recv(4) == b"word"


def alert_of(loop: asyncio.AbstractEventLoop, version: ssl.TLSVersion) -> str | None:
    """Return which alert a caller gets that shows no certificate and should."""
    context = secured(Tls(SERVER.certificate, SERVER.key, AUTHORITY.root))
    asking = trusting()
    asking.maximum_version = version
    with (
        Listening(loop, context=context) as listening,
        listening.connect() as plain,
        pytest.raises(ssl.SSLError) as caught,
        asking.wrap_socket(plain, server_hostname="localhost") as found,
    ):
        found.recv(1)
    return caught.value.reason


def test_who_is_not_let_in_is_told_why_in_an_alert(loop: asyncio.AbstractEventLoop) -> None:
    assert alert_of(loop, ssl.TLSVersion.TLSv1_3) == "TLSV13_ALERT_CERTIFICATE_REQUIRED"
    assert alert_of(loop, ssl.TLSVersion.TLSv1_2) == "SSLV3_ALERT_HANDSHAKE_FAILURE"


def trusting() -> ssl.SSLContext:
    made = ssl.create_default_context(cadata=AUTHORITY.root.decode())
    made.set_alpn_protocols(["h2"])
    return made


@pytest.mark.parametrize("secure", [False, True])
def test_who_connects_is_spoken_to(loop: asyncio.AbstractEventLoop, *, secure: bool) -> None:
    with Listening(loop, context=CONTEXT if secure else None) as listening:
        for _ in range(5):
            with listening.connect() as raw:
                if not secure:
                    assert echoes(raw)
                    continue
                with trusting().wrap_socket(raw, server_hostname="localhost") as found:
                    assert echoes(found)


def test_one_handshake_too_many_is_closed_and_the_end_ends_them(
    loop: asyncio.AbstractEventLoop,
) -> None:
    with Listening(loop, context=CONTEXT, handshakes=2) as listening:
        with listening.connect() as first, listening.connect() as second:
            with listening.connect() as third:
                assert ended(third)
            listening.stop()
            assert ended(first)
            assert ended(second)
        with pytest.raises(OSError, match=r".+"):
            listening.connect()


def test_a_handshake_that_fails_makes_room(loop: asyncio.AbstractEventLoop) -> None:
    with Listening(loop, context=CONTEXT, handshakes=2) as listening:
        for first in (b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x00\x05hello") * 2:
            with listening.connect() as raw:
                raw.sendall(first)
                with suppress(ConnectionError):
                    while raw.recv(64):  # An alert, perhaps.
                        pass
        with (
            listening.connect() as raw,
            trusting().wrap_socket(raw, server_hostname="localhost") as found,
        ):
            assert echoes(found)


def test_a_handshake_has_its_time(loop: asyncio.AbstractEventLoop) -> None:
    with Listening(loop, context=CONTEXT, patience=0.05) as listening, listening.connect() as raw:
        assert ended(raw)


def test_where_nobody_may_come_in_a_connection_is_closed(loop: asyncio.AbstractEventLoop) -> None:
    with Listening(loop, lambda: None) as listening, listening.connect() as raw:
        assert ended(raw)


def test_a_connection_that_was_not_taken_is_closed_at_the_end(
    loop: asyncio.AbstractEventLoop,
) -> None:
    with Listening(loop) as listening:

        async def begin_and_stop() -> None:
            here, there = socket.socketpair()
            listening.acceptor._begin(there)
            listening.acceptor.stop()
            await asyncio.sleep(0)
            here.settimeout(PATIENCE)
            assert await asyncio.to_thread(here.recv, 1) == b""
            here.close()

        asyncio.run_coroutine_threadsafe(begin_and_stop(), loop).result(PATIENCE)


def test_of_many_that_come_at_once_each_is_taken(
    loop: asyncio.AbstractEventLoop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lean_accept, "TURN", 2)
    listening = Listening(loop)
    listening.acceptor._listening.listen()
    waiting = [listening.connect() for _ in range(7)]
    with listening:
        assert all(map(echoes, waiting))
        for one in waiting:
            one.close()


class Failing(socket.socket):
    """A socket from which nothing can be accepted, *fails* times."""

    fails = 3
    asked = 0
    error = errno.EMFILE

    def accept(self) -> tuple[socket.socket, object]:
        self.asked += 1
        if self.asked <= self.fails:
            raise OSError(self.error, "no")
        return super().accept()


def test_a_server_without_files_pauses_and_goes_on(
    loop: asyncio.AbstractEventLoop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lean_accept, "PAUSE_SECONDS", 0.02)
    made = Failing()
    made.bind(("127.0.0.1", 0))
    listening = Listening(loop)
    listening.acceptor._listening.close()
    listening.acceptor._listening, listening._where = made, made.getsockname()
    with listening, listening.connect() as raw:
        assert echoes(raw)
        assert made.asked >= made.fails + 1


def test_a_pause_ends_with_the_server(
    loop: asyncio.AbstractEventLoop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lean_accept, "PAUSE_SECONDS", 1000.0)
    made = Failing()
    made.bind(("127.0.0.1", 0))
    listening = Listening(loop)
    listening.acceptor._listening.close()
    listening.acceptor._listening, listening._where = made, made.getsockname()
    with listening, listening.connect() as raw:
        raw.settimeout(PATIENCE)
        listening.stop()
        assert ended(raw)
    assert made.asked == 1
