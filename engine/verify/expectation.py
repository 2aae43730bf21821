"""A decision and an expectation in; nothing, or one sentence that says what is different, out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from decimal import Decimal

from engine.language import program, typed
from engine.language.walk import inner, rebuild
from engine.runtime.decision import Decision, ThrottleState
from engine.runtime.evidence import Evidence
from engine.runtime.reference import Interpreter, Unknown
from engine.verify.palette import descend

PREFIX = "decision."
ADVICE = f"{PREFIX}advice."
SHOWN = 200
"""How many characters of a field a message shows."""


def compare(
    expected: program.Expectation, decision: Decision, content: str, evidence: Evidence
) -> str:
    """Return what is different, or an empty text.

    *content* is the request's: it stands for the decision's where nothing was redacted.
    """
    if decision.action != expected.action:
        return f"expected {expected.action}, but the decision is {outcome(decision)}"
    found = {name for one in decision.reasons for name in (one.rule, one.policy)}
    missing = [name for name in expected.by if name not in found]
    if missing:
        return f"expected {expected.action} by {', '.join(missing)}, but it is {outcome(decision)}"
    if expected.condition is None:
        return ""
    fields = read_fields(decision, content)
    held = Interpreter(evidence, {}).value(fill(expected.condition, fields))
    if held is True:
        return ""
    values = ", ".join(
        f"{path.removeprefix(PREFIX)} is {shown(lookup(path, fields))}"
        for path in dict.fromkeys(paths(expected.condition))
    )
    why = f"cannot be known ({held.what})" if isinstance(held, Unknown) else "does not hold"
    return f"{expected.action} as expected, but the condition after `and` {why}: {values}"


def unadvised(expected: program.Expectation, policies: Iterable[program.Policy]) -> str:
    """Return which advice *expected* reads that no rule gives, or an empty text.

    Were it only absent, ``advice.rout != "x"`` would hold whatever is decided.
    """
    read = [] if expected.condition is None else paths(expected.condition)
    names = [path.removeprefix(ADVICE) for path in read if path.startswith(ADVICE)]
    if not names:
        return ""
    given = {one.name for policy in policies for rule in policy.rules for one in rule.advise}
    return next((f"no rule advises `{name}`" for name in names if name not in given), "")


def outcome(decision: Decision) -> str:
    """Return the action with the rules and messages that led to it, as part of a sentence."""
    named = [one.rule or one.policy for one in decision.reasons if one.rule or one.policy]
    by = f" by {', '.join(named)}" if named else ""
    messages = "; ".join(
        text for one in decision.reasons for text in (one.message, one.failure) if text
    )
    return f"{decision.action}{by}" + (f" ({messages})" if messages else "")


def read_fields(decision: Decision, content: str) -> Mapping[str, object]:
    """Return the fields that an expectation may read, advice by ``advice.NAME``."""
    throttle, escalation = decision.throttle, decision.escalation
    return {
        "content": redacted(decision, content),
        "reason": "; ".join(filter(None, (one.message or one.failure for one in decision.reasons))),
        "retry_after": throttle.retry_after if throttle else timedelta(0),
        "limit": throttle.limit if throttle else Decimal(0),
        "remaining": throttle.remaining if throttle else Decimal(0),
        "reset": reset_of(throttle) if throttle else timedelta(0),
        "queue": escalation.queue if escalation else "",
        "reviewers": escalation.needed if escalation else 0,
        "labels": frozenset(decision.labels),
        "revision": decision.revision,
        **{f"advice.{name}": value for name, value in decision.advice.items()},
    }


def reset_of(throttle: ThrottleState) -> timedelta:
    """Return when all of the limit is there again; as late as can be where that is never."""
    return timedelta.max if throttle.reset is None else throttle.reset


def redacted(decision: Decision, content: str) -> str:
    """Return the content that would be released."""
    if decision.messages is not None:
        return "\n".join(one.text for one in decision.messages)
    return content if decision.content is None else decision.content


def paths(condition: typed.Expr) -> list[str]:
    """Return the decision's fields that *condition* reads, in order."""
    return [
        node.path
        for node in descend(condition)
        if isinstance(node, typed.Attribute) and node.path.startswith(PREFIX)
    ]


def lookup(path: str, fields: Mapping[str, object]) -> object:
    """Return the field at *path*, None where the decision has none."""
    return fields.get(path.removeprefix(PREFIX))


def fill(condition: typed.Expr, fields: Mapping[str, object]) -> typed.Expr:
    """Return *condition* with the decision's fields as constants."""
    if isinstance(condition, typed.Attribute) and condition.path.startswith(PREFIX):
        value = lookup(condition.path, fields)
        return typed.Constant(value, condition.type, condition.span)  # type: ignore[arg-type]
    parts = [fill(part, fields) for part in inner(condition)]
    return rebuild(condition, parts, condition.span)


def shown(value: object) -> str:
    """Return *value* as a message shows it."""
    if value is None:
        return "absent"
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= SHOWN else text[:SHOWN] + "…"
