from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from engine.language import json_values
from engine.language.functions import TABLE, Unknowable, bounded, zone_exists
from engine.language.json_values import (
    convert,
    json_contains,
    json_equal,
    json_items,
    json_member,
    json_order,
    json_overlaps,
    json_text,
    json_within,
)
from engine.language.types import DECIMAL, FLOAT, STRING
from tests.language.checking import condition

FRIDAY_NIGHT = datetime(2026, 2, 27, 23, 45, tzinfo=UTC)


def call(name: str, *arguments: object) -> object:
    body = TABLE[name].body
    assert body is not None
    return body(*arguments)


@pytest.mark.parametrize("name", TABLE)
def test_every_example_is_a_valid_condition(name: str) -> None:
    assert name in TABLE[name].example
    condition(TABLE[name].example)


@pytest.mark.parametrize("name", TABLE)
def test_every_function_is_documented(name: str) -> None:
    row = TABLE[name]
    assert row.doc.endswith(".")
    assert row.signature.startswith(f"{name}(")


def test_a_signature_shows_names_kinds_and_result() -> None:
    assert TABLE["hour"].signature == "hour(at: time, zone?: zone): int"
    assert TABLE["max"].signature == "max(a: number, b: number): number"


@pytest.mark.parametrize(
    ("name", "arguments", "result"),
    [
        ("length", ("añ🙂",), 3),
        ("length", (frozenset({"a", "b"}),), 2),
        ("length", ([1, 2, 3],), 3),
        ("length", ({"a": 1},), 1),
        ("tokens", ("",), 0),
        ("tokens", ("abc",), 1),
        ("tokens", ("abcde",), 2),
        ("tokens", ("日本語",), 3),
        ("tokens", ("\ud800",), 1),
        ("lower", ("ÀB",), "àb"),
        ("upper", ("àb",), "ÀB"),
        ("trim", (" a b\n",), "a b"),
        ("starts_with", ("svc-a", "svc-"), True),
        ("ends_with", ("a@b.c", "@b.d"), False),
        ("domain", ("a@b@Example.COM",), "example.com"),
        ("domain", ("nobody",), ""),
        ("min", (2, 3), 2),
        ("max", (Decimal(2), Decimal(3)), Decimal(3)),
        ("abs", (-2.5,), 2.5),
        ("abs", (2,), 2),
        ("round", (2.5,), 2),
        ("round", (3.5,), 4),
        ("round", (Decimal("-2.6"),), -3),
        ("minute", (FRIDAY_NIGHT,), 45),
        ("hour", (FRIDAY_NIGHT,), 23),
        ("hour", (FRIDAY_NIGHT, "Europe/Berlin"), 0),
        ("day", (FRIDAY_NIGHT, "Europe/Berlin"), 28),
        ("month", (FRIDAY_NIGHT,), 2),
        ("year", (FRIDAY_NIGHT,), 2026),
        ("weekday", (FRIDAY_NIGHT,), "friday"),
        ("weekday", (FRIDAY_NIGHT, "Europe/Berlin"), "saturday"),
    ],
)
def test_functions_compute(name: str, arguments: tuple[object, ...], result: object) -> None:
    assert call(name, *arguments) == result


@pytest.mark.parametrize("zone", ["Nowhere/City", "../etc/passwd", "", "Europe", "a\x00b"])
def test_a_zone_that_does_not_exist_is_unknowable(zone: str) -> None:
    assert not zone_exists(zone)
    with pytest.raises(Unknowable, match="the time zone"):
        call("hour", FRIDAY_NIGHT, zone)


@pytest.mark.parametrize("number", [-(2**63), 2**63])
def test_a_number_out_of_range_is_an_arithmetic_error(number: int) -> None:
    with pytest.raises(ArithmeticError):
        bounded(-number if number < 0 else number)


@pytest.mark.parametrize("number", [1e300, -1e300, float("inf"), float("nan"), Decimal("1e30")])
def test_rounding_out_of_range_is_an_arithmetic_error(number: float | Decimal) -> None:
    with pytest.raises(ArithmeticError):
        call("round", number)


def test_the_smallest_int_has_no_absolute_value() -> None:
    with pytest.raises(ArithmeticError):
        call("abs", -(2**63))


def test_the_length_of_a_json_number_is_unknowable() -> None:
    with pytest.raises(Unknowable) as raised:
        call("length", 5)
    assert raised.value.what == "the length of a json value that is no string, list or object"


