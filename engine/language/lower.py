"""Checked policies of one file -> plan: conditions desugared, folded, put in order, and keyed.

A rule fires when ``applies and when and not unless`` holds; that conjunction is what is lowered:

1. *normalise* pushes ``not`` inwards, flattens, and drops what constants decide. Each step keeps
   the three-valued meaning: a false part decides an ``and`` even where another cannot be known, so
   neither order nor grouping matters, and ``not (a < b)`` is ``a >= b`` (json excepted, which is
   ordered by its kind).
2. Parts are sorted by cost, cheapest first, so that detectors, meters and models come last and are
   asked only when everything else holds.
3. ``keys`` reads off what a request must have for the conjunction to hold; ``arrange`` groups by
   it.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal

from engine.language import typed
from engine.language.arrange import Candidate, arrange
from engine.language.cost import cost
from engine.language.keys import keys_of
from engine.language.plan import Entry, Look, Plan, PolicyShape
from engine.language.program import Policy, Redact, Rule
from engine.language.text import Span
from engine.language.typed import Expr
from engine.language.types import BOOL, JSON
from engine.language.walk import anonymous, inner, rebuild

ORDERS: Mapping[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le,
    ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
OPPOSITE: dict[str, Literal["==", "!=", "<", "<=", ">", ">="]] = {
    "==": "!=", "!=": "==", "<": ">=", ">=": "<", ">": "<=", "<=": ">",
}  # fmt: skip


def lower_file(path: str, policies: Sequence[Policy]) -> Plan:
    """Return the plan of the *policies* that the file at *path* defines."""
    shapes = []
    candidates: list[Candidate] = []
    for number, policy in enumerate(policies):
        applies = conjunction([policy.applies], policy.span)
        always = applies == ()
        shapes.append(PolicyShape(policy.name, len(policy.rules), always))
        if not always:
            candidates.extend(candidate(Entry(number, None, applies or (), policy.span), applies))
        for index, rule in enumerate(policy.rules):
            parts = rule_condition(policy, rule)
            entry = Entry(number, index, parts or (), rule.span, redacts(rule))
            candidates.extend(candidate(entry, parts))
    return Plan(path, tuple(shapes), tuple(arrange(candidates)))


def redacts(rule: Rule) -> Look | None:
    """Return what *rule* redacts, and where; None where it does something else."""
    action = rule.action
    return (action.path, action.entities) if isinstance(action, Redact) else None


def candidate(entry: Entry, parts: tuple[Expr, ...] | None) -> Iterator[Candidate]:
    """Give *entry* with its index keys, or nothing when its condition can never hold."""
    if parts is not None:
        yield Candidate(entry, keys_of(parts))


def rule_condition(policy: Policy, rule: Rule) -> tuple[Expr, ...] | None:
    """Return the whole condition of *rule* as ordered parts, or None when it can never hold."""
    unless = None
    if rule.unless is not None:
        unless = typed.Not(rule.unless, BOOL, rule.unless.span)
    return conjunction([policy.applies, rule.when, unless], rule.span)


def conjunction(conditions: Iterable[Expr | None], at: Span) -> tuple[Expr, ...] | None:
    """Return the parts of the conjunction, cheapest first; None when one is false."""
    given = tuple(one for one in conditions if one is not None)
    match normalise(typed.And(given, BOOL, at)):
        case typed.Constant(True):
            return ()
        case typed.Constant():
            return None
        case typed.And(parts):
            return parts
        case other:
            return (other,)


def normalise(node: Expr) -> Expr:
    """Return an expression of the same three-valued meaning in the form described above."""
    match node:
        case typed.And(parts):
            return connective([normalise(part) for part in parts], typed.And, node.span)
        case typed.Or(parts):
            return connective([normalise(part) for part in parts], typed.Or, node.span)
        case typed.Not(one):
            return negated(one, node.span)
        case _:
            made = rebuild(node, [normalise(part) for part in inner(node)], node.span)
            return fold(made)


def negated(node: Expr, at: Span) -> Expr:
    """Return the normal form of ``not node``."""
    match node:
        case typed.And(parts):
            return connective([negated(part, part.span) for part in parts], typed.Or, at)
        case typed.Or(parts):
            return connective([negated(part, part.span) for part in parts], typed.And, at)
        case typed.Not(one):
            return normalise(one)
        case typed.Compare(sign, left, right) if reversible(node):
            return normalise(typed.Compare(OPPOSITE[sign], left, right, BOOL, at))
        case typed.Quantifier(kind, variable, slot, collection, body):
            other: Literal["any", "all"] = "all" if kind == "any" else "any"
            return typed.Quantifier(
                other, variable, slot, normalise(collection), negated(body, body.span), BOOL, at
            )
        case _:
            made = normalise(node)
            if isinstance(made, typed.Constant):
                return typed.Constant(not made.value, BOOL, at)
            return typed.Not(made, BOOL, at)


def reversible(node: typed.Compare) -> bool:
    """Return whether ``not (left op right)`` is the opposite comparison; json order is not."""
    return node.operator in {"==", "!="} or JSON not in {node.left.type, node.right.type}


def connective(parts: list[Expr], kind: type[typed.And | typed.Or], at: Span) -> Expr:
    """Return *parts* joined: flat, without repetitions and constants, cheapest first."""
    decisive = kind is typed.Or
    kept: dict[Expr, Expr] = {}
    for part in flat(parts, kind):
        if isinstance(part, typed.Constant):
            if part.value is decisive:
                return typed.Constant(decisive, BOOL, at)
        else:
            kept.setdefault(anonymous(part), part)
    united = unite(tuple(kept.values())) if kind is typed.Or else tuple(kept.values())
    # Invariant: the sort is stable, so a guard keeps its place before what it guards at equal cost.
    ordered = tuple(sorted(united, key=cost))
    if not ordered:
        return typed.Constant(not decisive, BOOL, at)
    return ordered[0] if len(ordered) == 1 else kind(ordered, BOOL, at)


def flat(parts: Iterable[Expr], kind: type[typed.And | typed.Or]) -> Iterator[Expr]:
    """Give *parts* with the parts of any part of the same *kind* in its place."""
    for part in parts:
        if isinstance(part, kind):
            yield from part.parts
        else:
            yield part


def unite(parts: tuple[Expr, ...]) -> tuple[Expr, ...]:
    """Return *parts* of an ``or`` with ``x == a or x == b`` as ``x in {a, b}``."""
    groups: dict[Expr, list[typed.Compare]] = {}
    for part in parts:
        if isinstance(part, typed.Compare) and equality(part) is not None:
            groups.setdefault(anonymous(part.left), []).append(part)
    made: list[Expr] = []
    done: set[Expr] = set()
    for part in parts:
        same = groups.get(anonymous(part.left), []) if isinstance(part, typed.Compare) else []
        if len(same) < 2 or part not in same:  # noqa: PLR2004
            made.append(part)
        elif anonymous(same[0].left) not in done:
            done.add(anonymous(same[0].left))
            made.append(membership(same))
    return tuple(made)


def equality(node: typed.Compare) -> str | None:
    """Return the string that *node* compares an attribute with, when that is all it does."""
    match node:
        case typed.Compare("==", typed.Attribute(), typed.Constant(str() as value)):
            return value
        case _:
            return None


def membership(same: Sequence[typed.Compare]) -> Expr:
    """Return ``x in {a, b}`` for the equalities *same* of one attribute."""
    first = same[0]
    values = frozenset(value for one in same if (value := equality(one)) is not None)
    constant = typed.Constant(values, first.right.type, first.span)
    return typed.Member(first.left, constant, BOOL, first.span.to(same[-1].span))


def fold(node: Expr) -> Expr:
    """Return *node*, or the constant it is when it only compares constants."""
    match node:
        case typed.Compare(sign, typed.Constant(a), typed.Constant(b)):
            return typed.Constant(ORDERS[sign](a, b), BOOL, node.span)
        case typed.Member(typed.Constant(a), typed.Constant(frozenset() | tuple() as b)):
            return typed.Constant(a in b, BOOL, node.span)
        case typed.Overlaps(_, typed.Constant(frozenset() as none)) if not none:
            return typed.Constant(value=False, type=BOOL, span=node.span)
        case _:
            return node
