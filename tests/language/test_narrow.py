"""Presence is sound: what the checker lets through never reads an attribute that is absent.

Random conditions over optional attributes are checked; those that pass are evaluated on random
requests, by the rules of three-valued logic, with calls that cannot be known among them.
"""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.language import typed
from tests.language.checking import check_texts

SCHEMA = """
schema {
  context.name: string?
  context.flag: bool?
  context.kind: "one" | "two" | "three"
  context.sort: "x" | "y"?
}
schema when context.kind == "one" { context.extra: string }
schema when context.kind in {"one", "two"} { context.more: string }
schema when context.sort == "x" { context.rest: string }
"""

ATOMS = st.sampled_from(
    (
        "context.name is present",
        "context.name is absent",
        'context.name == "a"',
        '(context.name ?? "a") == "a"',
        '(context.name ?? "b") == "a"',
        '(context.name ?? "b") != "a"',
        '(context.name ?? "b") in {"a", "c"}',
        "context.flag is present",
        "context.flag",
        "(context.flag ?? false)",
        "(context.flag ?? true)",
        'context.kind == "one"',
        'context.kind != "three"',
        'context.kind in {"one", "two"}',
        'context.kind in {"three"}',
        'context.extra == "a"',
        'context.more == "a"',
        "context.sort is present",
        'context.sort == "x"',
        '(context.sort ?? "z") == "x"',
        '(context.sort ?? "x") == "x"',
        'context.rest == "a"',
        'stage == "tool_call"',
        'stage in {"tool_call", "request"}',
        'stage not in {"request", "response", "document"}',
        "tool is present",
        'tool.name == "a"',
        "injection(content) > 0.5",
        'any r in user.roles: (context.name is present and r == "a")',
        'all r in user.roles: (context.name is absent or r == "a")',
    )
)


def combined(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Return conditions made of *inner* ones."""
    parts = st.lists(inner, min_size=2, max_size=3)
    return st.one_of(
        parts.map(lambda some: f"({' and '.join(some)})"),
        parts.map(lambda some: f"({' or '.join(some)})"),
        inner.map(lambda one: f"not ({one})"),
    )


CONDITIONS = st.recursive(ATOMS, combined, max_leaves=8)
TEXT = st.none() | st.sampled_from(("a", "b"))


@st.composite
def requests(draw: st.DrawFn) -> dict[str, object]:
    """Draw the attributes of a request that the schema allows."""
    stage = draw(st.sampled_from(("request", "response", "tool_call", "tool_description")))
    kind = draw(st.sampled_from(("one", "two", "three")))
    sort = draw(st.none() | st.sampled_from(("x", "y")))
    some = st.sampled_from(("a", "b"))
    return {
        "stage": stage,
        "user.roles": draw(st.frozensets(some)),
        "context.name": draw(TEXT),
        "context.flag": draw(st.none() | st.booleans()),
        "context.kind": kind,
        "context.sort": sort,
        "context.extra": draw(some if kind == "one" else TEXT),
        "context.more": draw(some if kind in {"one", "two"} else TEXT),
        "context.rest": draw(some if sort == "x" else TEXT),
        "tool.name": draw(some if stage.startswith("tool") else TEXT),
    }


def value(  # noqa: C901 - a case for every node
    node: typed.Expr, request: Mapping[str, object], variable: object = None
) -> object:
    """Return the value of *node*; None where it cannot be known. Reading what is absent fails."""
    match node:
        case typed.Constant():
            return node.value
        case typed.Variable():
            return variable
        case typed.Attribute(path):
            assert request[path] is not None, f"{path} is absent"
            return request[path]
        case typed.Present(typed.Attribute(path)):
            return request[path] is not None
        case typed.Coalesce(typed.Attribute(path), default):
            return value(default, request) if request[path] is None else request[path]
        case typed.Compare(operator, left, right):
            return compare(operator, value(left, request, variable), value(right, request))
        case typed.Member(item, collection):
            whole = value(collection, request)
            assert isinstance(whole, frozenset)
            return value(item, request, variable) in whole
        case typed.Not(inner):
            known = value(inner, request, variable)
            return None if known is None else not known
        case typed.And(parts):
            return joined([*parts], request, variable, stop=False)
        case typed.Or(parts):
            return joined([*parts], request, variable, stop=True)
        case typed.Quantifier(kind, _, _, collection, body):
            whole = value(collection, request)
            assert isinstance(whole, frozenset)
            found = [value(body, request, one) for one in sorted(whole)]
            if (kind == "any") in found:
                return kind == "any"
            return None if None in found else kind != "any"
        case typed.Call():
            return None
        case _:
            raise AssertionError(node)


def compare(operator: str, left: object, right: object) -> object:
    """Return whether two values compare so; None where a side cannot be known."""
    if left is None:
        return None
    return (left == right) == (operator == "==")


def joined(
    parts: list[typed.Expr], request: Mapping[str, object], variable: object, *, stop: bool
) -> object:
    """Return ``and`` (*stop* is False) or ``or`` of *parts*, from the left, as far as needed."""
    doubt = False
    for part in parts:
        known = value(part, request, variable)
        if known is stop:
            return stop
        doubt = doubt or known is None
    return None if doubt else not stop


PAIRS = st.lists(st.tuples(CONDITIONS, CONDITIONS), min_size=10, max_size=10)
SEVERAL = st.lists(requests(), min_size=4, max_size=4)


def evaluate(conditions: list[tuple[str, str]], several: list[dict[str, object]]) -> None:
    """Evaluate the rules that *conditions* make, as far as they pass, on *several* requests."""
    rules = "".join(
        f"rule r{place} {{ when {when} unless {unless} then deny }}"
        for place, (when, unless) in enumerate(conditions)
    )
    made, _ = check_texts(a=f"{SCHEMA} policy p {{ default allow {rules} }}")
    for rule in made.rules:
        assert rule.when is not None
        assert rule.unless is not None
        for request in several:
            if value(rule.when, request) is not False:
                value(rule.unless, request)


@pytest.mark.slow
@settings(max_examples=10, deadline=None)
@given(PAIRS, SEVERAL)
def test_no_condition_that_passes_reads_what_is_absent(
    conditions: list[tuple[str, str]], several: list[dict[str, object]]
) -> None:
    evaluate(conditions, several)


@pytest.mark.nightly
@settings(max_examples=2_000, deadline=None)
@given(PAIRS, SEVERAL)
def test_nor_does_any_of_very_many(
    conditions: list[tuple[str, str]], several: list[dict[str, object]]
) -> None:
    evaluate(conditions, several)
