"""The table of the protocol's methods: a name, the request's type, a function on the service.

Bound by hand instead of by generated code: generated bindings refuse a grpcio that is older than
their generator. Handlers take and give bytes, so that nothing here depends on the transport.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from google.protobuf.message import Message

from engine.doors.breath import Breath
from engine.doors.grpc.convert import read_whole
from engine.doors.grpc.fields import number
from engine.doors.grpc.guard import Pieces, guard
from engine.doors.grpc.later import (
    Kept,
    KeptAll,
    Later,
    failed_decision,
    later_decision,
    later_explanation,
    later_settlement,
    or_say_why,
)
from engine.doors.grpc.lay import lay_all, lay_decision
from engine.doors.grpc.read import read_record
from engine.doors.grpc.reviews import (
    claim_review,
    comment_review,
    get_history,
    get_review,
    hand_over_review,
    list_reviews,
    release_review,
    resolve_review,
    wait_review,
)
from engine.doors.grpc.service import Service
from engine.doors.grpc.status import NotServed
from engine.doors.grpc.traces import write_explanation
from engine.runtime.decision import Decision
from engine.runtime.objections import Problem
from engine.runtime.record import read_number
from engine.runtime.request import InvalidRequest
from engine.service.asking import TimeLeft, Undecided, Unexplained
from engine.service.together import Begun, begin_all
from engine.service.usage import Usage
from engine.wire import engine_pb2 as wire

ENGINE = "engine.v1.PolicyEngine"
ADMIN = "engine.v1.Admin"

BATCH_LIMIT = 1024
BATCH_BREATH = 64
"""After so many decisions of a batch at most the other calls get their turn."""
LIGHT_BYTES = 65_536
"""What is longer may have long texts: its first decision tells how many more take a breath."""

InTime = Callable[[], None]
"""Raises TooLate when the caller's deadline is over."""
Begin = Callable[[int], object]
"""Is called with the number of a request before that is decided; what it raises is its result."""


@dataclass(frozen=True, slots=True)
class Plain:
    """A method that a function answers at once, unless it must ask classifiers."""

    request: type[Message]
    answer: Callable[[Service, Any], Message | Later]


@dataclass(frozen=True, slots=True)
class Direct:
    """A method that is answered like a plain one, from bytes to bytes: no message is made."""

    answer: Callable[[Service, bytes], bytes | Later]
    many: (
        Callable[[Service, Sequence[bytes], Begin], Sequence[bytes | Later | Exception]] | None
    ) = None
    """The same of several that have come together, each with what it raises."""


@dataclass(frozen=True, slots=True)
class Together:
    """A method that answers many at once, from bytes to bytes, as long as the caller waits."""

    answer: Callable[[Service, bytes, InTime], bytes | Later]


@dataclass(frozen=True, slots=True)
class Waiting:
    """A method whose answer is waited for."""

    request: type[Message]
    answer: Callable[[Service, Any, InTime, TimeLeft], Awaitable[Message]]


@dataclass(frozen=True, slots=True)
class Pipelined:
    """A stream of requests, each answered on its own by a function that takes and never raises."""

    answer: Callable[[Service, bytes], bytes | Later]
    many: Callable[[Service, Sequence[bytes], InTime], Sequence[bytes | Later]]
    """The same of several that have come together; raises TooLate."""


@dataclass(frozen=True, slots=True)
class Personal:
    """A method whose answer depends on the credential of who asks, and is waited for."""

    request: type[Message]
    answer: Callable[[Service, Any, str], Awaitable[Message]]


@dataclass(frozen=True, slots=True)
class Watching:
    """A method that sends answers as they come to be, until there are no more."""

    request: type[Message]
    answer: Callable[
        [Service, Any, str, TimeLeft, Callable[[Any], Awaitable[None]]], Awaitable[None]
    ]


@dataclass(frozen=True, slots=True)
class Absent:
    """A method of the protocol that this build does not serve, and the sentence that says so."""

    sentence: str


@dataclass(frozen=True, slots=True)
class Guarded:
    """A stream of pieces of one response, each answered with what may pass on."""

    answer: Callable[[Service, Pieces], Awaitable[None]]


Method = Direct | Plain | Together | Waiting | Personal | Watching | Pipelined | Guarded | Absent

REQUESTS = 0x0A
"""What each element of ``DecideBatchRequest.requests`` begins with."""


def decide(service: Service, raw: bytes) -> bytes | Later:
    """Return the recorded decision on the request *raw*, or what waits for it."""
    gate = service.gate
    found = gate.begin_with(read_record, raw)
    if isinstance(found, Undecided):
        return later_decision(gate, found)
    keeper = gate.keeper
    if not keeper.together:
        kept = Kept(keeper, found)
        if keeper.tell(kept.hear):
            return kept
    return lay_decision(found)


def decide_next(service: Service, raw: bytes) -> bytes | Later:
    """Return the recorded decision, or one that carries the error, or what waits for it."""
    return said(raw, decide_held(service, raw))


