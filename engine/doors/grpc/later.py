"""Answers that wait: for model servers, for a store that is away, for the record to be kept.

Whoever runs an answer hands in how much time the caller has left. Cancelling it (the caller has
gone) leaves no decision behind.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from google.protobuf.message import DecodeError

from engine.doors.grpc.lay import lay_decision
from engine.doors.grpc.status import TooLate, error_decision, refusal_of
from engine.doors.grpc.traces import write_explanation
from engine.runtime.decision import Decision
from engine.service.asking import TimeLeft, Undecided, UnderWay, Unexplained
from engine.service.gate import Gate
from engine.service.usage import Usage
from engine.wire import engine_pb2 as wire

Later = Callable[[TimeLeft], Awaitable[bytes]]
"""Gives the bytes of the answer."""


def later_decision(gate: Gate, begun: Undecided) -> Later:
    """Return what waits for *begun* and gives the decision; it raises TooLate."""

    async def wait(left: TimeLeft) -> bytes:
        found: Decision | Undecided = begun
        while isinstance(found, Undecided):
            await hear(found, left)
            found = gate.go_on(found)
        waited = gate.kept()
        return lay_decision(found if waited is None else await gate.when_kept(found, waited))

    return wait


def kept_decision(gate: Gate, decision: Decision, waited: Awaitable[None]) -> Later:
    """Return what gives *decision* when its record is kept. That is *waited* for in any case."""

    async def wait(_left: TimeLeft) -> bytes:
        return lay_decision(await gate.when_kept(decision, waited))

    return wait


def later_explanation(gate: Gate, begun: Unexplained) -> Later:
    """Return what waits for *begun* and gives the explanation; it raises TooLate."""

    async def wait(left: TimeLeft) -> bytes:
        found = begun
        while True:
            await hear(found, left)
            made = gate.go_on_explaining(found)
            if not isinstance(made, Unexplained):
                return write_explanation(made).SerializeToString()
            found = made

    return wait


def later_settlement(gate: Gate, decision_id: str, usage: Usage) -> Later:
    """Return what settles a decision in a store that is away from here.

    What was sent is done, whether or not the caller still waits.
    """

    async def wait(_left: TimeLeft) -> bytes:
        settled = await gate.settle_far(decision_id, usage)
        return wire.SettleResponse(settled=settled).SerializeToString()

    return wait


def or_say_why(raw: bytes, later: Later) -> Later:
    """Return *later*, whose failure becomes a decision on the request *raw* with the error."""

    async def wait(left: TimeLeft) -> bytes:
        try:
            return await later(left)
        except Exception as error:  # noqa: BLE001 - one failure never fails its neighbours
            return failed_decision(raw, error)

    return wait


def failed_decision(raw: bytes, error: Exception) -> bytes:
    """Return the bytes of what stands for the request *raw*, which cannot be decided."""
    try:
        request_id = wire.DecideRequest.FromString(raw).request_id
    except DecodeError:
        request_id = ""
    return error_decision(request_id, refusal_of(error)).SerializeToString()


async def hear(begun: UnderWay, left: TimeLeft) -> None:
    """Wait for the answers; raise TooLate when the caller's deadline is over by then."""
    await begun.hear(left)
    remaining = left()
    if remaining is not None and remaining <= 0:
        raise TooLate
