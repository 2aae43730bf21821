"""Where there is no memory for a call it is refused, others go on, and the log says what to do."""

from __future__ import annotations

import asyncio
import logging
import resource
from pathlib import Path
from queue import Queue
from typing import Any

import grpc
import pytest
from hpack import Encoder

from engine.doors.grpc.lean_call import Call, Flow
from engine.doors.grpc.lean_head import Head, read_head
from engine.doors.grpc.lean_server import LeanServer
from engine.doors.grpc.status import refusal_of
from engine.doors.http2 import frames
from engine.doors.http2.connection import Connection
from engine.doors.http2.fields import Fields
from engine.doors.http2.limits import Limits
from engine.doors.http2.requests import Malformed
from engine.doors.memory import REMEDY, WITHOUT
from tests.doors.http2.attackers import FIELDS, PATIENCE, data, message, serving
from tests.doors.http2.fuzz_apps import grpc_server
from tests.doors.http2.peers import Wire

ASKED, LONG = 6, 24 << 20
"""Messages of so many bytes that nobody answers."""
LEFT = 60 << 20
"""What memory the server may still take: where there is none for a long message there is some."""


def take_memory(process: int) -> None:
    """Let *process* have little more than it has."""
    said = Path(f"/proc/{process}/statm").read_text()
    has = int(said.split()[0]) * resource.getpagesize()
    most = resource.prlimit(process, resource.RLIMIT_AS)[1]
    resource.prlimit(process, resource.RLIMIT_AS, (has + LEFT, most))


def give_memory(process: int) -> None:
    """Let *process* have as much as there is."""
    most = resource.prlimit(process, resource.RLIMIT_AS)[1]
    resource.prlimit(process, resource.RLIMIT_AS, (most, most))


@pytest.mark.slow
def test_calls_without_memory_are_refused_and_others_on_the_connection_go_on() -> None:
    with serving(held=1 << 40, message_bytes=LONG) as target:
        take_memory(target.process)
        try:
            waits = target.honest.unary_unary("/t.T/Wait")
            over: Queue[Any] = Queue()
            asked = [waits.future(bytes(LONG), timeout=PATIENCE) for _ in range(ASKED)]
            for one in asked:
                one.add_done_callback(over.put)
            refused = over.get(timeout=PATIENCE).exception()
            assert target.echo() == b"still here"
            for one in asked:
                one.cancel()
            said = refused.code(), refused.details()
            assert said == (grpc.StatusCode.RESOURCE_EXHAUSTED, WITHOUT)
        finally:
            give_memory(target.process)


def test_what_a_call_comes_to_that_had_no_memory(caplog: pytest.LogCaptureFixture) -> None:
    refusal = refusal_of(MemoryError())
    assert (refusal.code, refusal.message) == (grpc.StatusCode.RESOURCE_EXHAUSTED, WITHOUT)
    assert REMEDY in caplog.text


def server_without() -> LeanServer:
    """Return a server whose methods have no memory."""

    async def late(_raw: bytes, _call: Any) -> bytes:
        raise MemoryError

    def flow(_raws: list[bytes], _call: Call) -> list[bytes]:
        raise MemoryError

    made = grpc_server()
    method = grpc.unary_unary_rpc_method_handler(late)
    made.add_generic_rpc_handlers(
        [grpc.method_handlers_generic_handler("t.Without", {"Late": method})]
    )
    made.flows["/t.T/Flow"] = Flow(flow)
    return made


class Full(Wire):
    """A transport that has no memory for what is long."""

    most = 1_000

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if len(data) > self.most:
            raise MemoryError
        super().write(data)


def asking(path: bytes, number: int, *, end: bool = True) -> bytes:
    """Return a call of *path*."""
    fields = [(name, path if name == b":path" else value) for name, value in FIELDS]
    block = Encoder().encode([(*one, True) for one in fields])
    return frames.headers(number, block, 16_384, end=False) + (
        data(number, message(b"hello"), end=True) if end else b""
    )


def connected(wire: Wire, server: LeanServer, read: Any = read_head) -> Connection[Head]:
    """Return a connection that is greeted."""
    made = Connection(server._serve, read, Limits())
    made.connection_made(wire)
    made.data_received(frames.PREFACE + frames.settings(()))
    return made


async def ended(server: LeanServer) -> None:
    """Return when the server holds nothing."""
    for _ in range(5):
        await asyncio.sleep(0)
    assert (server.room.calls, server.room.tasks, server.room.held) == (0, 0, 0)


@pytest.mark.parametrize("path", [b"/t.Without/Late", b"/t.T/Flow"])
def test_a_method_without_memory_ends_its_call_alone(
    path: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async def go() -> None:
        server, wire = server_without(), Wire()
        connection = connected(wire, server)
        connection.data_received(asking(path, 1) + asking(b"/t.T/Echo", 3))
        await ended(server)
        assert b"grpc-status\x018" in bytes(wire.written)  # RESOURCE_EXHAUSTED.
        assert message(b"hello") in bytes(wire.written)
        assert not wire.closed

    with caplog.at_level(logging.ERROR, logger="engine.doors"):
        asyncio.run(go())
    assert [one.name for one in caplog.records] == ["engine.doors"]
    assert REMEDY in caplog.text
    assert "0x" not in caplog.text


def without(fields: Fields) -> Head | Malformed:
    if (b":path", b"/t.T/Never") in fields:
        raise MemoryError
    return read_head(fields)


def test_a_connection_that_cannot_be_read_is_ended_and_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def go() -> None:
        server, wire = grpc_server(), Wire()
        connection = connected(wire, server, without)
        connection.data_received(asking(b"/t.T/Wait", 1))
        assert connection.streams
        connection.data_received(asking(b"/t.T/Never", 3))
        assert wire.aborted
        assert not connection.streams
        connection.connection_lost(None)
        await ended(server)

    asyncio.run(go())
    assert "there was no memory for what came on a connection, which was ended" in caplog.text
    assert "0x" not in caplog.text


@pytest.mark.parametrize("together", [True, False])
def test_answers_that_cannot_be_written_end_the_connection_so_that_nobody_waits(
    together: bool,  # noqa: FBT001
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def go() -> None:
        server, wire = grpc_server(), Full()
        connection = connected(wire, server)
        if together:
            connection.data_received(
                b"".join([asking(b"/t.T/Echo", number) for number in range(1, 99, 2)])
            )
        else:
            connection.data_received(asking(b"/t.T/Echo", 1, end=False))
            call = connection.streams[1].app
            assert isinstance(call, Call)
            call.answered(bytes(2_000))
        assert wire.aborted
        connection.connection_lost(None)
        await ended(server)

    asyncio.run(go())
    assert REMEDY in caplog.text
