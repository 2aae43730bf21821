"""Policies and rules -> lines; see ``format``."""

from __future__ import annotations

from collections.abc import Callable
from typing import assert_never

from engine.language import items
from engine.language.entries import Entry, block
from engine.language.layout import fill, flat, flat_all, lay
from engine.language.nodes import Expr, Literal, Name
from engine.language.page import WIDTH, Lines, Page, glue


def policy_lines(page: Page, policy: items.Policy, indent: int) -> Lines:
    """Return a policy."""
    things = [Entry(rule.span, _rendered_rule(page, rule), rule.doc) for rule in policy.rules]
    things.append(Entry(policy.default_span, lambda _: [_default(policy)]))
    if policy.applies is not None:
        things.append(clause(page, "applies when", policy.applies))
    if policy.mode is not None:
        things.append(_rider(page, policy.mode))
    head = f"policy {policy.name.name}" + title(policy.title)
    return block(page, head, things, policy.span, indent, loose=True)


def title(text: Literal | None) -> str:
    """Return a title with a space before it, if there is one."""
    return f" {text.text}" if text else ""


def _default(policy: items.Policy) -> str:
    return f"default {policy.default}" + title(policy.default_reason)


def clause(page: Page, word: str, condition: Expr) -> Entry:
    """Return the entry ``word condition``."""

    def render(indent: int) -> Lines:
        used = indent + len(word) + 1
        return glue([word], lay(page, condition, indent, used), " ")

    return Entry(condition.span, render)


def _rendered_rule(page: Page, rule: items.Rule) -> Callable[[int], Lines]:
    return lambda indent: rule_lines(page, rule, indent)


def rule_lines(page: Page, rule: items.Rule, indent: int) -> Lines:
    """Return a rule, on one line if it has only an action."""
    head = f"rule {rule.name.name}" + title(rule.title)
    things: list[Entry] = []
    if rule.when is not None:
        things.append(clause(page, "when", rule.when))
    if rule.unless is not None:
        things.append(clause(page, "unless", rule.unless))
    action = rule.action
    if not things and not rule.riders and not page.holds(rule.span):
        short = f"{head} {{ then {action_text(action)} }}"
        if indent + len(short) <= WIDTH:
            return [short]
    things.append(Entry(action.span, lambda inner: _action_lines(action, inner)))
    things += [_rider(page, rider) for rider in rule.riders]
    return block(page, head, things, rule.span, indent)


# --- actions -------------------------------------------------------------------------------------


def action_text(action: items.Action) -> str:
    """Return an action on one line."""
    match action:
        case items.Allow():
            return "allow"
        case items.Deny():
            return "deny" + title(action.reason)
        case items.Redact():
            return f"redact {_names(action.entities)}{_redact_tail(action)}"
        case items.Escalate():
            within = f" within {action.within.text}" if action.within else ""
            otherwise = f" otherwise {action.otherwise}" if action.otherwise else ""
            by = f" by {action.reviewers.text} reviewers" if action.reviewers else ""
            return f"escalate to {action.queue.text}{within}{by}{otherwise}"
        case items.Throttle():
            burst = f" burst {action.burst.text}" if action.burst else ""
            held = f" for {action.held.text}" if action.held else ""
            return (
                f"throttle {action.limit.text} {action.unit.name}{_period(action)}"
                f" by {_names(action.keys)}{burst}{held}"
            )
        case _:
            assert_never(action)


def _names(names: tuple[Name, ...]) -> str:
    return ", ".join(name.name for name in names)


def _redact_tail(action: items.Redact) -> str:
    path = f" in {action.path.name}" if action.path else ""
    strategy = f" as {action.strategy.name}" if action.strategy else ""
    arguments = f"({flat_all(action.arguments)})" if action.arguments else ""
    return path + strategy + arguments


def _period(action: items.Throttle) -> str:
    if action.period is not None:
        return f" per {action.period.text}"
    if action.calendar is None:
        return ""
    zone = f" in {action.zone.text}" if action.zone else ""
    return f" per calendar {action.calendar.name}{zone}"


def _action_lines(action: items.Action, indent: int) -> Lines:
    text = f"then {action_text(action)}"
    if isinstance(action, items.Redact) and indent + len(text) > WIDTH:
        names = [name.name for name in action.entities]
        lines = fill("then redact ", names, indent, indent)
        return glue(lines, [_redact_tail(action)])
    return [text]


# --- riders --------------------------------------------------------------------------------------


def _rider(page: Page, rider: items.Rider) -> Entry:
    return Entry(rider.span, lambda indent: _rider_lines(page, rider, indent))


def _rider_lines(  # noqa: C901 - a case for every rider
    page: Page, rider: items.Rider, indent: int
) -> Lines:
    match rider:
        case items.Advise():
            head = f"advise {rider.name.name} = "
            return glue([head], lay(page, rider.value, indent, indent + len(head)))
        case items.Label():
            during = f" for {rider.duration.text}" if rider.duration else ""
            head = f"label session {rider.label.text}{during}"
            stages = [one.name for one in rider.sources]
            return fill(f"{head} from ", stages, indent, indent) if stages else [head]
        case items.SeverityRider():
            return [f"severity {rider.level.name}"]
        case items.Tags():
            return fill("tags ", [flat(tag) for tag in rider.tags], indent, indent)
        case items.Owner():
            return [f"owner {rider.owner.text}"]
        case items.Expires():
            return [f"expires {rider.date.text}"]
        case items.OnFailure():
            return [f"on_failure {rider.outcome}"]
        case items.OnStateFailure():
            return [f"on_state_failure {rider.outcome}"]
        case items.Mode():
            return [f"mode {rider.mode.name}"]
        case items.Rollout():
            return [f"rollout {rider.percent.text} by {rider.key.name}"]
        case _:
            assert_never(rider)
