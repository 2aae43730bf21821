"""The runtime's explanation -> the wire's."""

from __future__ import annotations

from engine.doors.grpc.convert import ACTIONS, encode_json, write_decision
from engine.runtime.explain import Explanation
from engine.runtime.trace import PolicyTrace, RuleTrace, Step
from engine.wire import engine_pb2 as wire


def write_explanation(explanation: Explanation) -> wire.Explanation:
    """Return the wire's explanation."""
    return wire.Explanation(
        decision=write_decision(explanation.decision),
        policies=map(write_policy, explanation.policies),
        misses=explanation.misses,
        text=explanation.text,
    )


def write_policy(trace: PolicyTrace) -> wire.PolicyTrace:
    """Return one policy and what it came to."""
    return wire.PolicyTrace(
        policy=trace.policy,
        applied=trace.applied,
        outcome=ACTIONS[trace.outcome] if trace.outcome else wire.ACTION_UNSPECIFIED,
        applies=write_step(trace.applies),
        rules=map(write_rule, trace.rules),
        place=trace.place,
        shadow=trace.shadow,
    )


def write_rule(trace: RuleTrace) -> wire.RuleTrace:
    """Return one rule and what it came to."""
    return wire.RuleTrace(
        rule=trace.rule,
        action=ACTIONS[trace.action],
        matched=trace.matched,
        shadow=trace.shadow,
        when=write_step(trace.when),
        unless=write_step(trace.unless),
        place=trace.place,
        unknown=trace.unknown,
        expired=trace.expired,
    )


def write_step(step: Step | None) -> wire.Step | None:
    """Return one condition with its parts. What is not known or not needed has no value."""
    if step is None:
        return None
    known = step.reached and not step.unknown
    return wire.Step(
        text=step.text,
        value_json=encode_json(step.value) if known else b"",
        unknown=step.unknown,
        place=step.place,
        parts=filter(None, map(write_step, step.parts)),
    )
