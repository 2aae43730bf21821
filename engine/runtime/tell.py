"""Traces of policies and their rules in, an explanation for people out.

    escalate
      because desk.door.large
    policy desk.door: escalate
      rule large: escalate, matched
        when stage == "tool_call" is true
        and (context.amount ?? 0) > 100 is true ((context.amount ?? 0) is 900)
      rule mail: redact, no match: stage == "response" is false (stage is "tool_call")
    do not apply: legal.drafting
    would have been allow (desk.door.large) if (context.amount ?? 0) <= 100 (is 900)

The short form shows the conditions of the rules that decide; of a rule that did not match only the
condition that kept it from matching; and no part that was not needed. The full form shows all.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from engine.language.render import inert
from engine.runtime.decision import Decision
from engine.runtime.trace import PolicyTrace, RuleTrace, Step

MOST = 20
"""How many rules of a policy that did not match the short form shows."""

GROUPS = frozenset({"and", "or"})
DECISIVE = {"and": False, "all": False, "or": True, "any": True}
"""The value of a part that settles the whole at once."""


def tell(
    decision: Decision,
    traces: Sequence[PolicyTrace],
    misses: Sequence[str],
    *,
    full: bool = False,
) -> str:
    """Return the explanation of *decision*: short, or *full* with every part of every condition."""
    lines: list[str] = [decision.action]
    for reason in decision.reasons:
        parts = (reason.rule or reason.policy, reason.message, reason.failure)
        lines.append("  because " + ": ".join(part for part in parts if part))
    if decision.escalation is not None and decision.escalation.needed > 1:
        asked = decision.escalation
        lines.append(f"  {asked.needed} reviewers of {asked.queue} must approve")
    deciding = frozenset(reason.rule or reason.policy for reason in decision.reasons)
    others = []
    for trace in traces:
        if full or trace.applied or (trace.applies is not None and trace.applies.unknown):
            lines += _policy(trace, decision, deciding, full=full)
        else:
            others.append(trace.policy)
    if others:
        lines.append(f"do not apply: {', '.join(others)}")
    lines += misses
    # What requests and policies say stands in it: nothing of that may drive a terminal.
    return "\n".join(map(inert, lines))


def _policy(
    trace: PolicyTrace, decision: Decision, deciding: frozenset[str], *, full: bool
) -> Iterator[str]:
    yield f"policy {trace.policy}{_outcome(trace, decision, deciding)}"
    if trace.applies is not None and (full or trace.applies.unknown):
        yield from _chain("applies when", trace.applies, 1, full=full)
    left = 0
    for rule in trace.rules:
        idle = not (rule.matched or full)
        left += idle
        if not idle or left <= MOST:
            yield from _rule(trace, rule, shown=full or rule.rule in deciding, full=full)
    if left > MOST:
        yield f"  and {left - MOST} more rules that do not match"


def _outcome(trace: PolicyTrace, decision: Decision, deciding: frozenset[str]) -> str:
    """Return what *trace* gave, where that says more than that its rules were looked at."""
    if trace.outcome is None:
        return ": does not apply"
    if trace.shadow:
        return f": {trace.outcome} (shadow)"
    if not trace.applied:
        return f": {trace.outcome}"
    if deciding & {trace.policy, *(rule.rule for rule in trace.rules)}:
        return f": {decision.action}"
    return ""


def _rule(trace: PolicyTrace, rule: RuleTrace, *, shown: bool, full: bool) -> Iterator[str]:
    came = "matched" if rule.matched else "expired" if rule.expired else "no match"
    came += f", {rule.unknown} cannot be known" if rule.unknown else ""
    came += " (shadow)" if rule.shadow else ""
    why = "" if shown or rule.matched or rule.unknown or rule.expired else _hindrance(rule)
    name = rule.rule.removeprefix(f"{trace.policy}.")
    yield f"  rule {name}: {rule.action}, {came}{f': {why}' if why else ''}"
    if shown:
        for word, step in (("when", rule.when), ("unless", rule.unless)):
            if step is not None:
                yield from _chain(word, step, 2, full=full)


def _hindrance(rule: RuleTrace) -> str:
    """Return the condition that kept *rule* from matching."""
    if rule.unless is not None and rule.unless.value is True:
        return f"unless {_line(_settling(rule.unless))}"
    assert rule.when is not None, "a rule without `when` matches unless `unless` holds"
    return _line(_settling(rule.when))


def _settling(step: Step) -> Step:
    """Return the part of *step* that alone made it what it is."""
    if step.kind in GROUPS and step.value is DECISIVE[step.kind]:
        # A constant is no part of a trace: the whole stands for it.
        return next((_settling(part) for part in step.parts if part.value is step.value), step)
    return step


# --- conditions ----------------------------------------------------------------------------------


def _chain(word: str, step: Step, depth: int, *, full: bool) -> Iterator[str]:
    """Yield a whole condition; the parts of an ``and`` or ``or`` stand one below the other."""
    if step.kind not in GROUPS:
        yield from _step(word, step, depth, full=full)
        return
    for part in step.parts:
        yield from _step(word, part, depth, full=full)
        word = step.kind


def _step(word: str, step: Step, depth: int, *, full: bool) -> Iterator[str]:
    """Yield *step*, and deeper the parts that do not fit on its line."""
    if not (step.reached or full):
        return
    lead = "  " * depth + (f"{word} " if word else "")
    if step.kind in GROUPS:
        yield lead + _said(step)
        yield from _chain("", step, depth + 1, full=full)
        return
    yield lead + _line(step)
    for part in step.parts if step.reached else ():
        if part.kind in {*GROUPS, "any", "all"} or (full and part.parts):
            yield from _step("", part, depth + 1, full=full)


def _line(step: Step) -> str:
    """Return *step* with its value, and in parentheses the values that made it so."""
    said = _said(step)
    facts = [fact for fact in dict.fromkeys(_facts(step)) if fact != said]
    return f"{said} ({', '.join(facts)})" if facts else said


def _said(step: Step) -> str:
    if not step.reached:
        return f"{step.text} is not needed"
    if step.unknown:
        return f"{step.text} is unknown ({step.unknown})"
    return f"{step.text} is {_json(step)}"


def _json(step: Step) -> str:
    return msgspec.json.encode(step.value).decode()


def _facts(step: Step) -> Iterator[str]:  # noqa: C901  a case for every kind of step
    """Yield the values that the outcome of *step* rests on."""
    if not step.reached:
        return
    if step.kind == "found":
        yield step.text
    elif not step.parts:
        yield _said(step)
    elif step.kind in {"any", "all"}:
        collection, body = step.parts
        yield from _facts(collection)
        # The body's values are those of the last turn, which matter if it settled the matter.
        if step.value is DECISIVE[step.kind]:
            yield from _facts(body)
    elif step.kind:
        for part in step.parts:
            yield from _facts(part)
    else:
        for part in step.parts:
            if part.kind:
                yield from _facts(part)
            elif part.reached and not part.unknown and step.text != f"{part.text} == {_json(part)}":
                yield _said(part)
