"""Regions: which values of one subject a test lets through.

The arithmetic behind "this is always false".
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
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
    key, made = key_of(subject), values_for(operator, value)
    if key is None or made is None:
        return None
    return key, subject.type, whole(made) if subject.type == INT else made


def values_for(operator: str, value: typed.Value) -> Region | None:
    """Return what is ``operator value``; None for what has no order."""
    match operator, value:
        case "==", _:
            return Region(frozenset({value}))
        case "!=", _:
            return Region(excluded=frozenset({value}))
        case "<" | "<=", (int() | float() | Decimal() | datetime() | timedelta()):
            return Region(high=value, high_open=operator == "<")
        case ">" | ">=", (int() | float() | Decimal() | datetime() | timedelta()):
            return Region(low=value, low_open=operator == ">")
        case _:
            return None


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


SCORE = Region(low=0, high=1)
RANGES = {
    "injection": SCORE,
    "count": Region(low=0),
    "length": Region(low=0),
    "tokens": Region(low=0),
    "minute": Region(low=0, high=59),
    "hour": Region(low=0, high=23),
    "day": Region(low=1, high=31),
    "month": Region(low=1, high=12),
}
"""What numbers a function gives."""
FORMS: Mapping[str, Callable[[str], str]] = {
    "lower": str.lower,
    "upper": str.upper,
    "trim": str.strip,
}
"""What functions give texts in one form, and leave alone what has it."""


def surely(condition: typed.Expr) -> bool | None:
    """Return what *condition* comes to for all requests, since a function never gives that value.

    ``injection(content) > 80`` is False, for a score ends at 1; ``lower(user.id) == "Root"`` too.
    """
    match condition:
        case typed.Not(inner):
            found = surely(inner)
            return None if found is None else not found
        case typed.Member(subject, typed.Constant(frozenset() as values)):
            return False if values and all(misses(subject, one) for one in values) else None
        case typed.Compare("==" | "!=" as operator, subject, typed.Constant(str() as value)):
            return operator == "!=" if misses(subject, value) else None
        case typed.Compare(operator, subject, typed.Constant(value)):
            return in_range(subject, values_for(operator, value))
        case typed.Compare(operator, typed.Constant(value), subject):
            return in_range(subject, values_for(MIRRORED[operator], value))
        case _:
            return None


def misses(subject: typed.Expr, value: typed.Value) -> bool:
    """Return whether *subject* is a text in a form that *value* has not."""
    match subject:
        case typed.Call(name) if name in FORMS and isinstance(value, str):
            return FORMS[name](value) != value
        case _:
            return False


def in_range(subject: typed.Expr, wanted: Region | None) -> bool | None:
    """Return whether what *subject* gives always or never lies in *wanted*; None for sometimes."""
    if wanted is None:
        return None
    while isinstance(subject, typed.Convert):
        subject = subject.inner
    match subject:
        case typed.Call(name) if name in RANGES:
            given = RANGES[name]
        case typed.Score():
            given = SCORE
        case _:
            return None
    if intersect(wanted, given).empty:
        return False
    others = complement(wanted)
    return True if others is not None and intersect(others, given).empty else None


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