@pytest.mark.parametrize(
    ("left", "right", "equal"),
    [
        (1, 1.0, True),
        (1, Decimal("1.00"), True),
        (0.1, Decimal("0.1"), True),
        (Decimal("0.1"), 0.1, True),
        (2**53 + 1, float(2**53), False),
        (True, True, True),
        ("a", "a", True),
        (None, None, True),
        (None, False, False),
        (None, "", False),
        ([1, "a"], (1.0, "a"), True),
        ([1], [1, 2], False),
        ([1], [True], False),
        ({"a": [1]}, {"a": [1.0]}, True),
        ({"a": 1}, {"b": 1}, False),
        ({"a": 1}, {"a": 2}, False),
    ],
)
def test_json_equality_goes_by_kind_and_value(left: object, right: object, equal: bool) -> None:  # noqa: FBT001
    assert json_equal(left, right) is equal
    assert json_equal(right, left) is equal


@pytest.mark.parametrize(
    ("left", "right"), [(True, 1), (False, 0), ("1", 1), ({}, []), (["evil"], "evil"), ([], "")]
)
def test_whether_json_of_two_kinds_is_equal_is_unknowable(left: object, right: object) -> None:
    with pytest.raises(Unknowable):
        json_equal(left, right)
    with pytest.raises(Unknowable):
        json_equal(right, left)


@pytest.mark.parametrize(
    ("left", "right", "order"),
    [(1, 2.5, -1), (Decimal(3), 2.5, 1), (2.5, Decimal("2.5"), 0), ("a", "b", -1), ("b", "a", 1)],
)
def test_json_orders_numbers_and_strings(left: object, right: object, order: int) -> None:
    assert json_order(left, right) == order


@pytest.mark.parametrize(
    ("left", "right"), [(1, "1"), (True, 1), (None, 1), ([1], [2]), (float("nan"), Decimal(1))]
)
def test_other_json_values_have_no_order(left: object, right: object) -> None:
    with pytest.raises((Unknowable, ArithmeticError)):
        json_order(left, right)


def test_json_membership_compares_by_kind_and_value() -> None:
    assert json_member("a", frozenset({"a"}))
    assert not json_member("b", frozenset({"a"}))
    assert not json_member(3, [1, 2.5])
    assert not json_member(None, frozenset({"a"}))
    assert not json_member("a", frozenset())
    assert json_member(1.0, [1, 2])
    assert json_member(1.0, frozenset({1, 2}))
    assert not json_member(3, frozenset({1, 2}))
    assert json_contains([1, "a"], "a")
    assert json_contains("abc", "b")
    assert not json_contains(["abc"], "b")


@pytest.mark.parametrize(
    ("item", "collection"),
    [
        (False, frozenset({0})),
        ([1], frozenset({"a"})),
        ("a", [1, "b"]),
        ("1", frozenset({1, 2})),
        ("true", frozenset({True})),
        (["evil"], ["evil"]),
    ],
)
def test_membership_among_other_kinds_is_unknowable(item: object, collection: object) -> None:
    with pytest.raises(Unknowable):
        json_member(item, collection)


def test_one_json_element_can_settle_what_another_leaves_open() -> None:
    known = frozenset({"a"})
    assert json_overlaps([1, "a"], known)
    assert not json_overlaps(["b"], known)
    assert not json_within([1, "b"], known)
    assert json_within(["a"], known)
    with pytest.raises(Unknowable):
        json_overlaps([1, "b"], known)
    with pytest.raises(Unknowable):
        json_within([1, "a"], known)


@pytest.mark.parametrize("value", [5, None, {"a": 1}, True])
def test_what_has_no_elements_cannot_be_searched(value: object) -> None:
    with pytest.raises(Unknowable):
        json_contains(value, "a")
    with pytest.raises(Unknowable):
        json_items(value)


def test_json_strings_and_lists_are_taken_as_they_are() -> None:
    assert json_text("a") == "a"
    assert json_items([1, 2]) == [1, 2]
    with pytest.raises(Unknowable):
        json_text(5)
    with pytest.raises(Unknowable):
        json_contains("abc", 5)


def test_conversion_is_exact_or_unknowable() -> None:
    assert convert(2, FLOAT) == 2.0
    assert convert(0.1, DECIMAL) == Decimal("0.1")
    assert convert(2, DECIMAL) == Decimal(2)
    assert convert("a", STRING) == "a"
    for value in (True, "1", None):
        with pytest.raises(Unknowable):
            convert(value, DECIMAL)
    for number in (Decimal("1e400"), float("inf")):
        with pytest.raises(ArithmeticError):
            convert(number, FLOAT)
    with pytest.raises(ArithmeticError):
        json_values.exact(float("nan"))
