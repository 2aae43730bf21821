"""What is heard of a gRPC call: its messages, its deadline, and how it ends."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Final

import grpc

from engine.doors.grpc.lean_head import (
    FINE,
    OPENING,
    OPENING_GZIP,
    Head,
    Metadata,
    trailers_of,
)
from engine.doors.grpc.lean_messages import (
    PREFIX,
    RefusedMessage,
    Unpacker,
    is_whole,
    packed,
    packed_gzip,
    unpacked,
)
from engine.doors.grpc.lean_room import Room
from engine.doors.http2.stream import Stream

OVERLOADED: Final = "the engine is overloaded: try again"
BROKEN: Final = "the last message is not whole"
NOW: Final = time.monotonic
NO_MESSAGES: Final[list[bytes]] = []
"""What no call has filled: most need no list."""


class Heard:
    """The half of a call that hears, and ends."""

    __slots__ = (
        "_at",
        "_booked",
        "_clock",
        "_deadline",
        "_ended",
        "_flows",
        "_head",
        "_held",
        "_messages",
        "_most",
        "_one_asks",
        "_over",
        "_reader",
        "_room",
        "_since",
        "_stream",
        "_task",
        "_timer",
        "_unpacker",
        "begun",
    )

    def __init__(
        self, stream: Stream, head: Head, most: int, room: Room, *, one_asks: bool
    ) -> None:
        self._stream = stream
        stream.eager = self._one_asks = one_asks
        self._head = head
        self._most = most
        self._room = room
        room.calls += 1
        self._unpacker: Unpacker | None = None
        """There is one where a message did not come in one frame."""
        self._messages = NO_MESSAGES
        """What was not read, each with its prefix; those before `_at` were."""
        self._at = 0
        self._held = 0
        """Bytes of messages that nobody has read: the peer may not send as many more."""
        self._booked = 0
        """What of the room's bytes is this call's."""
        self._ended = False
        """Whether the request is whole."""
        self._over = False
        """Whether its status is known: nothing more is answered."""
        self._flows = False
        """Whether it is answered without a task, and counted as if it had one."""
        self._reader: asyncio.Future[None] | None = None
        self._task: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._deadline: float | None = None
        self._clock: Callable[[], float] = NOW
        """What the deadline goes by: the loop's time."""
        if head.timeout is not None:
            # Hot path: it is asked for each request of a batch, and who asks which loop runs asks
            # the kernel for the process.
            self._clock = asyncio.get_running_loop().time
            self._deadline = self._clock() + head.timeout
        self._since = 0.0
        """When it was first seen not to be whole."""
        self.begun = False

    @property
    def traced(self) -> bool:
        """Whether the caller's metadata tell of a trace."""
        return self._head.traced

    def data(self, data: bytes) -> None:
        """Take a piece."""
        stream = self._stream
        if self._over:
            if not self._one_asks:
                stream.consumed(len(data))
            return
        # Hot path: a message comes in one frame, and is answered at once.
        found = self._unpacker is None and is_whole(data, self._most)
        if found:
            self._add(data)
        else:
            try:
                found = self._unpack(data)
            except RefusedMessage as error:
                if not self._one_asks:
                    stream.consumed(len(data))
                self._stop(error.code, str(error))
                return
        if self._one_asks:
            if len(self._messages) > 1:
                self._finish(grpc.StatusCode.UNIMPLEMENTED, "more than one message where one asks")
                return
            held = sum([len(one) for one in self._messages])
        elif found or self._at < len(self._messages):
            self._held += len(data)
            held = self._held
            self._wake()
        else:  # A message that is longer than the window.
            stream.consumed(len(data))
            held = 0
        self._book(held + self._rest())

    def _unpack(self, data: bytes) -> bool:
        """Take the messages that *data* makes whole; return whether there are some."""
        if self._unpacker is None:
            self._unpacker = Unpacker(self._most)
        found = self._unpacker.feed(data)
        for one in found:
            self._add(one)
        return bool(found)

    def _add(self, message: bytes) -> None:
        if self._messages is NO_MESSAGES:
            self._messages = []
        self._messages.append(message)

    def _rest(self) -> int:
        """Return how many bytes of a message that is not whole have come."""
        return 0 if self._unpacker is None else self._unpacker.rest

    def _next(self, most: int) -> list[bytes]:
        """Return the next messages, *most* at most. One that is refused ends the call."""
        made: list[bytes] = []
        messages, end = self._messages, self._at + most
        while self._at < len(messages) and self._at < end:
            # One that is compressed comes alone: it may be much longer than it was.
            if made and messages[self._at][0]:
                break
            packed = messages[self._at]
            self._at += 1
            if not packed[0]:
                made.append(packed[PREFIX:])
                continue
            try:
                made.append(unpacked(packed, self._most, gzipped=self._head.gzipped))
            except RefusedMessage as error:
                self._finish(error.code, str(error))
                return []
        if self._at >= len(messages):
            messages.clear()
            self._at = 0
            if self._held:
                held, self._held = self._held, 0
                self._stream.consumed(held)
                self._book(self._rest())
        return made

    def asked(self) -> bytes | None:
        """Return the message of a call that one asks, and that is whole; None where it ended."""
        self._ended = True
        if self._over:
            return None
        body, self._stream.body = self._stream.body, b""
        if body:
            # Hot path: all came in one frame.
            if is_whole(body, self._most) and not body[0]:
                return body[PREFIX:]
            self.data(body)
            if self._over:
                return None
        if self._rest():
            self._stop(grpc.StatusCode.INTERNAL, BROKEN)
        elif self._messages:
            try:
                return unpacked(self._messages.pop(), self._most, gzipped=self._head.gzipped)
            except RefusedMessage as error:
                self._finish(error.code, str(error))
        else:
            self._finish(grpc.StatusCode.UNIMPLEMENTED, "no message where one asks")
        return None

    def look(self, now: float) -> None:
        """End a call that is not whole when its deadline, or all patience, is over."""
        if self._task is not None or self._flows or self._over:
            return
        if self._since == 0.0:
            self._since = now
        if self._deadline is not None and now >= self._deadline:
            self._late()
        elif now - self._since > self._room.patience:
            self._finish(grpc.StatusCode.CANCELLED, "the request did not come")

    @property
    def over(self) -> bool:
        """Whether it has ended."""
        return self._over

    def time_remaining(self) -> float | None:
        """Return the seconds that the caller still waits; None for as long as it takes."""
        if self._deadline is None:
            return None
        return max(0.0, self._deadline - self._clock())

    def is_late(self) -> bool:
        """Return whether the caller waits no more."""
        return self._deadline is not None and self._clock() >= self._deadline

    def invocation_metadata(self) -> Metadata:
        """Return the caller's metadata."""
        return self._head.metadata

    def refuse(
        self,
        code: grpc.StatusCode,
        message: str,
        metadata: Sequence[tuple[str, str | bytes]] = (),
    ) -> None:
        """End the call with a status, from outside a handler's task."""
        self._finish(code, message, metadata)

    def _late(self) -> None:
        self._stop(grpc.StatusCode.DEADLINE_EXCEEDED, "the deadline was over")

    def _stop(self, code: grpc.StatusCode, message: str) -> None:
        """End the call with a status, and the handler with it: nothing would ever wake it."""
        self._finish(code, message)
        if self._task is not None:
            self._task.cancel()

    def _begin(self) -> None:
        if not self.begun:
            self.begun = True
            self._stream.begin(OPENING_GZIP if self._head.gzips else OPENING)

    def _packed(self, message: bytes) -> bytes:
        return packed_gzip(message) if self._head.gzips else packed(message)

    def _finish(
        self,
        code: grpc.StatusCode,
        message: str,
        metadata: Sequence[tuple[str, str | bytes]] = (),
    ) -> None:
        if self._over:
            return
        self._close()
        trailers = FINE if code is grpc.StatusCode.OK else trailers_of(code, message, metadata)
        if self.begun:
            self._stream.finish(trailers)
        else:  # Trailers only: an answer without a message.
            self._stream.begin(OPENING + trailers, end=True)

    def _wake(self) -> None:
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)

    def _book(self, size: int) -> None:
        """Hold *size* bytes of the server's room, or end the call where there is none."""
        room = self._room
        room.held += size - self._booked
        self._booked = size
        if room.held > room.most_bytes and size > 0 and not self._over:
            self._stop(grpc.StatusCode.RESOURCE_EXHAUSTED, OVERLOADED)

    def _close(self) -> None:
        """Give back what the call holds, once."""
        self._over = True
        self._room.calls -= 1
        self._room.held -= self._booked
        self._booked = 0
        self._messages, self._at = NO_MESSAGES, 0
        self._unpacker = None
        if self._flows:
            self._leave_flow()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _leave_flow(self) -> None:
        """Be answered without a task no more."""
        raise NotImplementedError
