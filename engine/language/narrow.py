"""Presence: what must be present where a condition holds, and where it does not.

A condition implies that an attribute is present when its absence alone would make the condition
false, whatever else is unknown. ``x is present and …`` implies x; ``a or b`` implies what both
imply; a test of an enumeration implies what the schema requires at the words that are left
(``tool.name`` at the tool stages). Because of "whatever else is unknown" the implication also holds
where a condition cannot be known, so that no evaluator ever reads what is absent.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce

from engine.language import typed
from engine.language.types import Enumeration

NONE: frozenset[str] = frozenset()
Required = Mapping[str, Mapping[str, frozenset[str]]]
"""For each enumeration and word the optional attributes that are required at that word."""


def presence_key(expression: typed.Expr) -> str | None:
    """Return the key under which presence of *expression* is remembered; None if it has none."""
    match expression:
        case typed.Attribute(path):
            return path
        case typed.ArgumentAt(path):
            return argument_key(path)
        case _:
            return None


def argument_key(path: tuple[str | int, ...]) -> str:
    """Return the key under which presence of the argument at *path* is remembered."""
    return "arg " + ".".join(map(str, path))


def is_optional(expression: typed.Expr) -> bool:
    """Return whether *expression* is something that can be absent, whatever is known here."""
    match expression:
        case typed.Coalesce():
            return is_optional(expression.default)
        case typed.Attribute():
            return expression.optional
        case _:
            return isinstance(expression, typed.ArgumentAt)


def may_be_absent(expression: typed.Expr, present: frozenset[str] | None) -> typed.Expr | None:
    """Return the part of *expression* that may be absent where *present* is (None: all), if any.

    What a decision lacks makes an expectation fail, so its fields need no guard.
    """
    if present is None or not is_optional(expression):
        return None
    if isinstance(expression, typed.Coalesce):
        return may_be_absent(expression.default, present)
    key = presence_key(expression)
    assert key is not None, "what can be absent has a key"
    return None if key in present or key.startswith("decision.") else expression


def written(expression: typed.Expr) -> str:
    """Return how an author writes the attribute or argument *expression*."""
    if isinstance(expression, typed.ArgumentAt):
        return f'arg("{".".join(map(str, expression.path))}")'
    assert isinstance(expression, typed.Attribute), "only these may be absent"
    return expression.path


def when_true(condition: typed.Expr | None, required: Required) -> frozenset[str]:
    """Return the keys of what is present where *condition* holds."""
    match condition:
        case typed.Present(subject):
            return keys_of(subject)
        case typed.Tainted(path):
            return frozenset({argument_key(path)})
        case typed.Not(inner):
            return when_false(inner, required)
        case typed.And(parts):
            return NONE.union(*(when_true(part, required) for part in parts))
        case typed.Or(parts):
            return reduce(frozenset.intersection, (when_true(part, required) for part in parts))
        case typed.Compare("==" | "!=") | typed.Member():
            return by_words(condition, required, holds=True)
        case typed.Coalesce(subject, typed.Constant(False)):
            return keys_of(subject)
        case typed.Quantifier("any", _, _, _, body):
            return when_true(body, required)
        case _:
            return NONE


def when_false(condition: typed.Expr | None, required: Required) -> frozenset[str]:
    """Return the keys of what is present where *condition* does not hold."""
    match condition:
        case typed.Not(inner):
            return when_true(inner, required)
        case typed.Or(parts):
            return NONE.union(*(when_false(part, required) for part in parts))
        case typed.And(parts):
            return reduce(frozenset.intersection, (when_false(part, required) for part in parts))
        case typed.Compare("==" | "!=") | typed.Member():
            return by_words(condition, required, holds=False)
        case typed.Coalesce(subject, typed.Constant(True)):
            return keys_of(subject)
        case typed.Quantifier("all", _, _, _, body):
            return when_false(body, required)
        case _:
            return NONE


def keys_of(subject: typed.Expr) -> frozenset[str]:
    """Return the presence key of *subject* as a set."""
    key = presence_key(subject)
    return NONE if key is None else frozenset({key})


def by_words(
    condition: typed.Compare | typed.Member, required: Required, *, holds: bool
) -> frozenset[str]:
    """Return what is present where a test against constants *holds* (or does not).

    ``(x ?? "none") == "a"`` is a test of x that also implies x, because "none" is not "a".
    """
    match condition:
        case typed.Member(subject, typed.Constant(frozenset() as tested)):
            wanted = holds
        case typed.Compare(operator, subject, typed.Constant(value)):
            tested, wanted = frozenset({value}), holds == (operator == "==")
        case typed.Compare(operator, typed.Constant(value), subject):
            tested, wanted = frozenset({value}), holds == (operator == "==")
        case _:
            return NONE
    match subject:
        case typed.Attribute(path, _, type_):
            found = NONE
        case typed.Coalesce(typed.Attribute(path, _, type_) as read, typed.Constant(default)):
            if (default in tested) == wanted:
                return NONE
            found = keys_of(read)
        case typed.Coalesce(typed.ArgumentAt() as argument, typed.Constant(default)):
            return NONE if (default in tested) == wanted else keys_of(argument)
        case _:
            return NONE
    words = required.get(path)
    if words is None or not isinstance(type_, Enumeration):
        return found
    left = [word for word in type_.words if (word in tested) == wanted]
    if not left:
        return found
    return found | frozenset.intersection(*(words.get(word, NONE) for word in left))
