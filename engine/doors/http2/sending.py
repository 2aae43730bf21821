"""What a connection sends: frames within its peer's windows, in one write for all that was read.

Nothing is kept without bound for a peer that does not read: what it may not get yet waits with its
stream, whose writer waits too, and while the kernel takes nothing, nothing more is read.
"""

from __future__ import annotations

import asyncio
import time
from typing import Final

from engine.doors.http2.fields import EMPTY_TABLE
from engine.doors.http2.frames import (
    END_HEADERS,
    END_STREAM,
    FRAME_BYTES,
    HEADERS,
    MOST_WINDOW,
    WINDOW,
    Code,
    ConnectionFailed,
    StreamFailed,
    data_head,
    headers,
    rst_stream,
    window_update,
)
from engine.doors.http2.limits import Bucket, Limits
from engine.doors.http2.stream import ENOUGH, Peer, Stream

FORGOTTEN: Final = 1_000
"""So many of the streams that were broken off are known: what still comes for them is ignored."""
TURN_BYTES: Final = 65_536
"""So much a stream sends before the next one has its turn."""
HEADERS_OPENING: Final = bytes((HEADERS, END_HEADERS))
TRAILERS_OPENING: Final = bytes((HEADERS, END_HEADERS | END_STREAM))
"""Type and flags of the frames of an answer."""
EARNS_BYTES: Final = 1_024
"""A frame of so many bytes is an answer that comes on."""


