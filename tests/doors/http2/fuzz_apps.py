"""What a fuzzed connection is played with: a script of bytes, and who answers.

That is the script itself, or a gRPC server that listens nowhere.
"""

from __future__ import annotations

import asyncio
from typing import Any

import grpc
import grpc.aio

from engine.doors.grpc.bounds import Bounds
from engine.doors.grpc.lean_call import Call, Flow, Waited
from engine.doors.grpc.lean_server import LeanServer
from engine.doors.http2 import frames
from engine.doors.http2.stream import ENOUGH, Stream

MESSAGE_BYTES = 100_000
WAITS = 30
"""A message of so many bytes on a flow is answered in a task."""


class Script:
    """Bytes that are read as choices; behind their end all is nought."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def more(self) -> bool:
        """Whether something is left."""
        return self._at < len(self._data)

    def byte(self) -> int:
        """Return the next byte."""
        self._at += 1
        return self._data[self._at - 1] if self._at <= len(self._data) else 0

    def take(self, size: int) -> bytes:
        """Return *size* bytes, or what there is."""
        self._at += size
        return self._data[self._at - size : self._at]

    def one_of(self, choices: tuple[Any, ...]) -> Any:
        """Return one of *choices*."""
        return choices[self.byte() % len(choices)]


class Busy:
    """An app that writes when the script says so."""

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self.held = 0

    def data(self, data: bytes) -> None:
        self.held += len(data)

    def end(self) -> None:
        """Nothing: the script answers."""

    def turn(self) -> None:
        """Nothing: the script answers."""

    def gone(self) -> None:
        assert self.stream.closed

    def look(self, now: float) -> None:
        assert now > 0

    def act(self, what: int, size: int) -> None:
        """Do what an app may do."""
        stream = self.stream
        match what:
            case 0 if not stream.begun:
                stream.begin(b"\x88")
            case 1 if stream.begun and stream.waiting_bytes <= ENOUGH and stream.trailers is None:
                stream.write(bytes(size))
            case 2 if stream.begun and stream.trailers is None:
                stream.finish(b"\0\1a\1b")
            case 3:
                stream.reset(frames.Code.CANCEL)
            case 4 if not stream.begun:
                stream.peer.answer(stream, b"\x88", bytes(size), b"\0\1a\1b")
            case 5 if not stream.begun:
                stream.begin(b"\x88", end=True)
            case 6:
                size = min(size, self.held)
                self.held -= size
                stream.consumed(size)
            case _:
                pass


def inline(raw: bytes, _call: Call) -> bytes:
    return raw


def together(raws: list[bytes], _calls: list[Call]) -> list[bytes | Waited | None]:
    return list(raws)


async def later(raws: list[bytes], call: Call) -> None:
    while raws:
        await call.write_all(raws)
        raws = await call.read_some(2)


def answer(raws: list[bytes], call: Call) -> list[bytes] | Waited:
    return later(raws, call) if len(raws[0]) == WAITS else raws


def grpc_server() -> LeanServer:
    """Return a server with a method of each kind, which listens nowhere."""

    async def echo(raw: bytes, _call: Any) -> bytes:
        return raw

    async def wait(raw: bytes, _call: Any) -> bytes:
        await asyncio.sleep(5)
        return raw

    async def stream(_asked: Any, call: Any) -> None:
        while (raw := await call.read()) is not grpc.aio.EOF:  # type: ignore[attr-defined]
            await call.write(raw)

    async def many(raw: bytes, call: Any) -> None:
        for _ in range(8):
            await call.write(raw + bytes(30_000))

    server = LeanServer(Bounds(message_bytes=MESSAGE_BYTES, calls=3))
    methods = {
        "Echo": grpc.unary_unary_rpc_method_handler(echo),
        "Wait": grpc.unary_unary_rpc_method_handler(wait),
        "Stream": grpc.stream_stream_rpc_method_handler(stream),
        "Many": grpc.unary_stream_rpc_method_handler(many),
        "Flow": grpc.stream_stream_rpc_method_handler(stream),
    }
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("t.T", methods)])
    server.inline["/t.T/Echo"] = inline
    server.many["/t.T/Echo"] = together
    server.flows["/t.T/Flow"] = Flow(answer)
    return server
