from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from ipaddress import ip_address, ip_network

import pytest

from engine.language import typed
from engine.language.program import Field
from engine.language.text import NOWHERE
from engine.language.typed import Expr
from engine.language.types import (
    BOOL,
    DECIMAL,
    DURATION,
    FLOAT,
    INT,
    IP,
    JSON,
    STRING,
    TIME,
    ListOf,
    SetOf,
    Type,
)
from engine.runtime.evidence import Evidence, Mocks, Senses
from engine.runtime.match import Match
from engine.runtime.memory import MemoryStore
from engine.runtime.reader import build_reader
from engine.runtime.reference import Interpreter, ReferenceMatcher, Unknown, in_range
from tests.runtime.made import (
    DENY,
    NOW,
    UNKNOWN,
    Words,
    attribute,
    both,
    compare,
    constant,
    either,
    negated,
    number,
    policy,
    present,
    program,
    request,
    rule,
    schema,
    suspicious,
    truth,
)

FIELDS = schema(
    context__text=(STRING, "?"),
    context__ints=(ListOf(INT), "?"),
    context__words=(SetOf(STRING), "?"),
    context__ip=(IP, "?"),
    context__n=(INT, "?"),
)
READER = build_reader(FIELDS)
LISTS = {"blocked": frozenset({"bad"})}
ARGS = {
    "n": 5,
    "f": 2.0,
    "s": "text",
    "b": True,
    "list": [1, "x"],
    "words": ["x"],
    "o": {"k": None},
}
CONTEXT = {"text": "a.b*c\nd", "ints": [1, 2, 3], "words": ["x", "y"], "ip": "10.1.2.3", "n": 7}


def value(expr: Expr, mocks: Mocks | None = None) -> object:
    asked = request(
        stage="tool_call",
        tool={"name": "t", "args": ARGS},
        context=CONTEXT,
        content="EMAIL EMAIL IGNORE",
    )
    evidence = Evidence(
        READER.read(asked), Senses(Words(), suspicious), MemoryStore(), NOW, mocks or {}
    )
    return Interpreter(evidence, LISTS).value(expr)


def here(path: str, fields: Mapping[str, Field] = FIELDS) -> typed.Attribute:
    return attribute(path, fields)


def arg(*path: str | int) -> typed.ArgumentAt:
    return typed.ArgumentAt(path, JSON, NOWHERE)


def arithmetic(left: Expr, sign: str, right: Expr, type_: Type = INT) -> typed.Arithmetic:
    return typed.Arithmetic(sign, left, right, type_, NOWHERE)  # type: ignore[arg-type]


def member(item: Expr, collection: Expr) -> typed.Member:
    return typed.Member(item, collection, BOOL, NOWHERE)


def contains(text: Expr, needle: Expr) -> typed.Substring:
    return typed.Substring(text, needle, BOOL, NOWHERE)


def words(*items: str) -> typed.Constant:
    return constant(frozenset(items), SetOf(STRING))


def call(
    name: str, *arguments: Expr, type_: Type = INT, entities: frozenset[str] = frozenset()
) -> typed.Call:
    return typed.Call(name, arguments, entities, type_, NOWHERE)


def quantifier(kind: str, collection: Expr, body: Expr, slot: int = 0) -> typed.Quantifier:
    return typed.Quantifier(kind, "x", slot, collection, body, BOOL, NOWHERE)  # type: ignore[arg-type]


def variable(type_: Type = INT, slot: int = 0) -> typed.Variable:
    return typed.Variable("x", slot, type_, NOWHERE)


# --- three truth values ---------------------------------------------------------------------------

T, F, U = truth(True), truth(False), UNKNOWN  # noqa: FBT003
WHAT = Unknown(frozenset({"classifier.toxicity (it is not connected)"}))


@pytest.mark.parametrize(
    ("expr", "expected"),
    [
        (both(T, T), True),
        (both(T, F), False),
        (both(U, F), False),
        (both(F, U), False),
        (both(U, T), WHAT),
        (both(U, U), WHAT),
        (either(F, F), False),
        (either(F, T), True),
        (either(U, T), True),
        (either(T, U), True),
        (either(U, F), WHAT),
        (negated(T), False),
        (negated(U), WHAT),
        (compare(U, "==", T), WHAT),
        (present(arg("n")), True),
        (present(arg("none")), False),
        (present(arg("o", "k")), False),
        (typed.Coalesce(arg("none"), U, BOOL, NOWHERE), WHAT),
    ],
)
def test_logic_has_three_values(expr: Expr, expected: object) -> None:
    assert value(expr) == expected


def test_all_causes_are_named() -> None:
    zero = compare(arithmetic(number(1), "/", number(0), FLOAT), ">", constant(1.0, FLOAT))

    found = value(both(U, compare(zero, "==", U), T))

    assert isinstance(found, Unknown)
    assert found.what == "a number (division by zero), classifier.toxicity (it is not connected)"


