"""Answers that wait: for model servers, for a store that is away, for the record to be kept.

Whoever runs an answer hands in how much time the caller has left. Cancelling it (the caller has
gone) leaves no decision behind.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from google.protobuf.message import DecodeError

from engine.doors.grpc.lay import lay_all, lay_decision
from engine.doors.grpc.status import TooLate, error_decision, refusal_of
from engine.doors.grpc.traces import write_explanation
from engine.runtime.decision import Decision
from engine.service.asking import TimeLeft, Undecided, UnderWay, Unexplained
from engine.service.gate import Gate
from engine.service.keeping import Keeper
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
        keeper = gate.keeper
        waited = keeper.kept()
        return lay_decision(found if waited is None else await keeper.when_kept(found, waited))

    return wait


class Held:
    """Gives an answer when something was heard: to who waits in a task, or without one.

    That is waited for in any case.
    """

    __slots__ = ("_give", "_heard", "_whom")

    def __init__(self) -> None:
        self._heard = False
        self._give: Callable[[Held, Any], None] | None = None
        self._whom: Any = None

    def give(self, give: Callable[[Held, Any], None], whom: Any) -> None:
        """Call *give* with this and *whom* when it was heard; that raises nothing."""
        self._give, self._whom = give, whom
        if self._heard:
            give(self, whom)

    def made(self) -> bytes:
        """Return the bytes of the answer, now that it was heard."""
        raise NotImplementedError

    def __call__(self, _left: TimeLeft) -> Awaitable[bytes]:
        """Return what is awaited for the answer."""
        told: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self.give(_fulfil, told)
        return told

    def _was_heard(self) -> None:
        self._heard = True
        if self._give is not None:
            self._give(self, self._whom)


class Kept(Held):
    """Gives a decision when its record is kept, or the ``deny`` in its place."""

    __slots__ = ("_decision", "_keeper", "_problem")

    def __init__(self, keeper: Keeper, decision: Decision) -> None:
        super().__init__()
        self._keeper = keeper
        self._decision = decision
        self._problem: Exception | None = None

    def hear(self, problem: Exception | None) -> None:
        """Hear, once, that the record is kept, or the *problem* for which it is not."""
        self._problem = problem
        self._was_heard()

    def made(self) -> bytes:
        """Return the bytes of the answer, now that it was heard."""
        decision = self._decision
        if self._problem is not None:
            decision = self._keeper.unrecorded(decision, str(self._problem))
        return lay_decision(decision)


class KeptAll(Held):
    """Gives all decisions of a batch when the records of those that wait are kept."""

    __slots__ = ("_made", "_raws", "_waiting")

    def __init__(self, made: Sequence[bytes | Kept], raws: Sequence[bytes]) -> None:
        """*made* is of the requests *raws*; one of them waits at least."""
        super().__init__()
        self._made = made
        self._raws = raws
        waiting = [one for one in made if not isinstance(one, bytes)]
        self._waiting = len(waiting)
        for one in waiting:
            one.give(self._count, None)

    def _count(self, _one: Held, _whom: object) -> None:
        self._waiting -= 1
        if not self._waiting:
            self._was_heard()

    def made(self) -> bytes:
        """Return the bytes of the answer; one failure never fails its neighbours."""
        pairs = zip(self._made, self._raws, strict=True)
        return lay_all([one if isinstance(one, bytes) else made_of(one, raw) for one, raw in pairs])


def made_of(kept: Kept, raw: bytes) -> bytes:
    """Return the decision on the request *raw*, or one that carries the error."""
    try:
        return kept.made()
    except Exception as error:  # noqa: BLE001 - one failure never fails its neighbours
        return failed_decision(raw, error)


def _fulfil(held: Held, told: asyncio.Future[bytes]) -> None:
    if told.done():
        return  # Nobody waits any more.
    try:
        told.set_result(held.made())
    except Exception as error:  # noqa: BLE001 - whoever waits turns it into a status
        told.set_exception(error)


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