def decide_held(service: Service, raw: bytes) -> bytes | Later:
    """Return what `decide_next` does, but for a record that is on its way what is told of it."""
    try:
        made = decide(service, raw)
    except Exception as error:  # noqa: BLE001 - one failure never fails its neighbours
        return failed_decision(raw, error)
    return made if isinstance(made, bytes | Kept) else or_say_why(raw, made)


def decide_each(
    service: Service, requests: Sequence[bytes], begin: Begin
) -> list[bytes | Later | Exception]:
    """Return the recorded decision on each of *requests*, what waits for it, or what it raises."""
    gate = service.gate

    def begin_one(at: int) -> Begun:
        try:
            begin(at)
            return gate.begin_with(read_record, requests[at])
        except Exception as problem:  # noqa: BLE001 - one failure never fails its neighbours
            return problem

    if not gate.keeper.together:
        return [decide_or_raise(service, raw, begin, at) for at, raw in enumerate(requests)]
    made: list[bytes | Later | Exception] = []
    for found in begin_all(gate, range(len(requests)), begin_one):
        if isinstance(found, Decision):
            made.append(lay_decision(found))
        elif isinstance(found, Undecided):
            made.append(later_decision(gate, found))
        else:
            made.append(found)
    return made


def decide_or_raise(
    service: Service, raw: bytes, begin: Begin, at: int
) -> bytes | Later | Exception:
    """Return what `decide` returns of request number *at*, or what it raises."""
    try:
        begin(at)
        return decide(service, raw)
    except Exception as problem:  # noqa: BLE001 - one failure never fails its neighbours
        return problem


def decide_batch(service: Service, raw: bytes, in_time: InTime) -> bytes | Later:
    """Return one decision for each request, in their order, or what waits for them.

    Those that must ask classifiers are made last, and wait together.
    """
    requests = requests_in(raw)
    if len(requests) > BATCH_LIMIT:
        raise InvalidRequest((Problem("requests", f"at most {BATCH_LIMIT} in one batch"),))
    if len(requests) <= BATCH_BREATH and len(raw) <= LIGHT_BYTES:
        made = decide_all(service, requests, in_time)
        ready = [one for one in made if isinstance(one, bytes)]
        if len(ready) == len(made):
            return lay_all(ready)
        held = [one for one in made if isinstance(one, bytes | Kept)]
        if len(held) == len(made):
            return KeptAll(held, requests)
        some = [said(raw, one) for raw, one in zip(requests, made, strict=True)]
        return lambda left: gathered(some, left)

    async def wait(left: TimeLeft) -> bytes:
        begun: list[bytes | Later] = []
        breath, many = Breath(), 1 if len(raw) > LIGHT_BYTES else BATCH_BREATH
        while len(begun) < len(requests):
            some, since = requests[len(begun) : len(begun) + many], breath.now()
            begun += decide_some(service, some, in_time)
            breath.took(breath.now() - since, len(some))
            many = breath.fitting(BATCH_BREATH)
            await asyncio.sleep(0)
        return await gathered(begun, left)

    return wait


def decide_some(
    service: Service, requests: Sequence[bytes], in_time: InTime
) -> list[bytes | Later]:
    """Return the decision on each of *requests*, or what waits for it. Raises TooLate."""
    made = decide_all(service, requests, in_time)
    if service.gate.keeper.together:
        return made
    return [said(raw, one) for raw, one in zip(requests, made, strict=True)]


def said(raw: bytes, made: bytes | Later) -> bytes | Later:
    """Return what was *made* of the request *raw*; what fails becomes a decision on it."""
    return or_say_why(raw, made) if isinstance(made, Kept) else made


def decide_all(service: Service, requests: Sequence[bytes], in_time: InTime) -> list[bytes | Later]:
    """Return what `decide_some` does, but for records that are on their way what is told of them.

    Raises TooLate.
    """
    gate = service.gate
    made: list[bytes | Later] = []
    if not gate.keeper.together:
        for raw in requests:
            in_time()
            made.append(decide_held(service, raw))
        return made

    def begin(raw: bytes) -> Begun:
        in_time()
        try:
            return gate.begin_with(read_record, raw)
        except Exception as problem:  # noqa: BLE001 - one failure never fails its neighbours
            return problem

    for raw, found in zip(requests, begin_all(gate, requests, begin), strict=True):
        if isinstance(found, Decision):
            made.append(lay_decision(found))
        elif isinstance(found, Undecided):
            made.append(or_say_why(raw, later_decision(gate, found)))
        else:
            made.append(failed_decision(raw, found))
    return made


async def gathered(made: Sequence[bytes | Later], left: TimeLeft) -> bytes:
    """Return the response with all decisions, when those that wait have come."""
    waiting = [one(left) for one in made if not isinstance(one, bytes)]
    waited = iter(await asyncio.gather(*waiting))
    return lay_all([one if isinstance(one, bytes) else next(waited) for one in made])


