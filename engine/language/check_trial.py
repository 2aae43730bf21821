"""Tests and properties: nodes in, checked steps out, with requests in the form of the doors.

What decides is what must be complete: a ``given`` record may lack attributes that every ``case``
adds.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import assert_never

from engine.language import (
    catalog_declarations,
    catalog_policies,
    catalog_tests,
    catalog_warnings,
    nodes,
    program,
    trials,
)
from engine.language.check_expression import check_condition, check_tainted
from engine.language.check_record import Draft, lay_over, nest
from engine.language.check_riders import positive, text_of
from engine.language.context import Context
from engine.language.environment import find_fixture, full_names, qualify
from engine.language.required import required
from engine.language.text import Span

MOST_REPEATS = 100_000
"""How many times the innermost step of a test may run."""

STATES = ("away", "here")
USAGE = ("usage.input_tokens", "usage.output_tokens", "usage.cost_usd")


@dataclass(slots=True)
class Trial:
    """A test under construction. *given* is the current request, at *span*; *repeats* multiply."""

    context: Context
    given: Draft = field(default_factory=dict)
    span: Span | None = None
    repeats: int = 1
    decides: bool = False
    cases: dict[str, Span] = field(default_factory=dict)


def check_test(node: trials.Test, context: Context) -> program.Test:
    """Return the checked test; mistakes are reported and left out."""
    trial = Trial(context)
    steps = check_steps(node.steps, trial)
    if not trial.decides:
        context.report.add(catalog_warnings.expects_nothing(node.name.span))
    return program.Test(text_of(node.name), context.scope.package, steps, node.span)


def check_steps(steps: Iterable[trials.Step], trial: Trial) -> tuple[program.Step, ...]:
    """Return the checked *steps*, in order; what they give stays in *trial*."""
    made = [check_step(step, trial) for step in steps]
    return tuple(step for step in made if step is not None)


def check_step(step: trials.Step, trial: Trial) -> program.Step | None:
    """Return one checked step, or None after a report."""
    report = trial.context.report
    match step:
        case trials.At(time):
            assert isinstance(time.value, datetime)
            return program.At(time.value)
        case trials.Advance(duration):
            assert isinstance(duration.value, timedelta)
            if not positive(duration):
                report.add(catalog_policies.duration_expected("clock", duration.span))
            return program.Advance(duration.value)
        case trials.Mock():
            return check_mock(step, trial.context)
        case trials.Given():
            return check_given(step, trial)
        case trials.Settle():
            return check_settle(step, trial.context)
        case trials.Repeat():
            return check_repeat(step, trial)
        case trials.Expect(expectation):
            require_complete(trial.given, trial.span, step.span, trial)
            made = check_expectation(expectation, trial.context)
            return None if made is None else program.Expect(made, step.span)
        case trials.Case():
            return check_case(step, trial)
        case _:
            assert_never(step)


def check_given(step: trials.Given, trial: Trial) -> program.Given:
    """Return ``given FIXTURE with RECORD`` and keep the request for the steps that follow."""
    context = trial.context
    draft: Draft = {}
    trial.span = step.span
    if step.fixture is not None:
        found = find_fixture(context.environment, context.scope, step.fixture.name)
        trial.span = step.fixture.span
        if found is None:
            package = context.environment.packages[context.scope.package]
            context.report.add(
                catalog_tests.unknown_fixture(
                    step.fixture.name, package.fixtures, step.fixture.span
                )
            )
        else:
            context.use(f"fixture {found.name}", step.fixture.name)
            draft = lay_over({}, found.node.record, context)
    if step.record is not None:
        trial.span = step.record.span
        draft = lay_over(draft, step.record, context)
    trial.given = draft
    return program.Given(nest(draft), step.span)


def check_case(step: trials.Case, trial: Trial) -> program.Case | None:
    """Return ``case NAME RECORD expect …``, which leaves the given request as it is."""
    context = trial.context
    name = text_of(step.name)
    before = trial.cases.setdefault(name, step.name.span)
    if before is not step.name.span:
        context.report.add(catalog_warnings.same_title("case", name, step.name.span, before))
    draft, span = trial.given, trial.span
    if step.record is not None:
        draft, span = lay_over(draft, step.record, context), step.record.span
    require_complete(draft, span, step.name.span, trial)
    made = check_expectation(step.expectation, context)
    return None if made is None else program.Case(name, nest(draft), made, step.span)


def require_complete(draft: Draft, at: Span | None, step: Span, trial: Trial) -> None:
    """Report what a request that is decided lacks; facts may supply what a schema declares."""
    trial.decides = True
    environment, report = trial.context.environment, trial.context.report
    if at is None:
        report.add(catalog_tests.nothing_given(step))
        return
    supplied = {one.group for one in environment.facts}
    for one in environment.fields.values():
        if one.path in draft:
            continue
        needed = required(one)
        if one.required_when is not None:
            path, words = one.required_when
            needed = draft.get(path) in words
        group = one.path.partition(".")[0]
        if needed and (one.standard or group not in supplied):
            report.add(catalog_tests.missing_attribute(one.path, at))


def check_repeat(step: trials.Repeat, trial: Trial) -> program.Repeat:
    """Return ``repeat N { … }``."""
    times = step.times.value
    assert isinstance(times, int)
    inner = replace(trial, repeats=trial.repeats * max(times, 1))
    if times < 1 or inner.repeats > MOST_REPEATS:
        trial.context.report.add(catalog_tests.repeat_range(MOST_REPEATS, step.times.span))
    steps = check_steps(step.steps, inner)
    trial.given, trial.span = inner.given, inner.span
    trial.decides = trial.decides or inner.decides
    return program.Repeat(times, steps)


def check_settle(step: trials.Settle, context: Context) -> program.Settle:
    """Return ``settle RECORD``, of which what is no usage is reported and left out."""
    if step.record is None:
        return program.Settle({}, step.span)
    for one in step.record.fields:
        path = one.name.name
        if path != "usage" and path not in USAGE:
            context.report.add(catalog_tests.not_usage(path, USAGE, one.name.span))
    usage = {
        path: value
        for path, value in lay_over({}, step.record, context).items()
        if path in USAGE and isinstance(value, int | Decimal)
    }
    if any(value < 0 for value in usage.values()):
        context.report.add(catalog_tests.negative_usage(step.record.span))
    return program.Settle(usage, step.span)


def check_mock(step: trials.Mock, context: Context) -> program.Mock | None:
    """Return ``mock TARGET = VALUE``, or None after a report."""
    if isinstance(step.target, nodes.Tainted):
        return mock_taint(step.target, step.value, context)
    if isinstance(step.target, nodes.Name) and step.target.name == "state":
        return mock_state(step.value, context)
    call = isinstance(step.target, nodes.Call)
    name = step.target.function if isinstance(step.target, nodes.Call) else step.target
    environment = context.environment
    kind = name.name.partition(".")[0]
    known: Iterable[str]
    if kind == "meter" and not call and environment.meters:
        known = [f"meter.{one}" for one in environment.meters]
    else:
        classifiers = (f"classifier.{one}" for one in environment.classifiers)
        known = ["injection", *classifiers, 'arg("…") tainted', "state"]
    if name.name not in known:
        context.report.add(catalog_tests.unknown_mock(name.name, known, name.span))
        return None
    context.used.add(name.name)
    value = step.value.value
    if kind == "meter":
        if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
            return program.Mock(name.name, value)
        context.report.add(catalog_tests.mocked_count(step.value.span))
        return None
    if isinstance(value, (int, Decimal)) and not isinstance(value, bool) and 0 <= value <= 1:
        return program.Mock(name.name, float(value))
    context.report.add(catalog_tests.mocked_score(step.value.span))
    return None


def mock_taint(
    target: nodes.Tainted, written: nodes.Literal, context: Context
) -> program.Mock | None:
    """Return ``mock arg("to") tainted = true``, or None after a report."""
    asked = check_tainted(target.subject, target.span, context)
    if not isinstance(written.value, bool):
        context.report.add(catalog_tests.mocked_taint(written.span))
        return None
    return None if asked is None else program.Mock(program.taint_mock(asked.path), written.value)


def mock_state(written: nodes.Literal, context: Context) -> program.Mock | None:
    """Return ``mock state = "away"``, or None after a report."""
    if written.value not in STATES:
        quoted = [f'"{word}"' for word in STATES]
        context.report.add(catalog_tests.mocked_state(quoted, written.span))
        return None
    return program.Mock(program.STATE_AWAY, written.value == "away")


def check_expectation(node: trials.Expectation, context: Context) -> program.Expectation | None:
    """Return the checked expectation, or None after a report."""
    environment = context.environment
    by: list[str] = []
    for name in node.by:
        full = list(full_names(context.scope, name.name))
        found = next((one for one in full if one in environment.rules), None) or next(
            (one for one in full if one in environment.policies), None
        )
        if found is None:
            known = [*environment.rules, *environment.policies]
            context.report.add(catalog_declarations.unknown_rule(name.name, known, name.span))
        else:
            by.append(found)
            context.use(f"rule {found}", name.name)
    condition = None
    if node.condition is not None:
        condition = check_condition(node.condition, replace(context, decision=True))
    if len(by) < len(node.by) or (condition is None and node.condition is not None):
        return None
    return program.Expectation(node.action, tuple(by), condition, node.span)


def check_property(node: trials.Property, context: Context) -> program.Property | None:
    """Return the checked property, or None after a report."""
    if "." in node.name.name:
        context.report.add(
            catalog_declarations.dotted_name("property", node.name.name, node.name.span)
        )
    when = check_condition(node.when, context)
    if when is None:
        return None
    name = qualify(context.scope.package, node.name.name)
    actions: frozenset[program.ActionName] = frozenset(node.actions)
    return program.Property(name, text_of(node.title), node.kind, actions, when, node.span)


def check_fixture(node: trials.Fixture, context: Context) -> None:
    """Report what is wrong with a fixture, whether or not a test uses it."""
    lay_over({}, node.record, context)
