"""Actions: what stands after ``then`` in, the checked action out."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Literal as OneOf
from typing import assert_never

from engine.language import catalog, catalog_policies, items, nodes, program, typed
from engine.language.check_names import find_entities
from engine.language.check_riders import filled, positive, text_of
from engine.language.context import Context
from engine.language.declarations import read_keys
from engine.language.diagnostics import Report
from engine.language.functions import zone_exists
from engine.language.types import TEXT, numeric

StrategyName = OneOf["label", "mask", "hash", "token", "drop"]
STRATEGIES: Mapping[str, StrategyName] = {
    "label": "label",
    "mask": "mask",
    "hash": "hash",
    "token": "token",
    "drop": "drop",
}
CalendarName = OneOf["day", "week", "month"]
CALENDARS: Mapping[str, CalendarName] = {"day": "day", "week": "week", "month": "month"}
CONCURRENT = "concurrent"
UNITS = ("requests", "tokens", "usd", CONCURRENT)
SINGULAR = {
    "request": "requests",
    "token": "tokens",
    "dollars": "usd",
    "dollar": "usd",
    "parallel": CONCURRENT,
    "simultaneous": CONCURRENT,
    "slots": CONCURRENT,
}
MOST = 10**18 - 1
"""The largest limit: from one more on, amounts are not told apart."""
HELD = timedelta(minutes=10)
"""How long a request counts as running at most when its rule does not say."""
LONGEST_HELD = timedelta(hours=24)
REVIEW_TIME = timedelta(hours=24)
"""How long a review stays open when its rule does not say."""
MOST_REVIEWERS = 16
"""The most people that one review may need."""
MOST_KEPT = 64
"""Characters that ``mask`` may keep."""


def check_action(node: items.Action, context: Context) -> program.Action | None:
    """Return the checked action of a rule, or None after a report."""
    match node:
        case items.Allow():
            return program.Allow()
        case items.Deny(reason):
            return program.Deny("" if reason is None else filled(reason, "a reason", context))
        case items.Redact():
            return check_redact(node, context)
        case items.Escalate():
            return check_escalate(node, context)
        case items.Throttle():
            return check_throttle(node, context)
        case _:
            assert_never(node)


def check_redact(node: items.Redact, context: Context) -> program.Redact | None:
    """Return ``redact ENTITIES in PATH as STRATEGY``, or None after a report."""
    entities = find_entities(node.entities, context)
    strategy = check_strategy(node, context)
    path = "content" if node.path is None else node.path.name
    if node.path is not None and path != "tool.args":
        field = context.environment.fields.get(path)
        if field is None:
            texts = [one.path for one in context.environment.fields.values() if one.type == TEXT]
            known = [*texts, "tool.args"]
            context.report.add(catalog_policies.unknown_redact_path(path, known, node.path.span))
        elif field.type != TEXT:
            context.report.add(catalog_policies.bad_redact_path(path, field.type, node.path.span))
    if entities is None or strategy is None:
        return None
    return program.Redact(entities, path, strategy, tuple(one.name for one in node.entities))


def check_strategy(node: items.Redact, context: Context) -> program.Strategy | None:
    """Return the strategy of a ``redact`` (label when it names none), or None after a report."""
    if node.strategy is None:
        return program.Strategy("label")
    name = STRATEGIES.get(node.strategy.name)
    if name is None:
        context.report.add(
            catalog_policies.unknown_strategy(node.strategy.name, STRATEGIES, node.strategy.span)
        )
        return None
    if not node.arguments:
        return program.Strategy(name)
    values = [one.value for one in node.arguments]
    span = node.arguments[0].span.to(node.arguments[-1].span)
    match name, values:
        case "mask", [str() as fill] if len(fill) == 1:
            return program.Strategy(name, fill)
        case "mask", [str() as fill, bool()]:
            pass
        case "mask", [str() as fill, int() as keep] if len(fill) == 1 and 0 <= keep <= MOST_KEPT:
            return program.Strategy(name, fill, keep)
        case "mask", _:
            pass
        case _:
            context.report.add(catalog_policies.strategy_takes_nothing(name, span))
            return None
    context.report.add(catalog_policies.mask_arguments(MOST_KEPT, span))
    return None


def check_escalate(node: items.Escalate, context: Context) -> program.Escalate:
    """Return ``escalate to QUEUE within DURATION by N reviewers otherwise …``."""
    within = REVIEW_TIME
    if node.within is not None:
        assert isinstance(node.within.value, timedelta)
        within = node.within.value
        if not positive(node.within):
            context.report.add(catalog_policies.duration_expected("review", node.within.span))
    queue = filled(node.queue, "a queue", context)
    reviewers = 1
    if node.reviewers is not None:
        assert isinstance(node.reviewers.value, int)
        reviewers = node.reviewers.value
        if not 1 <= reviewers <= MOST_REVIEWERS:
            context.report.add(
                catalog_policies.reviewers_range(MOST_REVIEWERS, node.reviewers.span)
            )
    return program.Escalate(queue, within, node.otherwise or "deny", reviewers)


def check_throttle(node: items.Throttle, context: Context) -> program.Throttle | None:
    """Return ``throttle N UNIT …``, or None after a report."""
    report = context.report
    limit = amount(node.limit)
    if limit <= 0:
        report.add(catalog_policies.limit_range(node.limit.span))
    for number in (node.limit, node.burst):
        if number is not None and amount(number) > MOST:
            report.add(catalog_policies.limit_too_large(MOST, number.span))
    unit = check_unit(node.unit, context)
    if unit in {"requests", CONCURRENT} and limit != limit.to_integral_value():
        report.add(catalog_policies.whole_requests(node.limit.span))
    keys = read_keys(node.keys, context.environment.fields, context.present, report)
    if unit == CONCURRENT:
        held = check_held(node, report)
        return program.Throttle(limit, unit, held, None, "UTC", keys, limit)
    return check_metered(node, limit, unit, keys, report)


def check_held(node: items.Throttle, report: Report) -> timedelta:
    """Return how long a request of ``throttle N concurrent by KEYS for DURATION`` may count."""
    period = node.period or node.calendar
    if period is not None:
        report.add(catalog_policies.concurrent_period(period.span))
    if node.burst is not None:
        report.add(catalog_policies.concurrent_burst(node.burst.span))
    if node.held is None:
        return HELD
    held = node.held.value
    assert isinstance(held, timedelta)
    if not positive(node.held):
        report.add(catalog_policies.duration_expected("limit", node.held.span))
    if held > LONGEST_HELD:
        report.add(catalog_policies.held_too_long("24h", node.held.span))
    return held


def check_metered(
    node: items.Throttle,
    limit: Decimal,
    unit: str | None,
    keys: tuple[typed.Attribute, ...],
    report: Report,
) -> program.Throttle | None:
    """Return ``throttle N UNIT per PERIOD by KEYS burst M``, or None after a report."""
    burst = None if node.burst is None else amount(node.burst)
    if node.burst is not None and burst is not None and burst < 1:
        report.add(catalog_policies.burst_range(node.burst.span))
    if node.held is not None:
        report.add(catalog_policies.held_without_slots(node.unit.name, node.held.span))
    if node.period is not None and not positive(node.period):
        report.add(catalog_policies.duration_expected("period", node.period.span))
    calendar = check_calendar(node, report)
    if node.period is None and node.calendar is None and unit is not None:
        report.add(catalog_policies.no_period(unit, node.unit.span))
    if unit is None or (node.period is None and calendar is None):
        return None
    period = None if node.period is None else node.period.value
    assert period is None or isinstance(period, timedelta)
    zone = "UTC" if node.zone is None else text_of(node.zone)
    return program.Throttle(limit, unit, period, calendar, zone, keys, burst or limit)


def check_calendar(node: items.Throttle, report: Report) -> CalendarName | None:
    """Return the calendar period of *node*, if it has one that exists."""
    calendar = None
    if node.calendar is not None:
        calendar = CALENDARS.get(node.calendar.name)
        if calendar is None:
            report.add(
                catalog_policies.unknown_calendar(node.calendar.name, CALENDARS, node.calendar.span)
            )
        if node.burst is not None:
            report.add(catalog_policies.burst_of_budget(node.burst.span))
    if node.zone is not None and not zone_exists(text_of(node.zone)):
        report.add(catalog.unknown_zone(text_of(node.zone), node.zone.span))
    return calendar


def amount(literal: nodes.Literal) -> Decimal:
    """Return the number that *literal* is."""
    assert isinstance(literal.value, (int, Decimal))
    return Decimal(literal.value)


def check_unit(node: nodes.Name, context: Context) -> str | None:
    """Return what a throttle counts, a unit or a numeric attribute; None after a report."""
    name = node.name
    if name in UNITS:
        return name
    fields = context.environment.fields
    field = fields.get(name)
    if field is None:
        meant = SINGULAR.get(name)
        context.report.add(catalog_policies.unknown_unit(name, meant, [*UNITS, *fields], node.span))
        return None
    if not numeric(field.type):
        context.report.add(catalog_policies.unit_not_numeric(name, field.type, node.span))
        return None
    present = context.present
    if field.optional and present is not None and name not in present:
        context.report.add(catalog_policies.absent_key(name, node.span, guardable=True))
    return name
