"""A method that is answered at once in, what a lean server calls for it out: no task, no message.

It stands apart from the other handlers because it is compiled, and they wait in ways that must not
be.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextvars import Token
from typing import Any, assert_never

from google.protobuf.message import Message

from engine.doors.grpc.later import Held, Later
from engine.doors.grpc.lean_call import Call, Flow, Inline, Many, Waited
from engine.doors.grpc.methods import Direct, Pipelined, Plain, Together
from engine.doors.grpc.service import Service
from engine.doors.grpc.status import Refusal, TooLate, end_call, refusal_of, trailers_of
from engine.doors.grpc.tracing import follow
from engine.service.tracing import TRACE, Trace

GoOn = Callable[[Sequence[bytes | Later], Sequence[bytes], Call], Waited]
"""Sends what was made of messages of a stream, and answers all that follow, in a task."""


def inline(service: Service, method: Direct | Plain | Together) -> Inline:
    """Return what answers *method* at once, without a task, unless it must wait."""
    direct = method.answer if isinstance(method, Direct) else None
    answer: Callable[[bytes, Call], bytes | Later] = answering(service, method, refuse_late)

    def handle(raw: bytes, call: Call) -> bytes | Waited | None:
        # Hot path. Invariant: the event loop hands all calls of a connection the same context,
        # so each leaves it as it was.
        traced = None
        try:
            refuse_late(call)
            if call.traced:
                traced = follow(call)
            made = answer(raw, call) if direct is None else direct(service, raw)
            return made if isinstance(made, bytes) else later(made, call)
        except Exception as error:  # noqa: BLE001 - every failure becomes a status
            refusal = refusal_of(error)
        finally:
            if traced is not None:
                TRACE.reset(traced)
        refused(call, refusal)
        return None

    return handle


def many(service: Service, method: Direct | Plain | Together) -> Many | None:
    """Return what answers calls of *method* that have come together; None where nothing does."""
    if not isinstance(method, Direct) or method.many is None:
        return None
    answer_each = method.many

    def handle(raws: list[bytes], calls: list[Call]) -> list[bytes | Waited | None]:
        turn = Turn(calls)
        try:
            found = answer_each(service, raws, turn.begin)
        except Exception as error:  # noqa: BLE001 - every failure becomes a status
            found = [error] * len(raws)
        finally:
            turn.end()
        return [outcome(one, calls[at]) for at, one in enumerate(found)]

    return handle


class Turn:
    """Whose request is decided, of *calls* that are answered together."""

    def __init__(self, calls: list[Call]) -> None:
        self._calls = calls
        self._traced: Token[Trace | None] | None = None

    def begin(self, at: int) -> None:
        """Have what is decided now belong to call number *at*. Raises TooLate."""
        if self._traced is not None:
            self.end()
        call = self._calls[at]
        refuse_late(call)
        if call.traced:
            self._traced = follow(call)

    def end(self) -> None:
        """Have nothing more belong to a call."""
        if self._traced is not None:
            TRACE.reset(self._traced)
            self._traced = None


def outcome(found: bytes | Later | Exception, call: Call) -> bytes | Waited | None:
    """Return how *call* is answered with what was *found*."""
    if isinstance(found, bytes):
        return found
    if isinstance(found, Exception):
        refused(call, refusal_of(found))
        return None
    return later(found, call)


def later(made: Later, call: Call) -> Waited | None:
    """Return what *call* waits for in a task; None where it needs none."""
    if not isinstance(made, Held):
        return wait(made, call)
    if call.hold():
        made.give(deliver, call)
    return None


def deliver(held: Held, call: Call) -> None:
    """Answer *call* with what was *held*."""
    traced = None
    try:
        call.let_go()
        if call.over:
            return
        if call.traced:
            traced = follow(call)
        call.answered(held.made())
    except Exception as error:  # noqa: BLE001 - every failure becomes a status
        refused(call, refusal_of(error))
    finally:
        if traced is not None:
            TRACE.reset(traced)


def flow(service: Service, method: Pipelined, go_on: GoOn) -> Flow:
    """Return what answers streams of *method*; what must wait is handed to *go_on*."""
    answer_some = method.many

    def answer(raws: list[bytes], call: Call) -> list[bytes] | Waited:
        traced = None
        try:
            if call.traced:
                traced = follow(call)
            made = answer_some(service, raws, lambda: refuse_late(call))
        except TooLate as error:
            refused(call, refusal_of(error))
            return []
        finally:
            if traced is not None:
                TRACE.reset(traced)
        ready = [one for one in made if isinstance(one, bytes)]
        return ready if len(ready) == len(made) else go_on(made, raws, call)

    return Flow(answer)


def answering(
    service: Service, method: Direct | Plain | Together, in_time: Callable[[Any], None]
) -> Callable[[bytes, Any], bytes | Later]:
    """Return how *method* is answered, from bytes to bytes, for the calls of any server.

    *in_time* raises TooLate for one whose caller waits no more.
    """
    match method:
        case Direct(at_once):
            return lambda raw, _call: at_once(service, raw)
        case Together(together):
            return lambda raw, call: together(service, raw, lambda: in_time(call))
        case Plain(request, answer):
            parse = request.FromString

            def plainly(raw: bytes, _call: object) -> bytes | Later:
                made = answer(service, parse(raw))
                return made.SerializeToString() if isinstance(made, Message) else made

            return plainly
        case _:
            assert_never(method)


async def wait(made: Later, call: Call) -> bytes | None:
    """Return the answer that waits; in a task of its own."""
    follow(call)
    try:
        return await made(call.time_remaining)
    except Exception as error:  # noqa: BLE001 - every failure becomes a status
        refusal = refusal_of(error)
    return await end_call(call, refusal)


def refuse_late(call: Call) -> None:
    """Raise TooLate when the caller's deadline is over: what it cannot use is not decided."""
    if call.is_late():
        raise TooLate


def refused(call: Call, refusal: Refusal) -> None:
    """End *call* with *refusal* and its details."""
    call.refuse(refusal.code, refusal.message, trailers_of(refusal))
