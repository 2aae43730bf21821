"""The wording of every diagnostic of the checker about fixtures, tests and properties (E4xx)."""

from __future__ import annotations

from collections.abc import Iterable

from engine.language.catalog import listed, shown, suggest
from engine.language.diagnostics import Diagnostic
from engine.language.text import Span
from engine.language.types import ListOf, SetOf, Type


def unknown_decision_field(name: str, known: Iterable[str], at: Span) -> Diagnostic:
    """E401: nothing that can be read of a decision."""
    hint = suggest(name, known) or f"an expectation reads {listed(known)}"
    return Diagnostic("E401", f"a decision has no `{name}`", at, help=hint)


def not_in_expectation(name: str, at: Span) -> Diagnostic:
    """E402: a let about the request in an expectation about the decision."""
    return Diagnostic(
        "E402", f"`{name}` is about the request, an expectation is about the decision", at
    )


def repeated_attribute(path: str, at: Span, before: Span) -> Diagnostic:
    """E403: an attribute twice in a record."""
    return Diagnostic("E403", f"`{path}` is given twice", at, notes=(("first given here", before),))


def clock_in_record(at: Span) -> Diagnostic:
    """E404: the time as an attribute of a request."""
    return Diagnostic(
        "E404",
        "a request does not bring the time",
        at,
        help="set the clock with `at 2026-01-01T00:00:00Z`, move it with `advance 1s`",
    )


def mocked_taint(at: Span) -> Diagnostic:
    """E417: a mock of taint that is neither true nor false."""
    return Diagnostic("E417", "an argument is tainted or not: `true` or `false`", at)


def mocked_state(known: Iterable[str], at: Span) -> Diagnostic:
    """E418: a state store that is neither here nor away."""
    return Diagnostic("E418", f"the state is {listed(known)}", at)


def not_usage(path: str, known: Iterable[str], at: Span) -> Diagnostic:
    """E419: something else than usage that is settled."""
    return Diagnostic(
        "E419", f"`{path}` is not settled", at, help=f"what is settled is {listed(known)}"
    )


def negative_usage(at: Span) -> Diagnostic:
    """E420: less than nothing was used."""
    return Diagnostic("E420", "nothing uses less than 0", at)


def record_expected(path: str, at: Span) -> Diagnostic:
    """E405: a value for a group of attributes."""
    return Diagnostic("E405", f"`{path}` is a group of attributes", at, help="write `{ … }`")


def empty_id(path: str, at: Span) -> Diagnostic:
    """E406: an id of nothing."""
    return Diagnostic("E406", f"`{path}` must not be empty", at)


def value_differs(wanted: Type, at: Span) -> Diagnostic:
    """E407: a value in a record of another kind than its attribute."""
    hint = None
    if isinstance(wanted, SetOf):
        hint = "a set is written `{ … }`"
    elif isinstance(wanted, ListOf):
        hint = "a list is written `[ … ]`"
    return Diagnostic("E407", f"expected {shown(wanted)} here", at, help=hint)


def not_json(at: Span) -> Diagnostic:
    """E408: a value that JSON does not have."""
    return Diagnostic(
        "E408",
        "json has no sets, times and durations",
        at,
        help="write a list `[ … ]`, or a string in quotes",
    )


def bad_message(at: Span) -> Diagnostic:
    """E409: messages of another form."""
    return Diagnostic(
        "E409",
        "messages are a list of records with `role` and `text`",
        at,
        help='such as `[{ role: "user", text: "hello" }]`',
    )


def unknown_fixture(name: str, known: Iterable[str], at: Span) -> Diagnostic:
    """E410: no such fixture."""
    hint = suggest(name, known) or "declare it with `fixture NAME { … }`"
    return Diagnostic("E410", f"unknown fixture `{name}`", at, help=hint)


def missing_attribute(path: str, at: Span) -> Diagnostic:
    """E411: a request without an attribute that it must bring."""
    return Diagnostic("E411", f"`{path}` is missing in this request", at, help=f"add `{path}: …`")


def nothing_given(at: Span) -> Diagnostic:
    """E412: a decision about no request."""
    return Diagnostic("E412", "no request is given", at, help="write `given { … }` before it")


def repeat_range(most: int, at: Span) -> Diagnostic:
    """E413: too many repetitions, or none."""
    return Diagnostic("E413", f"a step is repeated 1 to {most} times, all loops together", at)


def unknown_mock(name: str, known: Iterable[str], at: Span) -> Diagnostic:
    """E414: nothing that can be mocked."""
    hint = suggest(name, known) or f"what can be mocked is {listed(known)}"
    return Diagnostic("E414", f"`{name}` cannot be mocked", at, help=hint)


def mocked_score(at: Span) -> Diagnostic:
    """E415: a score out of range."""
    return Diagnostic("E415", "a score lies between 0 and 1", at)


def mocked_count(at: Span) -> Diagnostic:
    """E416: a count that is none."""
    return Diagnostic("E416", "a meter counts 0, 1, 2 …", at)
