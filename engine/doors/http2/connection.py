"""A connection as a server sees it: frames in, requests to apps, all else answered or refused.

Every rule of RFC 9113 that binds a server and can be broken by a client is checked here; what no
rule forbids and no honest client does (see `limits`) ends the connection with ENHANCE_YOUR_CALM.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar, cast

from engine.doors.http2.control import DRAIN_PING, NO_STREAM, PRIORITY_BYTES, Control
from engine.doors.http2.fields import FieldReader, Fields
from engine.doors.http2.frames import (
    ACK,
    CONTINUATION,
    END_HEADERS,
    END_STREAM,
    HEAD,
    HEAD_BYTES,
    INITIAL_WINDOW_SIZE,
    MAX_CONCURRENT_STREAMS,
    MAX_FRAME_SIZE,
    MAX_HEADER_LIST_SIZE,
    PADDED,
    PREFACE,
    PRIORITIZED,
    SETTINGS,
    U32,
    WINDOW,
    Code,
    ConnectionFailed,
    StreamFailed,
    goaway,
    ping,
    rst_stream,
    settings,
    unpadded,
    window_update,
)
from engine.doors.http2.limits import Limits
from engine.doors.http2.stream import NOBODY, App, Stream

Request = TypeVar("Request")

GRACE_SECONDS = 1.0
"""How long after a GOAWAY streams are still taken that were under way to here."""
TICK_SECONDS = 2.0
LINGER_SECONDS = 5.0
"""How long a connection that is closed may take to send what it still has."""

Serve = Callable[[Stream, Request], App]
"""Takes a new stream and what its fields mean; returns who answers it."""


PADDED_OR_PRIORITIZED = PADDED | PRIORITIZED
ALPN = "h2"
LISTS = 4
"""A list of fields that is so many times as long as allowed ends the connection; who serves a
request whose list is only too long refuses that request."""
SELF = 0x100
"""Beside the flags of a frame: the stream said that it depends on itself."""


class Malformed(Exception):
    """Fields that are no request (RFC 9113, 8.1.1); the text says why."""


class Connection(Control, Generic[Request]):
    """One connection. *serve* is asked for each request; *read* makes it of its fields."""

    def __init__(
        self,
        serve: Serve[Request],
        read: Callable[[Fields], Request | Malformed],
        limits: Limits,
        ended: Callable[[Connection[Request]], None] = lambda _: None,
    ) -> None:
        """*read* returns Malformed where fields are no request; *ended* hears of the end."""
        super().__init__(limits)
        self._serve = serve
        self._fields: FieldReader[tuple[Request | Malformed, bool]] = FieldReader(
            LISTS * limits.header_bytes, lambda fields: (read(fields), _are_trailers(fields))
        )
        self._ended_call = ended
        self._buffer = b""
        self._greeted = False
        """Whether the preface has come."""
        self._most = NO_STREAM
        """The newest stream that is taken: what a GOAWAY has said."""
        self._partial: list[bytes] | None = None
        """The pieces of a field block that is not whole, and the stream and flags it belongs to."""
        self._partial_of = (0, 0)
        self._partial_bytes = 0
        self._partial_since = 0.0
        self._ready: list[Stream] = []
        """Streams whose requests have become whole in this read."""
        self._closing = False
        self._closed_at = 0.0
        self._since = 0.0
        """When it began, or when its last stream ended."""
        self._tick: asyncio.TimerHandle | None = None
        self._kinds = (
            self._data,
            self._headers,
            self._priority,
            self._rst_stream,
            self._settings,
            self._push_promise,
            self._ping,
            self._goaway,
            self._window_update,
            self._continuation,
        )

    # What the transport tells.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin: send the server's preface."""
        self._transport = cast("asyncio.Transport", transport)
        loop = asyncio.get_running_loop()
        self._since = loop.time()
        self._tick = loop.call_later(TICK_SECONDS, self._look)
        secured = transport.get_extra_info("ssl_object")
        if secured is not None and secured.selected_alpn_protocol() != ALPN:
            self.abort()  # RFC 9113, 3.2: over TLS both have to agree on HTTP/2.
            return
        limits = self.limits
        self.send(
            settings(
                (
                    (MAX_CONCURRENT_STREAMS, limits.streams),
                    (INITIAL_WINDOW_SIZE, limits.window_bytes),
                    (MAX_FRAME_SIZE, limits.frame_bytes),
                    (MAX_HEADER_LIST_SIZE, limits.header_bytes),
                )
            )
            + window_update(0, limits.connection_bytes - WINDOW)
        )

    def data_received(self, data: bytes) -> None:
        """Read all frames that are whole, and answer them in one write."""
        if self._closing:
            return
        self._reading = True
        try:
            self._buffer = self._frames(self._buffer + data if self._buffer else data)
            self._answer_ready()
        except ConnectionFailed as error:
            self._fail(error.code, str(error))
        finally:
            self._reading = False
            self.flush()

    def _answer_ready(self) -> None:
        """Answer what was asked in this read, and was not taken back in it."""
        if self._ready:
            ready, self._ready = self._ready, []
            for stream in ready:
                if not stream.closed:
                    stream.app.end()

    def eof_received(self) -> bool:
        """End: a client that has gone cannot be told from one that only sends no more."""
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """End: nobody hears an answer any more."""
        del exc
        self._closing = True
        self._transport = None
        if self._tick is not None:
            self._tick.cancel()
        self._drop()
        self._ended_call(self)

    # What the server asks for.

    def drain(self) -> None:
        """Take no new streams; close when those that run are over."""
        if self._transport is None or self._closing or self._draining:
            return
        self._draining = True
        # In two steps (RFC 9113, 6.8): what is under way to here is still taken.
        self.send(goaway(NO_STREAM, Code.NO_ERROR) + ping(DRAIN_PING, ack=False))
        asyncio.get_running_loop().call_later(GRACE_SECONDS, self.take_no_more)

    def abort(self) -> None:
        """End now."""
        if self._transport is not None:
            self._transport.abort()

    def left(self) -> None:
        """Close when the last stream is over, if that is wanted."""
        if not self.streams:
            if self._most != NO_STREAM or self._closing:
                self._close()
            else:
                self._since = asyncio.get_running_loop().time()

    def take_no_more(self) -> None:
        """Say which stream was the last one, and close when there are no more."""
        if self._transport is not None and self._most == NO_STREAM and not self._closing:
            self._most = self._last
            self.send(goaway(self._last, Code.NO_ERROR))
            if not self.streams:
                self._close()

    def _close(self) -> None:
        self._closing = True
        self._closed_at = asyncio.get_running_loop().time()
        self.flush()
        if self._transport is not None:
            self._transport.close()

    def _fail(self, code: Code, why: str) -> None:
        """End the connection, and say why."""
        # Never a later stream than an earlier GOAWAY has said (RFC 9113, 6.8).
        self.send(goaway(min(self._last, self._most), code, why))
        self._close()
        self._drop()

    def _drop(self) -> None:
        """Forget all streams: nobody hears an answer any more."""
        self._ready.clear()
        for stream in tuple(self.streams.values()):
            app, stream.app = stream.app, NOBODY
            stream.close()
            app.gone()
        self.streams.clear()
        self._blocked.clear()

    def _look(self) -> None:
        """Now and then: end what takes too long."""
        loop = asyncio.get_running_loop()
        now, limits = loop.time(), self.limits
        if self._transport is None:
            return
        self._tick = loop.call_later(TICK_SECONDS, self._look)
        if self._closing:
            if now - self._closed_at > LINGER_SECONDS:
                self.abort()
        elif not self._settled and now - self._since > limits.preface_seconds:
            self._fail(Code.SETTINGS_TIMEOUT, "no preface came")
        elif self._partial is not None and now - self._partial_since > limits.stall_seconds:
            self._fail(Code.ENHANCE_YOUR_CALM, "a field block that does not end")
        elif self._full and now - self._full_since > limits.stall_seconds:
            self.abort()
        elif limits.idle_seconds and not self.streams and now - self._since > limits.idle_seconds:
            self.drain()
        else:
            self._look_at_streams(now)

    def _look_at_streams(self, now: float) -> None:
        for stream in tuple(self.streams.values()):
            waits = stream.id in self._blocked and not self._full
            if waits and now - stream.since > self.limits.stall_seconds:
                self._break_off(stream, Code.ENHANCE_YOUR_CALM)
            else:
                stream.app.look(now)

    # Frames.

    def _frames(self, data: bytes) -> bytes:
        """Handle the frames in *data*; return what is left of it. Raises ConnectionFailed."""
        at, size = 0, len(data)
        if not self._greeted:
            at = self._greet(data)
            if not at:
                return data
        most = self.limits.frame_bytes
        while size - at >= HEAD_BYTES:
            high, low, kind, flags, number = HEAD.unpack_from(data, at)
            length = high << 8 | low
            if length > most:
                raise ConnectionFailed(Code.FRAME_SIZE_ERROR, "a frame that is too large")
            begin = at + HEAD_BYTES
            if begin + length > size:
                break
            at = begin + length
            if self._partial is not None or not self._settled:
                self._check_order(kind, flags)
            self._handle(kind, flags, number & NO_STREAM, data[begin:at])
            if self._closing:
                return b""
        return data[at:] if at else data

    def _greet(self, data: bytes) -> int:
        """Return the length of the client's preface; 0 while it is not whole."""
        if not data.startswith(PREFACE[: len(data)]):
            raise ConnectionFailed(Code.PROTOCOL_ERROR, "this is not HTTP/2")
        if len(data) < len(PREFACE):
            return 0
        self._greeted = True
        return len(PREFACE)

    def _check_order(self, kind: int, flags: int) -> None:
        """Raise ConnectionFailed unless this frame may come now."""
        if not self._settled and (kind != SETTINGS or flags & ACK):
            raise ConnectionFailed(Code.PROTOCOL_ERROR, "the first frame is not SETTINGS")
        if self._partial is not None and kind != CONTINUATION:
            raise ConnectionFailed(Code.PROTOCOL_ERROR, "a field block was not continued")

    def _handle(self, kind: int, flags: int, number: int, payload: bytes) -> None:
        try:
            if kind < len(self._kinds):
                self._kinds[kind](flags, number, payload)
            else:  # To be ignored (RFC 9113, 4.1).
                self._patience()
        except StreamFailed as error:
            self._fail_stream(error)

    def _fail_stream(self, error: StreamFailed) -> None:
        if not self._resets.take():
            raise ConnectionFailed(Code.ENHANCE_YOUR_CALM, "too many broken streams")
        stream = self.streams.get(error.stream)
        if stream is not None:
            self._break_off(stream, error.code)
            return
        if error.stream <= self._last:
            self._break(error.stream)
        self.send(rst_stream(error.stream, error.code))

    def _break_off(self, stream: Stream, code: Code) -> None:
        app, stream.app = stream.app, NOBODY
        self.reset(stream, code)
        app.gone()

    def _data(self, flags: int, number: int, payload: bytes) -> None:
        size = len(payload)
        stream = self.streams.get(number)
        self._allowed -= size
        if self._allowed < 0:
            raise ConnectionFailed(Code.FLOW_CONTROL_ERROR, "more data than the window holds")
        if stream is None or stream.heard:
            self.give_back(size)
            self._stray(number)
            return
        self._take(stream, size)
        body = unpadded(payload, flags) if flags & PADDED else payload
        if size > len(body):
            stream.consumed(size - len(body))
        end = flags & END_STREAM
        if not (body or end):
            self._patience()
        if stream.expected >= 0:
            stream.expected -= len(body)
            if stream.expected < 0 or (end and stream.expected):
                raise StreamFailed(number, Code.PROTOCOL_ERROR, "not what content-length says")
        stream.heard = bool(end)
        if body:
            stream.app.data(body)
        if end:
            self._ready.append(stream)

    def _take(self, stream: Stream, size: int) -> None:
        stream.allowed -= size
        stream.unread += size
        if stream.allowed < 0:
            why = "more data than the window holds"
            raise StreamFailed(stream.id, Code.FLOW_CONTROL_ERROR, why)

    def _stray(self, number: int) -> None:
        """Refuse a frame for a stream that takes none. Raises ConnectionFailed and StreamFailed."""
        if number == 0 or number > self._last or not number & 1:
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
        request, are_trailers = self._fields.read(block)
        if number <= self._last:
            self._trailers(flags, number, proper=are_trailers)
            return
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
        self.streams[number] = stream
        self._calm.give(self.limits.earned)
        stream.heard = bool(flags & END_STREAM)
        stream.app = self._serve(stream, request)
        if stream.heard and not stream.closed:
            if stream.expected > 0:
                raise StreamFailed(number, Code.PROTOCOL_ERROR, "not what content-length says")
            self._ready.append(stream)

    def _trailers(self, flags: int, number: int, *, proper: bool) -> None:
        stream = self.streams.get(number)
        if stream is None or stream.heard:
            self._stray(number)
            return
        if not flags & END_STREAM:
            raise StreamFailed(number, Code.PROTOCOL_ERROR, "trailers that do not end the stream")
        if not proper:
            raise StreamFailed(number, Code.PROTOCOL_ERROR, "trailers with a pseudo-field")
        if stream.expected > 0:
            raise StreamFailed(number, Code.PROTOCOL_ERROR, "not what content-length says")
        stream.heard = True
        self._ready.append(stream)


def _are_trailers(fields: Fields) -> bool:
    """Return whether *fields* may end a request (RFC 9113, 8.1)."""
    return not any(name[:1] == b":" or name != name.lower() for name, _ in fields)
