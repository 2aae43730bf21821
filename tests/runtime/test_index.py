"""The index: what one request reaches, and how numbers are given across files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import permutations
from types import CodeType, SimpleNamespace
from typing import Any, cast

import pytest

from engine.content.findings import Finding, Injection
from engine.language import typed
from engine.language.codegen import generate
from engine.language.functions import Unknowable
from engine.language.lower import lower_file
from engine.language.plan import Choice, PolicyShape, Step, Threshold
from engine.language.program import Policy, Program
from engine.language.text import NOWHERE
from engine.language.typed import Expr, Value
from engine.language.types import BOOL, FLOAT, STRING, SetOf
from engine.language.unit import Unit
from engine.runtime.evidence import Evidence, Senses
from engine.runtime.index import IndexedMatcher, link
from engine.runtime.judge import Judge
from engine.runtime.match import Match
from engine.runtime.memory import MemoryStore
from engine.runtime.record import Record
from tests.vocabulary import attribute, bare_rule, constant

CONTENT = attribute("content")


class Words:
    """Knows nothing: no rule here asks for entities."""

    def scan(self, text: str, entities: frozenset[str]) -> tuple[Finding, ...]:
        raise AssertionError((text, entities))


def failing(text: str, role: str) -> Injection:
    assert (text, role) == ("some text", "user")
    raise Unknowable("injection(content)")


def compare(path: str, operator: str, value: Value) -> Expr:
    subject = attribute(path)
    return typed.Compare(operator, subject, constant(value, subject.type), BOOL, NOWHERE)  # type: ignore[arg-type]


def overlaps(*roles: str) -> Expr:
    some = constant(frozenset(roles), SetOf(STRING))
    return typed.Overlaps(attribute("user.roles"), some, BOOL, NOWHERE)


def both(*parts: Expr) -> Expr:
    return typed.And(parts, BOOL, NOWHERE)


UNKNOWN = typed.Compare(
    ">",
    typed.Call("injection", (CONTENT,), frozenset(), FLOAT, NOWHERE),
    constant(0.5, FLOAT),
    BOOL,
    NOWHERE,
)


def policy(name: str, *conditions: Expr | None, applies: Expr | None = None) -> Policy:
    rules = tuple(bare_rule(f"{name}.r{index}", when) for index, when in enumerate(conditions))
    return Policy(name, "", "", applies, "allow", "", False, None, rules, NOWHERE)  # noqa: FBT003


def matcher(*files: tuple[Policy, ...]) -> IndexedMatcher:
    units = []
    for number, policies in enumerate(files):
        plan = lower_file(f"f{number}.pol", policies)
        made = generate(plan)
        units.append(Unit(plan.path, plan.policies, made.pieces, made.constants))
    ordered = tuple(sorted((one for some in files for one in some), key=lambda one: one.name))
    program = Program({}, (), {}, {}, {}, {}, ordered, (), ())
    return link(units, {}, Judge(lambda: program, {}))


def record(**given: object) -> SimpleNamespace:
    plain: Mapping[str, Any] = {
        "tenant": "north",
        "user": "u1",
        "roles": frozenset(),
        "turn": 0,
        "count": None,
        "stage": "request",
    } | given
    return SimpleNamespace(
        stage=plain["stage"],
        tenant=SimpleNamespace(id=plain["tenant"]),
        user=SimpleNamespace(id=plain["user"], roles=plain["roles"]),
        session=SimpleNamespace(id=None, turn=plain["turn"]),
        tool=SimpleNamespace(name=plain.get("tool")),
        context=SimpleNamespace(count=plain["count"]),
        content="some text",
        messages=None,
    )


def found_by(found: IndexedMatcher, **given: object) -> Match:
    asked = record(**given)
    evidence = Evidence(cast("Record", asked), Senses(Words(), failing), MemoryStore(), 0)
    return found.match(cast("Record", asked), evidence)


def match(found: IndexedMatcher, **given: object) -> tuple[object, ...]:
    """Return what applies, holds, is in doubt, and is uncertain."""
    made = found_by(found, **given)
    return made.applied, made.hits, made.doubts, made.uncertain


def hits(found: IndexedMatcher, **given: object) -> list[int]:
    return found_by(found, **given).hits


def test_numbers_go_by_the_name_of_the_policy_not_by_file() -> None:
    first = policy("b", compare("tenant.id", "==", "north"), None)
    second = policy("a", None, applies=compare("tenant.id", "==", "north"))
    third = policy("c", None)
    for files in ([(first,), (second, third)], [(third,), (first,), (second,)]):
        assert match(matcher(*files)) == ([0, 1, 2], [0, 1, 2, 3], [], [])
        assert match(matcher(*files), tenant="south") == ([1, 2], [2, 3], [], [])


@pytest.mark.parametrize(
    ("operator", "value", "expected"),
    [
        (">", 5, []),
        (">", 6, [0]),
        (">", 100, [0, 1, 2]),
        (">=", 4, []),
        (">=", 5, [0]),
        (">=", 7, [0, 1]),
        ("<", 9, []),
        ("<", 8, [2]),
        ("<", 0, [0, 1, 2]),
        ("<=", 10, []),
        ("<=", 9, [2]),
        ("<=", 7, [1, 2]),
    ],
)
def test_thresholds_are_met_exactly(operator: str, value: int, expected: list[int]) -> None:
    present = typed.Present(attribute("context.count"), BOOL, NOWHERE)
    bounds = [both(present, compare("context.count", operator, bound)) for bound in (5, 7, 9)]
    assert hits(matcher((policy("p", *bounds),)), count=value) == expected


def test_an_absent_number_passes_no_threshold_but_its_default_may() -> None:
    subject = attribute("context.count")
    present = typed.Present(subject, BOOL, NOWHERE)
    guarded = both(present, compare("context.count", ">", 1))
    default = typed.Coalesce(subject, constant(5, subject.type), subject.type, NOWHERE)
    defaulted = typed.Compare(">", default, constant(1, subject.type), BOOL, NOWHERE)
    found = matcher((policy("p", guarded, defaulted),))
    assert hits(found) == [1]
    assert hits(found, count=0) == []
    assert hits(found, count=2) == [0, 1]


def test_a_rule_reached_through_two_elements_matches_once() -> None:
    found = matcher((policy("p", overlaps("a", "b"), overlaps("b"), overlaps("c")),))
    assert hits(found, roles=frozenset({"a", "b"})) == [0, 1]
    assert hits(found, roles=frozenset({"c", "x"})) == [2]
    assert hits(found) == []


def test_what_stands_deeper_is_reached_too() -> None:
    tools = [
        both(compare("tenant.id", "==", "north"), compare("tool.name", "==", f"t{number % 20}"))
        for number in range(40)
    ]
    below = [
        both(compare("tenant.id", "==", "north"), overlaps(f"r{number}", "all"))
        for number in range(40)
    ]
    limits = [
        both(compare("tenant.id", "==", "north"), compare("session.turn", ">", number))
        for number in range(40)
    ]
    policies = policy("p", *tools), policy("q", *below), policy("r", *limits)
    found = matcher(policies)
    assert hits(found, tool="t3") == [3, 23]
    assert hits(found, roles=frozenset({"r1", "all"})) == list(range(40, 80))
    assert hits(found, turn=2) == [80, 81]
    assert hits(found, tool="t3", tenant="south", turn=90) == []


def test_a_set_below_a_set_is_reached_once() -> None:
    tags = attribute("user.roles")
    rules = [
        both(
            overlaps("a", "b"),
            compare("user.id", "==", f"u{number}"),
            typed.Not(typed.Member(constant("z", STRING), tags, BOOL, NOWHERE), BOOL, NOWHERE),
        )
        for number in range(40)
    ]
    found = matcher((policy("p", *rules),))
    assert hits(found, roles=frozenset({"a", "b"}), user="u7") == [7]


def test_what_cannot_be_known_is_judged_by_the_reference() -> None:
    north = compare("tenant.id", "==", "north")
    made = found_by(
        matcher(
            (
                policy("a", UNKNOWN, both(UNKNOWN, compare("tenant.id", "!=", "north"))),
                policy("b", None, north, applies=UNKNOWN),
                policy("c", UNKNOWN, None, applies=north),
            )
        )
    )
    assert made.applied == [0, 2]
    assert made.hits == [5]
    assert made.doubts == [(0, "injection(content)"), (4, "injection(content)")]
    assert made.uncertain == [(1, "injection(content)")]


def test_a_fault_of_the_fast_form_alone_changes_nothing() -> None:
    # The number is compared before its guard is tried; the reference looks at the guard.
    subject = attribute("context.count")
    absent = typed.Not(typed.Present(subject, BOOL, NOWHERE), BOOL, NOWHERE)
    item = typed.Variable("x", 0, STRING, NOWHERE)
    roles = attribute("user.roles")
    guard = typed.Quantifier(
        "all", "x", 0, roles, typed.Compare("==", item, item, BOOL, NOWHERE), BOOL, NOWHERE
    )
    large = compare("context.count", ">", 1)
    rule = typed.Or((both(guard, absent), large), BOOL, NOWHERE)
    found = matcher((policy("p", rule), policy("q", None, applies=rule)))
    assert match(found) == ([0, 1], [0, 1], [], [])
    assert match(found, count=0) == ([0], [], [], [])


# --- steps as no arrangement would choose them, on purpose ----------------------------------------

A = Choice("user.roles", many=True, values=frozenset({"a", "b"}))
TENANT = Choice("tenant.id", many=False, values=frozenset({"north", "south"}))
USER = Choice("user.id", many=False, values=frozenset({"u1"}))
TURN = Threshold("session.turn", ">", 5, None)


@pytest.mark.parametrize("steps", list(permutations((A, TENANT, USER, TURN))))
def test_any_order_of_steps_leads_to_the_rule_once(steps: tuple[Step, ...]) -> None:
    (piece,) = generate(lower_file("f.pol", [policy("p", None)])).pieces
    policies = (PolicyShape("p", 2, always=True),)
    deep = replace(piece, steps=steps)
    shallow = replace(piece, steps=steps[:2], code=second_rule())
    found = link([Unit("f.pol", policies, (deep, shallow), ())], {}, Judge(Mapping, {}))  # type: ignore[arg-type]
    assert hits(found, turn=6, roles=frozenset({"a", "b"})) == [0, 1]
    assert 0 not in hits(found, turn=5, roles=frozenset({"a", "b"}))
    assert 0 not in hits(found, turn=6, roles=frozenset({"c"}))
    assert 0 not in hits(found, turn=6, roles=frozenset({"a"}), tenant="west")
    assert 0 not in hits(found, turn=6, roles=frozenset({"a"}), user="u2")


def second_rule() -> CodeType:
    plan = lower_file("f.pol", [policy("p", constant(False, BOOL), None)])  # noqa: FBT003
    (piece,) = generate(plan).pieces
    return piece.code
