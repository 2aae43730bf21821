"""Fixtures, tests and properties -> lines; see ``format``."""

from __future__ import annotations

from typing import assert_never

from engine.language import trials
from engine.language.entries import Entry, block, sealed
from engine.language.format_rules import title
from engine.language.layout import flat, lay
from engine.language.page import WIDTH, Lines, Page, glue, pad


def fixture_lines(page: Page, fixture: trials.Fixture, indent: int) -> Lines:
    """Return a fixture."""
    head = f"fixture {fixture.name.name}"
    body = lay(page, fixture.record, indent, indent + len(head) + 1)
    return sealed(page, head, body, fixture.span, indent)


def test_lines(page: Page, test: trials.Test, indent: int) -> Lines:
    """Return a test."""
    things = [_step(page, step) for step in test.steps]
    return block(page, f"test {test.name.text}", things, test.span, indent)


def property_lines(page: Page, node: trials.Property, indent: int) -> Lines:
    """Return a property."""
    head = f"property {node.name.name}" + title(node.title)
    start = f"{node.kind} {' or '.join(node.actions)} when "

    def render(inner: int) -> Lines:
        return glue([start], lay(page, node.when, inner, inner + len(start)))

    return block(page, head, [Entry(node.when.span, render)], node.span, indent)


# --- steps ---------------------------------------------------------------------------------------


def _step(page: Page, step: trials.Step) -> Entry:
    return Entry(step.span, lambda indent: _step_lines(page, step, indent))


def _step_lines(page: Page, step: trials.Step, indent: int) -> Lines:
    match step:
        case trials.At():
            return [f"at {step.time.text}"]
        case trials.Advance():
            return [f"advance {step.duration.text}"]
        case trials.Mock():
            return [f"mock {flat(step.target)} = {flat(step.value)}"]
        case trials.Given():
            return _given(page, step, indent)
        case trials.Settle():
            return _settle(page, step, indent)
        case trials.Expect():
            return _expectation(page, ["expect "], step.expectation, indent)
        case trials.Case():
            head = [f"case {step.name.text} "]
            if step.record is not None:
                behind = len(" expect ") + len(_outcome(step.expectation))
                used = indent + len(head[0]) + behind
                head = glue(head, lay(page, step.record, indent, used))
                head[-1] += " "
            head[-1] += "expect "
            return _expectation(page, head, step.expectation, indent)
        case trials.Repeat():
            return _repeat(page, step, indent)
        case _:
            assert_never(step)


def _given(page: Page, step: trials.Given, indent: int) -> Lines:
    head = "given"
    if step.fixture is not None:
        head += f" {step.fixture.name}"
        if step.record is None:
            return [head]
        head += " with"
    assert step.record is not None, "the grammar has no empty `given`"
    head += " "
    return glue([head], lay(page, step.record, indent, indent + len(head)))


def _settle(page: Page, step: trials.Settle, indent: int) -> Lines:
    if step.record is None:
        return ["settle"]
    head = "settle "
    return glue([head], lay(page, step.record, indent, indent + len(head)))


def _repeat(page: Page, step: trials.Repeat, indent: int) -> Lines:
    head = f"repeat {step.times.text}"
    if len(step.steps) == 1 and not page.holds(step.span):
        only = _step_lines(page, step.steps[0], indent)
        short = f"{head} {{ {only[0]} }}"
        if len(only) == 1 and indent + len(short) <= WIDTH:
            return [short]
    return block(page, head, [_step(page, one) for one in step.steps], step.span, indent)


def _outcome(expectation: trials.Expectation) -> str:
    by = ", ".join(name.name for name in expectation.by)
    return f"{expectation.action} by {by}" if by else expectation.action


def _expectation(page: Page, head: Lines, expectation: trials.Expectation, indent: int) -> Lines:
    """Return *head* with the expectation behind it; a long condition goes on a line of its own."""
    lines = glue(head, [_outcome(expectation)])
    condition = expectation.condition
    if condition is None:
        return lines
    used = len(lines[-1]) + (indent if len(lines) == 1 else 0)
    made = glue(["and "], lay(page, condition, indent + 2, indent + 6))
    if len(made) == 1 and used + 1 + len(made[0]) <= WIDTH:
        return glue(lines, made, " ")
    return [*lines, pad(indent + 2, made[0]), *made[1:]]
