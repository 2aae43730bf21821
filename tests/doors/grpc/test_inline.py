"""Calls that came together: each has its own trace, deadline and failure."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import pytest

from engine.doors.grpc.inline import flow, inline, many
from engine.doors.grpc.later import Later
from engine.doors.grpc.lean_call import Call, Served, Waited
from engine.doors.grpc.lean_messages import packed
from engine.doors.grpc.lean_server import answer_all
from engine.doors.grpc.methods import Begin, Direct, InTime, Pipelined, Plain
from engine.doors.grpc.service import Service
from engine.doors.grpc.status import TooLate
from engine.doors.http2 import frames
from engine.runtime.memory import MemoryStore
from engine.runtime.request import InvalidRequest
from engine.service.asking import TimeLeft
from engine.service.gate import Gate
from engine.service.tracing import TRACE
from engine.wire import engine_pb2 as wire
from tests.doors.grpc.serving import SECRET
from tests.doors.grpc.test_lean_call import Caller, in_loop, nothing, turns
from tests.doors.grpc.test_lean_flow import bodies, request
from tests.doors.http2.peers import Frame, data

TRACED = (b"traceparent", b"00-" + b"1" * 32 + b"-" + b"2" * 16 + b"-01")
OTHER = (b"traceparent", b"00-" + b"3" * 32 + b"-" + b"4" * 16 + b"-01")
PAST = (b"grpc-timeout", b"0n")


def service() -> Service:
    return Service(Gate(MemoryStore(), secret=SECRET), "test")


def trace() -> bytes:
    """Return the first digit of the trace that what is decided now belongs to."""
    found = TRACE.get()
    return b"-" if found is None else found.trace_id[:1].encode()


def one(_service: Service, raw: bytes) -> bytes | Later:
    """Answer with the trace; ``wrong`` raises, ``wait`` waits."""
    if raw == b"wrong":
        raise InvalidRequest(())
    if raw == b"wait":

        async def wait(_left: TimeLeft) -> bytes:
            await asyncio.sleep(0)
            return trace()

        return wait
    return trace()


def each(made: Service, raws: Sequence[bytes], begin: Begin) -> Sequence[bytes | Later | Exception]:
    """Answer several like `one`; ``fail`` fails them all."""
    found: list[bytes | Later | Exception] = []
    for at, raw in enumerate(raws):
        if raw == b"fail":
            raise RuntimeError
        try:
            begin(at)
            found.append(one(made, raw))
        except (InvalidRequest, TooLate) as error:
            found.append(error)
    return found


METHOD = Direct(one, each)


def play(scene: Callable[[Caller], None], after: Callable[[Caller], None]) -> None:
    """Play a scene with calls of `METHOD`, and what comes when tasks have run."""

    async def played() -> None:
        caller = Caller(
            Served(
                one_asks=True,
                apart=nothing,
                inline=inline(service(), METHOD),
                many=many(service(), METHOD),
            )
        )
        caller.connection.answer_all = answer_all
        scene(caller)
        await turns()
        after(caller)
        assert trace() == b"-"
        assert caller.room.calls == caller.room.tasks == caller.room.held == 0

    in_loop(played)


def statuses(caller: Caller, found: Sequence[Frame]) -> dict[int, int]:
    """Return how calls ended, by stream."""
    said: dict[int, int] = {}
    for sent in found:
        if sent.kind == frames.HEADERS:
            fields = caller.fields_of(sent)
            if b"grpc-status" in fields:
                said[sent.stream] = int(fields[b"grpc-status"])
    return said


def test_calls_of_one_read_have_their_own_trace_deadline_and_failure() -> None:
    def scene(caller: Caller) -> None:
        sent = [
            request(caller, 1, packed(b"a"), TRACED),
            request(caller, 3, packed(b"b")),
            request(caller, 5, packed(b"c"), OTHER),
            request(caller, 7, packed(b"wrong"), TRACED),
            request(caller, 9, packed(b"late"), PAST),
            request(caller, 11, packed(b"wait"), OTHER),
        ]
        caller.feed(b"".join(sent))

    def after(caller: Caller) -> None:
        found = caller.frames()
        answers = {one.stream: one.payload for one in found if one.kind == frames.DATA}
        assert answers == {1: packed(b"1"), 3: packed(b"-"), 5: packed(b"3"), 11: packed(b"3")}
        assert statuses(caller, found) == {1: 0, 3: 0, 5: 0, 7: 3, 9: 4, 11: 0}

    play(scene, after)


def test_what_fails_as_a_whole_is_told_to_each() -> None:
    def scene(caller: Caller) -> None:
        sent = [request(caller, 1, packed(b"a"), TRACED), request(caller, 3, packed(b"fail"))]
        caller.feed(b"".join(sent))

    def after(caller: Caller) -> None:
        assert statuses(caller, caller.frames()) == {1: 13, 3: 13}

    play(scene, after)


@pytest.mark.parametrize(
    ("body", "more", "answer", "status"),
    [
        (b"a", TRACED, packed(b"1"), 0),
        (b"wait", OTHER, packed(b"3"), 0),
        (b"wrong", TRACED, b"", 3),
        (b"a", PAST, b"", 4),
    ],
)
def test_a_call_by_itself_has_its_own_too(
    body: bytes, more: tuple[bytes, bytes], answer: bytes, status: int
) -> None:
    def scene(caller: Caller) -> None:
        caller.feed(request(caller, 1, packed(body), more))

    def after(caller: Caller) -> None:
        found = caller.frames()
        assert b"".join([one.payload for one in found if one.kind == frames.DATA]) == answer
        assert statuses(caller, found) == {1: status}

    play(scene, after)


def test_methods_without_a_way_for_several_have_none() -> None:
    assert many(service(), Direct(one)) is None
    assert many(service(), Plain(wire.SettleRequest, lambda _service, message: message)) is None


def test_a_flow_has_the_trace_and_the_deadline_of_its_call() -> None:
    def some(made: Service, raws: Sequence[bytes], in_time: InTime) -> Sequence[bytes | Later]:
        in_time()
        return [one(made, raw) for raw in raws]

    async def go_on(
        made: Sequence[bytes | Later], _raws: Sequence[bytes], call: Call
    ) -> bytes | None:
        await call.write_all([b"%d waited for" % len(made)])
        return None

    def carry(made: Sequence[bytes | Later], raws: Sequence[bytes], call: Call) -> Waited:
        return go_on(made, raws, call)

    async def scene() -> None:
        made = flow(service(), Pipelined(one, some), carry)
        caller = Caller(Served(one_asks=False, apart=nothing, flow=made))
        caller.ask(1, None, TRACED)
        caller.feed(data(1, packed(b"a") + packed(b"b")))
        assert bodies(caller) == packed(b"1") * 2
        assert trace() == b"-"
        caller.feed(data(1, packed(b"a") + packed(b"wait")))
        await turns()
        assert bodies(caller) == packed(b"2 waited for")
        caller.ask(3, None, PAST)
        caller.feed(data(3, packed(b"a")))
        assert caller.status()[0] == 4
        await turns()
        assert caller.room.calls == caller.room.tasks == 0

    in_loop(scene)
