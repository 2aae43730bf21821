"""A server on a real socket, an honest client of it, and clients that are anything but honest."""

from __future__ import annotations

import asyncio
import select
import socket
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import grpc
from hpack import Decoder, Encoder

from engine.doors.grpc.lean_call import Call
from engine.doors.grpc.lean_server import LeanServer
from engine.doors.grpc.listener import Listener
from engine.doors.http2 import frames
from engine.doors.http2.frames import Code
from engine.doors.http2.limits import Limits
from tests.doors.grpc.serving import run

MESSAGE_BYTES = 1 << 20
PATIENCE = 10.0
GROWTH = 96 << 20
"""How much more memory the process may have after an attack: client and server are one process."""
HEAD_BYTES = 9

FIELDS = (
    (b":method", b"POST"),
    (b":scheme", b"http"),
    (b":path", b"/t.T/Echo"),
    (b":authority", b"localhost"),
    (b"content-type", b"application/grpc"),
    (b"te", b"trailers"),
)


def resident() -> int:
    """Return the resident memory of this process in bytes."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096


@dataclass
class Target:
    """A server under attack."""

    server: LeanServer
    port: int
    waits: asyncio.Event
    honest: Any

    def echo(self, body: bytes = b"still here", timeout: float = PATIENCE) -> bytes:
        """Return what another client gets."""
        answer: bytes = self.honest.unary_unary("/t.T/Echo")(body, timeout=timeout)
        return answer


def handlers(waits: asyncio.Event) -> Any:
    """Return a service with the kinds of methods there are."""

    async def echo(raw: bytes, _call: Any) -> bytes:
        return raw

    async def wait(raw: bytes, _call: Any) -> bytes:
        await waits.wait()
        return raw

    async def stream(_asked: Any, call: Any) -> None:
        while (raw := await call.read()) is not grpc.aio.EOF:  # type: ignore[attr-defined]
            await call.write(raw)

    async def large(_raw: bytes, call: Any) -> None:
        for _ in range(64):
            await call.write(bytes(MESSAGE_BYTES))

    return grpc.method_handlers_generic_handler(
        "t.T",
        {
            "Echo": grpc.unary_unary_rpc_method_handler(echo),
            "Wait": grpc.unary_unary_rpc_method_handler(wait),
            "Stream": grpc.stream_stream_rpc_method_handler(stream),
            "Large": grpc.unary_stream_rpc_method_handler(large),
        },
    )


def inline(raw: bytes, _call: Call) -> bytes:
    """Answer at once."""
    return raw


@contextmanager
def attacked(limits: Limits | None = None, calls: int = 1_000) -> Iterator[Target]:
    """Serve; at the end the honest client must get an answer still."""

    async def begin() -> tuple[LeanServer, str, asyncio.Event]:
        waits = asyncio.Event()
        server = LeanServer(message_bytes=MESSAGE_BYTES, calls=calls, limits=limits)
        server.add_generic_rpc_handlers([handlers(waits)])
        server.inline["/t.T/Echo"] = inline
        address = server.listen(Listener("127.0.0.1:0"))
        await server.start()
        return server, address, waits

    server, address, waits = run(begin())
    before = resident()
    with grpc.insecure_channel(address) as honest:
        target = Target(server, int(address.rpartition(":")[2]), waits, honest)
        try:
            assert target.echo() == b"still here"
            yield target
            assert target.echo() == b"still here"
            assert resident() - before < GROWTH
        finally:
            run(server.stop(0))
    assert server.room.held == 0
    assert server.room.calls == 0


class Raw:
    """A client that sends what it wants."""

    def __init__(self, target: Target, *, greet: bool = True, settings: bytes = b"") -> None:
        self.socket = socket.create_connection(("127.0.0.1", target.port))
        self.socket.setblocking(False)  # noqa: FBT003 - the library's
        self.encoder = Encoder()
        self.came = bytearray()
        self.closed = False
        if greet:
            self.send(frames.PREFACE + (settings or frames.settings(())))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.socket.close()

    def send(self, data: bytes, *, read: bool = True, patience: float = PATIENCE) -> bool:
        """Send *data*; return whether all was taken before the server closed or stopped reading."""
        view = memoryview(data)
        while view and not self.closed:
            reads = [self.socket] if read else []
            ready, free, _ = select.select(reads, [self.socket], [], patience)
            if not (ready or free):
                return False
            if ready:
                self.take()
            if free and not self.closed:
                try:
                    view = view[self.socket.send(view) :]
                except (BrokenPipeError, ConnectionResetError):
                    self.closed = True
        return not view

    def flood(self, pieces: Iterable[bytes]) -> bool:
        """Send *pieces* until the server has enough; return whether it had."""
        for piece in pieces:
            if not self.send(piece):
                return self.closed
        return self.closes()

    def take(self) -> None:
        """Read what came."""
        try:
            data = self.socket.recv(1 << 16)
        except BlockingIOError:
            return
        except ConnectionResetError:
            data = b""
        self.closed = not data
        self.came += data

    def closes(self, patience: float = PATIENCE) -> bool:
        """Read until the server closes; return whether it did."""
        while not self.closed:
            if not select.select([self.socket], [], [], patience)[0]:
                return False
            self.take()
        return True

    def frames(self) -> list[tuple[int, int, int, bytes]]:
        """Return the whole frames that came: type, flags, stream, payload."""
        found, at = [], 0
        while at + HEAD_BYTES <= len(self.came):
            high, low, kind, flags, stream = frames.HEAD.unpack_from(self.came, at)
            end = at + HEAD_BYTES + (high << 8 | low)
            if end > len(self.came):
                break
            found.append((kind, flags, stream, bytes(self.came[at + HEAD_BYTES : end])))
            at = end
        return found

    def failure(self) -> Code | None:
        """Return why the server ended the connection."""
        codes = [one[3][4:8] for one in self.frames() if one[0] == frames.GOAWAY]
        return Code(int.from_bytes(codes[-1])) if codes else None

    def wait_for(self, kind: int, stream: int, count: int = 1) -> list[tuple[int, int, bytes]]:
        """Read until so many frames of a kind came for a stream; return flags, stream, payload."""
        while True:
            found = [one[1:] for one in self.frames() if one[0] == kind and stream in (one[2], ANY)]
            if len(found) >= count or self.closed:
                return found
            assert select.select([self.socket], [], [], PATIENCE)[0], "nothing came"
            self.take()

    def status_of(self, stream: int) -> int:
        """Return the gRPC status with which a stream ended."""
        decoder = Decoder()
        status = None
        while status is None:
            for kind, _, number, payload in self.frames():
                if kind == frames.HEADERS and number == stream:
                    said = dict(decoder.decode(payload, raw=True))
                    status = said.get(b"grpc-status", status)
            if status is None:
                assert select.select([self.socket], [], [], PATIENCE)[0], "no status came"
                self.take()
        return int(status)

    def request(self, stream: int, *more: tuple[bytes, bytes], path: bytes = b"/t.T/Echo") -> bytes:
        """Return the HEADERS of a request."""
        fields = [(name, path if name == b":path" else value) for name, value in FIELDS]
        block = self.encoder.encode([*fields, *more])
        return frames.headers(stream, block, frames.FRAME_BYTES, end=False)


ANY = -1


def data(stream: int, body: bytes, *, end: bool = False, padded: int | None = None) -> bytes:
    """Return a DATA frame."""
    flags = frames.END_STREAM if end else 0
    if padded is not None:
        body, flags = bytes((padded,)) + body + bytes(padded), flags | frames.PADDED
    return frames.head(len(body), frames.DATA, flags, stream) + body


def message(body: bytes, *, flag: int = 0, size: int | None = None) -> bytes:
    """Return a message of gRPC; *size* is what it claims to have."""
    return bytes((flag,)) + (len(body) if size is None else size).to_bytes(4) + body