def test_parts_after_a_decisive_one_are_not_evaluated() -> None:
    seen: list[Expr] = []
    evidence = Evidence(READER.read(request()), Senses(Words(), suspicious), MemoryStore(), NOW)
    expr = both(F, either(T, U))

    Interpreter(evidence, LISTS, lambda one, _: seen.append(one)).value(expr)

    assert seen == [F, expr]


def test_what_should_be_present_and_is_not_is_unknown() -> None:
    evidence = Evidence(READER.read(request()), Senses(Words(), suspicious), MemoryStore(), NOW)

    made = Interpreter(evidence, LISTS).value(compare(here("context.n"), ">", number(1)))

    assert made == Unknown(frozenset({"context.n (it is absent)"}))
    assert value(arg("none")) == Unknown(frozenset({"the argument (it is absent)"}))


# --- every kind of expression ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expr", "expected"),
    [
        (compare(here("context.n"), "<", number(8)), True),
        (compare(here("context.n"), ">=", number(8)), False),
        (compare(here("stage"), "!=", constant("tool_call")), False),
        (compare(arg("n"), "==", number(5)), True),
        (compare(arg("f"), "==", number(2)), True),
        (compare(arg("b"), "==", truth(False)), False),  # noqa: FBT003
        (compare(arg("s"), "!=", constant("other")), True),
        (compare(arg("n"), ">", constant(Decimal("4.5"), DECIMAL)), True),
        (compare(arg("s"), "<=", constant("z")), True),
        (member(here("stage"), words("tool_call")), True),
        (member(number(2), here("context.ints")), True),
        (member(constant("bad"), typed.NamedList("blocked", SetOf(STRING), NOWHERE)), True),
        (member(arg("s"), words("text")), True),
        (member(number(1), arg("list")), True),
        (contains(here("context.text"), constant("b*")), True),
        (contains(arg("s"), constant("ex")), True),
        (contains(arg("list"), constant("x")), True),
        (typed.Overlaps(here("context.words"), words("y", "z"), BOOL, NOWHERE), True),
        (typed.Overlaps(arg("words"), words("y"), BOOL, NOWHERE), False),
        (typed.Overlaps(words("x"), arg("list"), BOOL, NOWHERE), True),
        (typed.Within(here("context.words"), words("x"), BOOL, NOWHERE), False),
        (typed.Within(words("x"), arg("list"), BOOL, NOWHERE), True),
        (typed.InNetwork(here("context.ip"), (ip_network("10.0.0.0/8"),), BOOL, NOWHERE), True),
        (typed.InNetwork(here("context.ip"), (ip_network("::/0"),), BOOL, NOWHERE), False),
        (typed.Like(here("context.text"), "a.b*d", BOOL, NOWHERE), True),
        (typed.Like(here("context.text"), "a?b*", BOOL, NOWHERE), True),
        (typed.Like(here("context.text"), "*.b", BOOL, NOWHERE), False),
        (typed.Like(arg("s"), "te?t", BOOL, NOWHERE), True),
        (typed.Matches(here("context.text"), r"b.c$", BOOL, NOWHERE), False),
        (typed.Matches(here("context.text"), r"(?m)b.c$", BOOL, NOWHERE), True),
        (typed.Has(here("content"), frozenset({"pii.email"}), ("pii.email",), BOOL, NOWHERE), True),
        (typed.Coalesce(here("context.n"), number(1), INT, NOWHERE), 7),
        (typed.Coalesce(here("model.name"), constant("none"), STRING, NOWHERE), "none"),
        (
            typed.Coalesce(
                typed.Convert(here("context.n"), FLOAT, NOWHERE),
                constant(1.0, FLOAT),
                FLOAT,
                NOWHERE,
            ),
            7.0,
        ),
        (arithmetic(number(7), "-", number(2)), 5),
        (arithmetic(number(7), "/", number(2), FLOAT), 3.5),
        (
            arithmetic(
                constant(Decimal(1), DECIMAL), "*", constant(Decimal("2.5"), DECIMAL), DECIMAL
            ),
            Decimal("2.5"),
        ),
        (
            arithmetic(
                constant(datetime(2026, 1, 2, tzinfo=UTC), TIME), "-", here("now"), DURATION
            ),
            timedelta(days=1),
        ),
        (quantifier("any", here("context.ints"), compare(variable(), ">", number(2))), True),
        (quantifier("all", here("context.ints"), compare(variable(), ">", number(2))), False),
        (quantifier("all", arg("words"), compare(variable(JSON), "!=", constant("z"))), True),
        (quantifier("any", here("context.ints"), U), WHAT),
        (
            quantifier(
                "any", here("context.ints"), either(U, compare(variable(), "==", number(3)))
            ),
            True,
        ),
        (
            typed.MakeSet((here("stage"), constant("x")), SetOf(STRING), NOWHERE),
            frozenset({"tool_call", "x"}),
        ),
        (typed.Convert(here("context.n"), DECIMAL, NOWHERE), Decimal(7)),
        (call("length", here("context.text")), 7),
        (call("injection", here("content"), type_=FLOAT), 0.0),
        (call("count", here("content"), entities=frozenset({"pii.email"})), 2),
        (arg("list", 1), "x"),
    ],
)
def test_each_kind_of_expression(expr: Expr, expected: object) -> None:
    assert value(expr) == expected


