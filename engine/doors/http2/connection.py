"""A connection as a server sees it: frames in, requests to apps, all else answered or refused.

Every rule of RFC 9113 that binds a server and can be broken by a client is checked here; what no
rule forbids and no honest client does (see `limits`) ends the connection with ENHANCE_YOUR_CALM.
"""

from __future__ import annotations

import asyncio
import random
import ssl
from collections.abc import Callable
from typing import Final, Generic, cast

from engine.doors.awake import Awake
from engine.doors.breath import TURN_SECONDS, Breath
from engine.doors.http2.control import CONTROLS, DRAIN_PING, NO_STREAM
from engine.doors.http2.fields import Fields
from engine.doors.http2.frames import (
    ACK,
    CONTINUATION,
    DATA,
    HEAD_BYTES,
    HEADERS,
    INITIAL_WINDOW_SIZE,
    MAX_CONCURRENT_STREAMS,
    MAX_FRAME_SIZE,
    MAX_HEADER_LIST_SIZE,
    PREFACE,
    SETTINGS,
    WINDOW,
    Code,
    ConnectionFailed,
    StreamFailed,
    goaway,
    ping,
    settings,
    window_update,
)
from engine.doors.http2.limits import Limits
from engine.doors.http2.requests import Malformed, Request, Requests, Serve
from engine.doors.http2.stream import NOBODY, Stream
from engine.doors.memory import tell

GRACE_SECONDS: Final = 1.0
"""How long after a GOAWAY streams are still taken that were under way to here."""
TICK_SECONDS: Final = 2.0
LINGER_SECONDS: Final = 5.0
"""How long a connection that is closed may take to send what it still has."""
AT_ONCE: Final = 16
"""So many calls at most, or half as many more at the end, are answered in one go."""
SHARE: Final = 2
"""Of those that wait, one in so many, as far as a turn goes: a write takes as long as many a
decision."""
ALPN: Final = "h2"
THERE_PING: Final = b"there?\0\0"


