"""Calls whose records are on their way: answered without tasks, together, once, or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from engine.doors.grpc.inline import inline, many
from engine.doors.grpc.later import Kept, KeptAll, Later
from engine.doors.grpc.lay import lay_decision
from engine.doors.grpc.lean_call import Served
from engine.doors.grpc.lean_messages import packed
from engine.doors.grpc.lean_server import answer_all
from engine.doors.grpc.methods import Begin, Direct
from engine.doors.grpc.service import Service
from engine.doors.http2 import frames
from engine.runtime.decision import Decision
from engine.runtime.memory import MemoryStore
from engine.service.gate import Gate
from engine.service.keeping import UNRECORDED
from engine.service.observer import NoObserver
from engine.service.record import RecordError
from engine.service.tracing import TRACE
from engine.wire import engine_pb2 as wire
from tests.doors.grpc.serving import SECRET
from tests.doors.grpc.test_inline import OTHER, TRACED, statuses
from tests.doors.grpc.test_lean_call import Caller, in_loop, nothing, turns
from tests.doors.grpc.test_lean_flow import request


class Failures(NoObserver):
    """Notes what could not be recorded, and to which trace that belongs."""

    def __init__(self) -> None:
        self.noted: list[str] = []
        self.breaks = False

    def failed(self, error: str) -> None:
        if self.breaks:
            raise RuntimeError(error)
        found = TRACE.get()
        self.noted.append(error + ("" if found is None else f" {found.trace_id[:1]}"))


class House:
    """A client whose calls are all kept later: when `hear` says so."""

    def __init__(self, tasks: int = 10) -> None:
        self.failures = Failures()
        gate = Gate(MemoryStore(), secret=SECRET, observer=self.failures)
        self.made: list[Kept] = []

        def one(_service: Service, raw: bytes) -> bytes | Later:
            found = Decision(
                action="allow",
                effective_action="allow",
                reasons=(),
                revision="r",
                request_id=raw.decode(),
                decision_id=f"d{raw.decode()}",
            )
            self.made.append(Kept(gate.keeper, found))
            return self.made[-1]

        def each(
            service: Service, raws: list[bytes], begin: Begin
        ) -> list[bytes | Later | Exception]:
            for at in range(len(raws)):
                begin(at)
            return [one(service, raw) for raw in raws]

        method = Direct(one, each)  # type: ignore[arg-type]
        service = Service(gate, "test")
        served = Served(
            one_asks=True,
            apart=nothing,
            inline=inline(service, method),
            many=many(service, method),
        )
        self.caller = Caller(served, tasks=tasks)
        self.caller.connection.answer_all = answer_all

    def ask(self, *calls: tuple[int, bytes, tuple[bytes, bytes]]) -> None:
        """Send calls in one read, each with a number, a message and a field."""
        caller = self.caller
        caller.feed(b"".join(request(caller, one, packed(raw), more) for one, raw, more in calls))

    def hear(self, problem: Exception | None = None) -> None:
        """Tell all that their records are kept, or are not."""
        for kept in self.made:
            kept.hear(problem)

    def answers(self) -> tuple[dict[int, wire.Decision], dict[int, int]]:
        """Return the decisions that were sent, and how calls ended, by stream."""
        found = self.caller.frames()
        sent = {
            one.stream: wire.Decision.FromString(one.payload[5:])
            for one in found
            if one.kind == frames.DATA
        }
        return sent, statuses(self.caller, found)


def play(scene: Callable[[House], Awaitable[None]], tasks: int = 10) -> None:
    async def played() -> None:
        house = House(tasks)
        await scene(house)
        await turns()
        room = house.caller.room
        assert room.calls == room.tasks == room.held == 0
        assert TRACE.get() is None

    in_loop(played)


@pytest.mark.parametrize("calls", [1, 3])
def test_calls_are_answered_when_they_are_kept_in_one_write(calls: int) -> None:
    async def scene(house: House) -> None:
        house.ask(*((1 + 2 * at, b"%d" % at, TRACED) for at in range(calls)))
        await turns()
        assert house.answers() == ({}, {})
        assert house.caller.room.tasks == calls
        writes = house.caller.wire.writes
        house.hear()
        assert house.caller.room.tasks == 0
        await turns()
        assert house.caller.wire.writes == writes + 1
        sent, ended = house.answers()
        assert [one.request_id for one in sent.values()] == [str(at) for at in range(calls)]
        assert {one.action for one in sent.values()} == {wire.ACTION_ALLOW}
        assert set(ended.values()) == {0}

    play(scene)


def test_a_call_that_comes_meanwhile_is_answered_with_them() -> None:
    async def scene(house: House) -> None:
        house.ask((1, b"a", TRACED))
        house.hear()
        house.ask((3, b"b", TRACED))
        assert list(house.answers()[0]) == [1]  # What was read is answered at once, and all else.
        house.made[1].hear(None)
        await turns()
        assert list(house.answers()[0]) == [3]

    play(scene)


def test_what_is_not_kept_is_denied() -> None:
    async def scene(house: House) -> None:
        house.ask((1, b"a", TRACED), (3, b"b", OTHER))
        house.hear(RecordError("no room"))
        await turns()
        sent, ended = house.answers()
        assert {one.action for one in sent.values()} == {wire.ACTION_DENY}
        assert [one.reasons[0].failure for one in sent.values()] == [UNRECORDED] * 2
        assert [one.decision_id for one in sent.values()] == ["da", "db"]
        assert ended == {1: 0, 3: 0}
        assert house.failures.noted == ["no room 1", "no room 3"]

    play(scene)


def test_a_failure_becomes_a_status() -> None:
    async def scene(house: House) -> None:
        house.failures.breaks = True
        house.ask((1, b"a", TRACED))
        house.hear(RecordError("no room"))
        await turns()
        assert house.answers() == ({}, {1: 13})

    play(scene)


def test_who_has_gone_is_not_answered() -> None:
    async def scene(house: House) -> None:
        house.ask((1, b"a", TRACED), (3, b"b", TRACED))
        house.caller.feed(frames.rst_stream(1, frames.Code.CANCEL))
        assert house.caller.room.tasks == 2  # Its record is waited for in any case.
        house.hear()
        await turns()
        assert list(house.answers()[0]) == [3]

    play(scene)


def test_who_waits_no_more_is_told_so_when_the_deadline_is_over() -> None:
    async def scene(house: House) -> None:
        house.ask((1, b"a", (b"grpc-timeout", b"1m")))
        async with asyncio.timeout(60):
            while house.caller.room.calls:  # noqa: ASYNC110 - the deadline is the loop's
                await asyncio.sleep(0)
        assert house.answers() == ({}, {1: 4})
        house.hear()
        await turns()
        assert house.answers() == ({}, {})

    play(scene)


def test_one_too_many_is_refused() -> None:
    async def scene(house: House) -> None:
        house.ask((1, b"a", TRACED), (3, b"b", TRACED))
        assert house.answers() == ({}, {3: 8})
        house.hear()
        await turns()
        assert list(house.answers()[0]) == [1]

    play(scene, tasks=1)


def test_a_connection_that_is_lost_meanwhile_leaves_nothing() -> None:
    async def scene(house: House) -> None:
        house.ask((1, b"a", TRACED), (3, b"b", TRACED))
        house.made[0].hear(None)
        house.caller.connection.connection_lost(None)
        house.made[1].hear(None)

    play(scene)


def test_who_awaits_hears_too() -> None:
    async def scene(house: House) -> None:
        house.ask((1, b"a", TRACED))
        first = house.made[0]
        gate = Gate(MemoryStore(), secret=SECRET, observer=house.failures)
        decision = Decision(
            action="allow", effective_action="allow", reasons=(), revision="r", decision_id="d"
        )
        early, late, gone, broken = (Kept(gate.keeper, decision) for _ in range(4))
        early.hear(None)
        assert wire.Decision.FromString(await early(lambda: None)).decision_id == "d"
        waited = asyncio.ensure_future(late(lambda: None))
        late.hear(RecordError("no room"))
        assert wire.Decision.FromString(await waited).action == wire.ACTION_DENY
        left = asyncio.ensure_future(gone(lambda: None))
        left.cancel()
        gone.hear(None)
        house.failures.breaks = True
        failing = broken(lambda: None)
        broken.hear(RecordError("no room"))
        with pytest.raises(RuntimeError, match="no room"):
            await failing
        first.hear(None)

    play(scene)


def test_a_batch_is_answered_when_all_of_it_is_kept_and_one_failure_fails_no_other() -> None:
    def decided(name: str) -> Decision:
        return Decision(
            action="allow",
            effective_action="allow",
            reasons=(),
            revision="r",
            request_id=name,
            decision_id=f"d{name}",
        )

    async def scene(house: House) -> None:
        def kept(name: str) -> Kept:
            return Kept(
                Gate(MemoryStore(), secret=SECRET, observer=house.failures).keeper, decided(name)
            )

        one, other, third = kept("a"), kept("c"), kept("d")
        raws = [wire.DecideRequest(request_id=name).SerializeToString() for name in "abcd"]
        batch = KeptAll([one, lay_decision(decided("b")), other, third], raws)
        waited = asyncio.ensure_future(batch(lambda: None))
        other.hear(RecordError("no room"))
        one.hear(None)
        await turns()
        assert not waited.done()
        third.hear(None)
        found = wire.DecideBatchResponse.FromString(await waited).decisions
        allowed, denied = wire.ACTION_ALLOW, wire.ACTION_DENY
        assert [(each.request_id, each.action) for each in found] == [
            ("a", allowed),
            ("b", allowed),
            ("c", denied),
            ("d", allowed),
        ]
        house.failures.breaks = True
        broken = kept("a")
        failing = KeptAll([broken, lay_decision(decided("b"))], raws[:2])
        broken.hear(RecordError("no room"))
        found = wire.DecideBatchResponse.FromString(await failing(lambda: None)).decisions
        assert [(each.request_id, each.action) for each in found] == [
            ("a", denied),
            ("b", allowed),
        ]

    play(scene)
