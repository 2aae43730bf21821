"""Typed expressions taken apart, and put together again from other parts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import assert_never

from engine.language import typed
from engine.language.text import NOWHERE, Span
from engine.language.typed import Expr


def inner(node: Expr) -> tuple[Expr, ...]:
    """Return the expressions that stand directly in *node*, in order."""
    match node:
        case (
            typed.Constant()
            | typed.Attribute()
            | typed.Variable()
            | typed.NamedList()
            | typed.ArgumentAt()
            | typed.Tainted()
            | typed.Count()
        ):
            return ()
        case typed.And(parts) | typed.Or(parts):
            return parts
        case typed.Not(one) | typed.Convert(one) | typed.Present(one):
            return (one,)
        case (
            typed.Compare(_, left, right)
            | typed.Arithmetic(_, left, right)
            | typed.Member(left, right)
            | typed.Substring(left, right)
            | typed.Overlaps(left, right)
            | typed.Within(left, right)
            | typed.Coalesce(left, right)
        ):
            return (left, right)
        case typed.Quantifier():
            return (node.collection, node.body)
        case typed.InNetwork(one) | typed.Like(one) | typed.Matches(one) | typed.Has(one):
            return (one,)
        case typed.Score(_, one):
            return (one,)
        case typed.MakeSet(items):
            return items
        case typed.Call():
            return node.arguments
        case _:
            assert_never(node)


Leaf = (
    typed.Constant
    | typed.Attribute
    | typed.Variable
    | typed.NamedList
    | typed.ArgumentAt
    | typed.Tainted
    | typed.Count
)


def rebuild(  # noqa: C901 - a case for every kind of node
    node: Expr, parts: Sequence[Expr], at: Span
) -> Expr:
    """Return *node* with *parts* in the place of ``inner(node)`` and *at* as its span."""
    match node:
        case typed.And() | typed.Or() | typed.MakeSet():
            return type(node)(tuple(parts), node.type, at)
        case typed.Not() | typed.Convert() | typed.Present():
            return type(node)(parts[0], node.type, at)
        case typed.Compare(operator):
            return typed.Compare(operator, parts[0], parts[1], node.type, at)
        case typed.Arithmetic(sign):
            return typed.Arithmetic(sign, parts[0], parts[1], node.type, at)
        case (
            typed.Member()
            | typed.Substring()
            | typed.Overlaps()
            | typed.Within()
            | typed.Coalesce()
        ):
            return type(node)(parts[0], parts[1], node.type, at)
        case typed.Quantifier(kind, variable, slot):
            return typed.Quantifier(kind, variable, slot, parts[0], parts[1], node.type, at)
        case typed.InNetwork():
            return typed.InNetwork(parts[0], node.networks, node.type, at)
        case typed.Like() | typed.Matches():
            return type(node)(parts[0], node.pattern, node.type, at)
        case typed.Has():
            return typed.Has(parts[0], node.entities, node.written, node.type, at)
        case typed.Score():
            return typed.Score(node.classifier, parts[0], node.type, at)
        case typed.Call():
            return typed.Call(node.function, tuple(parts), node.entities, node.type, at)
        case _:
            return moved(node, at)


def moved(node: Leaf, at: Span) -> Expr:
    """Return a node without parts with *at* as its span."""
    match node:
        case typed.Constant(value, type_):
            return typed.Constant(value, type_, at)
        case typed.Attribute(path, optional, type_):
            return typed.Attribute(path, optional, type_, at)
        case typed.Variable(name, slot, type_):
            return typed.Variable(name, slot, type_, at)
        case typed.NamedList(name, type_):
            return typed.NamedList(name, type_, at)
        case typed.ArgumentAt(keys, type_):
            return typed.ArgumentAt(keys, type_, at)
        case typed.Tainted(keys, type_):
            return typed.Tainted(keys, type_, at)
        case typed.Count(meter, type_):
            return typed.Count(meter, type_, at)
        case _:
            assert_never(node)


def descend(node: Expr) -> Iterator[Expr]:
    """Return *node* and everything in it, outermost first."""
    yield node
    for part in inner(node):
        yield from descend(part)


def anonymous(node: Expr) -> Expr:
    """Return *node* without its places: two expressions that say the same are then equal."""
    return rebuild(node, [anonymous(part) for part in inner(node)], NOWHERE)
