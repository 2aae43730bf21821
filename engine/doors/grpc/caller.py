"""A request in the runtime's form in, a running daemon's decision out: for the command line.

Programs use the client package, which reconnects, pipelines and is typed; this is one call.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC
from decimal import Decimal
from typing import Any

import grpc
import msgspec
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2

from engine.doors.grpc.convert import ACTIONS, GROUPS, REVIEW_STATES, STAGES, encode_json
from engine.doors.grpc.dialling import DialError, Trust, dial, why_not
from engine.doors.grpc.status import DETAILS
from engine.runtime.decision import (
    Action,
    Decision,
    Escalation,
    Message,
    Reason,
    Redaction,
    ReviewState,
    Shadow,
    ThrottleState,
)
from engine.runtime.objections import Problem
from engine.runtime.request import InvalidRequest, Request
from engine.wire import engine_pb2 as wire

METHOD = "/engine.v1.PolicyEngine/Decide"
NOBODY = ("failed to connect", "resolution")
"""What the library says where nobody listens; all else was said by who does, or by its going."""

STAGE_NUMBERS: dict[str, Any] = {name: number for number, name in STAGES.items()}
STATE_NAMES: dict[int, ReviewState] = {number: name for name, number in REVIEW_STATES.items()}  # type: ignore[misc]
ACTION_NAMES: dict[int, Action] = {number: name for name, number in ACTIONS.items()}  # type: ignore[misc]


class CallError(Exception):
    """The daemon gave no decision; the text says why, with the remedy where there is one."""


def ask(address: str, request: Request, seconds: float, trust: Trust | None = None) -> Decision:
    """Return the decision of the daemon at *address* (``host:port`` or ``unix:///path``).

    Over TLS where there is *trust*. Raises InvalidRequest with the wrong paths, or CallError when
    there is no answer in *seconds*.
    """
    message = write_request(request)
    with connect(address, trust) as channel:
        call = channel.unary_unary(
            METHOD, wire.DecideRequest.SerializeToString, wire.Decision.FromString
        )
        try:
            return read_decision(call(message, timeout=seconds))
        except grpc.RpcError as error:
            raise failure_of(address, error, trust) from None


def connect(address: str, trust: Trust | None) -> grpc.Channel:
    """Return a channel to the daemon at *address*. Raises CallError."""
    try:
        return dial(address, trust)
    except DialError as error:
        raise CallError(str(error)) from None


def failure_of(address: str, error: grpc.RpcError, trust: Trust | None = None) -> Exception:
    """Return what a gRPC *error* means to people."""
    assert isinstance(error, grpc.Call)
    details = error.details() or "no details"
    match error.code():
        case grpc.StatusCode.INVALID_ARGUMENT:
            return InvalidRequest(tuple(violations_of(error)) or (Problem("", details),))
        case grpc.StatusCode.UNAVAILABLE if not any(one in details for one in NOBODY):
            return CallError(f"the daemon at {address} answers: {details}")
        case grpc.StatusCode.UNAVAILABLE:
            return CallError(why_not(address, trust, details))
        case grpc.StatusCode.DEADLINE_EXCEEDED:
            return CallError(f"the daemon at {address} did not answer in time; see --timeout")
        case code:
            return CallError(f"the daemon at {address} refused: {code.name}: {details}")


def violations_of(error: grpc.Call) -> list[Problem]:
    """Return the wrong paths that the status names."""
    status = status_pb2.Status()
    for name, value in error.trailing_metadata() or ():
        if name == DETAILS and isinstance(value, bytes):
            try:
                status.ParseFromString(value)
            except DecodeError:
                return []
    found: list[Problem] = []
    for detail in status.details:
        listed = error_details_pb2.BadRequest()
        if detail.Unpack(listed):
            found += [Problem(one.field, one.description) for one in listed.field_violations]
    return found


def write_request(request: Request) -> wire.DecideRequest:
    """Return the message for *request*; raise InvalidRequest for an unknown stage.

    All attributes travel as JSON, so that the daemon checks them and names what is wrong.
    """
    if request.stage not in STAGE_NUMBERS:
        raise InvalidRequest((Problem("stage", "must be one of " + ", ".join(STAGE_NUMBERS)),))
    groups = {name: getattr(request, name) for name in GROUPS}
    message = wire.DecideRequest(
        request_id=request.request_id,
        approval=request.approval,
        stage=STAGE_NUMBERS[request.stage],
        attributes_json=encode_json({name: group for name, group in groups.items() if group}),
        context_json=encode_json(request.context) if request.context else b"",
    )
    if request.content is not None:
        message.content = request.content
    for one in request.messages or ():
        message.messages.add(role=one.role, text=one.text)
    if request.capabilities is not None:
        message.capabilities.SetInParent()
        for name in request.capabilities:
            setattr(message.capabilities, name, True)
    return message


def read_decision(answer: wire.Decision) -> Decision:
    """Return the decision that the daemon sent."""
    return Decision(
        request_id=answer.request_id,
        decision_id=answer.decision_id,
        action=action_of(answer.action),
        effective_action=action_of(answer.effective_action),
        downgrade_reason=answer.downgrade_reason,
        reasons=reasons_of(answer.reasons),
        revision=answer.revision,
        content=answer.content if answer.HasField("content") else None,
        messages=tuple(Message(role=one.role, text=one.text) for one in answer.messages.messages)
        if answer.HasField("messages")
        else None,
        arguments=msgspec.json.decode(answer.arguments_json) if answer.arguments_json else None,
        attributes=dict(answer.attributes),
        redactions=tuple(
            Redaction(
                path=one.path,
                start=one.start,
                end=one.end,
                entity=one.entity,
                strategy=one.strategy,
            )
            for one in answer.redactions
        ),
        throttle=throttle_of(answer.throttle) if answer.HasField("throttle") else None,
        escalation=escalation_of(answer.escalation) if answer.HasField("escalation") else None,
        advice=msgspec.json.decode(answer.advice_json) if answer.advice_json else {},
        labels=tuple(answer.labels),
        reserved=answer.reserved,
        restored=answer.restored,
        degraded=answer.degraded,
        shadow=Shadow(
            action=action_of(answer.shadow.action), reasons=reasons_of(answer.shadow.reasons)
        )
        if answer.HasField("shadow")
        else None,
        evaluated_in=answer.evaluated_in_ns,
    )


def action_of(action: int) -> Action:
    """Return the action's name; what is not known counts as the strictest."""
    return ACTION_NAMES.get(action, "deny")


def reasons_of(reasons: Sequence[wire.Reason]) -> tuple[Reason, ...]:
    """Return the reasons."""
    return tuple(
        Reason(
            policy=one.policy,
            rule=one.rule,
            action=action_of(one.action),
            message=one.message,
            severity=one.severity,
            tags=tuple(one.tags),
            owner=one.owner,
            failure=one.failure,
            place=one.place,
        )
        for one in reasons
    )


def throttle_of(state: wire.Throttle) -> ThrottleState:
    """Return the limit that was met."""
    return ThrottleState(
        rule=state.rule,
        unit=state.unit,
        limit=Decimal(state.limit),
        remaining=Decimal(state.remaining),
        retry_after=state.retry_after.ToTimedelta(),
        key=state.key,
        reset=state.reset.ToTimedelta() if state.HasField("reset") else None,
        window=state.window.ToTimedelta() if state.HasField("window") else None,
    )


def escalation_of(review: wire.Escalation) -> Escalation:
    """Return the review that was opened or joined."""
    return Escalation(
        review_id=review.review_id,
        queue=review.queue,
        expires_at=review.expires_at.ToDatetime(UTC),
        otherwise="allow" if review.otherwise == wire.ACTION_ALLOW else "deny",
        state=STATE_NAMES.get(review.state, "open"),
        needed=review.approvals_needed or 1,
    )
