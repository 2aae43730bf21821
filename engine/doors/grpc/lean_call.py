"""A gRPC call on a stream of HTTP/2 (the gRPC over HTTP/2 protocol): messages in, messages out.

What a handler sees of a call (`Call`) has the names of grpc.aio's context, so that one handler
serves behind either server.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, NoReturn

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
from engine.doors.grpc.lean_messages import (
    PREFIX,
    RefusedMessage,
    Unpacker,
    is_whole,
    packed,
    packed_gzip,
    prefix_of,
    unpacked,
)
from engine.doors.grpc.lean_room import Room
from engine.doors.http2.fields import block_of
from engine.doors.http2.stream import ENOUGH, Stream

LOG = logging.getLogger("engine.doors.grpc")

REQUEST_SECONDS: Final = 60.0
"""How long the message of a call that one message asks may take."""
TOGETHER: Final = 64
"""Requests of a stream that are answered in one go, when they have come together."""
OVERLOADED: Final = "the engine is overloaded: try again"
BROKEN: Final = "the last message is not whole"
NO_MESSAGES: Final[list[bytes]] = []
"""What no call has filled: most need no list."""


class Aborted(Exception):
    """The handler has ended the call with a status."""


Waited = Coroutine[Any, Any, bytes | None]
Inline = Callable[[bytes, "Call"], bytes | Waited | None]
"""Answers one message at once, or gives what must be waited for; None where it ended the call."""
Apart = Callable[[bytes | None, "Call"], Waited]
"""Answers in a task: one message with one, or (given None) all that is read and written."""
Many = Callable[[list[bytes], list["Call"]], "list[bytes | Waited | None]"]
"""Answers one message of each call like `Inline`."""
Piped = Callable[[list[bytes], "Call"], "list[bytes] | Waited"]
"""Answers some messages of a stream at once, or gives what answers them, and all that follow, in a
task. It may end the call."""


class Flow:
    """How a stream is answered without a task: what has come together, at once."""

    __slots__ = ("answer", "calls", "ending")

    def __init__(self, answer: Piped) -> None:
        """*answer* takes messages and gives the answers, or what must be waited for."""
        self.answer = answer
        self.calls: set[Call] = set()
        """Those that are open."""
        self.ending: tuple[grpc.StatusCode, str] | None = None
        """With which status all end when what has come is answered; None while the server runs."""

    def end(self, code: grpc.StatusCode, message: str) -> None:
        """End the calls that wait for requests with a status, and the others when they do."""
        self.ending = (code, message)
        for call in tuple(self.calls):
            call.flow_on()


@dataclass(frozen=True, slots=True)
class Served:
    """A method: whether one message asks, and by whom it is answered."""

    one_asks: bool
    apart: Apart
    inline: Inline | None = None
    many: Many | None = None
    """Like `inline`, for all calls that became whole in one read."""
    flow: Flow | None = None
    """Of a stream, who answers what has come together, instead of `apart`."""


class Call:
    """One call. It is the stream's app, and what its handler sees."""

    __slots__ = (
        "_at",
        "_booked",
        "_deadline",
        "_ended",
        "_flows",
        "_head",
        "_held",
        "_messages",
        "_method",
        "_most",
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
        stream.eager = method.one_asks
        self._head = head
        self._method = method
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
        if head.timeout is not None:
            self._deadline = asyncio.get_running_loop().time() + head.timeout
        self._since = 0.0
        """When it was first seen not to be whole."""
        self.begun = False

    @property
    def traced(self) -> bool:
        """Whether the caller's metadata tell of a trace."""
        return self._head.traced

    def begin(self) -> None:
        """Answer at once, since nothing need be heard first: of streams."""
        flow, room = self._method.flow, self._room
        if flow is None:
            self._start(self._method.apart(None, self))
        elif room.tasks >= room.most_tasks:
            self._finish(grpc.StatusCode.RESOURCE_EXHAUSTED, OVERLOADED)
        else:
            room.tasks += 1
            self._flows = self._stream.turns = True
            flow.calls.add(self)
            if self._deadline is not None:
                self._timer = asyncio.get_running_loop().call_at(self._deadline, self._late)
            if flow.ending is not None:
                self.flow_on()

    # What the stream tells.

    def data(self, data: bytes) -> None:
        """Take a piece."""
        method, stream = self._method, self._stream
        if self._over:
            if not method.one_asks:
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
                if not method.one_asks:
                    stream.consumed(len(data))
                self._stop(error.code, str(error))
                return
        if method.one_asks:
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

    def end(self) -> None:
        """Answer, if one message asks; else tell who reads."""
        if self._method.one_asks:
            message = self.asked()
            if message is not None:
                self._answer(message)
            return
        self._ended = True
        if self._over:
            return
        if self._rest():
            self._stop(grpc.StatusCode.INTERNAL, BROKEN)
        elif self._flows:
            self.flow_on()
        else:
            self._wake()

    def turn(self) -> None:
        """Answer what has come in this read."""
        self.flow_on()

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

    def gone(self) -> None:
        """Nobody hears an answer: the handler is cancelled."""
        if not self._over:
            self._close()
        if self._task is not None:
            self._task.cancel()

    def look(self, now: float) -> None:
        """End a call that is not whole when its deadline, or all patience, is over."""
        if self._task is not None or self._flows or self._over:
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

    def is_late(self) -> bool:
        """Return whether the caller waits no more."""
        return self._deadline is not None and asyncio.get_running_loop().time() >= self._deadline

    def invocation_metadata(self) -> Metadata:
        """Return the caller's metadata."""
        return self._head.metadata

    async def read(self) -> object:
        """Return the next message, or EOF."""
        found = await self.read_some(1)
        return found[0] if found else grpc.aio.EOF  # type: ignore[attr-defined]

    async def read_some(self, most: int) -> list[bytes]:
        """Return the next messages, *most* at most, when there is one; none at the end."""
        while self._at >= len(self._messages):
            if self._ended:
                return []
            self._reader = asyncio.get_running_loop().create_future()
            try:
                await self._reader
            finally:
                self._reader = None
        made = self._next(most)
        if self._over:
            raise Aborted
        return made

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
        self.answered(inline(message, self))

    def answered(self, made: bytes | Waited | None) -> None:
        """Answer with what was *made* of a message, or wait for it; None where it ended."""
        if made is None or self._over:
            return
        if not isinstance(made, bytes):
            self._start(made)
            return
        self._close()
        stream = self._stream
        if self._head.gzips:
            stream.peer.answer(stream, OPENING_GZIP, packed_gzip(made), FINE)
        else:
            stream.peer.answer(stream, OPENING, made, FINE, prefix_of(made))

    @property
    def method(self) -> Served:
        """By whom it is answered."""
        return self._method

    def flow_on(self) -> None:
        """Answer what has come on a stream that needs no task: so many, then the rest."""
        flow, stream = self._method.flow, self._stream
        if flow is None or self._over or not self._flows:
            return
        if stream.waiting_bytes > ENOUGH:  # Its peer does not read: it is told when it does.
            stream.stalled = True
            return
        if self._at < len(self._messages):
            raws = self._next(TOGETHER)
            if self._over:
                return
            made = flow.answer(raws, self)
            if self._over:
                return
            if not isinstance(made, list):
                self._leave_flow()
                self._start(made)
                return
            self._begin()
            stream.pour(b"".join([self._packed(one) for one in made]))
        if flow.ending is not None:
            self._finish(*flow.ending)
        elif self._at < len(self._messages):  # The other calls get their turn.
            asyncio.get_running_loop().call_soon(self.flow_on)
        elif self._ended:
            self._finish(grpc.StatusCode.OK, "")

    def _leave_flow(self) -> None:
        """Go on in a task, or not at all."""
        if self._flows:
            self._flows = self._stream.turns = False
            self._room.tasks -= 1
            if self._method.flow is not None:
                self._method.flow.calls.discard(self)

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
        if self._deadline is not None and self._timer is None:
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
        self._messages, self._at = NO_MESSAGES, 0
        self._unpacker = None
        if self._flows:
            self._leave_flow()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def refuse_http(stream: Stream, status: bytes) -> None:
    """Answer what is no gRPC with a status of HTTP."""
    stream.begin(block_of(((b":status", status),)), end=True)
