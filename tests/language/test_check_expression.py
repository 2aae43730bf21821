"""What conditions become: types, conversions and the typed nodes that evaluators walk."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from ipaddress import ip_address, ip_network

import pytest

from engine.language import typed
from engine.language.scope import namespaces_of
from engine.language.types import (
    BOOL,
    DECIMAL,
    DURATION,
    FLOAT,
    INT,
    IP,
    JSON,
    STRING,
    TEXT,
    TIME,
    Enumeration,
    SetOf,
    Type,
)
from tests.language.checking import check_texts, codes, condition

SCHEMA = """
schema {
  context.amount:  decimal
  context.score:   float
  context.turns:   int
  context.since:   time
  context.age:     duration
  context.address: ip
  context.topics:  set<string>
  context.ids:     list<int>
  context.sums:    set<decimal>
  context.plan:    "free" | "pro"
  context.tier:    ("gold" | "silver")?
  context.level:   int?
  context.note:    text
  context.name:    string
  context.words:   set<"a" | "b">
}
""".replace('("gold" | "silver")?', '"gold" | "silver"?')


def when(text: str, declarations: str = "") -> typed.Expr:
    return condition(text, SCHEMA + declarations)


def sides(text: str) -> tuple[typed.Expr, typed.Expr]:
    made = when(text)
    assert isinstance(made, typed.Compare)
    return made.left, made.right


@pytest.mark.parametrize(
    ("text", "value", "type_"),
    [
        ("context.amount > 5", Decimal(5), DECIMAL),
        ("context.amount > 5.50", Decimal("5.50"), DECIMAL),
        ("context.amount > -5.50", Decimal("-5.50"), DECIMAL),
        ("context.score > 5", 5.0, FLOAT),
        ("context.score > 0.1", 0.1, FLOAT),
        ("context.turns > 5", 5, INT),
        ("context.turns > (-5)", -5, INT),
        ("context.since > 2026-01-01T00:00:00Z", datetime(2026, 1, 1, tzinfo=UTC), TIME),
        ("context.age > 1h30m", timedelta(minutes=90), DURATION),
        ("context.age > -5m", timedelta(minutes=-5), DURATION),
        ('context.address == "10.0.0.1"', ip_address("10.0.0.1"), IP),
        ('context.plan == "pro"', "pro", Enumeration(("free", "pro"))),
        ('context.note == "a"', "a", TEXT),
        ('(arg("x") ?? 0) == 0.5', 0.5, FLOAT),
        ('(arg("x") ?? 0) == "a"', "a", STRING),
    ],
)
def test_a_literal_takes_the_type_of_the_other_side(text: str, value: object, type_: Type) -> None:
    right = sides(text)[1]
    assert isinstance(right, typed.Constant)
    assert (right.value, type(right.value), right.type) == (value, type(value), type_)


def test_a_literal_on_the_left_does_so_too() -> None:
    left = sides("5 < context.amount")[0]
    assert isinstance(left, typed.Constant)
    assert left.value == Decimal(5)
    assert left.type == DECIMAL


def test_a_let_is_a_literal_wherever_it_is_used() -> None:
    made = when("context.amount > limit and context.score > limit", "let limit = 2 * 3")
    assert isinstance(made, typed.And)
    for part, type_ in zip(made.parts, (DECIMAL, FLOAT), strict=True):
        assert isinstance(part, typed.Compare)
        assert isinstance(part.right, typed.Arithmetic)
        assert part.right.type == type_


def test_ints_widen_to_what_they_meet() -> None:
    left, right = sides("context.turns > context.score")
    assert isinstance(left, typed.Convert)
    assert (left.type, right.type) == (FLOAT, FLOAT)
    left, right = sides("context.amount > context.turns")
    assert isinstance(right, typed.Convert)
    assert right.type == DECIMAL
    left, right = sides("context.turns > 0.5")
    assert isinstance(left, typed.Convert)
    assert isinstance(right, typed.Constant)


@pytest.mark.parametrize(
    ("text", "type_"),
    [
        ("context.turns + 1 > 5", INT),
        ("context.turns / 2 > 5", FLOAT),
        ("context.turns * 1.5 > 5", FLOAT),
        ("context.amount * 1.1 > 5", DECIMAL),
        ("context.amount / 2 > 5", DECIMAL),
        ("1 + context.amount > 5", DECIMAL),
        ("now - context.since > 5m", DURATION),
        ("now - 5m > context.since", TIME),
        ("now + 5m > context.since", TIME),
        ("5m + now > context.since", TIME),
        ("context.age + 5m > 1h", DURATION),
        ("context.age - context.age > 1h", DURATION),
        ("context.age * 2 > 1h", DURATION),
        ("2 * context.age > 1h", DURATION),
        ("context.age / 1h > 1", FLOAT),
        ("-context.turns > 1", INT),
        ("-context.amount > 1", DECIMAL),
        ('-(arg("x") ?? 1) > 1', FLOAT),
        ('(arg("x") ?? 1) + 1 > 1', FLOAT),
        ('(arg("x") ?? 1) * context.amount > 1', DECIMAL),
        ('(arg("x") ?? 1) / (arg("y") ?? 1) > 1', FLOAT),
        ("min(context.turns, 5) > 1", INT),
        ("max(0.5, context.turns) > 1", FLOAT),
        ("max(5, context.amount) > 1", DECIMAL),
        ('max((arg("x") ?? 1), 5) > 1', FLOAT),
        ("abs(context.amount) > 1", DECIMAL),
        ("round(context.amount) > 1", INT),
        ("context.turns > 90 / 2", FLOAT),
    ],
)
def test_arithmetic_has_one_type(text: str, type_: Type) -> None:
    left, right = sides(text)
    assert left.type == type_
    assert right.type == type_


@pytest.mark.parametrize(
    "text", ["2 * 45m", "2 * (1h + 5m)", "2 * window", "window - 5m", "-window"]
)
def test_durations_are_calculated_from_literals(text: str) -> None:
    right = condition(f"context.age > {text}", f"{SCHEMA} let window = (45m)").right  # type: ignore[union-attr]
    assert right.type == DURATION


@pytest.mark.parametrize(
    ("text", "values", "type_"),
    [
        ("context.amount in {1, 2.5}", {Decimal(1), Decimal("2.5")}, DECIMAL),
        ("context.score in {1, 2.5}", {1.0, 2.5}, FLOAT),
        ("context.turns in {1, 2}", {1, 2}, INT),
        ("context.turns in {1, 2.5}", {1.0, 2.5}, FLOAT),
        ("{1, 2} contains context.turns", {1, 2}, INT),
        ("{1} contains context.amount", {Decimal(1)}, DECIMAL),
        ('context.address in {"10.0.0.1"}', {ip_address("10.0.0.1")}, IP),
        ("context.name in {}", set(), STRING),
        ('(arg("x") ?? "") in {"a", "b"}', {"a", "b"}, STRING),
        ("few contains context.amount", {Decimal(1), Decimal(2)}, DECIMAL),
    ],
)
def test_a_set_of_literals_is_one_constant(text: str, values: set[object], type_: Type) -> None:
    made = when(text, "let few = {1, 2}")
    assert isinstance(made, typed.Member)
    assert isinstance(made.collection, typed.Constant)
    assert made.collection.value == frozenset(values)
    assert made.collection.type == SetOf(type_)


def test_a_set_with_attributes_is_made_when_it_is_asked() -> None:
    made = when("context.amount in {context.turns, 5}")
    assert isinstance(made, typed.Member)
    assert isinstance(made.collection, typed.MakeSet)
    assert [one.type for one in made.collection.items] == [DECIMAL, DECIMAL]
    made = when("context.score in {context.turns, 5}")
    assert isinstance(made, typed.Member)
    assert made.collection.type == SetOf(FLOAT)
    made = when("{context.plan, context.name} contains user.id")
    assert isinstance(made, typed.Member)
    assert made.collection.type == SetOf(STRING)
    made = when("{context.turns, context.amount} contains 5")
    assert isinstance(made, typed.Member)
    assert made.collection.type == SetOf(DECIMAL)
    made = when("{context.turns} contains context.amount")
    assert isinstance(made, typed.Member)
    assert made.collection.type == SetOf(DECIMAL)


def test_membership_widens_the_item() -> None:
    made = when("context.turns in context.sums")
    assert isinstance(made, typed.Member)
    assert isinstance(made.item, typed.Convert)


def test_collections_are_compared_with_collections() -> None:
    assert isinstance(when('context.topics overlaps {"a"}'), typed.Overlaps)
    assert isinstance(when('{"a"} within context.topics'), typed.Within)
    assert isinstance(when('context.topics within {"a"}'), typed.Within)
    assert isinstance(when("context.ids overlaps {1, 2}"), typed.Overlaps)
    assert isinstance(when('context.topics == {"a"}'), typed.Compare)
    assert isinstance(when("context.words == context.topics"), typed.Compare)
    assert isinstance(when("context.words == {context.name}"), typed.Compare)
    assert isinstance(when("{1} overlaps {2.5}"), typed.Overlaps)
    assert isinstance(when("{1.5} overlaps {2}"), typed.Overlaps)
    made = when("context.sums overlaps {1, context.turns}")
    assert isinstance(made, typed.Overlaps)
    assert made.right.type == SetOf(DECIMAL)
    assert isinstance(when("{1, context.turns} within context.sums"), typed.Within)
    assert isinstance(when("{context.turns} overlaps {0.5}"), typed.Overlaps)


def test_contains_finds_elements_and_substrings() -> None:
    assert isinstance(when('context.topics contains "a"'), typed.Member)
    assert isinstance(when("content contains user.id"), typed.Substring)
    made = when('content contains (arg("x") ?? "")')
    assert isinstance(made, typed.Substring)
    assert made.needle.type == STRING
    assert isinstance(when('(arg("x") ?? "") contains "a"'), typed.Substring)
    assert isinstance(when('(arg("x") ?? "") contains 5'), typed.Substring)
    assert isinstance(when('arg("x") is absent or "a" in arg("x")').parts[1], typed.Member)  # type: ignore[union-attr]


def test_negative_forms_are_the_negation_of_positive_ones() -> None:
    made = when('context.name not in {"a"}')
    assert isinstance(made, typed.Not)
    assert isinstance(made.inner, typed.Member)
    made = when("context.level is absent")
    assert isinstance(made, typed.Not)
    assert isinstance(made.inner, typed.Present)


def test_an_address_lies_in_constant_networks() -> None:
    made = when('context.address within {"10.0.0.0/8", "2001:db8::/32", "1.2.3.4"}')
    assert isinstance(made, typed.InNetwork)
    expected = {ip_network("10.0.0.0/8"), ip_network("2001:db8::/32"), ip_network("1.2.3.4/32")}
    assert set(made.networks) == expected
    assert isinstance(
        when("context.address within home", 'let home = "10.0.0.0/8"'), typed.InNetwork
    )


def test_patterns_are_constants() -> None:
    made = when("user.id like pattern", 'let pattern = "svc-*"')
    assert isinstance(made, typed.Like)
    assert made.pattern == "svc-*"
    made = when('(arg("x") ?? "") matches /a\\/b/')
    assert isinstance(made, typed.Matches)
    assert (made.pattern, made.text.type) == ("a/b", STRING)


def test_the_tool_is_present_when_its_name_is() -> None:
    made = when("tool is present")
    assert isinstance(made, typed.Present)
    assert isinstance(made.subject, typed.Attribute)
    assert made.subject.path == "tool.name"


def test_paths_of_arguments_have_keys_and_places() -> None:
    made = when('arg("to.0.x-1.007") is present')
    assert isinstance(made, typed.Present)
    assert isinstance(made.subject, typed.ArgumentAt)
    assert made.subject.path == ("to", 0, "x-1", "007")


def test_a_namespace_may_hold_what_is_below_another_name() -> None:
    found = namespaces_of(("phi.mrn", "pii.health_id.us", "pii.email"), {"phi": "pii.health_id"})
    assert found["phi"] == {"phi.mrn", "pii.health_id.us"}
    assert found["pii"] == {"pii.email", "pii.health_id.us"}
    assert namespaces_of(("a.b",), {"phi": "pii.health_id"})["phi"] == set()


def test_entities_are_expanded_and_kept_as_written() -> None:
    made = when("content has phi.any, pii.email")
    assert isinstance(made, typed.Has)
    assert made.entities == {"phi.mrn", "pii.email"}
    assert made.written == ("phi.any", "pii.email")
    made = when("content has pii.national_id")
    assert isinstance(made, typed.Has)
    assert made.entities == {"pii.national_id.de", "pii.national_id.fr"}
    made = when("count(context.note, pii.email) > 1")
    assert isinstance(made, typed.Compare)
    assert isinstance(made.left, typed.Call)
    assert made.left.entities == {"pii.email"}
    assert len(made.left.arguments) == 1


def test_defaults_nest_to_the_right() -> None:
    left = sides('(model.name ?? model.version ?? "x") == "y"')[0]
    assert isinstance(left, typed.Coalesce)
    assert isinstance(left.subject, typed.Attribute)
    assert isinstance(left.default, typed.Coalesce)
    assert isinstance(left.default.default, typed.Constant)


def test_a_default_word_extends_its_enumeration() -> None:
    left = sides('(context.tier ?? "none") == "gold"')[0]
    assert left.type == Enumeration(("gold", "silver", "none"))
    left = sides('(context.tier ?? ("gold")) == "gold"')[0]
    assert left.type == Enumeration(("gold", "silver"))
    assert sides('(context.tier ?? context.plan) == "pro"')[0].type == Enumeration(
        ("gold", "silver", "free", "pro")
    )
    assert sides('(context.tier ?? user.id) == "pro"')[0].type == STRING


def test_a_default_has_the_type_of_what_it_stands_for() -> None:
    left = sides("(usage.cost_usd ?? 0) > 5")[0]
    assert left.type == DECIMAL
    left = sides("(usage.cost_usd ?? context.turns) > 5")[0]
    assert isinstance(left, typed.Coalesce)
    assert isinstance(left.default, typed.Convert)
    assert sides('(arg("x") ?? 0) > 5')[0].type == JSON
    assert codes(a=SCHEMA + "let x = (context.level ?? 0.5) > 1")[0] == "E220"
    assert codes(a=SCHEMA + "let x = (context.level ?? user.id) == 1")[0] == "E220"
    assert codes(a=SCHEMA + "let x = (model.name ?? context.level ?? 1) == 1")[0] == "E220"
    assert codes(a=SCHEMA + "let x = (context.nam ?? 1) == 1")[0] == "E201"


def test_variables_are_numbered_from_the_outside() -> None:
    made = when('any a in context.topics: (all b in context.ids: (a == "x" and b > 1))')
    assert isinstance(made, typed.Quantifier)
    assert isinstance(made.body, typed.Quantifier)
    assert (made.slot, made.body.slot) == (0, 1)
    inner = made.body.body
    assert isinstance(inner, typed.And)
    reads = [part.left for part in inner.parts if isinstance(part, typed.Compare)]
    assert [(one.slot, one.type) for one in reads if isinstance(one, typed.Variable)] == [
        (0, STRING),
        (1, INT),
    ]


def test_a_quantifier_inside_a_let_gets_a_number_of_its_own() -> None:
    made = when("any a in context.topics: (some)", 'let some = any b in user.roles: (b == "x")')
    assert isinstance(made, typed.Quantifier)
    assert isinstance(made.body, typed.Quantifier)
    assert made.body.slot == 1


def test_json_elements_are_json() -> None:
    made = when('arg("to") is present and any x in arg("to"): (x == 1)')
    assert isinstance(made, typed.And)
    assert isinstance(made.parts[1], typed.Quantifier)
    assert made.parts[1].collection.type == JSON


def test_scores_and_counts_know_what_they_ask() -> None:
    declarations = """
    classifier toxicity { endpoint = "grpc://a" }
    meter seen counts rule q.r by user.id over 1m
    policy q { default allow rule r { then deny } }
    """
    made = when("classifier.toxicity(context.note) > 0.5 and meter.seen > 3", declarations)
    assert isinstance(made, typed.And)
    first, second = (one.left for one in made.parts if isinstance(one, typed.Compare))
    assert isinstance(first, typed.Score)
    assert (first.classifier, first.type) == ("toxicity", FLOAT)
    assert isinstance(second, typed.Count)
    assert (second.meter, second.type) == ("seen", INT)


def test_the_same_let_is_shared_and_nothing_grows() -> None:
    made = when("plan and plan", 'let plan = context.plan == "pro"')
    assert isinstance(made, typed.And)
    assert made.parts[0] is made.parts[1]


def test_one_mistake_is_one_message() -> None:
    _, report = check_texts(
        a=SCHEMA
        + "let x = context.nme == 1 and (context.turns + context.nme > 2 or not context.nme)"
    )
    assert {one.code for one in report.found if one.severity == "error"} == {"E201"}


@pytest.mark.parametrize(
    "text",
    [
        "{nothing, 1} overlaps {2}",
        "nothing in {1}",
        "1 in nothing",
        "nothing within {1}",
        "{1} within nothing",
        "source.ip is present and source.ip within nothing",
        'nothing like "a"',
        "user.id like nothing",
        "nothing is present",
        "nothing ?? 1 == 1",
        "any x in nothing: (x == 1)",
        "any x in user.roles: (nothing)",
        "max(nothing, 1) == 1",
        'lower(nothing) == "a"',
        "length(nothing) == 1",
        "nothing has pii.email",
        "injection(nothing) > 1",
        "count(nothing, pii.email) > 1",
        "-nothing == 1",
        "nothing + 1 == 1",
        "1 + nothing == 1",
        "not nothing",
        "nothing contains 1",
        "user.id overlaps {nothing}",
        "user.roles overlaps nothing",
        "nothing == 1",
    ],
)
def test_an_unknown_part_silences_what_encloses_it(text: str) -> None:
    assert codes(a=f"policy p {{ default allow rule r {{ when {text} then deny }} }}") == ["E202"]


def test_conditions_are_bools() -> None:
    assert when('context.plan == "pro" or context.turns > 1').type == BOOL
