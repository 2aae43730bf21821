"""A conjunction -> what a request must have for it to hold: the keys the index may file it under.

From ``tenant.id == "north" and (stage == "request" or stage == "document") and context.amount >
500`` come ``tenant.id in {"north"}``, ``stage in {"request", "document"}`` and the threshold
``context.amount > 500``. A key is *exact* when it says all that its part says; that part need not
be tried again under the key. An ``or`` constrains an attribute when each of its branches does.

Only the request record is read: whether a key fits is then always known, and a conjunction whose
key does not fit is false whatever else in it cannot be known.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeGuard

from engine.language import typed
from engine.language.cost import EVIDENCE
from engine.language.plan import Choice, Key, Order, Step, Threshold
from engine.language.typed import Expr
from engine.language.types import BOOL, FLOAT, INT, JSON, Enumeration, ListOf, SetOf, Type

MIRROR: dict[str, Order] = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
IDENTITIES = {"tenant.id": 0.001, "user.id": 0.0001, "session.id": 0.0001}
UNLISTED = 0.02
"""The share of requests that one value of an open set of values is expected in."""
EXCEEDED = 0.1
"""The share of requests in which a limit is passed: limits are there to be kept."""
WIDEST = 64
"""An ``in`` with more constants than this is tried, not indexed."""

Column = tuple[str, str]
"""An attribute and how it is looked up: ``is``, ``has`` or an order with its default."""


@dataclass(frozen=True, slots=True)
class Keyed:
    """A necessary condition as an index step.

    *part* is the part that it makes superfluous, if it is exact; *chance* estimates the share of
    requests that fit.
    """

    step: Step
    part: Expr | None
    chance: float


def column(step: Step) -> Column:
    """Return what steps must agree in to be kept in one table."""
    if isinstance(step, Choice):
        return step.path, "has" if step.many else "is"
    return step.path, f"{step.order} {step.default}"


def keys_of(parts: Iterable[Expr]) -> Mapping[Column, Keyed]:
    """Return the most selective key of every column that the conjunction of *parts* constrains."""
    best: dict[Column, Keyed] = {}
    for part in parts:
        for keyed in necessary(part):
            place = column(keyed.step)
            if place not in best or keyed.chance < best[place].chance:
                best[place] = keyed
    return best


def necessary(part: Expr) -> list[Keyed]:  # noqa: C901 - a case for every form
    """Return the keys without which *part* cannot hold."""
    match part:
        case typed.Attribute(type=type_) if type_ == BOOL:
            return choice(part, [True], part)
        case typed.Not(typed.Attribute(type=type_) as attribute) if type_ == BOOL:
            return choice(attribute, [False], part)
        case typed.Not(typed.Present(typed.Attribute() as attribute)):
            return choice(attribute, [None], part)
        case typed.Compare("==", left, typed.Constant(value)):
            return choice(left, [value], part)
        case typed.Compare("==", typed.Constant(value), right):
            return choice(right, [value], part)
        case typed.Compare(
            "<" | "<=" | ">" | ">=" as order, left, typed.Constant(int() | float() as bound)
        ):
            return threshold(left, order, bound, part)
        case typed.Compare(
            "<" | "<=" | ">" | ">=" as order, typed.Constant(int() | float() as bound), right
        ):
            return threshold(right, MIRROR[order], bound, part)
        case typed.Member(typed.Constant(value), typed.Attribute() as collection):
            return elements(collection, [value], part)
        case typed.Member(item, typed.Constant(frozenset() | tuple() as values)):
            return choice(item, values, part)
        case typed.Overlaps(typed.Attribute() as some, typed.Constant(frozenset() as values)):
            return elements(some, values, part)
        case typed.Overlaps(typed.Constant(frozenset() as values), typed.Attribute() as some):
            return elements(some, values, part)
        case typed.And(parts):
            return [Keyed(one.step, None, one.chance) for one in keys_of(parts).values()]
        case typed.Or(parts):
            return union(parts, part)
        case _:
            return []


def union(branches: tuple[Expr, ...], part: Expr) -> list[Keyed]:
    """Return the choices that every one of *branches* makes, each with the values of all."""
    found = [keys_of([branch]) for branch in branches]
    made = []
    for place, first in found[0].items():
        together = [keys[place] for keys in found if place in keys]
        steps = [one.step for one in together if isinstance(one.step, Choice)]
        if len(steps) == len(branches):
            step = steps[0]
            values = frozenset[Key]().union(*(one.values for one in steps))
            exact = all(one.part is not None for one in together)
            chance = min(1.0, sum(one.chance for one in together))
            if len(values) <= WIDEST:
                merged = Choice(step.path, step.many, values)
                made.append(Keyed(merged, part if exact else None, max(chance, first.chance)))
    return made


def choice(subject: Expr, values: Iterable[object], part: Expr) -> list[Keyed]:
    """Return the key ``subject in values`` for an attribute, or one with a default (``a ?? b``)."""
    wanted = set(values)
    match subject:
        case typed.Attribute() as attribute:
            pass
        case typed.Coalesce(typed.Attribute() as attribute, typed.Constant(default)):
            wanted |= {None} if default in wanted else set()
        case _:
            return []
    if attribute.path in EVIDENCE or isinstance(attribute.type, SetOf | ListOf):
        return []
    if attribute.type == JSON or len(wanted) > WIDEST or not all(map(simple, wanted)):
        return []
    keys = frozenset(filter(simple, wanted))
    return [Keyed(Choice(attribute.path, many=False, values=keys), part, chance(attribute, keys))]


def elements(collection: typed.Attribute, values: Iterable[object], part: Expr) -> list[Keyed]:
    """Return the key ``collection has an element of values``."""
    wanted = set(values)
    if collection.path in EVIDENCE or len(wanted) > WIDEST or not all(map(simple, wanted)):
        return []
    keys = frozenset(filter(simple, wanted))
    share = min(1.0, 0.1 * len(keys))
    return [Keyed(Choice(collection.path, many=True, values=keys), part, share)]


def threshold(subject: Expr, order: Order, bound: float, part: Expr) -> list[Keyed]:
    """Return the key ``subject order bound`` for a number."""
    default: float | None = None
    match subject:
        case typed.Attribute() as attribute:
            pass
        case typed.Coalesce(
            typed.Attribute() as attribute, typed.Constant(int() | float() as default)
        ):
            pass
        case _:
            return []
    if attribute.type not in {INT, FLOAT} or attribute.path in EVIDENCE:
        return []
    return [Keyed(Threshold(attribute.path, order, bound, default), part, EXCEEDED)]


def simple(value: object) -> TypeGuard[Key]:
    """Return whether an index table may be keyed by *value*."""
    return value is None or isinstance(value, bool | int | float | str)


def chance(attribute: typed.Attribute, keys: frozenset[Key]) -> float:
    """Estimate the share of requests in which *attribute* is one of *keys*."""
    type_: Type = attribute.type
    absent = 0.5 if None in keys else 0.0
    count = len(keys - {None})
    if attribute.path in IDENTITIES:
        share = count * IDENTITIES[attribute.path]
    elif isinstance(type_, Enumeration):
        share = count / len(type_.words)
    elif type_ == BOOL:
        share = count / 2
    else:
        share = count * UNLISTED
    return min(1.0, share + absent)
