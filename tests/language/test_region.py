"""What "this is always false" rests on: regions, against what they say of single values."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.language.region import Region, before, complement, covers_all, intersect, whole
from engine.language.types import BOOL, INT, Enumeration
from tests.language.checking import check_texts

NUMBERS = st.integers(-4, 4)
ENDS = st.none() | NUMBERS
REGIONS = st.builds(
    Region,
    st.none() | st.frozensets(NUMBERS, max_size=4),
    st.frozensets(NUMBERS, max_size=2),
    ENDS,
    ENDS,
    st.booleans(),
    st.booleans(),
)
TESTS = st.one_of(
    st.builds(Region, st.frozensets(NUMBERS)),
    st.builds(Region, excluded=st.frozensets(NUMBERS)),
    st.builds(Region, low=NUMBERS, low_open=st.booleans()),
    st.builds(Region, high=NUMBERS, high_open=st.booleans()),
)


@given(REGIONS, REGIONS, NUMBERS)
def test_an_intersection_holds_what_both_hold(first: Region, second: Region, value: int) -> None:
    both = intersect(first, second)
    assert both.holds(value) == (first.holds(value) and second.holds(value))


@given(REGIONS, NUMBERS)
def test_an_empty_region_holds_nothing(region: Region, value: int) -> None:
    if region.empty:
        assert not region.holds(value)


@given(TESTS, NUMBERS)
def test_a_complement_holds_all_others(region: Region, value: int) -> None:
    other = complement(region)
    if other is not None:
        assert other.holds(value) != region.holds(value)


@given(REGIONS, NUMBERS)
def test_closing_an_interval_keeps_its_whole_numbers(region: Region, value: int) -> None:
    assert whole(region).holds(value) == region.holds(value)


def test_some_regions_have_no_single_complement() -> None:
    assert complement(Region()) is None
    assert complement(Region(low=1, high=2)) is None
    assert complement(Region(frozenset({1}), frozenset({1}))) is None


def test_regions_cover_types_with_few_values_only() -> None:
    words = Enumeration(("a", "b"))
    assert covers_all([Region(frozenset({"a"})), Region(frozenset({"b"}))], words)
    assert not covers_all([Region(frozenset({"a"}))], words)
    assert covers_all([Region(frozenset({True})), Region(frozenset({False}))], BOOL)
    assert not covers_all([Region()], INT)


def test_only_values_of_one_kind_have_an_order() -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    assert before(at, at + timedelta(1), or_equal=False)
    assert not before(at, at, or_equal=False)
    assert before(timedelta(1), timedelta(1), or_equal=True)
    assert before(1, Decimal(2), or_equal=False)
    assert not before("a", 1, or_equal=True)
    assert not before(at, timedelta(1), or_equal=True)


@pytest.mark.parametrize(
    ("condition", "codes"),
    [
        ("context.count > 1.5 and context.count < 1", ["W711"]),
        ("context.age > 5m and context.age < 3m", ["W711"]),
        ("context.age > 5m and context.age < 7m", []),
        ("not (context.count < 5) and not (context.count > 3)", ["W711"]),
        ("not (context.count <= 5) and context.count == 5", ["W711"]),
        ("not (context.count >= 5) and context.count == 5", ["W711"]),
        ("not (context.count == 5) and context.count != 5", []),
        ("not (context.count != 5) and context.count == 4", ["W711"]),
        ('not (user.id not in {"a"}) and user.id == "b"', ["W711"]),
        ('user.id > "a" and user.id < "a"', []),
        ('"a" == user.id and user.id == "b"', ["W711"]),
        ("5 < context.count and 5 > context.count", ["W711"]),
        ("5 <= context.count and 4 >= context.count", ["W711"]),
        ('not (stage == "request" and stage == "response")', ["W711"]),
        ('user.roles == {"a"} and user.roles == {"b"}', ["W711"]),
        ("length(content) > 5 and length(content) < 3", []),
        ('(any x in user.roles: (x == "a")) and (any x in user.roles: (x == "b"))', []),
        ('context.flag or stage == "request" or not context.flag', []),
        ('not (context.flag and stage == "request") and context.flag', []),
    ],
)
def test_conditions_are_judged_when_certain(condition: str, codes: list[str]) -> None:
    _, report = check_texts(
        a="schema { context.count: int  context.age: duration  context.flag: bool }"
        f"policy p {{ default allow rule r {{ when {condition} then deny }} }}"
    )
    assert [one.code for one in report.sorted()] == codes
