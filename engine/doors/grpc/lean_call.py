"""A gRPC call on a stream of HTTP/2 (the gRPC over HTTP/2 protocol): messages in, messages out.

What a handler sees of a call (`Call`) has the names of grpc.aio's context, so that one handler
serves behind either server.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import grpc
import grpc.aio

from engine.doors.grpc.lean_head import (
    FINE,
    OPENING,
    OPENING_GZIP,
    Head,
    Metadata,
    trailers_of,
)
from engine.doors.grpc.lean_messages import Packed, RefusedMessage, Unpacker, packed, packed_gzip
from engine.doors.http2.fields import block_of
from engine.doors.http2.stream import Stream

LOG = logging.getLogger("engine.doors.grpc")

REQUEST_SECONDS = 60.0
"""How long the message of a call that one message asks may take."""
OVERLOADED = "the engine is overloaded: try again"


class Aborted(Exception):
    """The handler has ended the call with a status."""


Waited = Coroutine[Any, Any, bytes | None]
Inline = Callable[[bytes, "Call"], bytes | Waited | None]
"""Answers one message at once, or gives what must be waited for; None where it ended the call."""
Apart = Callable[[bytes | None, "Call"], Waited]
"""Answers in a task: one message with one, or (given None) all that is read and written."""


@dataclass(frozen=True, slots=True)
class Served:
    """A method: whether one message asks, and by whom it is answered."""

    one_asks: bool
    apart: Apart
    inline: Inline | None = None


class Room:
    """What all calls of a server may hold together. Not for several threads."""

    __slots__ = ("calls", "held", "most_bytes", "most_calls", "most_tasks", "tasks")

    def __init__(self, *, tasks: int, calls: int, held: int) -> None:
        """Allow so many calls that are answered, that are open, and bytes that are not answered."""
        self.most_tasks, self.most_calls, self.most_bytes = tasks, calls, held
        self.tasks = self.calls = self.held = 0


class Call:
    """One call. It is the stream's app, and what its handler sees."""

    __slots__ = (
        "_booked",
        "_deadline",
        "_ended",
        "_head",
        "_held",
        "_messages",
        "_method",
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

    def __init__(self, stream: Stream, head: Head, method: Served, most: int, room: Room) -> None:
        self._stream = stream
        self._head = head
        self._method = method
        self._room = room
        room.calls += 1
        self._unpacker = Unpacker(most, gzipped=head.gzipped)
        self._messages: deque[Packed] = deque()
        self._held = 0
        """Bytes of messages that nobody has read: the peer may not send as many more."""
        self._booked = 0
        """What of the room's bytes is this call's."""
        self._ended = False
        """Whether the request is whole."""
        self._over = False
        """Whether its status is known: nothing more is answered."""
        self._reader: asyncio.Future[None] | None = None
        self._task: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._deadline: float | None = None
        if head.timeout is not None:
            self._deadline = asyncio.get_running_loop().time() + head.timeout
        self._since = 0.0
        """When it was first seen not to be whole."""
        self.begun = False

    def begin(self) -> None:
        """Answer at once, since nothing need be heard first: of streams."""
        self._start(self._method.apart(None, self))

    # What the stream tells.

    def data(self, data: bytes) -> None:
        """Take a piece."""
        if self._over:
            self._stream.consumed(len(data))
            return
        try:
            found = self._unpacker.feed(data)
        except RefusedMessage as error:
            self._stream.consumed(len(data))
            self._stop(error.code, str(error))
            return
        self._messages += found
        if self._method.one_asks:
            self._stream.consumed(len(data))
            if len(self._messages) > 1:
                self._finish(grpc.StatusCode.UNIMPLEMENTED, "more than one message where one asks")
                return
        elif found or self._messages:
            self._held += len(data)
            self._wake()
        else:  # A message that is longer than the window.
            self._stream.consumed(len(data))
        # Hot path: a message in one frame, answered at once, is not counted.
        if self._booked or not (self._method.one_asks and self._stream.heard):
            self._book(self._unpacker.rest + (self._held or sum([len(one[1]) for one in found])))

    def end(self) -> None:
        """Answer, if one message asks; else tell who reads."""
        self._ended = True
        if self._over:
            return
        if self._unpacker.rest:
            self._stop(grpc.StatusCode.INTERNAL, "the last message is not whole")
        elif not self._method.one_asks:
            self._wake()
        elif self._messages:
            try:
                message = self._unpacker.unpacked(self._messages.popleft())
            except RefusedMessage as error:
                self._finish(error.code, str(error))
            else:
                self._answer(message)
        else:
            self._finish(grpc.StatusCode.UNIMPLEMENTED, "no message where one asks")

    def gone(self) -> None:
        """Nobody hears an answer: the handler is cancelled."""
        if not self._over:
            self._close()
        if self._task is not None:
            self._task.cancel()

    def look(self, now: float) -> None:
        """End a call that is not whole when its deadline, or all patience, is over."""
        if self._task is not None or self._over:
            return
        if self._since == 0.0:
            self._since = now
        if self._deadline is not None and now >= self._deadline:
            self._late()
        elif now - self._since > REQUEST_SECONDS:
            self._finish(grpc.StatusCode.CANCELLED, "the request did not come")

    # What the handler asks for.

    def time_remaining(self) -> float | None:
        """Return the seconds that the caller still waits; None for as long as it takes."""
        if self._deadline is None:
            return None
        return max(0.0, self._deadline - asyncio.get_running_loop().time())

    def invocation_metadata(self) -> Metadata:
        """Return the caller's metadata."""
        return self._head.metadata

    async def read(self) -> object:
        """Return the next message, or EOF."""
        found = await self.read_some(1)
        return found[0] if found else grpc.aio.EOF  # type: ignore[attr-defined]

    async def read_some(self, most: int) -> list[bytes]:
        """Return the next messages, *most* at most, when there is one; none at the end."""
        while not self._messages:
            if self._ended:
                return []
            self._reader = asyncio.get_running_loop().create_future()
            try:
                await self._reader
            finally:
                self._reader = None
        made: list[bytes] = []
        while self._messages and len(made) < most:
            # One that is compressed comes alone: it may be much longer than it was.
            if made and self._messages[0][0]:
                break
            try:
                made.append(self._unpacker.unpacked(self._messages.popleft()))
            except RefusedMessage as error:
                await self.abort(error.code, str(error))
        if not self._messages and self._held:
            held, self._held = self._held, 0
            self._stream.consumed(held)
            self._book(self._unpacker.rest)
        return made

    async def write(self, message: bytes) -> None:
        """Send a message; waits while the peer does not read."""
        await self.write_all((message,))

    async def write_all(self, messages: Iterable[bytes]) -> None:
        """Send *messages* in one go; waits while the peer does not read."""
        if self._over:
            raise Aborted
        self._begin()
        self._stream.write(b"".join([self._packed(one) for one in messages]))
        if self._stream.waiting_bytes:
            await self._stream.room()

    async def abort(
        self,
        code: grpc.StatusCode,
        details: str = "",
        trailing_metadata: Sequence[tuple[str, str | bytes]] = (),
    ) -> NoReturn:
        """End the call with a status."""
        self._finish(code, details, trailing_metadata)
        raise Aborted

    # What the server asks for.

    def refuse(
        self,
        code: grpc.StatusCode,
        message: str,
        metadata: Sequence[tuple[str, str | bytes]] = (),
    ) -> None:
        """End the call with a status, from outside a handler's task."""
        self._finish(code, message, metadata)

    def _answer(self, message: bytes) -> None:
        inline = self._method.inline
        if inline is None:
            self._start(self._method.apart(message, self))
            return
        made = inline(message, self)
        if made is None or self._over:
            return
        if not isinstance(made, bytes):
            self._start(made)
            return
        self._close()
        if self._head.gzips:
            self._stream.peer.answer(self._stream, OPENING_GZIP, packed_gzip(made), FINE)
        else:
            self._stream.peer.answer(self._stream, OPENING, packed(made), FINE)

    def _packed(self, message: bytes) -> bytes:
        return packed_gzip(message) if self._head.gzips else packed(message)

    def _start(self, made: Waited) -> None:
        if self._room.tasks >= self._room.most_tasks:
            made.close()
            self._finish(grpc.StatusCode.RESOURCE_EXHAUSTED, OVERLOADED)
            return
        loop = asyncio.get_running_loop()
        self._task = loop.create_task(self._run(made))
        self._room.tasks += 1

        def done(_task: asyncio.Task[None]) -> None:
            self._room.tasks -= 1
            made.close()  # It may have been cancelled before it began.

        self._task.add_done_callback(done)
        if self._deadline is not None:
            self._timer = loop.call_at(self._deadline, self._late)

    async def _run(self, waited: Waited) -> None:
        try:
            made = await waited
            if made is not None and not self._over:
                self._begin()
                self._stream.write(self._packed(made))
            self._finish(grpc.StatusCode.OK, "")
        except Aborted:
            pass
        except asyncio.CancelledError:
            self._finish(grpc.StatusCode.CANCELLED, "the call was cancelled")
        except Exception as error:  # noqa: BLE001 - handlers turn what they know into a status
            LOG.error("a call failed: %s", type(error).__name__)  # noqa: TRY400 - no content in logs
            self._finish(grpc.StatusCode.INTERNAL, "the daemon failed")

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
        self._messages.clear()
        self._unpacker.forget()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def refuse_http(stream: Stream, status: bytes) -> None:
    """Answer what is no gRPC with a status of HTTP."""
    stream.begin(block_of(((b":status", status),)), end=True)
