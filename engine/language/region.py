"""Regions: which values of one subject a test lets through.

The arithmetic behind "this is always false".
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal

from engine.language import typed
from engine.language.types import BOOL, INT, Enumeration, Scalar, Type

Number = int | float | Decimal | datetime | timedelta
"""What has an order and can bound an interval."""


@dataclass(frozen=True, slots=True)
class Region:
    """The values in *allowed* (None.

    All) without *excluded*, from *low* to *high* where these are set.
    """

    allowed: frozenset[typed.Value] | None = None
    excluded: frozenset[typed.Value] = frozenset()
    low: Number | None = None
    high: Number | None = None
    low_open: bool = False
    high_open: bool = False

    def holds(self, value: typed.Value) -> bool:
        """Return whether *value* lies in this region."""
        if value in self.excluded or (self.allowed is not None and value not in self.allowed):
            return False
        below = self.low is not None and before(value, self.low, or_equal=self.low_open)
        above = self.high is not None and before(self.high, value, or_equal=self.high_open)
        return not (below or above)

    @property
    def empty(self) -> bool:
        """Whether surely no value lies in this region."""
        if self.allowed is not None:
            bounded = self.low is not None or self.high is not None
            if not bounded:
                return self.allowed <= self.excluded
            return not any(self.holds(value) for value in self.allowed)
        if self.low is None or self.high is None:
            return False
        return before(self.high, self.low, or_equal=self.low_open or self.high_open)


def before(left: typed.Value, right: typed.Value, *, or_equal: bool) -> bool:
    """Return whether *left* surely comes before *right*; False for what has no common order."""
    if isinstance(left, (int, float, Decimal)) and isinstance(right, (int, float, Decimal)):
        return left < right or (or_equal and left == right)
    if isinstance(left, datetime) and isinstance(right, datetime):
        return left < right or (or_equal and left == right)
    if isinstance(left, timedelta) and isinstance(right, timedelta):
        return left < right or (or_equal and left == right)
    return False


def all_values(type_: Type) -> frozenset[typed.Value] | None:
    """Return all values of *type_* where these are few, else None."""
    if isinstance(type_, Enumeration):
        return frozenset(type_.words)
    return frozenset({True, False}) if type_ == BOOL else None


def intersect(first: Region, second: Region) -> Region:
    """Return the values in both regions."""
    allowed = first.allowed if second.allowed is None else second.allowed
    if first.allowed is not None and second.allowed is not None:
        allowed = first.allowed & second.allowed
    made = replace(first, allowed=allowed, excluded=first.excluded | second.excluded)
    if second.low is not None and (
        made.low is None or before(made.low, second.low, or_equal=second.low_open)
    ):
        made = replace(made, low=second.low, low_open=second.low_open)
    if second.high is not None and (
        made.high is None or before(second.high, made.high, or_equal=second.high_open)
    ):
        made = replace(made, high=second.high, high_open=second.high_open)
    return made


def covers_all(regions: list[Region], type_: Type) -> bool:
    """Return whether *regions* together surely hold every value of *type_*.

    Only where these are few.
    """
    every = all_values(type_)
    if every is None:
        return False
    return all(any(region.holds(value) for region in regions) for value in every)


def test_of(condition: typed.Expr) -> tuple[Hashable, Type, Region] | None:
    """Return what *condition* tests: the key and type of its subject, and the region.

    None for other conditions.
    """
    match condition:
        case typed.Not(inner):
            found = test_of(inner)
            opposite = None if found is None else complement(found[2])
            return None if found is None or opposite is None else (found[0], found[1], opposite)
        case typed.Compare(operator, subject, typed.Constant(value)):
            return region_of(subject, operator, value)
        case typed.Compare(operator, typed.Constant(value), subject):
            return region_of(subject, MIRRORED[operator], value)
        case typed.Member(subject, typed.Constant(frozenset() as values)):
            key = key_of(subject)
            return None if key is None else (key, subject.type, Region(values))
        case _ if condition.type == BOOL and key_of(condition) is not None:
            return key_of(condition), BOOL, Region(frozenset({True}))
        case _:
            return None


MIRRORED = {"==": "==", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}


def region_of(
    subject: typed.Expr, operator: str, value: typed.Value
) -> tuple[Hashable, Type, Region] | None:
    """Return the region of ``subject operator value``; None if the subject is no plain read."""
    key = key_of(subject)
    if key is None:
        return None
    made: Region | None = None
    match operator, value:
        case "==", _:
            made = Region(frozenset({value}))
        case "!=", _:
            made = Region(excluded=frozenset({value}))
        case "<" | "<=", (int() | float() | Decimal() | datetime() | timedelta()):
            made = Region(high=value, high_open=operator == "<")
        case ">" | ">=", (int() | float() | Decimal() | datetime() | timedelta()):
            made = Region(low=value, low_open=operator == ">")
        case _:
            return None
    return key, subject.type, whole(made) if subject.type == INT else made


def whole(region: Region) -> Region:
    """Return *region* for whole numbers: ``x > 5`` is ``x >= 6``."""
    low, high = region.low, region.high
    if region.low_open and isinstance(low, int):
        region = replace(region, low=low + 1, low_open=False)
    if region.high_open and isinstance(high, int):
        region = replace(region, high=high - 1, high_open=False)
    return region


def complement(region: Region) -> Region | None:
    """Return the other values, or None when they are no single region."""
    match region:
        case Region(frozenset() as allowed, excluded, None, None) if not excluded:
            return Region(excluded=allowed)
        case Region(None, excluded, None, None) if excluded:
            return Region(excluded)
        case Region(None, excluded, None, high) if high is not None and not excluded:
            return Region(low=high, low_open=not region.high_open)
        case Region(None, excluded, low, None) if low is not None and not excluded:
            return Region(high=low, high_open=not region.low_open)
        case _:
            return None


def key_of(subject: typed.Expr) -> Hashable | None:
    """Return what tells *subject* from others where it is read plainly, or None.

    Widening changes no value. Json is left out: there a value may be of several kinds.
    """
    while isinstance(subject, typed.Convert):
        subject = subject.inner
    match subject:
        case typed.Attribute(path, _, type_) if type_ != Scalar.JSON:
            return path
        case typed.Variable(_, slot, type_) if type_ != Scalar.JSON:
            return slot
        case typed.Count(meter):
            return f"meter.{meter}"
        case typed.Tainted(path):
            return "tainted", path
        case _:
            return None
