"""Walks over unchecked expressions: which names they use, how large and how deep they are.

No walk here recurses, so that whatever was parsed can be measured before a pass that does recurse
sees it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple, assert_never

from engine.language import nodes

MAX_DEPTH = 100
"""How many operators may be nested in each other, lets included, before a condition is refused."""
MAX_SIZE = 5_000
"""How many operators and names a condition may have, lets included."""


class Measure(NamedTuple):
    """How many nodes an expression has, and how many of them lie inside each other at most."""

    size: int
    depth: int


def children(node: nodes.Expr) -> tuple[nodes.Expr, ...]:
    """Return the expressions directly inside *node*."""
    match node:
        case nodes.Literal() | nodes.Regex() | nodes.Name():
            return ()
        case nodes.SetLiteral(items):
            return items
        case nodes.Group(inner) | nodes.Not(inner) | nodes.Negative(inner):
            return (inner,)
        case nodes.Logic(_, parts):
            return parts
        case nodes.Comparison(left, _, right) | nodes.Arithmetic(left, _, right):
            return (left, right)
        case nodes.Coalesce(left, right):
            return (left, right)
        case nodes.Has(subject) | nodes.Presence(subject) | nodes.Tainted(subject):
            return (subject,)
        case nodes.Quantifier(_, _, collection, body):
            return (collection, body)
        case nodes.Call(_, arguments):
            return arguments
        case _:
            assert_never(node)


def names_in(expression: nodes.Expr | None) -> Iterator[str]:
    """Yield the dotted names used in *expression*, a quantifier's variable included."""
    waiting = [] if expression is None else [expression]
    while waiting:
        node = waiting.pop()
        if isinstance(node, nodes.Name):
            yield node.name
        else:
            waiting.extend(children(node))


def measure(expression: nodes.Expr, of_name: Callable[[str], Measure | None]) -> Measure:
    """Return the measure of *expression*; *of_name* gives that of a let.

    Parentheses and the literals in a set count nothing, for they are gone after checking.
    """
    size = deepest = 0
    waiting: list[tuple[nodes.Expr, int]] = [(expression, 1)]
    while waiting:
        node, depth = waiting.pop()
        match node:
            case nodes.Group(inner):
                waiting.append((inner, depth))
                continue
            case nodes.Name(name) if (let := of_name(name)) is not None:
                size += let.size
                depth += let.depth - 1
            case nodes.SetLiteral(items):
                size += 1
                waiting.extend(
                    (item, depth + 1) for item in items if not isinstance(item, nodes.Literal)
                )
            case _:
                size += 1
                waiting.extend((inner, depth + 1) for inner in children(node))
        deepest = max(deepest, depth)
    return Measure(size, deepest)
