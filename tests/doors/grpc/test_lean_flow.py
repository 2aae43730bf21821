"""Streams that are answered without a task, and calls that are answered together."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Callable

import grpc
import pytest

from engine.doors.grpc.lean_call import TOGETHER, Call, Flow, Served, Waited
from engine.doors.grpc.lean_heard import OVERLOADED
from engine.doors.grpc.lean_messages import packed
from engine.doors.grpc.lean_server import answer_all
from engine.doors.http2 import frames
from engine.doors.http2.connection import AT_ONCE
from engine.doors.http2.stream import ENOUGH
from tests.doors.grpc.test_lean_call import GZIP, Caller, in_loop, nothing, turns
from tests.doors.http2.peers import data

END = (grpc.StatusCode.UNAVAILABLE, "it stops")


class Echo:
    """Gives back what comes; what begins with ``wait`` in a task."""

    def __init__(self) -> None:
        self.asked: list[list[bytes]] = []
        self.flow = Flow(self.answer)

    def answer(self, raws: list[bytes], call: Call) -> list[bytes] | Waited:
        self.asked.append(raws)
        return self.later(raws, call) if raws[0][:4] == b"wait" else raws

    async def later(self, raws: list[bytes], call: Call) -> None:
        while raws:
            await call.write_all(raws)
            raws = await call.read_some(TOGETHER)

    def caller(self, *, tasks: int = 10) -> Caller:
        return Caller(Served(one_asks=False, apart=nothing, flow=self.flow), tasks=tasks)


def bodies(caller: Caller) -> bytes:
    """Return what came since as body."""
    return b"".join([one.payload for one in caller.frames() if one.kind == frames.DATA])


def test_what_comes_in_one_read_is_answered_at_once_in_one_frame() -> None:
    async def scene() -> None:
        echo = Echo()
        caller = echo.caller()
        caller.ask(1)
        some = packed(b"one") + packed(b"two")
        before = caller.wire.writes
        caller.feed(data(1, packed(b"zero")) + data(1, some))
        assert caller.wire.writes == before + 1
        assert bodies(caller) == packed(b"zero") + some
        assert echo.asked == [[b"zero", b"one", b"two"]]
        caller.feed(data(1, packed(b"half")[:6]))
        assert bodies(caller) == b""
        caller.feed(data(1, packed(b"half")[6:], end=True))
        assert caller.status() == (0, "")
        assert echo.asked[1:] == [[b"half"]]
        assert not echo.flow.calls
        assert caller.room.tasks == caller.room.calls == caller.room.held == 0

    in_loop(scene)


def test_what_must_wait_goes_on_in_a_task() -> None:
    async def scene() -> None:
        echo = Echo()
        caller = echo.caller()
        caller.ask(1)
        caller.feed(data(1, packed(b"wait")))
        assert not echo.flow.calls
        assert caller.room.tasks == 1
        await turns()
        caller.feed(data(1, packed(b"more"), end=True))
        await turns()
        assert bodies(caller) == packed(b"wait") + packed(b"more")
        assert echo.asked == [[b"wait"]]
        assert caller.room.tasks == caller.room.calls == 0

    in_loop(scene)


def test_many_that_come_together_leave_the_others_their_turn() -> None:
    async def scene() -> None:
        echo = Echo()
        caller = echo.caller()
        caller.ask(1)
        caller.feed(data(1, packed(b"a") * (2 * TOGETHER + 1), end=True))
        assert [len(one) for one in echo.asked] == [TOGETHER]
        await turns()
        assert [len(one) for one in echo.asked] == [TOGETHER, TOGETHER, 1]
        assert caller.status() == (0, "")

    in_loop(scene)


def test_reads_meanwhile_give_a_stream_no_more_turns() -> None:
    async def scene() -> None:
        echo = Echo()
        caller = echo.caller()
        caller.ask(1)
        caller.feed(data(1, packed(b"a") * (9 * TOGETHER)))
        for byte in packed(b"")[:3]:
            caller.feed(data(1, bytes((byte,))))
        assert len(echo.asked) == 1
        await asyncio.sleep(0)
        assert len(echo.asked) == 2

    in_loop(scene)


def test_a_client_that_does_not_read_is_answered_when_it_does() -> None:
    async def scene() -> None:
        echo = Echo()
        caller = echo.caller()
        caller.ask(1)
        long = packed(bytes(ENOUGH))
        caller.feed(data(1, long[:ENOUGH]) + data(1, long[ENOUGH:]))
        caller.feed(data(1, long[:ENOUGH]) + data(1, long[ENOUGH:]))
        caller.feed(data(1, packed(b"last"), end=True))
        assert len(echo.asked) == 2
        caller.feed(frames.window_update(0, 1 << 20) + frames.window_update(1, 1 << 20))
        assert bodies(caller) == 2 * long + packed(b"last")
        assert caller.room.held == caller.room.tasks == 0

    in_loop(scene)


def test_a_stream_without_a_task_ends_with_its_deadline() -> None:
    async def scene() -> None:
        echo = Echo()
        caller = echo.caller()
        caller.ask(1, None, (b"grpc-timeout", b"1m"))
        caller.connection._look_at_streams(1e9)  # A stream that says nothing is no call unheard of.
        assert echo.flow.calls
        await asyncio.sleep(0.01)
        assert caller.status() == (4, "the deadline was over")
        assert not echo.flow.calls

    in_loop(scene)


def test_streams_end_when_what_has_come_is_answered() -> None:
    async def scene() -> None:
        echo = Echo()
        caller = echo.caller()
        caller.ask(1)
        caller.ask(3)
        caller.feed(data(3, packed(b"a") * (TOGETHER + 1)))
        caller.frames()
        echo.flow.end(*END)
        assert caller.status() == (14, "it stops")
        assert len(echo.flow.calls) == 1
        await turns()
        assert [len(one) for one in echo.asked] == [TOGETHER, 1]
        assert caller.status() == (14, "it stops")
        caller.ask(5)
        assert caller.status() == (14, "it stops")
        assert not echo.flow.calls

    in_loop(scene)


def test_one_stream_too_many_is_refused() -> None:
    async def scene() -> None:
        caller = Echo().caller(tasks=1)
        caller.ask(1)
        caller.ask(3)
        assert caller.status() == (8, OVERLOADED)
        assert caller.room.tasks == 1

    in_loop(scene)


def test_a_client_that_vanishes_leaves_nothing() -> None:
    async def scene() -> None:
        echo = Echo()
        caller = echo.caller()
        caller.ask(1)
        caller.feed(data(1, packed(b"a") * (TOGETHER + 1)))
        caller.connection.connection_lost(None)
        await turns()
        assert len(echo.asked) == 1
        assert not echo.flow.calls
        assert caller.room.tasks == caller.room.calls == caller.room.held == 0

    in_loop(scene)


@pytest.mark.parametrize(
    ("body", "code"), [(b"\1\0\0\0\1a", 13), (b"\0\xff\xff\xff\xff", 8), (b"\0\0\0\0\5half", 13)]
)
def test_a_message_that_is_refused_ends_a_stream(body: bytes, code: int) -> None:
    async def scene() -> None:
        echo = Echo()
        caller = echo.caller()
        caller.ask(1)
        caller.feed(data(1, body, end=True))
        assert caller.status()[0] == code
        assert not echo.asked
        assert caller.room.tasks == caller.room.calls == caller.room.held == 0

    in_loop(scene)


def together(
    scene: Callable[[Caller, list[list[bytes]]], None], other: Served | None = None
) -> None:
    """Play a scene with calls that are answered together."""
    asked: list[list[bytes]] = []

    def each(raws: list[bytes], calls: list[Call]) -> list[bytes | Waited | None]:
        asked.append(raws)
        made: list[bytes | Waited | None] = []
        for raw, call in zip(raws, calls, strict=True):
            if raw == b"refuse":
                call.refuse(grpc.StatusCode.NOT_FOUND, "it is not there")
            made.append(None if raw == b"refuse" else raw)
        return made

    async def played() -> None:
        method = Served(one_asks=True, apart=nothing, inline=lambda raw, _call: raw, many=each)
        caller = Caller(method)
        caller.connection.answer_all = answer_all
        if other is not None:
            caller.others[b"other"] = other
        scene(caller, asked)
        assert caller.room.calls == caller.room.held == 0

    in_loop(played)


def request(caller: Caller, number: int, body: bytes, *more: tuple[bytes, bytes]) -> bytes:
    """Return a whole request."""
    block = caller.block_of(*more)
    return frames.headers(number, block, 16_384, end=False) + data(number, body, end=True)


def test_calls_of_one_read_are_answered_together() -> None:
    def scene(caller: Caller, asked: list[list[bytes]]) -> None:
        sent = [request(caller, 1, packed(b"one")), request(caller, 3, packed(b"refuse"))]
        zipped = gzip.compress(b"zipped")
        body = b"\1" + len(zipped).to_bytes(4) + zipped
        sent += [request(caller, 5, body, *GZIP), request(caller, 7, b"")]
        sent += [request(caller, 9, packed(b"last")), frames.rst_stream(9, frames.Code.CANCEL)]
        caller.feed(b"".join(sent))
        assert asked == [[b"one", b"refuse", b"zipped"]]
        found = caller.frames()
        answers = {one.stream: one.payload for one in found if one.kind == frames.DATA}
        assert answers == {1: packed(b"one"), 5: packed(b"zipped")}
        assert {one.stream for one in found if one.flags & frames.END_STREAM} == {1, 3, 5, 7}

    together(scene)


def test_the_first_of_many_calls_in_one_read_do_not_wait_for_the_last() -> None:
    def scene(caller: Caller, asked: list[list[bytes]]) -> None:
        written = caller.wire.writes
        many = 2 * AT_ONCE + 5
        numbers = range(1, 2 * many, 2)
        caller.feed(b"".join([request(caller, one, packed(b"%d" % one)) for one in numbers]))
        assert [len(one) for one in asked] == [AT_ONCE, AT_ONCE + 5]
        assert caller.wire.writes == written + 2
        found = [one for one in caller.frames() if one.kind == frames.DATA]
        assert [one.stream for one in found] == list(numbers)
        assert [one.payload for one in found] == [packed(b"%d" % one) for one in numbers]

    together(scene)


def test_calls_of_other_methods_in_the_same_read_are_answered_by_themselves() -> None:
    def upper(raws: list[bytes], _calls: list[Call]) -> list[bytes | Waited | None]:
        return [one.upper() for one in raws]

    def scene(caller: Caller, asked: list[list[bytes]]) -> None:
        sent = [request(caller, 1, packed(b"one")), request(caller, 3, packed(b"two"))]
        caller.feed(b"".join([*sent, request(caller, 5, packed(b"x"), (b"other", b""))]))
        assert asked == [[b"one", b"two"]]
        assert bodies(caller) == packed(b"X") + packed(b"one") + packed(b"two")

    alone = Served(one_asks=True, apart=nothing, inline=lambda raw, _call: raw.upper(), many=upper)
    together(scene, alone)


def test_one_call_in_a_read_is_answered_by_itself() -> None:
    def scene(caller: Caller, asked: list[list[bytes]]) -> None:
        caller.feed(request(caller, 1, packed(b"one")))
        assert bodies(caller) == packed(b"one")
        assert not asked

    together(scene)
