"""A client in memory: what a connection of the server writes, frame by frame."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

from hpack import Decoder, Encoder

from engine.doors.http2 import frames
from engine.doors.http2.connection import Connection
from engine.doors.http2.fields import Fields, block_of
from engine.doors.http2.frames import Code
from engine.doors.http2.limits import Limits
from engine.doors.http2.requests import Malformed
from engine.doors.http2.stream import Stream

REQUEST = (
    (b":method", b"POST"),
    (b":scheme", b"http"),
    (b":path", b"/engine.v1.PolicyEngine/Decide"),
    (b"content-type", b"application/grpc"),
    (b"te", b"trailers"),
)


class Frame(NamedTuple):
    """A frame."""

    kind: int
    flags: int
    stream: int
    payload: bytes


class Wire(asyncio.Transport):
    """A transport that keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written = bytearray()
        self.writes = 0
        self.closed = False
        self.aborted = False
        self.paused = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += data
        self.writes += 1

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.closed = self.aborted = True

    def is_closing(self) -> bool:
        return self.closed

    def pause_reading(self) -> None:
        self.paused = True

    def resume_reading(self) -> None:
        self.paused = False


class Echo:
    """An app that answers a request with its body, once it is whole."""

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self.body = b""
        self.ended = False
        self.left = False
        self.looked = 0.0
        self.turns = 0

    def data(self, data: bytes) -> None:
        self.body += data
        self.stream.consumed(len(data))

    def end(self) -> None:
        self.ended = True
        peer = self.stream.peer
        assert isinstance(peer, Connection)
        peer.answer(self.stream, b"\x88", self.body, block_of(((b"grpc-status", b"0"),)))

    def turn(self) -> None:
        self.turns += 1

    def gone(self) -> None:
        self.left = True

    def look(self, now: float) -> None:
        self.looked = now


class Holding(Echo):
    """An app that reads nothing and answers nothing."""

    def data(self, data: bytes) -> None:
        self.body += data

    def end(self) -> None:
        self.ended = True


def read(fields: Fields) -> Fields | Malformed:
    """Return *fields*: what HTTP/2 allows is a request."""
    return fields


class Client:
    """Speaks to a connection and reads what it says."""

    def __init__(
        self, limits: Limits | None = None, app: type[Echo] = Echo, *, greet: bool = True
    ) -> None:
        self.apps: list[Echo] = []
        self.ended = 0
        self.wire = Wire()
        self._seen = 0
        self.encoder = Encoder()
        self.decoder = Decoder()

        def serve(stream: Stream, request: Fields) -> Echo:
            length = dict(request).get(b"content-length", b"")
            stream.expected = int(length) if length.isdigit() else -1
            self.apps.append(app(stream))
            return self.apps[-1]

        def ended(_connection: object) -> None:
            self.ended += 1

        self.connection: Connection[Fields] = Connection(serve, read, limits or Limits(), ended)
        self.connection.connection_made(self.wire)
        if greet:
            self.feed(frames.PREFACE + frames.settings(()))
            self.frames()

    def feed(self, data: bytes) -> None:
        """Send *data*."""
        self.connection.data_received(data)

    def frames(self) -> list[Frame]:
        """Return the frames that came since."""
        data, found = bytes(self.wire.written[self._seen :]), []
        at = 0
        while at < len(data):
            high, low, kind, flags, stream = frames.HEAD.unpack_from(data, at)
            size = high << 8 | low
            found.append(Frame(kind, flags, stream, data[at + 9 : at + 9 + size]))
            at += 9 + size
        assert at == len(data)
        self._seen += at
        return found

    def block(self, fields: Sequence[tuple[bytes, bytes]] = REQUEST) -> bytes:
        """Return *fields* as a block."""
        return self.encoder.encode(fields)

    def open(
        self,
        number: int,
        body: bytes | None = None,
        fields: Sequence[tuple[bytes, bytes]] = REQUEST,
    ) -> None:
        """Send a request; with a *body* it is whole."""
        self.feed(frames.headers(number, self.block(fields), 16_384, end=False))
        if body is not None:
            self.feed(data(number, body, end=True))

    def fields_of(self, frame: Frame) -> dict[bytes, bytes]:
        """Return what HEADERS say."""
        return dict(self.decoder.decode(frame.payload, raw=True))


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """Return a frame."""
    return frames.head(len(payload), kind, flags, stream) + payload


def data(stream: int, body: bytes, *, end: bool = False) -> bytes:
    """Return a DATA frame."""
    return frame(frames.DATA, frames.END_STREAM if end else 0, stream, body)


def failure(found: Sequence[Frame]) -> Code | None:
    """Return the code with which the connection ended, if it did."""
    codes = [Code(int.from_bytes(one.payload[4:8])) for one in found if one.kind == frames.GOAWAY]
    return codes[-1] if codes else None


def broken(found: Sequence[Frame]) -> dict[int, Code]:
    """Return the streams that were broken off, and why."""
    return {
        one.stream: Code(int.from_bytes(one.payload))
        for one in found
        if one.kind == frames.RST_STREAM
    }
