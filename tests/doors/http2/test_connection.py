"""The life of a connection: how it begins and ends."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any

import pytest

from engine.doors.grpc.lean_call import Call
from engine.doors.grpc.lean_head import Head, read_head
from engine.doors.http2 import frames
from engine.doors.http2.connection import Connection
from engine.doors.http2.fields import block_of
from engine.doors.http2.limits import Limits
from engine.doors.http2.stream import Stream
from tests.doors.http2.attackers import FIELDS, data, message
from tests.doors.http2.fuzz_apps import grpc_server
from tests.doors.http2.peers import Client, Holding, Wire, frame

pytestmark = pytest.mark.usefixtures("loop")


class Agreed:
    """A handshake of TLS that is over."""

    def __init__(self, protocol: str | None) -> None:
        self.protocol = protocol

    def selected_alpn_protocol(self) -> str | None:
        return self.protocol


class Secured(Wire):
    """A transport over TLS."""

    def __init__(self, protocol: str | None) -> None:
        super().__init__()
        self.agreed = Agreed(protocol)

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self.agreed if name == "ssl_object" else default


@pytest.mark.parametrize(("protocol", "stays"), [("h2", True), ("http/1.1", False), (None, False)])
def test_3_2_a_client_that_did_not_agree_on_http_2_is_sent_away(
    protocol: str | None,
    stays: bool,  # noqa: FBT001
) -> None:
    client = Client(greet=False)
    wire = Secured(protocol)
    client.connection.connection_made(wire)
    assert wire.aborted is not stays
    assert bool(wire.written) is stays


def counted() -> int:
    return sum(isinstance(one, Stream | Call) for one in gc.get_objects())


LAST: dict[str, Callable[[int], bytes]] = {
    "answered": lambda n: data(n, message(b"x"), end=True),
    "taken back": lambda n: frames.rst_stream(n, frames.Code.CANCEL),
    "broken": lambda n: frame(frames.WINDOW_UPDATE, 0, n, bytes(4)),
}


@pytest.mark.parametrize("end", LAST)
def test_a_call_that_is_over_needs_no_collector(end: str) -> None:
    """Else the collector would run every hundred calls, and hold all others meanwhile."""
    connection = Connection(grpc_server()._serve, read_head, Limits())
    connection.connection_made(Wire())
    connection.data_received(frames.PREFACE + frames.settings(()))
    last = LAST[end]
    gc.disable()
    try:
        before = counted()
        for number in range(1, 20, 2):
            block = block_of(FIELDS)
            connection.data_received(
                frames.headers(number, block, 16_384, end=False) + last(number)
            )
        assert counted() == before
    finally:
        gc.enable()
    connection.connection_lost(None)


def test_what_is_asked_of_a_connection_that_is_gone_does_nothing() -> None:
    client = Client(app=Holding)
    client.open(1)
    connection, stream = client.connection, client.apps[0].stream
    connection.connection_lost(None)
    assert client.apps[0].left
    before = bytes(client.wire.written)
    connection.drain()
    connection.take_no_more()
    connection.abort()
    connection.pause_writing()
    connection.resume_writing()
    connection.send(b"late")
    connection._look()
    stream.write(b"late")
    stream.finish(b"")
    stream.peer.answer(stream, b"\x88", b"late", b"")
    assert bytes(client.wire.written) == before
    assert not client.wire.aborted
    assert client.ended == 1


def test_a_connection_that_is_lost_while_it_answers_writes_nothing_more() -> None:
    client = Client()

    def lost(data: bytes) -> None:
        del data
        client.connection.connection_lost(None)

    client.open(1)
    client.apps[0].data = lost  # type: ignore[method-assign]
    client.frames()
    client.feed(frame(frames.PING, 0, 0, bytes(8)) + data(1, b"x", end=True))
    assert client.frames() == []


def test_a_connection_ends_though_its_transport_is_closed_already() -> None:
    client = Client()
    client.wire.close()
    client.connection.pause_writing()
    client.connection.resume_writing()
    assert not client.wire.paused


def test_what_is_no_connection_yet_is_lost_quietly() -> None:
    client = Client(greet=False)
    fresh: Connection[Head] = Connection(grpc_server()._serve, read_head, Limits())
    fresh.connection_lost(None)
    assert not fresh.streams
    assert not client.wire.closed
