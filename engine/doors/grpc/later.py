"""Answers that wait: for model servers, for a store that is away, for the record to be kept.

Whoever runs an answer hands in how much time the caller has left. Cancelling it (the caller has
gone) leaves no decision behind.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from google.protobuf.message import Message

from engine.doors.grpc.convert import write_decision
from engine.doors.grpc.status import TooLate, error_decision, refusal_of
from engine.doors.grpc.traces import write_explanation
from engine.runtime.decision import Decision
from engine.service.asking import TimeLeft, Undecided, UnderWay, Unexplained
from engine.service.gate import Gate
from engine.service.usage import Usage
from engine.wire import engine_pb2 as wire

Later = Callable[[TimeLeft], Awaitable[Message]]


def later_decision(gate: Gate, begun: Undecided) -> Callable[[TimeLeft], Awaitable[wire.Decision]]:
    """Return what waits for *begun* and gives the decision; it raises TooLate."""

    async def wait(left: TimeLeft) -> wire.Decision:
        found: Decision | Undecided = begun
        while isinstance(found, Undecided):
            await hear(found, left)
            found = gate.go_on(found)
        waited = gate.kept()
        return write_decision(found if waited is None else await gate.when_kept(found, waited))

    return wait


def kept_decision(
    gate: Gate, decision: Decision, waited: Awaitable[None]
) -> Callable[[TimeLeft], Awaitable[wire.Decision]]:
    """Return what gives *decision* when its record is kept. That is *waited* for in any case."""

    async def wait(_left: TimeLeft) -> wire.Decision:
        return write_decision(await gate.when_kept(decision, waited))

    return wait


def later_explanation(gate: Gate, begun: Unexplained) -> Later:
    """Return what waits for *begun* and gives the explanation; it raises TooLate."""

    async def wait(left: TimeLeft) -> wire.Explanation:
        found = begun
        while True:
            await hear(found, left)
            made = gate.go_on_explaining(found)
            if not isinstance(made, Unexplained):
                return write_explanation(made)
            found = made

    return wait


def later_settlement(gate: Gate, decision_id: str, usage: Usage) -> Later:
    """Return what settles a decision in a store that is away from here.

    What was sent is done, whether or not the caller still waits.
    """

    async def wait(_left: TimeLeft) -> wire.SettleResponse:
        return wire.SettleResponse(settled=await gate.settle_far(decision_id, usage))

    return wait


def or_say_why(
    request_id: str, later: Callable[[TimeLeft], Awaitable[wire.Decision]]
) -> Callable[[TimeLeft], Awaitable[wire.Decision]]:
    """Return *later*, whose failure becomes a decision that carries the error."""

    async def wait(left: TimeLeft) -> wire.Decision:
        try:
            return await later(left)
        except Exception as error:  # noqa: BLE001 - one failure never fails its neighbours
            return error_decision(request_id, refusal_of(error))

    return wait


async def hear(begun: UnderWay, left: TimeLeft) -> None:
    """Wait for the answers; raise TooLate when the caller's deadline is over by then."""
    await begun.hear(left)
    remaining = left()
    if remaining is not None and remaining <= 0:
        raise TooLate
