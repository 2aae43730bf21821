"""Calls whose answers take long: each is sent when it is made, and others have their turns."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

from engine.doors.breath import TURN_SECONDS
from engine.doors.grpc.lean_call import Call, Flow, Served, Waited
from engine.doors.grpc.lean_messages import packed
from engine.doors.grpc.lean_server import answer_all
from engine.doors.http2 import frames
from tests.doors.grpc.test_lean_call import Caller, in_loop, nothing
from tests.doors.grpc.test_lean_flow import request
from tests.doors.http2.peers import data


class Slow:
    """Gives back what comes, and takes *each* seconds for each."""

    def __init__(self, each: float) -> None:
        self.each = each
        self.now = 0.0
        self.asked: list[list[bytes]] = []

    def many(self, raws: list[bytes], _calls: list[Call]) -> list[bytes | Waited | None]:
        return [*self.flow(raws, None)]

    def alone(self, raw: bytes, call: Call) -> bytes | Waited | None:
        return self.many([raw], [call])[0]

    def flow(self, raws: list[bytes], _call: object) -> list[bytes]:
        self.now += self.each * len(raws)
        self.asked.append(raws)
        return raws

    def caller(self, *, streams: bool = False) -> Caller:
        """Return who calls it, or streams."""
        if streams:
            return Timed(self, Served(one_asks=False, apart=nothing, flow=Flow(self.flow)))
        direct = Served(one_asks=True, apart=nothing, inline=self.alone, many=self.many)
        made = Timed(self, direct)
        made.connection.answer_all = answer_all
        return made


class Timed(Caller):
    """One for whom time is what was taken."""

    def __init__(self, slow: Slow, method: Served) -> None:
        self.slow = slow
        super().__init__(method)

    def now(self) -> float:
        return self.slow.now


def ask(caller: Caller, numbers: range) -> None:
    """Make calls in one read, each with its number."""
    caller.feed(b"".join([request(caller, one, packed(b"%d" % one)) for one in numbers]))


def answered(caller: Caller) -> list[int]:
    """Return which streams were answered since."""
    return [one.stream for one in caller.frames() if one.kind == frames.DATA]


async def others() -> None:
    """Let others have a turn."""
    for _ in range(2):
        await asyncio.sleep(0)


def played(scene: Callable[[Slow, Caller], object], each: float, *, streams: bool = False) -> None:
    async def run() -> None:
        slow = Slow(each)
        caller = slow.caller(streams=streams)
        made = scene(slow, caller)
        if asyncio.iscoroutine(made):
            await made
        assert caller.room.calls == caller.room.held == 0

    in_loop(run)


def test_what_takes_long_is_answered_one_by_one_and_others_have_their_turn() -> None:
    async def scene(slow: Slow, caller: Caller) -> None:
        ask(caller, range(1, 5, 2))  # What they take is not known yet.
        assert answered(caller) == [1, 3]
        ask(caller, range(5, 11, 2))
        assert answered(caller) == [5]
        assert caller.wire.paused
        await others()
        assert answered(caller) == [7]
        await others()
        assert answered(caller) == [9]
        assert not caller.wire.paused
        assert [len(one) for one in slow.asked] == [2, 1, 1, 1]

    played(scene, TURN_SECONDS * 2)


def test_of_many_that_take_long_as_many_are_sent_together_as_make_a_turn() -> None:
    async def scene(slow: Slow, caller: Caller) -> None:
        ask(caller, range(1, 5, 2))
        ask(caller, range(5, 37, 2))
        for _ in range(8):
            await others()
        assert [len(one) for one in slow.asked] == [2, 4, 4, 4, 2, 1, 1]
        assert answered(caller) == [*range(1, 37, 2)]

    played(scene, TURN_SECONDS / 4)


def test_others_whose_questions_came_meanwhile_are_next() -> None:
    async def scene(slow: Slow, caller: Caller) -> None:
        ask(caller, range(1, 5, 2))
        before: list[int] = []
        loop = asyncio.get_running_loop()
        there, here = socket.socketpair()
        with there, here:

            def asks() -> None:
                ask(caller, range(5, 11, 2))
                there.send(b"x")

            def other() -> None:
                here.recv(1)
                before.append(len(slow.asked))

            loop.add_reader(here, other)
            loop.call_soon(asks)
            for _ in range(5):
                await others()
            loop.remove_reader(here)
        assert before == [2]
        assert [len(one) for one in slow.asked] == [2, 1, 1, 1]

    played(scene, TURN_SECONDS * 2)


def test_several_are_sent_one_by_one_in_a_turn_that_is_not_over() -> None:
    def scene(_slow: Slow, caller: Caller) -> None:
        ask(caller, range(1, 5, 2))
        caller.frames()
        written = caller.wire.writes
        ask(caller, range(5, 11, 2))
        assert answered(caller) == [5, 7, 9]
        assert caller.wire.writes == written + 3
        assert not caller.wire.paused

    played(scene, TURN_SECONDS * 0.3)


def test_what_is_taken_back_before_its_turn_is_not_decided() -> None:
    async def scene(slow: Slow, caller: Caller) -> None:
        ask(caller, range(1, 5, 2))
        caller.frames()
        ask(caller, range(5, 11, 2))
        caller.feed(frames.rst_stream(9, frames.Code.CANCEL))
        for _ in range(3):
            await others()
        assert answered(caller) == [5, 7]
        assert slow.asked == [[b"1", b"3"], [b"5"], [b"7"]]

    played(scene, TURN_SECONDS * 2)


def test_what_comes_meanwhile_is_answered_behind_the_rest() -> None:
    async def scene(_slow: Slow, caller: Caller) -> None:
        ask(caller, range(1, 5, 2))
        ask(caller, range(5, 9, 2))
        ask(caller, range(9, 13, 2))
        for _ in range(4):
            await others()
        assert answered(caller) == [1, 3, 5, 7, 9, 11]
        assert not caller.wire.paused

    played(scene, TURN_SECONDS * 2)


def test_nobody_is_decided_for_when_the_connection_is_gone() -> None:
    async def scene(slow: Slow, caller: Caller) -> None:
        ask(caller, range(1, 5, 2))
        ask(caller, range(5, 11, 2))
        caller.connection.connection_lost(None)
        for _ in range(3):
            await others()
        assert slow.asked == [[b"1", b"3"], [b"5"]]

    played(scene, TURN_SECONDS * 2)


def test_a_transport_that_closes_is_not_paused() -> None:
    async def scene(_slow: Slow, caller: Caller) -> None:
        ask(caller, range(1, 5, 2))
        caller.wire.closed = True
        ask(caller, range(5, 11, 2))
        assert not caller.wire.paused
        caller.connection.connection_lost(None)

    played(scene, TURN_SECONDS * 2)


def test_slow_messages_of_a_stream_are_answered_one_by_one() -> None:
    async def scene(slow: Slow, caller: Caller) -> None:
        caller.ask(1)
        caller.feed(data(1, packed(b"a") + packed(b"b")))
        caller.feed(data(1, packed(b"c") + packed(b"d") + packed(b"e"), end=True))
        assert slow.asked == [[b"a", b"b"], [b"c"]]
        found = [one.payload for one in caller.frames() if one.kind == frames.DATA]
        assert found == [packed(b"a") + packed(b"b"), packed(b"c")]
        for _ in range(2):
            await asyncio.sleep(0)
        assert slow.asked[2:] == [[b"d"], [b"e"]]
        assert caller.status() == (0, "")

    played(scene, TURN_SECONDS * 2, streams=True)
