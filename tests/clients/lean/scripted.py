"""A daemon that says whatever a test wants, over a real socket."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any

from pol_client import AsyncClient, Client
from pol_client._http2.fields import Fields, block_of
from pol_client._http2.frames import (
    DATA,
    END_HEADERS,
    END_STREAM,
    HEAD,
    HEADERS,
    PREFACE,
    SETTINGS,
    SETTINGS_ACK,
    head,
    settings,
)
from pol_client._wire import engine_pb2 as wire

from tests.clients.asking import PATIENCE
from tests.doors.grpc.serving import run

OPENING: Fields = ((b":status", b"200"), (b"content-type", b"application/grpc"))
FINE: Fields = ((b"grpc-status", b"0"),)


@dataclass(frozen=True)
class Frame:
    """One frame as it came."""

    kind: int
    flags: int
    stream: int
    payload: bytes


@dataclass
class Line:
    """One connection of a client."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    number: int
    """Of the connection, from 1."""
    seen: list[Frame] = field(default_factory=list)

    async def greet(self, *values: tuple[int, int]) -> None:
        """Take the client's preface and say one's own settings."""
        await self.reader.readexactly(len(PREFACE))
        self.send(settings(values))

    def send(self, *data: bytes) -> None:
        """Send bytes."""
        self.writer.write(b"".join(data))

    async def frame(self) -> Frame:
        """Return the next frame."""
        high, low, kind, flags, stream = HEAD.unpack(await self.reader.readexactly(HEAD.size))
        made = Frame(kind, flags, stream, await self.reader.readexactly(high << 8 | low))
        self.seen.append(made)
        if kind == SETTINGS and not flags:
            self.send(SETTINGS_ACK)
        return made

    async def until(self, kind: int) -> Frame:
        """Return the next frame of a kind."""
        while (made := await self.frame()).kind != kind:
            pass
        return made

    async def asked(self) -> tuple[int, bytes]:
        """Return the next call that is whole: its stream, and its message."""
        message: dict[int, bytes] = {}
        while True:
            made = await self.frame()
            if made.kind == DATA:
                message[made.stream] = message.get(made.stream, b"") + made.payload
                if made.flags & END_STREAM:
                    return made.stream, message[made.stream][5:]

    def fields(self, stream: int, fields: Fields, *, end: bool = False) -> None:
        """Send fields."""
        block = block_of(fields)
        flags = END_HEADERS | (END_STREAM if end else 0)
        self.send(head(len(block), HEADERS, flags, stream), block)

    def data(self, stream: int, data: bytes, flags: int = 0) -> None:
        """Send a piece of an answer."""
        self.send(head(len(data), DATA, flags, stream), data)

    def answer(self, stream: int, message: bytes | None = None) -> None:
        """Answer a call as a daemon does."""
        self.fields(stream, OPENING)
        self.data(stream, packed(decision() if message is None else message))
        self.fields(stream, FINE, end=True)


Script = Callable[[Line], Awaitable[None]]


def packed(message: bytes) -> bytes:
    """Return a message as it is sent."""
    return b"\0" + len(message).to_bytes(4) + message


def decision(**fields: Any) -> bytes:
    """Return the bytes of an answer."""
    given = {"action": wire.ACTION_ALLOW, "effective_action": wire.ACTION_ALLOW, **fields}
    return wire.Decision(**given).SerializeToString()


@asynccontextmanager
async def daemon(script: Script, secured: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """Give the address of a daemon that does *script* on each connection, and then closes it."""
    running: set[asyncio.Task[None]] = set()
    count = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal count
        count += 1
        task = asyncio.current_task()
        assert task is not None
        running.add(task)
        try:
            await script(Line(reader, writer, count))
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            running.discard(task)
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=secured)
    try:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        # Who is just being let in would find no server: then asyncio loses its socket.
        for listening in server.sockets:
            asyncio.get_running_loop().remove_reader(listening.fileno())
        for _ in range(5):
            await asyncio.sleep(0)
        server.close()
        for task in tuple(running):
            task.cancel()
        if running:
            await asyncio.wait(tuple(running))


@contextmanager
def thread_client_of(script: Script, **options: Any) -> Iterator[Client]:
    """Give a client for threads of such a daemon."""
    served = daemon(script, options.pop("ssl", None))
    address = run(served.__aenter__())
    try:
        with Client(address, **{"timeout": PATIENCE, **options}) as client:
            yield client
    finally:
        run(served.__aexit__(None, None, None))


@asynccontextmanager
async def client_of(script: Script, **options: Any) -> AsyncIterator[AsyncClient]:
    """Give a client of such a daemon."""
    async with (
        daemon(script) as address,
        AsyncClient(address, **{"timeout": PATIENCE, **options}) as client,
    ):
        yield client
