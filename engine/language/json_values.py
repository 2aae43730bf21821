"""Json values at run time: what they equal, how they order, and what cannot be known of them.

``tool.args`` and what ``arg`` reads have no type before a request comes. Asking of a value what
its kind cannot answer raises ``Unknowable``, and so does comparing kinds that differ: were
``["evil"]`` simply not ``"evil"``, whoever writes the arguments could make a rule vanish.
"""

from __future__ import annotations

from collections.abc import Collection
from decimal import Decimal
from math import isfinite
from typing import TypeGuard

from engine.language.types import DECIMAL, FLOAT, STRING, Type

OTHER_KIND = "whether a json value is among values of another kind"


class Unknowable(Exception):
    """A value that cannot be known. *what* says which, as a noun in the author's words."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what


def json_equal(left: object, right: object) -> bool:
    """Return whether two values are the same JSON, or raise Unknowable for two kinds.

    Numbers compare by value: ``1`` equals ``1.0``, and a decimal equals the shortest spelling of
    a float. A bool is no number. Null is of every kind, and equals null only.
    """
    if comparable(left, right):
        return same(left, right)
    raise Unknowable("whether json values of two kinds are equal")


def comparable(left: object, right: object) -> bool:
    """Return whether it can be asked if two values are equal: one kind, or one is null."""
    return left is None or right is None or kind(left) == kind(right)


def kind(value: object) -> str:
    """Return the json kind of *value*, which is not null."""
    match value:
        case bool():
            return "bool"
        case str():
            return "string"
        case list() | tuple():
            return "list"
        case dict():
            return "object"
        case _:
            return "number"


def same(left: object, right: object) -> bool:
    """Return whether two values are the same JSON, to the innermost kind and value."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if number_like(left) and number_like(right):
        first, second = alike(left, right)
        return first == second
    if isinstance(left, (list, tuple)) and isinstance(right, (list, tuple)):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(
            same(value, right[name]) for name, value in left.items()
        )
    if isinstance(left, str) and isinstance(right, str):
        return left == right
    return left is None and right is None


def json_order(left: object, right: object) -> int:
    """Return -1, 0 or 1 for two numbers or two strings, or raise Unknowable for other kinds."""
    if isinstance(left, str) and isinstance(right, str):
        return (left > right) - (left < right)
    if number_like(left) and number_like(right):
        first, second = alike(left, right)
        return (first > second) - (first < second)
    raise Unknowable("the order of json values that are not two numbers or two strings")


def json_member(item: object, collection: object) -> bool:
    """Return whether *item* equals an element of *collection* (a set, a list, a json list).

    When it equals none, and one is of another kind, that is not known: Unknowable.
    """
    if not isinstance(collection, (frozenset, tuple, list)):
        raise Unknowable("the elements of a json value that is no list")
    if isinstance(collection, frozenset):
        return _set_member(item, collection)
    if any(same(item, one) for one in collection):
        return True
    if all(comparable(item, one) for one in collection):
        return False
    raise Unknowable(OTHER_KIND)


def _set_member(item: object, values: frozenset[object]) -> bool:
    """Return what `json_member` does of a set, which may be a list of 100,000 entries."""
    some = next(iter(values), None)  # They are all of one kind: the checker sees to that.
    if item is None or some is None:
        return False
    if kind(item) != kind(some):
        raise Unknowable(OTHER_KIND)
    return item in values if isinstance(item, str) else any(same(item, one) for one in values)


def json_overlaps(left: object, right: object) -> bool:
    """Return whether two collections, json lists among them, share an element.

    One element that is shared settles it; else one that cannot be known raises Unknowable.
    """
    doubt: Unknowable | None = None
    for one in elements(left):
        try:
            if json_member(one, right):
                return True
        except Unknowable as unknown:
            doubt = unknown
    if doubt is not None:
        raise doubt
    return False


def json_within(left: object, right: object) -> bool:
    """Return whether every element of *left* is in *right*, either of them maybe a json list.

    One element that is not in settles it; else one that cannot be known raises Unknowable.
    """
    doubt: Unknowable | None = None
    for one in elements(left):
        try:
            if not json_member(one, right):
                return False
        except Unknowable as unknown:
            doubt = unknown
    if doubt is not None:
        raise doubt
    return True


def elements(value: object) -> Collection[object]:
    """Return the elements of a set, a list or a json list."""
    return value if isinstance(value, frozenset) else json_items(value)


def json_contains(value: object, item: object) -> bool:
    """Return whether a json list has the element *item*, or a json string the substring *item*."""
    if isinstance(value, str):
        return json_text(item) in value
    return json_member(item, value)


def json_items(value: object) -> Collection[object]:
    """Return the elements of a json list, or raise Unknowable for another kind."""
    if isinstance(value, (list, tuple)):
        return value
    raise Unknowable("the elements of a json value that is no list")


def json_text(value: object) -> str:
    """Return a json string, or raise Unknowable for another kind."""
    if isinstance(value, str):
        return value
    raise Unknowable("the text of a json value that is no string")


def convert(value: object, type_: Type) -> object:
    """Return *value* as *type_*: int as float or decimal; a json value as string, float or decimal.

    Raises Unknowable when a json value is of another kind, OverflowError when it is out of range.
    """
    if type_ == STRING:
        return json_text(value)
    if not number_like(value):
        raise Unknowable("the number in a json value that is no number")
    if type_ == FLOAT:
        made = float(value)
        if not isfinite(made):
            raise OverflowError("the number is not finite")
        return made
    assert type_ == DECIMAL, "the checker makes no other conversions"
    return exact(value)


def number_like(value: object) -> TypeGuard[int | float | Decimal]:
    """Return whether *value* is a number; a bool is none."""
    return isinstance(value, (int, float, Decimal)) and not isinstance(value, bool)


def exact(number: float | Decimal) -> Decimal:
    """Return *number* as a decimal, a float by its shortest spelling.

    Raise OverflowError if not finite.
    """
    if not isfinite(number):
        raise OverflowError("the number is not finite")
    return Decimal(repr(number)) if isinstance(number, float) else Decimal(number)


def alike(left: float | Decimal, right: float | Decimal) -> tuple[float | Decimal, float | Decimal]:
    """Return two numbers such that they compare by value.

    A float beside a decimal becomes a decimal.
    """
    if isinstance(left, Decimal) and isinstance(right, float):
        return left, exact(right)
    if isinstance(left, float) and isinstance(right, Decimal):
        return exact(left), right
    return left, right
