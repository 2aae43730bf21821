"""Riders: what stands behind a rule's action in, the rule's further members out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Literal as OneOf
from typing import assert_never

from engine.language import (
    catalog,
    catalog_declarations,
    catalog_policies,
    items,
    nodes,
    program,
    typed,
)
from engine.language.check_expression import check_value
from engine.language.context import Context
from engine.language.declarations import fit_as_key
from engine.language.text import NOWHERE
from engine.language.types import Enumeration

Level = OneOf["low", "medium", "high", "critical"]
LAST_DAY = datetime(9999, 12, 31, tzinfo=UTC)
SEVERITIES: Mapping[str, Level] = {
    "low": "low",
    "medium": "medium",
    "high": "high",
    "critical": "critical",
}
MODES = ("enforce", "shadow")
PLAIN = program.Rule(
    name="",
    policy="",
    title="",
    doc="",
    when=None,
    unless=None,
    action=program.Allow(),
    advise=(),
    labels=(),
    severity=None,
    tags=(),
    owner="",
    expires=None,
    on_failure=None,
    shadow=False,
    rollout=None,
    span=NOWHERE,
)
"""A rule without riders, to which they are added."""


def text_of(literal: nodes.Literal | None) -> str:
    """Return the text of an optional string literal; empty for none."""
    return "" if literal is None else str(literal.value)


def check_riders(riders: Iterable[items.Rider], context: Context) -> program.Rule:
    """Return a rule that has the *riders* and nothing else; wrong ones are reported and left out.

    The parser has seen to it that each stands at most once, ``advise`` and ``label`` excepted.
    """
    made = PLAIN
    for rider in riders:
        made = add_rider(made, rider, context)
    return made


def add_rider(  # noqa: C901 - a case for every rider
    made: program.Rule, rider: items.Rider, context: Context
) -> program.Rule:
    """Return *made* with one rider more."""
    report = context.report
    match rider:
        case items.Advise():
            return add_advice(made, rider, context)
        case items.Label(label, duration, sources):
            if duration is not None and not positive(duration):
                report.add(catalog_policies.duration_expected("label", duration.span))
            lasts = duration.value if duration is not None else None
            assert lasts is None or isinstance(lasts, timedelta)
            text = filled(label, "a label", context)
            put = program.Label(text, lasts, check_sources(sources, context))
            return replace(made, labels=(*made.labels, put))
        case items.SeverityRider(level):
            if level.name not in SEVERITIES:
                report.add(catalog_policies.unknown_severity(level.name, SEVERITIES, level.span))
            return replace(made, severity=SEVERITIES.get(level.name))
        case items.Tags(tags):
            for tag in tags:
                filled(tag, "a tag", context)
            return replace(made, tags=tuple(dict.fromkeys(text_of(tag) for tag in tags)))
        case items.Owner(owner):
            return replace(made, owner=filled(owner, "an owner", context))
        case items.Expires(date):
            last = date.value
            assert isinstance(last, datetime)
            ends = last + timedelta(days=1) if last < LAST_DAY else last
            return replace(made, expires=ends)
        case items.OnFailure(outcome):
            return replace(made, on_failure=outcome)
        case items.OnStateFailure(outcome):
            return replace(made, on_state_failure=outcome)
        case items.Mode():
            return replace(made, shadow=check_mode(rider, context))
        case items.Rollout():
            return replace(made, rollout=check_rollout(rider, context))
        case _:
            assert_never(rider)


def add_advice(made: program.Rule, rider: items.Advise, context: Context) -> program.Rule:
    """Return *made* with one ``advise`` more; a name may be given once in a rule."""
    name = rider.name.name
    if "." in name:
        context.report.add(catalog_declarations.dotted_name("advice", name, rider.name.span))
    for before in made.advise:
        if before.name == name:
            context.report.add(
                catalog_declarations.duplicate("advice", name, rider.name.span, before.span)
            )
    value = check_value(rider.value, context)
    if value is None:
        return made
    return replace(made, advise=(*made.advise, program.Advise(name, value, rider.span)))


def check_sources(names: Iterable[nodes.Name], context: Context) -> frozenset[str]:
    """Return the stages whose content a label carries, after a report of what is none."""
    stages = context.environment.fields["stage"].type
    assert isinstance(stages, Enumeration), "the schema of every program has it so"
    found: set[str] = set()
    for one in names:
        if one.name not in stages.words:
            context.report.add(catalog_policies.unknown_stage(one.name, stages.words, one.span))
        else:
            found.add(one.name)
    return frozenset(found)


def filled(literal: nodes.Literal, what: str, context: Context) -> str:
    """Return the text of *literal*, reported when it is empty."""
    text = text_of(literal)
    if not text.strip():
        context.report.add(catalog_policies.empty_text(what, literal.span))
    return text


def positive(literal: nodes.Literal) -> bool:
    """Return whether *literal* is a duration above zero."""
    return isinstance(literal.value, timedelta) and literal.value > timedelta(0)


def check_mode(node: items.Mode, context: Context) -> bool:
    """Return whether *node* is ``mode shadow``."""
    mode = node.mode
    if mode.name not in MODES:
        context.report.add(catalog_policies.unknown_mode(mode.name, MODES, mode.span))
    return mode.name == "shadow"


def check_rollout(node: items.Rollout, context: Context) -> program.Rollout | None:
    """Return the rollout: a percentage, and a key that may be absent (then outside of it)."""
    fields = context.environment.fields
    field = fields.get(node.key.name)
    percent = node.percent.value
    assert isinstance(percent, (int, Decimal))
    if field is None:
        context.report.add(catalog.unknown_attribute(node.key.name, fields, node.key.span))
        return None
    if not fit_as_key(field.type):
        context.report.add(catalog_policies.bad_key(field.path, field.type, node.key.span))
    key = typed.Attribute(field.path, field.optional, field.type, node.key.span)
    return program.Rollout(Decimal(percent), key)