def test_quantifiers_nest() -> None:
    inner = quantifier(
        "any",
        here("context.ints"),
        compare(arithmetic(variable(), "+", variable(slot=1)), "==", number(6)),
        slot=1,
    )

    assert value(quantifier("any", here("context.ints"), inner)) is True


@pytest.mark.parametrize(
    ("expr", "what"),
    [
        (arithmetic(number(2**62), "*", number(2)), "a number (out of range)"),
        (arithmetic(number(1), "/", number(0), FLOAT), "a number (division by zero)"),
        (
            arithmetic(constant(1e308, FLOAT), "*", constant(10.0, FLOAT), FLOAT),
            "a number (out of range)",
        ),
        (
            arithmetic(
                constant(datetime.max.replace(tzinfo=UTC), TIME),
                "+",
                constant(timedelta(1), DURATION),
                TIME,
            ),
            "a number (out of range)",
        ),
        (compare(arg("b"), "==", number(1)), "whether json values of two kinds are equal"),
        (compare(arg("list"), "!=", constant("x")), "whether json values of two kinds are equal"),
        (
            member(arg("list"), words("x")),
            "whether a json value is among values of another kind",
        ),
        (
            compare(arg("b"), ">", number(1)),
            "the order of json values that are not two numbers or two strings",
        ),
        (typed.Like(arg("n"), "*", BOOL, NOWHERE), "the text of a json value that is no string"),
        (quantifier("any", arg("n"), T), "the elements of a json value that is no list"),
    ],
)
def test_what_cannot_be_known(expr: Expr, what: str) -> None:
    assert value(expr) == Unknown(frozenset({what}))


def test_mocks_reach_scores_and_meters() -> None:
    assert value(UNKNOWN, {"classifier.toxicity": 0.9}) is True
    assert value(typed.Count("m", INT, NOWHERE), {"meter.m": 3}) == 3


def test_only_an_argument_that_is_there_can_be_mocked_as_tainted() -> None:
    there, nowhere = (typed.Tainted((key,), BOOL, NOWHERE) for key in ("s", "none"))
    assert value(there, {"tainted.s": True}) is True
    assert value(there, {"tainted.s": False}) is False
    assert value(nowhere, {"tainted.none": True}) is False


def test_only_numbers_times_and_durations_have_a_range() -> None:
    with pytest.raises(AssertionError):
        in_range("text")


# --- matching -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("when", "unless", "expected"),
    [
        (None, None, ([0], [])),
        (T, None, ([0], [])),
        (F, None, ([], [])),
        (U, None, ([], [0])),
        (T, F, ([0], [])),
        (T, T, ([], [])),
        (F, U, ([], [])),
        (U, T, ([], [])),
        (U, F, ([], [0])),
        (T, U, ([], [0])),
        (None, T, ([], [])),
    ],
)
def test_a_rule_acts_when_when_holds_and_unless_does_not(
    when: Expr | None, unless: Expr | None, expected: tuple[list[int], list[int]]
) -> None:
    made = match(policy("p", rule("a", DENY, when, unless=unless)))

    assert (made.hits, [number for number, _ in made.doubts]) == expected


def match(*policies: object) -> Match:
    built = program(*policies)  # type: ignore[arg-type]
    record = build_reader(built.fields).read(request(content="x"))
    evidence = Evidence(record, Senses(Words(), suspicious), MemoryStore(), NOW)
    return ReferenceMatcher(built, {}).match(record, evidence)


def test_rules_are_numbered_through_all_policies() -> None:
    made = match(
        policy("a", rule("x", DENY), rule("y", DENY), applies=F),
        policy("b", rule("x", DENY), applies=U),
        policy("c", rule("x", DENY), rule("y", DENY, U), applies=T),
    )

    assert (made.applied, made.hits) == ([2], [3])
    assert made.doubts == [(4, WHAT.what)]
    assert made.uncertain == [(1, WHAT.what)]


def test_addresses_are_compared_as_addresses() -> None:
    assert value(compare(here("context.ip"), "==", constant(ip_address("10.1.2.3"), IP))) is True