class Connection(Requests[Request], Generic[Request]):
    """One connection. *serve* is asked for each request; *read* makes it of its fields."""

    def __init__(
        self,
        serve: Serve[Request],
        read: Callable[[Fields], Request | Malformed],
        limits: Limits,
        ended: Callable[[Connection[Request]], object] = lambda _: None,
        begun: Callable[[Connection[Request]], object] = lambda _: None,
    ) -> None:
        """*read* returns Malformed where fields are no request.

        *ended* hears of the end, and *begun* of the beginning.
        """
        super().__init__(serve, read, limits)
        self._begun_call = begun
        self._ended_call = ended
        self._buffer = b""
        self.breath = Breath()
        """How many calls that come together are answered in one go."""
        self.awake: Awake | None = None
        """What keeps the loop awake, as long as much comes; None: it may sleep."""
        self._waits = False
        """Whether it has had its turn, and what has come is not all read."""
        self._greeted = False
        """Whether the preface has come."""
        self._closing = False
        self._closed_at = 0.0
        self._since = 0.0
        """When it began, or when it was first seen that its last stream had ended."""
        self._was_busy = False
        """Whether its last stream has ended, and that was not seen yet."""
        self._said = False
        """Whether anything has come since the last look."""
        self._silent_since = 0.0
        self._asked = False
        """Whether it was asked if it is there, and has said nothing since."""
        self._tick: asyncio.TimerHandle | None = None

    @property
    def secured(self) -> ssl.SSLObject | None:
        """What the handshake has come to; None without TLS."""
        made: ssl.SSLObject | None = None
        if self._transport is not None:
            made = self._transport.get_extra_info("ssl_object")
        return made

    # What the transport tells.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin: send the server's preface."""
        self._transport = cast("asyncio.Transport", transport)
        self._begun_call(self)
        loop = asyncio.get_running_loop()
        self._since = self._silent_since = loop.time()
        # Not all at once where thousands came at once: the others would wait for their looks.
        first = random.random() * TICK_SECONDS  # noqa: S311 - no secret
        self._tick = loop.call_later(first, self._look)
        secured = self.secured
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
                    *limits.told,
                )
            )
            + window_update(0, limits.connection_bytes - WINDOW)
        )

    def data_received(self, data: bytes) -> None:
        """Read all frames that are whole, and answer them in one write."""
        if self._closing:
            return
        self._said = True
        if self.awake is not None:
            self.awake.stir()
        if self._waits:
            self._buffer += data
        else:
            self._turn(data)

    def _turn(self, data: bytes) -> None:
        """Read the frames in *data*, as many as a connection may before others have their turn."""
        try:
            self._read_all(data)
        except MemoryError:  # What was read, or to be said, is lost.
            self._closing = True
            self.abort()
            self._drop()
            tell("what came on a connection, which was ended")

    def _read_all(self, data: bytes) -> None:
        self._reading = True
        self._decoded = 0
        try:
            self._buffer = self._frames(self._buffer + data if self._buffer else data)
            self._answer_ready()
        except ConnectionFailed as error:
            self._fail(error.code, str(error))
        finally:
            self._reading = False
            self._newest = None
            self.flush()
        transport = self._transport
        if self._waits and transport is not None and not (self._closing or transport.is_closing()):
            transport.pause_reading()
            asyncio.get_running_loop().call_soon(self._give_way)

    def _give_way(self) -> None:
        """Go on behind those whose questions are there by now.

        What is called soon out of a read comes before the loop looks for more.
        """
        asyncio.get_running_loop().call_soon(self._go_on)

    def _go_on(self) -> None:
        """Have another turn."""
        self._waits = False
        if self._transport is None or self._closing:
            return
        if not self._full and not self._transport.is_closing():
            self._transport.resume_reading()
        self._turn(b"")

    def _answer_ready(self) -> None:
        """Answer what was asked in this read, and was not taken back in it."""
        if not self._ready:
            return
        ready, self._ready = self._ready, []
        if self.answer_all is not None and len(ready) > 1:
            self._answer_together(ready)
            return
        for stream in ready:
            stream.tell()

    def _answer_together(self, ready: list[Stream]) -> None:
        """Answer all that are *ready*, the first ones before the last ones are looked at.

        What takes long is answered in several turns.
        """
        assert self.answer_all is not None
        breath = self.breath
        begun = since = breath.now()
        while True:
            turn = breath.fitting(AT_ONCE, TURN_SECONDS)
            many = max(breath.fitting(AT_ONCE), min(turn, len(ready) // SHARE))
            if len(ready) <= many * 3 // 2:
                many = len(ready)
            self.answer_all(ready[:many])
            ready = ready[many:]
            at = breath.now()
            breath.took(at - since, many)
            if not ready:
                return
            self.flush()
            if at - begun > TURN_SECONDS:
                self._ready = ready
                self._waits = True
                return
            since = at

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
        if self.streams:
            return
        if self._most != NO_STREAM or self._closing:
            self._close()
        else:
            self._was_busy = True

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
        if self._was_busy:
            self._was_busy, self._since = False, now
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
            self._look_for_client(now)

    def _look_for_client(self, now: float) -> None:
        """Ask a client that says nothing whether it is there; end the connection if it is not."""
        limits, silent = self.limits, now - self._silent_since
        if self._said:
            self._said = self._asked = False
            self._silent_since = now
        elif not self._asked:
            if limits.ping_seconds and silent > limits.ping_seconds:
                self._asked, self._silent_since = True, now
                self.send(ping(THERE_PING, ack=False))
        elif silent > limits.answer_seconds:
            self.abort()

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
        at, size = 0 if self._greeted else self._greet(data), len(data)
        if not self._greeted:
            return data
        most, fields = self.limits.frame_bytes, self.limits.turn_fields
        left = self.limits.turn_frames
        while size - at >= HEAD_BYTES and not self._closing:
            if not left or self._decoded > fields:
                self._waits = True
                break
            left -= 1
            # Byte by byte: compiled, that is several times as quick as `struct`.
            length = data[at] << 16 | data[at + 1] << 8 | data[at + 2]
            if length > most:
                raise ConnectionFailed(Code.FRAME_SIZE_ERROR, "a frame that is too large")
            begin = at + HEAD_BYTES
            if begin + length > size:
                break
            kind, flags = data[at + 3], data[at + 4]
            number = (
                (data[at + 5] & 0x7F) << 24 | data[at + 6] << 16 | data[at + 7] << 8 | data[at + 8]
            )
            at = begin + length
            if self._partial is not None or not self._settled:
                self._check_order(kind, flags)
            try:
                # Hot path: calls are made of two kinds.
                if kind == DATA:
                    self._data(flags, number, data[begin:at])
                elif kind == HEADERS:
                    self._headers(flags, number, data[begin:at])
                else:
                    self._other(kind, flags, number, data[begin:at])
            except StreamFailed as error:
                self._fail_stream(error)
        return b"" if self._closing else data[at:]

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

    def _other(self, kind: int, flags: int, number: int, payload: bytes) -> None:
        if kind == CONTINUATION:
            self._continuation(flags, number, payload)
        elif kind in CONTROLS:
            CONTROLS[kind](self, flags, number, payload)
        else:  # To be ignored (RFC 9113, 4.1).
            self._patience()
