"""Protobuf answers -> frozen values."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from datetime import UTC
from decimal import Decimal
from functools import wraps
from typing import Any, TypeVar

import grpc
from google.protobuf.message import DecodeError

from pol_client import results
from pol_client._wire import engine_pb2 as wire
from pol_client.errors import NoDecision

ACTIONS: dict[int, results.Action] = {
    wire.ACTION_ALLOW: "allow",
    wire.ACTION_REDACT: "redact",
    wire.ACTION_ESCALATE: "escalate",
    wire.ACTION_THROTTLE: "throttle",
    wire.ACTION_DENY: "deny",
}
REVIEW_STATES: dict[int, results.ReviewState] = {
    wire.REVIEW_STATE_OPEN: "open",
    wire.REVIEW_STATE_APPROVED: "approved",
    wire.REVIEW_STATE_REJECTED: "rejected",
    wire.REVIEW_STATE_EDITED: "edited",
    wire.REVIEW_STATE_EXPIRED: "expired",
}
CODES = {code.value[0]: code.name for code in grpc.StatusCode}
UNREADABLE = (DecodeError, ValueError, ArithmeticError, RecursionError)
"""What reading raises where an answer, or JSON, a number or a time in it, is none."""

Answer = TypeVar("Answer")
Made = TypeVar("Made")


def invalid() -> NoDecision:
    """Return what it means that an answer cannot be read."""
    return NoDecision("INTERNAL", "the answer is no valid protobuf")


def parsed(kind: Any, raw: bytes) -> Any:
    """Return the message of class *kind* that *raw* is. Raises NoDecision where it is none."""
    try:
        return kind.FromString(raw)
    except DecodeError:
        raise invalid() from None


def or_no_decision(read: Callable[[Answer], Made]) -> Callable[[Answer], Made]:
    """Return *read*, which raises NoDecision for what it cannot read."""

    @wraps(read)
    def reading(answer: Answer) -> Made:
        try:
            return read(answer)
        except UNREADABLE:
            raise invalid() from None

    return reading


def read_action(value: int) -> results.Action:
    """Return the action's name. What this client does not know is the strictest."""
    return ACTIONS.get(value, "deny")


def read_decision(answer: wire.Decision) -> results.Decision:
    """Return the decision."""
    return results.Decision(
        action=read_action(answer.action),
        effective_action=read_action(answer.effective_action),
        reasons=tuple(map(read_reason, answer.reasons)),
        content=answer.content if answer.HasField("content") else None,
        messages=(
            tuple(results.Message(each.role, each.text) for each in answer.messages.messages)
            if answer.HasField("messages")
            else None
        ),
        arguments=json.loads(answer.arguments_json) if answer.arguments_json else None,
        attributes=dict(answer.attributes),
        redactions=read_redactions(answer.redactions),
        restored=answer.restored,
        throttle=read_throttle(answer.throttle) if answer.HasField("throttle") else None,
        escalation=read_escalation(answer.escalation) if answer.HasField("escalation") else None,
        advice=json.loads(answer.advice_json) if answer.advice_json else {},
        labels=tuple(answer.labels),
        reserved=answer.reserved if answer.HasField("reserved") else None,
        shadow=(
            results.Shadow(
                read_action(answer.shadow.action), tuple(map(read_reason, answer.shadow.reasons))
            )
            if answer.HasField("shadow")
            else None
        ),
        downgrade_reason=answer.downgrade_reason,
        degraded=answer.degraded,
        revision=answer.revision,
        request_id=answer.request_id,
        decision_id=answer.decision_id,
        evaluated_in=answer.evaluated_in_ns,
        failure=read_failure(answer.error) if answer.HasField("error") else None,
    )


def read_redactions(redactions: Iterable[wire.Redaction]) -> tuple[results.Redaction, ...]:
    """Return what was replaced."""
    return tuple(
        results.Redaction(each.path, each.start, each.end, each.entity, each.strategy)
        for each in redactions
    )


def read_reason(reason: wire.Reason) -> results.Reason:
    """Return one reason."""
    return results.Reason(
        policy=reason.policy,
        rule=reason.rule,
        action=read_action(reason.action),
        message=reason.message,
        severity=reason.severity,
        tags=tuple(reason.tags),
        owner=reason.owner,
        failure=reason.failure,
        place=reason.place,
    )


def read_throttle(state: wire.Throttle) -> results.Throttle:
    """Return the limit that was met."""
    return results.Throttle(
        rule=state.rule,
        unit=state.unit,
        limit=Decimal(state.limit),
        remaining=Decimal(state.remaining),
        retry_after=state.retry_after.ToTimedelta(),
        key=state.key,
        reset=state.reset.ToTimedelta() if state.HasField("reset") else None,
        window=state.window.ToTimedelta() if state.HasField("window") else None,
    )


def read_escalation(review: wire.Escalation) -> results.Escalation:
    """Return the review that was opened or joined."""
    return results.Escalation(
        review_id=review.review_id,
        queue=review.queue,
        expires_at=review.expires_at.ToDatetime(tzinfo=UTC),
        otherwise=read_action(review.otherwise),
        state=REVIEW_STATES.get(review.state, "open"),
        approvals_needed=review.approvals_needed or 1,
    )


def read_failure(error: wire.Error) -> results.Failure:
    """Return why one request could not be decided."""
    return results.Failure(
        code=CODES.get(error.code, "UNKNOWN"),
        message=error.message,
        violations=tuple(
            results.Violation(each.path, each.description) for each in error.violations
        ),
    )


@or_no_decision
def read_explanation(answer: wire.Explanation) -> results.Explanation:
    """Return the explanation with all its policies."""
    return results.Explanation(
        decision=read_decision(answer.decision),
        policies=tuple(map(read_policy, answer.policies)),
        misses=tuple(answer.misses),
        text=answer.text,
    )


def read_policy(trace: wire.PolicyTrace) -> results.PolicyTrace:
    """Return one policy and what it came to."""
    return results.PolicyTrace(
        policy=trace.policy,
        applied=trace.applied,
        outcome=read_action(trace.outcome) if trace.outcome else None,
        applies=read_step(trace.applies) if trace.HasField("applies") else None,
        rules=tuple(map(read_rule, trace.rules)),
        place=trace.place,
        shadow=trace.shadow,
    )


def read_rule(trace: wire.RuleTrace) -> results.RuleTrace:
    """Return one rule and what it came to."""
    return results.RuleTrace(
        rule=trace.rule,
        action=read_action(trace.action),
        matched=trace.matched,
        shadow=trace.shadow,
        when=read_step(trace.when) if trace.HasField("when") else None,
        unless=read_step(trace.unless) if trace.HasField("unless") else None,
        place=trace.place,
        unknown=trace.unknown,
        expired=trace.expired,
    )


def read_step(step: wire.Step) -> results.Step:
    """Return one condition with its parts."""
    return results.Step(
        text=step.text,
        value=json.loads(step.value_json) if step.value_json else None,
        unknown=step.unknown,
        reached=bool(step.value_json or step.unknown),
        place=step.place,
        parts=tuple(map(read_step, step.parts)),
    )


@or_no_decision
def read_status(answer: wire.Status) -> results.Status:
    """Return how the daemon is."""
    return results.Status(
        version=answer.version,
        serving=answer.serving,
        revision=answer.revision,
        loaded_at=(
            answer.loaded_at.ToDatetime(tzinfo=UTC) if answer.HasField("loaded_at") else None
        ),
        policies=answer.policies,
        rules=answer.rules,
        last_error=answer.last_error,
    )
