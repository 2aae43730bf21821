"""Requests in frames in, streams with who answers them out: HEADERS, CONTINUATION and DATA."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final, Generic, TypeVar

from engine.doors.http2.control import NO_STREAM, PRIORITY_BYTES, Control
from engine.doors.http2.fields import FieldReader, Fields
from engine.doors.http2.frames import (
    END_HEADERS,
    END_STREAM,
    PADDED,
    PRIORITIZED,
    U32,
    Code,
    ConnectionFailed,
    StreamFailed,
    rst_stream,
    unpadded,
)
from engine.doors.http2.limits import Limits
from engine.doors.http2.messages import refuse_request, refuse_trailers
from engine.doors.http2.stream import NOBODY, App, Stream

Request = TypeVar("Request")

Serve = Callable[[Stream, Request], App]
"""Takes a new stream and what its fields mean; returns who answers it."""

PADDED_OR_PRIORITIZED: Final = 0x28
LISTS: Final = 4
"""A list of fields that is so many times as long as allowed ends the connection; who serves a
request whose list is only too long refuses that request."""
SKIPPED: Final = 100
"""So many gaps between streams are known: what comes for them is told from what is over."""
SELF: Final = 0x100
"""Beside the flags of a frame: the stream said that it depends on itself."""


class Malformed(Exception):
    """Fields that are no request (RFC 9113, 8.1.1); the text says why."""


class Requests(Control, Generic[Request]):
    """The half of a connection that hears requests."""

    def __init__(
        self,
        serve: Serve[Request],
        read: Callable[[Fields], Request | Malformed],
        limits: Limits,
    ) -> None:
        """*serve* is asked for each request; *read* makes it of its fields."""
        super().__init__(limits)
        self.answer_all: Callable[[list[Stream]], object] | None = None
        """Who answers several requests that became whole in one read; None for their apps."""
        self._serve = serve
        self._read = read
        self._fields: FieldReader[tuple[Request | Malformed, str | None]] = FieldReader(
            LISTS * limits.header_bytes, self._understand
        )
        self._known = self._fields.known
        self._decoded = 0
        """Fields that were read in this turn."""
        self._most = NO_STREAM
        """The newest stream that is taken: what a GOAWAY has said."""
        self._skipped: deque[range] = deque(maxlen=SKIPPED)
        """Streams that were never opened and no more may be."""
        self._partial: list[bytes] | None = None
        """The pieces of a field block that is not whole, and the stream and flags it belongs to."""
        self._partial_of = (0, 0)
        self._partial_bytes = 0
        self._partial_since = 0.0
        self._ready: list[Stream] = []
        """Streams whose requests have become whole in this read."""
        self._newest: Stream | None = None
        """The stream of the newest request of this read: its body mostly comes right behind it."""

    def serve_by(self, serve: Serve[Request]) -> None:
        """Ask *serve* for each request from now on."""
        self._serve = serve

    def _understand(self, fields: Fields) -> tuple[Request | Malformed, str | None]:
        """Return what *fields* mean as a request, and what forbids that they are trailers."""
        self._decoded += len(fields)
        why = refuse_request(fields)
        return self._read(fields) if why is None else Malformed(why), refuse_trailers(fields)

    def _fail_stream(self, error: StreamFailed) -> None:
        if not self._resets.take():
            raise ConnectionFailed(Code.ENHANCE_YOUR_CALM, "too many broken streams")
        stream = self.streams.get(error.stream)
        if stream is not None:
            self._break_off(stream, error.code)
            return
        self._break(error.stream)
        self.send(rst_stream(error.stream, error.code))

    def _break_off(self, stream: Stream, code: Code) -> None:
        app, stream.app = stream.app, NOBODY
        self.reset(stream, code)
        app.gone()

    def _data(self, flags: int, number: int, payload: bytes) -> None:
        size = len(payload)
        stream = self._newest
        # Hot path: a call is HEADERS and DATA, one behind the other.
        if stream is None or stream.id != number or stream.closed:
            stream = self.streams.get(number)
        self._allowed -= size
        if self._allowed < 0:
            raise ConnectionFailed(Code.FLOW_CONTROL_ERROR, "more data than the window holds")
        if stream is None or stream.heard:
            self.give_back(size)
            self._stray(number)
            return
        stream.allowed -= size
        stream.unread += size
        if stream.allowed < 0:
            raise StreamFailed(number, Code.FLOW_CONTROL_ERROR, "more data than the window holds")
        body = unpadded(payload, flags) if flags & PADDED else payload
        end = flags & END_STREAM != 0
        if not (body or end):
            self._patience()
        if stream.expected >= 0:
            stream.expected -= len(body)
            if stream.expected < 0 or (end and stream.expected):
                raise StreamFailed(number, Code.PROTOCOL_ERROR, "not what content-length says")
        stream.heard = end
        self._take(stream, body, size, end=end)

    def _take(self, stream: Stream, body: bytes, size: int, *, end: bool) -> None:
        """Hand on what came in a frame of *size* bytes."""
        if stream.eager:
            if end:  # Hot path: nothing more comes on this stream.
                stream.unread -= size
                self.give_back(size)
                self._ready.append(stream)
                if not stream.fed:
                    stream.body = body
                    return
            else:
                self.consumed(stream, size)
            if body and not stream.closed:
                stream.fed = True
                stream.app.data(body)
            return
        if size > len(body):
            stream.consumed(size - len(body))
        if body:
            stream.app.data(body)
        if end or stream.turns:
            self._hear(stream)

    def _stray(self, number: int) -> None:
        """Refuse a frame for a stream that takes none. Raises ConnectionFailed and StreamFailed."""
        if self._is_idle(number):
            raise ConnectionFailed(Code.PROTOCOL_ERROR, f"a frame for stream {number}, not open")
        if number in self.streams:
            raise StreamFailed(number, Code.STREAM_CLOSED, "data behind the end")
        if number in self._broken:  # It was under way when the stream was broken off.
            self._patience()
            return
        raise ConnectionFailed(Code.STREAM_CLOSED, f"a frame for stream {number}, closed")

    def _headers(self, flags: int, number: int, payload: bytes) -> None:
        if number == 0 or not number & 1:
            raise ConnectionFailed(Code.PROTOCOL_ERROR, f"a request on stream {number}")
        block = unpadded(payload, flags) if flags & PADDED_OR_PRIORITIZED else payload
        if flags & PRIORITIZED:
            if len(block) < PRIORITY_BYTES:
                raise ConnectionFailed(Code.FRAME_SIZE_ERROR, "HEADERS without its priority")
            block, parent = block[PRIORITY_BYTES:], U32.unpack_from(block)[0] & NO_STREAM
            flags = flags | SELF if parent == number else flags
        if flags & END_HEADERS:
            self._whole(flags, number, block)
            return
        self._partial, self._partial_of, self._partial_bytes = [block], (flags, number), len(block)
        self._partial_since = asyncio.get_running_loop().time()

    def _continuation(self, flags: int, number: int, payload: bytes) -> None:
        if self._partial is None or number != self._partial_of[1]:
            raise ConnectionFailed(Code.PROTOCOL_ERROR, "CONTINUATION of nothing")
        self._partial.append(payload)
        self._partial_bytes += len(payload)
        limits = self.limits
        if (
            len(self._partial) > limits.continuations + 1
            or self._partial_bytes > limits.block_bytes
        ):
            raise ConnectionFailed(Code.ENHANCE_YOUR_CALM, "a field block that is too long")
        if flags & END_HEADERS:
            block, self._partial = b"".join(self._partial), None
            self._whole(self._partial_of[0], number, block)

    def _whole(self, flags: int, number: int, block: bytes) -> None:
        """Begin a stream, or end one with trailers. Its block must be read whatever it is for."""
        # Hot path: most blocks were seen before.
        request, no_trailers = self._known.get(block) or self._fields.read(block)
        if number <= self._last:
            self._trailers(flags, number, no_trailers)
            return
        if number > (self._last + 1 | 1):
            self._skipped.append(range(self._last + 1 | 1, number, 2))
        self._last = number
        if flags & SELF:
            raise StreamFailed(number, Code.PROTOCOL_ERROR, "a stream that depends on itself")
        if number > self._most:  # After a GOAWAY: to be asked elsewhere.
            self._patience()
            self._break(number)
            return
        if len(self.streams) >= self.limits.streams:
            raise StreamFailed(number, Code.REFUSED_STREAM, "too many streams")
        if isinstance(request, Malformed):
            raise StreamFailed(number, Code.PROTOCOL_ERROR, str(request))
        stream = Stream(self, number, self._first_window, self.limits.window_bytes)
        self.streams[number] = self._newest = stream
        self._calm.earned += self.limits.earned
        stream.heard = flags & END_STREAM != 0
        stream.app = self._serve(stream, request)
        if stream.heard and not stream.closed:
            if stream.expected > 0:
                raise StreamFailed(number, Code.PROTOCOL_ERROR, "not what content-length says")
            self._hear(stream)

    def _trailers(self, flags: int, number: int, why: str | None) -> None:
        stream = self.streams.get(number)
        if stream is None or stream.heard:
            if any(number in skipped for skipped in self._skipped):
                raise ConnectionFailed(Code.PROTOCOL_ERROR, "a stream older than the newest")
            self._stray(number)
            return
        if not flags & END_STREAM:
            raise StreamFailed(number, Code.PROTOCOL_ERROR, "trailers that do not end the stream")
        if why is not None:
            raise StreamFailed(number, Code.PROTOCOL_ERROR, why)
        if stream.expected > 0:
            raise StreamFailed(number, Code.PROTOCOL_ERROR, "not what content-length says")
        stream.heard = True
        self._hear(stream)

    def _hear(self, stream: Stream) -> None:
        """Have a stream's app hear at the end of this read what it has brought."""
        if not stream.due:
            stream.due = True
            self._ready.append(stream)
