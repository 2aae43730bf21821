"""The life of a connection: how it begins and ends."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable
from typing import Any

import pytest

from engine.doors.grpc.lean_call import Call
from engine.doors.grpc.lean_head import Head, read_head
from engine.doors.http2 import frames
from engine.doors.http2.connection import Connection
from engine.doors.http2.fields import block_of
from engine.doors.http2.frames import Code, ping
from engine.doors.http2.limits import Limits
from engine.doors.http2.stream import Stream
from tests.doors.http2.attackers import FIELDS, data, message
from tests.doors.http2.fuzz_apps import grpc_server
from tests.doors.http2.peers import REQUEST, Client, Holding, Wire, failure, frame

TURN_FRAMES, TURN_FIELDS = Limits().turn_frames, Limits().turn_fields


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


@pytest.mark.usefixtures("loop")
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


@pytest.mark.usefixtures("loop")
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


@pytest.mark.usefixtures("loop")
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


@pytest.mark.usefixtures("loop")
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


@pytest.mark.usefixtures("loop")
def test_a_connection_ends_though_its_transport_is_closed_already() -> None:
    client = Client()
    client.wire.close()
    client.connection.pause_writing()
    client.connection.resume_writing()
    assert not client.wire.paused


@pytest.mark.usefixtures("loop")
def test_what_is_no_connection_yet_is_lost_quietly() -> None:
    client = Client(greet=False)
    fresh: Connection[Head] = Connection(grpc_server()._serve, read_head, Limits())
    fresh.connection_lost(None)
    assert not fresh.streams
    assert not client.wire.closed


def test_who_sends_very_much_at_once_has_turns_and_others_theirs_between() -> None:
    """One read of small frames may hold work for a quarter of a second."""

    async def scene() -> None:
        client = Client(Limits(idle_frames=3 * TURN_FRAMES), Holding)
        count = 2 * TURN_FRAMES
        pings = b"".join([ping(number.to_bytes(8), ack=False) for number in range(count)])
        client.feed(frames.headers(1, client.block(), 16_384, end=False) + pings)
        client.feed(data(1, b"behind", end=True))
        assert client.wire.paused
        answers = client.frames()
        assert TURN_FRAMES - 9 < len(answers) < TURN_FRAMES
        for _ in range(4):
            await asyncio.sleep(0)
            answers += client.frames()
        assert [one.payload for one in answers] == [n.to_bytes(8) for n in range(count)]
        assert client.apps[0].body == b"behind"
        assert not client.wire.paused
        client.connection.connection_lost(None)

    asyncio.run(scene())


@pytest.mark.parametrize("end", ["lost", "failed"])
def test_a_turn_that_is_due_is_not_taken_when_the_connection_is_over(end: str) -> None:
    async def scene() -> None:
        client = Client(Limits(idle_frames=TURN_FRAMES + 9), Holding)
        pings = ping(bytes(8), ack=False) * (2 * TURN_FRAMES)
        client.feed(pings)
        client.frames()
        if end == "lost":
            client.connection.connection_lost(None)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        found = client.frames()
        assert found == [] if end == "lost" else failure(found) is Code.ENHANCE_YOUR_CALM
        assert client.wire.paused is (end == "lost")
        client.connection.connection_lost(None)

    asyncio.run(scene())


def test_fields_that_were_never_seen_end_a_turn() -> None:
    async def scene() -> None:
        client = Client(app=Holding)
        fields = [(b"x-%d" % number, b"") for number in range(100)]
        sent = b""
        for number in range(1, 60, 2):
            block = block_of((*REQUEST, *fields, (b"x-number", b"%d" % number)))
            sent += frames.headers(number, block, 16_384, end=False)
        client.feed(sent)
        assert len(client.apps) <= TURN_FIELDS // 100 + 1
        for _ in range(9):
            await asyncio.sleep(0)
        assert len(client.apps) == 30
        client.connection.connection_lost(None)

    asyncio.run(scene())


def test_a_turn_that_is_due_waits_for_no_kernel_and_reads_no_more() -> None:
    async def scene() -> None:
        client = Client(app=Holding)
        client.feed(ping(bytes(8), ack=False) * (TURN_FRAMES + 1))
        client.connection.pause_writing()
        await asyncio.sleep(0)
        assert client.wire.paused
        client.connection.resume_writing()
        assert not client.wire.paused
        client.connection.connection_lost(None)

    asyncio.run(scene())
