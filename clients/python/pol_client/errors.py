"""What can go wrong: the policies say no, or there is no answer. Both are to be treated as "no"."""

from __future__ import annotations

from typing import Any

import grpc
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2

from pol_client.results import Decision, Failure, Violation

DETAILS = "grpc-status-details-bin"


class PolError(Exception):
    """Everything that this package raises: ``except PolError`` is "it may not pass".

    One that a worker process raises reaches its parent whole: a pool hangs, or is given up, over
    an exception that cannot be made anew there.
    """

    def __reduce__(self) -> tuple[Any, ...]:
        """Return how it is made anew, for pickle and copy."""
        return again, (type(self), self.args, vars(self))


def again(kind: type[PolError], args: tuple[object, ...], state: dict[str, object]) -> PolError:
    """Return an exception as it was, whatever its class asks for."""
    made = kind.__new__(kind, *args)
    vars(made).update(state)
    return made


class NotAllowed(PolError):
    """The policies do not let it through. *decision* says why."""

    def __init__(self, decision: Decision) -> None:
        super().__init__(f"{decision.effective_action}: {decision.reason}")
        self.decision = decision


class Denied(NotAllowed):
    """It must not pass."""


class Throttled(NotAllowed):
    """Too much or too often: ``decision.throttle.retry_after`` says when to try again."""


class Escalated(NotAllowed):
    """It waits for a person: ``decision.escalation`` names the review."""


class NoDecision(PolError):
    """There is no answer. *code* is the name of the gRPC status, for example ``UNAVAILABLE``."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


class Unavailable(NoDecision):
    """The daemon cannot be reached, went away during the call, or has no policies loaded yet."""


class DeadlineExceeded(NoDecision):
    """The answer did not come in time. Whether it was decided is not known."""


class InvalidRequest(NoDecision):
    """The request is wrong; *violations* lists every wrong path. Nothing was consumed."""

    def __init__(self, message: str, violations: tuple[Violation, ...] = ()) -> None:
        super().__init__("INVALID_ARGUMENT", message)
        self.violations = violations

    def __str__(self) -> str:
        """Return the sentence and the wrong paths."""
        return "; ".join(
            [self.message, *(f"{each.path}: {each.description}" for each in self.violations)]
        )


class Refused(NoDecision):
    """What a reviewer wants cannot be done as the review stands; *message* says why."""


class NotPermitted(NoDecision):
    """The token is no reviewer's, or its reviewer has not the right; *message* says which."""


def not_allowed(decision: Decision) -> NotAllowed:
    """Return the exception for a decision that does not let it through."""
    match decision.effective_action:
        case "throttle":
            return Throttled(decision)
        case "escalate":
            return Escalated(decision)
        case _:
            return Denied(decision)


def no_decision(failure: Failure) -> NoDecision:
    """Return the exception for a failed call."""
    match failure.code:
        case "INVALID_ARGUMENT":
            return InvalidRequest(failure.message, failure.violations)
        case "UNAVAILABLE":
            return Unavailable(failure.code, failure.message)
        case "FAILED_PRECONDITION":
            return Refused(failure.code, failure.message)
        case "PERMISSION_DENIED" | "UNAUTHENTICATED":
            return NotPermitted(failure.code, failure.message)
        case "DEADLINE_EXCEEDED":
            return DeadlineExceeded(failure.code, failure.message)
        case _:
            return NoDecision(failure.code, failure.message)


def from_rpc(error: grpc.RpcError) -> NoDecision:
    """Return the exception for what grpc raised."""
    return no_decision(
        Failure(error.code().name, error.details() or "", violations(error.trailing_metadata()))
    )


def violations(metadata: Any) -> tuple[Violation, ...]:
    """Return the wrong paths that the trailing metadata of a failed call lists."""
    found: list[Violation] = []
    for key, value in metadata or ():
        if key == DETAILS:
            try:
                details = status_pb2.Status.FromString(value).details
                for detail in details:
                    bad = error_details_pb2.BadRequest()
                    if detail.Unpack(bad):
                        found += (
                            Violation(each.field, each.description) for each in bad.field_violations
                        )
            except DecodeError:  # They say nothing.
                continue
    return tuple(found)