def requests_in(raw: bytes) -> Sequence[bytes]:
    """Return the requests of the batch *raw*, each as it came. Raises protobuf's DecodeError.

    One that is no message is only looked at when its turn comes.
    """
    found, at = [], 0
    try:
        while at < len(raw):
            if raw[at] != REQUESTS:
                break
            length, start = number(raw, at + 1)
            at = start + length
            found.append(raw[start:at])
    except (IndexError, ValueError):
        at = -1
    if at == len(raw):
        return found
    return [one.SerializeToString() for one in wire.DecideBatchRequest.FromString(raw).requests]


def explain(service: Service, message: wire.DecideRequest) -> wire.Explanation | Later:
    """Return why it would be decided as it would, or what waits for that."""
    found = service.gate.begin_explain(read_whole(message))
    if isinstance(found, Unexplained):
        return later_explanation(service.gate, found)
    return write_explanation(found)


def settle(service: Service, message: wire.SettleRequest) -> wire.SettleResponse | Later:
    """Correct what a decision reserved on an estimate, at once or when the store has answered."""
    if not message.decision_id:
        raise InvalidRequest((Problem("decision_id", "required"),))
    usage = read_figures(message.usage)
    if service.gate.far:
        return later_settlement(service.gate, message.decision_id, usage)
    return wire.SettleResponse(settled=service.gate.settle(message.decision_id, usage))


def read_figures(usage: wire.Usage) -> Usage:
    """Return the real figures of a call."""
    return Usage(
        input_tokens=usage.input_tokens if usage.HasField("input_tokens") else None,
        output_tokens=usage.output_tokens if usage.HasField("output_tokens") else None,
        cost_usd=read_cost(usage.cost_usd) if usage.cost_usd else None,
    )


def read_cost(text: str) -> Decimal:
    """Return the decimal in *text*; raise InvalidRequest where there is none."""
    try:
        return read_number(text)
    except ValueError as error:
        problem = Problem("usage.cost_usd", f"expected decimal: {error}")
        raise InvalidRequest((problem,)) from None


def get_status(service: Service, _message: wire.GetStatusRequest) -> wire.Status:
    """Return which policies are served, and how the last reload went."""
    status = service.gate.status()
    answer = wire.Status(
        version=service.version,
        serving=status.serving,
        revision=status.revision,
        policies=status.policies,
        rules=status.rules,
        last_error=status.refusal,
    )
    if status.loaded_at:
        answer.loaded_at.FromNanoseconds(status.loaded_at)
    return answer


async def reload(
    service: Service, _message: wire.ReloadRequest, _in_time: InTime, _left: TimeLeft
) -> wire.ReloadResponse:
    """Read the policies again and return how it went."""
    if service.reload is None:
        raise NotServed("this daemon cannot reload: its policies are fixed")
    service.gate.note("reload_asked", who="the Admin service")
    found = await service.reload()
    answer = wire.ReloadResponse(loaded=not found, revision=service.gate.status().revision)
    for each in found:
        answer.problems.add(
            code=each.code,
            message=each.message,
            file=each.span.path,
            line=each.span.line,
            column=each.span.column,
            help=each.help or "",
        )
    return answer


LOCAL = frozenset(
    {
        "ClaimReview",
        "CommentReview",
        "GetReviewHistory",
        "HandOverReview",
        "ListReviews",
        "ReleaseReview",
        "ResolveReview",
    }
)
"""Methods of the engine that are served only where the Admin service is, or reviewers are known."""

NOT_LOCAL = (
    "without `reviews.reviewers`, reviewers are answered only where the Admin service is: on a "
    "loopback address or a socket"
)
HISTORY = "the history of bundles is not kept yet: change the policy folder and reload"

METHODS: dict[str, dict[str, Method]] = {
    ENGINE: {
        "Decide": Direct(decide, decide_each),
        "DecideBatch": Together(decide_batch),
        "DecideStream": Pipelined(decide_next, decide_some),
        "Guard": Guarded(guard),
        "Settle": Plain(wire.SettleRequest, settle),
        "Explain": Plain(wire.DecideRequest, explain),
        "GetReview": Personal(wire.GetReviewRequest, get_review),
        "WaitReview": Watching(wire.WaitReviewRequest, wait_review),
        "ClaimReview": Personal(wire.ClaimReviewRequest, claim_review),
        "ReleaseReview": Personal(wire.ReleaseReviewRequest, release_review),
        "HandOverReview": Personal(wire.HandOverReviewRequest, hand_over_review),
        "CommentReview": Personal(wire.CommentReviewRequest, comment_review),
        "ResolveReview": Personal(wire.ResolveReviewRequest, resolve_review),
        "ListReviews": Personal(wire.ListReviewsRequest, list_reviews),
        "GetReviewHistory": Personal(wire.GetReviewHistoryRequest, get_history),
    },
    ADMIN: {
        "GetStatus": Plain(wire.GetStatusRequest, get_status),
        "ListBundles": Absent(HISTORY),
        "ActivateBundle": Absent(HISTORY),
        "RollbackBundle": Absent(HISTORY),
        "Reload": Waiting(wire.ReloadRequest, reload),
    },
}