class Sender(Peer):
    """The half of a connection that sends."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        clock = time.monotonic
        self._calm = Bucket(limits.idle_frames, limits.idle_frames_a_second, clock)
        self._resets = Bucket(limits.resets, limits.resets_a_second, clock)
        self._earned_by_answer = limits.resets_earned
        self.streams: dict[int, Stream] = {}
        self._transport: asyncio.Transport | None = None
        self._out: list[bytes] = []
        self._first_block = self._last_block = b""
        """Those of the last answer that was sent as a whole, and how their frames begin."""
        self._first_opening = bytes(3) + HEADERS_OPENING
        self._last_opening = bytes(3) + TRAILERS_OPENING
        self._reading = False
        """Whether frames are read, or answers gathered: what is sent meanwhile goes together."""
        self._full = False
        """Whether the kernel takes no more."""
        self._window = WINDOW
        """What may be sent on all streams together."""
        self._first_window = WINDOW
        self._frame_bytes = FRAME_BYTES
        self._allowed = limits.connection_bytes
        """What the peer may still send on all streams together."""
        self._consumed = 0
        """What of it came and was used, and is not yet given back."""
        self._emptied = True
        """Whether the peer knows that the table of what is sent, which is never used, is small."""
        self._broken: dict[int, None] = {}
        self._blocked: dict[int, Stream] = {}
        self._full_since = 0.0

    # What streams ask for.

    def consumed(self, stream: Stream, size: int) -> None:
        """Let the peer send *size* bytes more on *stream*, and on the connection."""
        stream.unread -= size
        self.give_back(size)
        # Updates are few: each opens at least half of the window.
        more = self.limits.window_bytes - stream.allowed - stream.unread
        if more * 2 >= self.limits.window_bytes and not (stream.heard or stream.closed):
            stream.allowed += more
            self.send(window_update(stream.id, more))

    def give_back(self, size: int) -> None:
        """Let the peer send *size* bytes more on the connection."""
        self._consumed += size
        if self._consumed * 2 >= self.limits.connection_bytes:
            self._allowed += self._consumed
            self.send(window_update(0, self._consumed))
            self._consumed = 0

    def begin(self, stream: Stream, block: bytes, *, end: bool) -> None:
        """Send the fields of an answer."""
        self._send_fields(stream, block, end=end)
        if end:
            self._ended(stream)

    def answer(
        self, stream: Stream, block: bytes, body: bytes, trailers: bytes, prefix: bytes = b""
    ) -> None:
        """Send a whole answer: fields, *prefix* and *body*, fields."""
        if stream.closed:
            return
        size = len(prefix) + len(body)
        # Hot path: most answers fit.
        if (
            size <= self._window
            and size <= stream.window
            and size <= self._frame_bytes
            and self._emptied
        ):
            self._window -= size
            if block is not self._first_block:  # Most answers begin and end alike.
                self._first_block = block
                self._first_opening = len(block).to_bytes(3, "big") + HEADERS_OPENING
            if trailers is not self._last_block:
                self._last_block = trailers
                self._last_opening = len(trailers).to_bytes(3, "big") + TRAILERS_OPENING
            number = stream.id.to_bytes(4, "big")
            self._out += (
                self._first_opening,
                number,
                block,
                data_head(size, stream.id),
                prefix,
                body,
                self._last_opening,
                number,
                trailers,
            )
            if not self._reading:
                self.flush()
            self._ended(stream)
            return
        stream.begin(block)
        stream.write(prefix + body)
        stream.finish(trailers)

    def pour(self, stream: Stream, data: bytes) -> None:
        """Send DATA, or keep it until it may be sent."""
        size = len(data)
        if (
            stream.waiting
            or size > self._window
            or size > stream.window
            or size > self._frame_bytes
            or self._full
        ):
            stream.write(data)
            return
        # Hot path: all that a read is answered with fits.
        self._window -= size
        stream.window -= size
        self._calm.earned += self.limits.earned
        self._out += (data_head(size, stream.id), data)
        if not self._reading:
            self.flush()

    def gather(self) -> None:
        """Write all that is sent in this turn of the loop together."""
        if not self._reading and self._transport is not None:
            self._reading = True
            asyncio.get_running_loop().call_soon(self._gathered)

    def _gathered(self) -> None:
        self._reading = False
        self.flush()

    def pump(self, stream: Stream, most: int = MOST_WINDOW) -> None:
        """Send of what waits on *stream* as its windows, and the kernel, take; about *most*."""
        waiting, sent = stream.waiting, 0
        while waiting and not self._full:
            size = min(len(waiting[0]), self._window, stream.window, self._frame_bytes)
            if size <= 0:
                break
            piece = waiting.popleft()
            if size < len(piece):
                view = memoryview(piece)  # A long piece is cut many times, and never copied.
                waiting.appendleft(view[size:])
                piece = view[:size]
            self._window -= size
            stream.window -= size
            stream.waiting_bytes -= size
            self.send(data_head(size, stream.id) + piece)
            # A peer that opens its window byte by byte earns nothing.
            if size >= EARNS_BYTES or not waiting:
                self._calm.earned += self.limits.earned
            sent += size
            if sent >= most:
                break
        if waiting:
            self._block(stream, progress=sent > 0)
            return
        self._blocked.pop(stream.id, None)
        if stream.trailers is not None:
            self._finish(stream, stream.trailers)
        else:
            self._tell(stream)

    def _tell(self, stream: Stream) -> None:
        """Tell who writes on *stream* that little waits to be sent, if that is so."""
        if stream.waiting_bytes <= ENOUGH:
            if stream.writers:
                stream.wake()
            if stream.stalled:
                stream.stalled = False
                stream.app.turn()

    def reset(self, stream: Stream, code: Code) -> None:
        """Break *stream* off."""
        self.send(rst_stream(stream.id, code))
        self._forget(stream, broken=True)

    # Windows.

    def widen(self, more: int) -> None:
        """Let *more* bytes be sent on all streams together. Raises ConnectionFailed."""
        self._window += more
        if self._window > MOST_WINDOW:
            raise ConnectionFailed(Code.FLOW_CONTROL_ERROR, "a window beyond 2^31 - 1")
        self.pump_all()

    def widen_stream(self, stream: Stream, more: int) -> None:
        """Let *more* bytes be sent on *stream*. Raises StreamFailed."""
        stream.window += more
        if stream.window > MOST_WINDOW:
            raise StreamFailed(stream.id, Code.FLOW_CONTROL_ERROR, "a window beyond 2^31 - 1")
        if stream.waiting:
            self.pump(stream)

    def change_first_window(self, size: int) -> None:
        """Follow SETTINGS_INITIAL_WINDOW_SIZE, also on open streams. Raises ConnectionFailed."""
        difference, self._first_window = size - self._first_window, size
        for stream in self.streams.values():
            stream.window += difference
            if stream.window > MOST_WINDOW:
                raise ConnectionFailed(Code.FLOW_CONTROL_ERROR, "a window beyond 2^31 - 1")

    def pause_writing(self) -> None:
        """Read no more while the kernel takes no more, so that nothing more need be sent."""
        self._full = True
        self._full_since = asyncio.get_running_loop().time()
        if self._transport is not None and not self._transport.is_closing():
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        """Go on: the kernel takes more again."""
        self._full = False
        self.pump_all()
        transport = self._transport
        if transport is not None and not self._full and not transport.is_closing():
            transport.resume_reading()

    # Bytes.

    def send(self, data: bytes) -> None:
        """Send *data*: at once, or with all else that is sent while frames are read."""
        if self._reading:
            self._out.append(data)
        elif self._transport is not None:
            self._transport.write(data)

    def flush(self) -> None:
        """Send what was kept while frames were read."""
        if self._out:
            out = self._out
            self._out = []
            transport = self._transport
            if transport is None:
                return
            try:
                transport.write(out[0] if len(out) == 1 else b"".join(out))
            except MemoryError:  # What is lost is of many calls, none of which would ever end.
                transport.abort()
                raise

    def pump_all(self) -> None:
        """Let all streams that wait send in turns, a little each, while anything can be sent."""
        going = True
        while going:
            going = False
            for stream in tuple(self._blocked.values()):
                if self._full or self._window <= 0:
                    return
                if stream.window > 0:
                    self.pump(stream, TURN_BYTES)
                    going = True

    def _block(self, stream: Stream, *, progress: bool) -> None:
        if progress or stream.id not in self._blocked:
            # Who got something goes to the end of the queue: nobody waits for ever.
            self._blocked.pop(stream.id, None)
            self._blocked[stream.id] = stream
            stream.since = asyncio.get_running_loop().time()

    def _finish(self, stream: Stream, trailers: bytes) -> None:
        """End what is sent on a stream."""
        self._send_fields(stream, trailers, end=True)
        self._ended(stream)

    def _send_fields(self, stream: Stream, block: bytes, *, end: bool) -> None:
        if not self._emptied:
            self._emptied = True
            block = EMPTY_TABLE + block
        self.send(headers(stream.id, block, self._frame_bytes, end=end))

    def _ended(self, stream: Stream) -> None:
        """Forget a stream whose answer is sent; a request that still comes is not wanted."""
        self._resets.earned += self._earned_by_answer
        if stream.heard and not (stream.unread or self._blocked):
            # Hot path: nothing is left of the stream.
            del self.streams[stream.id]
            stream.close()
            self.left()
            return
        if not stream.heard:
            self.send(rst_stream(stream.id, Code.NO_ERROR))
        self._forget(stream, broken=not stream.heard)

    def _forget(self, stream: Stream, *, broken: bool) -> None:
        self.streams.pop(stream.id, None)
        if self._blocked:
            self._blocked.pop(stream.id, None)
        if stream.unread:
            self.give_back(stream.unread)
            stream.unread = 0
        stream.close()
        if broken:
            self._break(stream.id)
        self.left()

    def _break(self, number: int) -> None:
        """Know that what still comes for a stream was under way before its client knew."""
        self._broken[number] = None
        if len(self._broken) > FORGOTTEN:
            del self._broken[next(iter(self._broken))]

    def left(self) -> None:
        """Hear that a stream is over."""
