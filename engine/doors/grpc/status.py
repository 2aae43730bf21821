"""What went wrong -> a gRPC status that names every wrong path, or the error inside a batch.

Nothing that a caller sent and nothing that a policy matched is ever repeated in a status or a log:
a status says which path is wrong and why, an unexpected error is told by its kind and its place.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable
from dataclasses import dataclass
from pathlib import PurePath
from traceback import extract_tb
from typing import NoReturn, Protocol

import grpc
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2

from engine.doors.memory import WITHOUT, tell
from engine.runtime.request import InvalidRequest
from engine.runtime.store import StoreUnavailable
from engine.service.asking import Overloaded
from engine.service.gate import NotReady
from engine.service.record import RecordError
from engine.service.reviewers import Barred, Unknown
from engine.storage.reviews import NoReview, Refused, ReviewsUnavailable
from engine.wire import engine_pb2 as wire

LOG = logging.getLogger("engine.doors.grpc")

DETAILS = "grpc-status-details-bin"
"""The trailing metadata in which gRPC carries a google.rpc.Status."""

DETAILS_BYTES = 4_000
"""How much of them is sent: a client refuses trailers over 8 KB, and then learns nothing at all."""


class NotServed(Exception):
    """The method is in the protocol but not in this build; the text says so in one sentence."""


class Garbled(InvalidRequest):
    """Bytes that are no message of their type."""

    def __init__(self) -> None:
        super().__init__(())


class TooLate(Exception):
    """The caller's deadline is over: the decision could not be used, so it is not made."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A call that ends without an answer: the status, one sentence, and the wrong paths."""

    code: grpc.StatusCode
    message: str
    violations: tuple[tuple[str, str], ...] = ()


class Context(Protocol):
    """What is needed of a call to end it."""

    def abort(
        self, code: grpc.StatusCode, details: str, trailing_metadata: tuple[tuple[str, bytes], ...]
    ) -> Awaitable[NoReturn]:
        """End the call."""
        ...


def refusal_of(error: Exception) -> Refusal:
    """Return the refusal that *error* means. The unexpected is logged, without its text."""
    match error:
        case DecodeError() | Garbled():
            return Refusal(
                grpc.StatusCode.INVALID_ARGUMENT,
                "the message is no valid protobuf of its type; texts are UTF-8 without surrogates",
            )
        case InvalidRequest(problems=problems):
            listed = tuple((problem.path, problem.message) for problem in problems)
            return Refusal(
                grpc.StatusCode.INVALID_ARGUMENT,
                f"the request is invalid: {len(listed)} wrong path{'s' * (len(listed) != 1)}",
                listed,
            )
        case StoreUnavailable():
            return Refusal(grpc.StatusCode.UNAVAILABLE, "the state store cannot answer")
        case Unknown() | Barred() | NoReview() | Refused() | ReviewsUnavailable():
            return refusal_of_review(error)
        case RecordError() | MemoryError():
            return refusal_of_lack(error)
        case NotReady():
            return Refusal(grpc.StatusCode.UNAVAILABLE, "no policies are loaded yet")
        case Overloaded():
            return Refusal(
                grpc.StatusCode.RESOURCE_EXHAUSTED, f"the engine is overloaded: {error}; try again"
            )
        case NotServed():
            return Refusal(grpc.StatusCode.UNIMPLEMENTED, str(error))
        case TooLate():
            return Refusal(grpc.StatusCode.DEADLINE_EXCEEDED, "the deadline was over")
        case _:
            where = place_of(error)
            LOG.error("a call failed: %s at %s", type(error).__name__, where)
            return Refusal(
                grpc.StatusCode.INTERNAL, f"the daemon failed: {type(error).__name__} at {where}"
            )


def refusal_of_review(
    error: Unknown | Barred | NoReview | Refused | ReviewsUnavailable,
) -> Refusal:
    """Return the refusal of what was asked about a review."""
    match error:
        case Unknown():
            return Refusal(grpc.StatusCode.UNAUTHENTICATED, str(error))
        case Barred():
            return Refusal(grpc.StatusCode.PERMISSION_DENIED, str(error))
        case NoReview():
            return Refusal(grpc.StatusCode.NOT_FOUND, str(error))
        case Refused():
            return Refusal(grpc.StatusCode.FAILED_PRECONDITION, str(error))
        case ReviewsUnavailable():
            LOG.error("the reviews cannot be reached: %s", error)
            return Refusal(grpc.StatusCode.UNAVAILABLE, "the store of reviews cannot answer")


def refusal_of_lack(error: RecordError | MemoryError) -> Refusal:
    """Return the refusal of what the machine has no room for; the log says more."""
    match error:
        case RecordError():
            LOG.error("what was asked for cannot be recorded: %s", error)
            return Refusal(grpc.StatusCode.UNAVAILABLE, "it cannot be recorded")
        case MemoryError():
            tell("what a call asked, which was refused (RESOURCE_EXHAUSTED)")
            return Refusal(grpc.StatusCode.RESOURCE_EXHAUSTED, WITHOUT)


def place_of(error: Exception) -> str:
    """Return ``file:line`` of where *error* was raised."""
    frames = extract_tb(error.__traceback__)
    return f"{PurePath(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "?"


async def end_call(context: Context, refusal: Refusal) -> NoReturn:
    """End the call with *refusal* and its details."""
    await context.abort(refusal.code, refusal.message, trailers_of(refusal))


def trailers_of(refusal: Refusal) -> tuple[tuple[str, bytes], ...]:
    """Return the trailing metadata that carry the details of *refusal*."""
    if not refusal.violations:
        return ()
    status = status_pb2.Status(code=refusal.code.value[0], message=refusal.message)
    status.details.add().Pack(list_violations(refusal.violations))
    return ((DETAILS, status.SerializeToString()),)


def list_violations(violations: tuple[tuple[str, str], ...]) -> error_details_pb2.BadRequest:
    """Return as many violations as fit into trailers, and how many more there are."""
    listed = error_details_pb2.BadRequest()
    size = 0
    for count, (path, description) in enumerate(violations):
        size += len(path.encode()) + len(description.encode()) + 8
        if size > DETAILS_BYTES:
            listed.field_violations.add(description=f"and {len(violations) - count} more")
            break
        listed.field_violations.add(field=path, description=description)
    return listed


def error_decision(request_id: str, refusal: Refusal) -> wire.Decision:
    """Return what stands in a batch or a stream for a request that cannot be decided."""
    answer = wire.Decision(
        request_id=request_id, action=wire.ACTION_DENY, effective_action=wire.ACTION_DENY
    )
    answer.error.code = refusal.code.value[0]
    answer.error.message = refusal.message
    for path, description in refusal.violations:
        answer.error.violations.add(path=path, description=description)
    return answer
