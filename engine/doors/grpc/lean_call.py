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

from engine.doors.breath import Breath
from engine.doors.grpc.lean_head import FINE, OPENING, OPENING_GZIP, Head
from engine.doors.grpc.lean_heard import BROKEN, OVERLOADED, Heard
from engine.doors.grpc.lean_messages import packed_gzip, prefix_of
from engine.doors.grpc.lean_room import Room
from engine.doors.http2.fields import block_of
from engine.doors.http2.frames import Code
from engine.doors.http2.stream import ENOUGH, Stream
from engine.doors.memory import WITHOUT, tell

LOG = logging.getLogger("engine.doors.grpc")

TOGETHER: Final = 64
"""Requests of a stream that are answered in one go, when they have come together."""


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
            call.drained()


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


class Call(Heard):
    """One call. It is the stream's app, and what its handler sees."""

    __slots__ = ("_breath", "_method", "_soon")

    def __init__(self, stream: Stream, head: Head, method: Served, most: int, room: Room) -> None:
        super().__init__(stream, head, most, room, one_asks=method.one_asks)
        self._method = method
        self._breath: Breath | None = None
        self._soon = False
        """Whether another turn of a stream without a task is to come."""

    @property
    def method(self) -> Served:
        """By whom it is answered."""
        return self._method

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
            self.drained()

    # What the stream tells.

    def end(self) -> None:
        """Answer, if one message asks; else tell who reads."""
        if self._one_asks:
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

    def gone(self) -> None:
        """Nobody hears an answer: the handler is cancelled."""
        if not self._over:
            self._close()
        if self._task is not None:
            self._task.cancel()

    # What the handler asks for.

    @property
    def breath(self) -> Breath:
        """How many messages of a stream are answered in one go."""
        made = self._breath
        if made is None:
            made = self._breath = Breath(self._room.now)
        return made

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
        try:
            if self._head.gzips:
                stream.peer.answer(stream, OPENING_GZIP, packed_gzip(made), FINE)
            else:
                stream.peer.answer(stream, OPENING, made, FINE, prefix_of(made))
        except MemoryError:  # A part of it may be said: callers read this as RESOURCE_EXHAUSTED.
            stream.reset(Code.ENHANCE_YOUR_CALM)
            tell("the answer of a call, which was broken off (ENHANCE_YOUR_CALM)")

    def hold(self) -> bool:
        """Be answered later, without a task; return False where that is too much, and it ended."""
        room = self._room
        if room.tasks >= room.most_tasks:
            self._finish(grpc.StatusCode.RESOURCE_EXHAUSTED, OVERLOADED)
            return False
        room.tasks += 1
        if self._deadline is not None and self._timer is None:
            self._timer = asyncio.get_running_loop().call_at(self._deadline, self._late)
        return True

    def let_go(self) -> None:
        """Be answered in this turn of the loop, with others that were held."""
        self._room.tasks -= 1
        self._stream.peer.gather()

    def flow_on(self) -> None:
        """Answer what has come on a stream that needs no task: so many, then the rest."""
        try:
            self._flow_on()
        except MemoryError:
            self._stop(grpc.StatusCode.RESOURCE_EXHAUSTED, WITHOUT)
            tell("the messages of a stream, which was ended (RESOURCE_EXHAUSTED)")

    def _flow_on(self) -> None:
        flow, stream = self._method.flow, self._stream
        if flow is None or self._over or not self._flows or self._soon:
            return
        if stream.waiting_bytes > ENOUGH:  # Its peer does not read: it is told when it does.
            stream.stalled = True
            return
        if self._at < len(self._messages):
            breath = self.breath
            raws = self._next(breath.fitting(TOGETHER))
            if self._over:
                return
            begun = breath.now()
            made = flow.answer(raws, self)
            breath.took(breath.now() - begun, len(raws))
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
            self._soon = True
            asyncio.get_running_loop().call_soon(self._flow_again)
        elif self._ended:
            self._finish(grpc.StatusCode.OK, "")

    def _flow_again(self) -> None:
        """Have another turn: one for each turn of the event loop, however often something comes."""
        self._soon = False
        self.flow_on()

    def drained(self) -> None:
        """End with the flow's status where nothing is to be answered: else that is done after it.

        What is answered is answered in turns of its own connection.
        """
        ending = None if self._method.flow is None else self._method.flow.ending
        if ending is not None and self._flows and self._at >= len(self._messages):
            self._finish(*ending)

    def _leave_flow(self) -> None:
        """Go on in a task, or not at all."""
        if self._flows:
            self._flows = self._stream.turns = False
            self._room.tasks -= 1
            if self._method.flow is not None:
                self._method.flow.calls.discard(self)

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
        except asyncio.CancelledError:  # Of a caller that took it back nobody hears this.
            self._finish(grpc.StatusCode.UNAVAILABLE, "the daemon ends")
        except MemoryError:
            self._finish(grpc.StatusCode.RESOURCE_EXHAUSTED, WITHOUT)
            tell("the answer of a call, which was refused (RESOURCE_EXHAUSTED)")
        except Exception as error:  # noqa: BLE001 - handlers turn what they know into a status
            LOG.error("a call failed: %s", type(error).__name__)  # noqa: TRY400 - no content in logs
            self._finish(grpc.StatusCode.INTERNAL, "the daemon failed")


def refuse_http(stream: Stream, status: bytes) -> None:
    """Answer what is no gRPC with a status of HTTP."""
    stream.begin(block_of(((b":status", status),)), end=True)
