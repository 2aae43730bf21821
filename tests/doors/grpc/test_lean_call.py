"""A call on a connection in memory: what its handler sees, and how it ends."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
import grpc.aio
import pytest
from hpack import Encoder

from engine.doors.breath import Breath
from engine.doors.grpc.lean_call import Aborted, Call, Served
from engine.doors.grpc.lean_head import Head, read_head
from engine.doors.grpc.lean_heard import OVERLOADED
from engine.doors.grpc.lean_messages import GZIP_FROM, packed
from engine.doors.grpc.lean_room import REQUEST_SECONDS, Room
from engine.doors.http2 import frames
from engine.doors.http2.connection import Connection
from engine.doors.http2.limits import Limits
from engine.doors.http2.stream import Stream
from tests.doors.http2.peers import REQUEST, Client, data

EOF = grpc.aio.EOF  # type: ignore[attr-defined]
MOST = 1 << 20
GZIP = ((b"grpc-encoding", b"gzip"), (b"grpc-accept-encoding", b"identity, gzip"))


class Caller(Client):
    """A client whose streams are calls of one method."""

    def __init__(self, method: Served, *, held: int = 1 << 20, tasks: int = 10) -> None:
        self.calls: list[Call] = []
        self.room = Room(tasks=tasks, calls=10, held=held, now=self.now)
        self.others: dict[bytes, Served] = {}
        """Methods of calls that tell of a field with that name."""
        super().__init__()

        def serve(stream: Stream, head: Head) -> Call:
            other = [self.others.get(name.encode()) for name, _ in head.metadata]
            served = next((one for one in other if one is not None), method)
            self.calls.append(Call(stream, head, served, MOST, self.room))
            if not served.one_asks:
                self.calls[-1].begin()
            return self.calls[-1]

        self.encoder = Encoder()
        self._seen = len(self.wire.written)
        made: Connection[Any] = Connection(serve, read_head, Limits())
        self.connection = made
        made.breath = Breath(self.now)
        made.connection_made(self.wire)
        self.feed(frames.PREFACE + frames.settings(()))
        self.frames()

    def now(self) -> float:
        """Return one time for ever: nothing takes long, however slow the machine is."""
        return 0.0

    def block_of(self, *more: tuple[bytes, bytes]) -> bytes:
        """Return the block of a request with *more* fields."""
        return self.block((*REQUEST, *more))

    def ask(self, number: int, body: bytes | None = None, *more: tuple[bytes, bytes]) -> None:
        """Begin a call; with a *body* it is whole."""
        self.open(number, body, (*REQUEST, *more))

    def status(self) -> tuple[int, str]:
        """Return how the newest call ended."""
        said: dict[bytes, bytes] = {}
        for one in self.frames():
            if one.kind == frames.HEADERS:
                said |= self.fields_of(one)
        return int(said[b"grpc-status"]), said.get(b"grpc-message", b"").decode()


def in_loop(scene: Callable[[], Awaitable[None]]) -> None:
    async def played() -> None:
        await scene()

    asyncio.run(played())


async def turns() -> None:
    """Let tasks run."""
    for _ in range(5):
        await asyncio.sleep(0)


async def nothing(_message: bytes | None, _call: Call) -> bytes | None:
    return b""


def streaming(work: Callable[[Call], Awaitable[None]]) -> Served:
    async def apart(_message: bytes | None, call: Call) -> bytes | None:
        await work(call)
        return None

    return Served(one_asks=False, apart=apart)


def test_what_comes_behind_the_status_is_forgotten() -> None:
    async def refuse(call: Call) -> None:
        await call.abort(grpc.StatusCode.NOT_FOUND, "no")

    async def scene() -> None:
        caller = Caller(streaming(refuse))
        caller.ask(1)
        caller.feed(data(1, packed(b"on its way")) + data(1, b"", end=True))
        await turns()
        assert caller.status() == (grpc.StatusCode.NOT_FOUND.value[0], "no")
        call = caller.calls[0]
        call.data(packed(b"late"))
        call.end()
        call.look(0.0)
        assert caller.room.held == caller.room.calls == caller.room.tasks == 0
        with pytest.raises(Aborted):
            await call.write(b"late")

    in_loop(scene)


def test_a_request_that_does_not_come_is_given_up() -> None:
    async def scene() -> None:
        caller = Caller(Served(one_asks=True, apart=nothing))
        caller.ask(1)
        call = caller.calls[0]
        assert call.time_remaining() is None
        call.look(1.0)
        call.look(REQUEST_SECONDS)
        assert not caller.frames()
        call.look(REQUEST_SECONDS + 2)
        assert caller.status() == (1, "the request did not come")

    in_loop(scene)


def test_messages_are_read_together_and_those_that_are_compressed_alone() -> None:
    found: list[Any] = []

    async def read(call: Call) -> None:
        while some := await call.read_some(10):
            found.append(some)
        found.append(await call.read())

    zipped = gzip.compress(b"three", mtime=0)

    async def scene() -> None:
        caller = Caller(streaming(read))
        caller.ask(1, None, *GZIP)
        third = b"\1" + len(zipped).to_bytes(4) + zipped
        body = packed(b"one") + packed(b"two") + third + packed(b"four")
        caller.feed(data(1, body, end=True))
        await turns()
        assert found == [[b"one", b"two"], [b"three", b"four"], EOF]
        assert caller.status()[0] == 0

    in_loop(scene)


def test_a_message_of_a_stream_that_cannot_be_unpacked_ends_it() -> None:
    async def read(call: Call) -> None:
        await call.read()

    async def scene() -> None:
        caller = Caller(streaming(read))
        caller.ask(1, b"\1" + packed(b"no gzip")[1:], *GZIP)
        await turns()
        assert caller.status() == (grpc.StatusCode.INTERNAL.value[0], "a message is no gzip")

    in_loop(scene)


@pytest.mark.parametrize("inline", [True, False])
@pytest.mark.parametrize("gzips", [True, False])
def test_an_answer_is_compressed_for_who_compresses(*, inline: bool, gzips: bool) -> None:
    answer = b"a" * GZIP_FROM

    async def later(_message: bytes | None, _call: Call) -> bytes | None:
        return answer

    async def scene() -> None:
        at_once = (lambda _message, _call: answer) if inline else None
        caller = Caller(Served(one_asks=True, apart=later, inline=at_once))
        caller.ask(1, packed(b"x"), *(GZIP if gzips else ()))
        await turns()
        opening, body, ending = caller.frames()
        said = caller.fields_of(opening)
        assert (said.get(b"grpc-encoding") == b"gzip") is gzips
        assert b"gzip" in said[b"grpc-accept-encoding"]
        if gzips:
            assert body.payload[0] == 1
            assert gzip.decompress(body.payload[5:]) == answer
        else:
            assert body.payload == packed(answer)
        assert caller.fields_of(ending) == {b"grpc-status": b"0"}

    in_loop(scene)


def test_a_handler_that_fails_says_nothing_of_why(caplog: pytest.LogCaptureFixture) -> None:
    async def fail(_call: Call) -> None:
        raise RuntimeError("a secret")

    async def scene() -> None:
        caller = Caller(streaming(fail))
        caller.ask(1)
        await turns()
        assert caller.status() == (grpc.StatusCode.INTERNAL.value[0], "the daemon failed")

    in_loop(scene)
    assert "RuntimeError" in caplog.text
    assert "secret" not in caplog.text


def test_requests_that_are_not_answered_share_what_may_be_held() -> None:
    async def wait(_call: Call) -> None:
        await asyncio.Event().wait()

    async def scene() -> None:
        caller = Caller(streaming(wait), held=100)
        caller.ask(1)
        caller.ask(3)
        caller.feed(data(1, packed(bytes(90))))
        assert caller.room.held == 95
        caller.feed(data(3, packed(bytes(20))))
        assert caller.status() == (grpc.StatusCode.RESOURCE_EXHAUSTED.value[0], OVERLOADED)
        await turns()
        assert (caller.room.held, caller.room.calls, caller.room.tasks) == (95, 1, 1)
        caller.connection.connection_lost(None)
        await turns()
        assert (caller.room.held, caller.room.calls, caller.room.tasks) == (0, 0, 0)

    in_loop(scene)


@pytest.mark.parametrize(
    ("body", "code", "why"),
    [
        (packed(b"one") * 2, grpc.StatusCode.UNIMPLEMENTED, "more than one message where one asks"),
        (packed(b"half")[:-1], grpc.StatusCode.INTERNAL, "the last message is not whole"),
        (b"\1" + packed(b"no gzip")[1:], grpc.StatusCode.INTERNAL, "a message is no gzip"),
        (b"", grpc.StatusCode.UNIMPLEMENTED, "no message where one asks"),
    ],
)
def test_what_is_not_one_message_is_refused(body: bytes, code: grpc.StatusCode, why: str) -> None:
    async def scene() -> None:
        caller = Caller(Served(one_asks=True, apart=nothing))
        caller.ask(1, body, *GZIP)
        assert caller.status() == (code.value[0], why)
        assert (caller.room.held, caller.room.calls) == (0, 0)

    in_loop(scene)


def test_a_request_that_does_not_come_in_its_time_is_too_late() -> None:
    async def scene() -> None:
        caller = Caller(Served(one_asks=True, apart=nothing))
        caller.ask(1, None, (b"grpc-timeout", b"5S"))
        call = caller.calls[0]
        left = call.time_remaining()
        assert left is not None
        assert left <= 5
        call.look(asyncio.get_running_loop().time() + 6)
        assert caller.status() == (
            grpc.StatusCode.DEADLINE_EXCEEDED.value[0],
            "the deadline was over",
        )
        call.gone()
        assert caller.room.calls == 0

    in_loop(scene)


def test_who_writes_waits_while_the_caller_takes_nothing() -> None:
    written: list[int] = []

    async def write(call: Call) -> None:
        for number in range(8):
            await call.write(bytes(1 << 16))
            written.append(number)

    async def scene() -> None:
        caller = Caller(streaming(write))
        caller.ask(1)
        await turns()
        assert len(written) < 4
        caller.feed(frames.window_update(0, 1 << 20) + frames.window_update(1, 1 << 20))
        await turns()
        assert len(written) == 8

    in_loop(scene)


def test_one_task_too_many_is_refused() -> None:
    async def scene() -> None:
        caller = Caller(Served(one_asks=True, apart=nothing), tasks=0)
        caller.ask(1, packed(b"x"))
        assert caller.status() == (grpc.StatusCode.RESOURCE_EXHAUSTED.value[0], OVERLOADED)

    in_loop(scene)
