"""A typed expression in, the words that an author would write for it out."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import assert_never

from engine.language import typed
from engine.language.typed import Expr, Value
from engine.runtime.reference import Relation

OR, AND, NOT, COMPARISON, COALESCE, SUM, PRODUCT, ATOM = range(1, 9)
"""How tightly an expression binds; a looser one inside a tighter one stands in parentheses."""

SHOWN = 60
"""Characters of a text, and elements of a collection, that are shown."""

MOST = 8
"""Elements of a constant set that are written out."""

FIXED = (typed.Constant, typed.NamedList)
"""What no request changes."""

UNITS = ((604_800, "w"), (86_400, "d"), (3600, "h"), (60, "m"), (1, "s"))
INVERSE = {"==": "!=", "!=": "==", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}


def phrase(expr: Expr, loosest: int = OR) -> str:
    """Return *expr* as an author would write it, in parentheses if looser than *loosest*."""
    text, level = _phrase(expr)
    return text if level >= loosest else f"({text})"


def opposite(expr: Expr) -> str:
    """Return the words for *expr* not being so."""
    match expr:
        case typed.Compare(sign, left, right):
            return f"{phrase(left, SUM)} {INVERSE[sign]} {phrase(right, SUM)}"
        case _:
            return phrase(typed.Not(expr, expr.type, expr.span))


def _phrase(expr: Expr) -> tuple[str, int]:  # noqa: C901  a case for every kind of expression
    match expr:
        case typed.Constant(value):
            return _constant(value), ATOM
        case typed.Attribute(name) | typed.Variable(name) | typed.NamedList(name):
            return name, ATOM
        case typed.And(parts):
            return " and ".join(phrase(part, AND) for part in parts), AND
        case typed.Or(parts):
            return " or ".join(phrase(part, AND) for part in parts), OR
        case typed.Not(inner):
            return _negation(inner)
        case typed.Compare(word, left, right):
            return _between(left, word, right)
        case (
            typed.Member()
            | typed.Substring()
            | typed.Overlaps()
            | typed.Within()
            | typed.InNetwork()
            | typed.Like()
            | typed.Matches()
            | typed.Has()
            | typed.Present()
            | typed.Tainted()
        ):
            return _relation(expr)
        case typed.Coalesce(subject, default):
            return f"{phrase(subject, COALESCE)} ?? {phrase(default, SUM)}", COALESCE
        case typed.Arithmetic(sign, left, right):
            level = SUM if sign in {"+", "-"} else PRODUCT
            return f"{phrase(left, level)} {sign} {phrase(right, level + 1)}", level
        case typed.Quantifier():
            of = phrase(expr.collection, SUM)
            return f"{expr.kind} {expr.variable} in {of}: ({phrase(expr.body)})", ATOM
        case typed.MakeSet(items):
            return f"{{{', '.join(phrase(item) for item in items)}}}", ATOM
        case typed.Convert(inner):
            return _phrase(inner)
        case typed.Call():
            arguments = [phrase(argument) for argument in expr.arguments]
            return f"{expr.function}({', '.join([*arguments, *sorted(expr.entities)])})", ATOM
        case typed.ArgumentAt(path):
            return _argument(path), ATOM
        case typed.Score(classifier, subject):
            return f"classifier.{classifier}({phrase(subject)})", ATOM
        case typed.Count(meter):
            return f"meter.{meter}", ATOM
        case _:
            assert_never(expr)


def _argument(path: tuple[str | int, ...]) -> str:
    return f"arg({json.dumps('.'.join(str(step) for step in path))})"


def _negation(inner: Expr) -> tuple[str, int]:
    match inner:
        case typed.Member(item, collection) if _in_order(item, collection):
            return _between(item, "not in", collection)
        case typed.Present(subject):
            return f"{phrase(subject, SUM)} is absent", COMPARISON
        case typed.Tainted(path):
            return f"{_argument(path)} not tainted", COMPARISON
        case _:
            # `not a ?? b` would mean the same, but who would know?
            loosest = ATOM if isinstance(inner, typed.Coalesce) else NOT
            return f"not {phrase(inner, loosest)}", NOT


def _relation(  # noqa: C901  a case for every kind of relation
    expr: Relation | typed.Has | typed.Present | typed.Tainted,
) -> tuple[str, int]:
    match expr:
        case typed.Member(left, right):
            if not _in_order(left, right):
                return _between(right, "contains", left)
            return _between(left, "in", right)
        case typed.Substring(left, right):
            return _between(left, "contains", right)
        case typed.Overlaps(left, right):
            return _between(left, "overlaps", right)
        case typed.Within(left, right):
            return _between(left, "within", right)
        case typed.InNetwork(subject, networks):
            return f"{phrase(subject, SUM)} within {_networks(networks)}", COMPARISON
        case typed.Like(subject, pattern):
            return f"{phrase(subject, SUM)} like {literal(pattern)}", COMPARISON
        case typed.Matches(subject, pattern):
            return f"{phrase(subject, SUM)} matches /{pattern}/", COMPARISON
        case typed.Has(subject, _, written):
            return f"{phrase(subject, SUM)} has {', '.join(written)}", COMPARISON
        case typed.Present(subject):
            return f"{phrase(subject, SUM)} is present", COMPARISON
        case typed.Tainted(path):
            return f"{_argument(path)} tainted", COMPARISON
        case _:
            assert_never(expr)


def _between(left: Expr, word: str, right: Expr) -> tuple[str, int]:
    return f"{phrase(left, SUM)} {word} {phrase(right, SUM)}", COMPARISON


def _in_order(item: Expr, collection: Expr) -> bool:
    """Return whether ``item in collection`` was written, not ``collection contains item``."""
    # A constant or a list may come from a `let`, so its place says nothing.
    return isinstance(collection, FIXED) or item.span.start <= collection.span.start


def _constant(value: Value) -> str:
    """Return the literal; of a large set only the first elements."""
    if not isinstance(value, frozenset) or len(value) <= MOST:
        return literal(value)
    first = sorted(literal(one) for one in value)[:MOST]
    return f"{{{', '.join(first)}, … {len(value) - MOST} more}}"


def _networks(networks: Iterable[object]) -> str:
    made = [json.dumps(str(network)) for network in networks]
    return made[0] if len(made) == 1 else f"{{{', '.join(made)}}}"


def literal(value: Value) -> str:
    """Return *value* as an author would write it."""
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float() | Decimal():
            return str(value)
        case str():
            return json.dumps(value, ensure_ascii=False)
        case datetime():
            return value.isoformat().replace("+00:00", "Z")
        case timedelta():
            return duration(value)
        case frozenset():
            return f"{{{', '.join(sorted(literal(one) for one in value))}}}"
        case tuple():
            return f"[{', '.join(literal(one) for one in value)}]"
        case _:
            return json.dumps(str(value))


def duration(value: timedelta) -> str:
    """Return *value* as an author would write it: ``1h30m``, ``250ms``."""
    left, microseconds = value.days * 86_400 + value.seconds, value.microseconds
    made = ""
    for seconds, unit in UNITS:
        count, left = divmod(left, seconds)
        made += f"{count}{unit}" if count else ""
    made += f"{microseconds / 1000:g}ms" if microseconds else ""
    return made or "0s"


def presentable(value: object) -> object:
    """Return a value of the language as JSON-ready values; sets sorted, so that they are stable."""
    match value:
        case None | bool() | int() | float() | str():
            return value
        case timedelta():
            return value.total_seconds()
        case datetime():
            return value.isoformat().replace("+00:00", "Z")
        case frozenset():
            return sorted((presentable(one) for one in value), key=repr)
        case tuple() | list():
            return [presentable(one) for one in value]
        case dict():
            return {str(name): presentable(one) for name, one in value.items()}
        case _:
            return str(value)


def short(value: object) -> object:
    """Return a JSON-ready *value* with long texts and collections cut."""
    match value:
        case str():
            return value if len(value) <= SHOWN else value[: SHOWN - 1] + "…"
        case list():
            made = [short(one) for one in value[:SHOWN]]
            return made if len(value) <= SHOWN else [*made, "…"]
        case dict():
            made_items = list(value.items())[:SHOWN]
            return {str(short(name)): short(one) for name, one in made_items}
        case _:
            return value
