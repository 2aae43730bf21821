"""Reduced grammar rules -> expression nodes; see ``build`` for what a builder is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from engine.language import nodes
from engine.language.depth import too_deep
from engine.language.lex import Tokens

Children = list[Any]
Builder = Callable[[Tokens, Children, int, int], Any]


class Word(NamedTuple):
    """A keyword or operator that its rule keeps, with the number of its token."""

    text: str
    number: int


def either(tokens: Tokens, children: Children, first: int, last: int) -> nodes.Logic:
    """Return the node of ``a or b``."""
    return nodes.Logic("or", tuple(children), tokens.span(first, last))


def both(tokens: Tokens, children: Children, first: int, last: int) -> nodes.Logic:
    """Return the node of ``a and b``."""
    return nodes.Logic("and", tuple(children), tokens.span(first, last))


def negated(tokens: Tokens, children: Children, first: int, last: int) -> nodes.Not:
    """Return the node of ``not a``."""
    return nodes.Not(children[0], tokens.span(first, last))


def compare(tokens: Tokens, children: Children, first: int, last: int) -> nodes.Comparison:
    """Return the node of ``a == b``."""
    left, word, right = children
    place = tokens.span(word.number, word.number)
    return nodes.Comparison(left, word.text, right, place, tokens.span(first, last))


def outside(tokens: Tokens, children: Children, first: int, last: int) -> nodes.Comparison:
    """Return the node of ``a not in b``."""
    left, word, right = children
    place = tokens.span(word.number - 1, word.number)
    return nodes.Comparison(left, "not in", right, place, tokens.span(first, last))


def has(tokens: Tokens, children: Children, first: int, last: int) -> nodes.Has:
    """Return the node of ``content has pii.email``."""
    return nodes.Has(children[0], children[1], tokens.span(first, last))


def present(tokens: Tokens, children: Children, first: int, last: int) -> nodes.Presence:
    """Return the node of ``a is present``."""
    return nodes.Presence(children[0], True, tokens.span(first, last))  # noqa: FBT003 - a field


def missing(tokens: Tokens, children: Children, first: int, last: int) -> nodes.Presence:
    """Return the node of ``a is absent``."""
    return nodes.Presence(children[0], False, tokens.span(first, last))  # noqa: FBT003 - a field


def tainted(tokens: Tokens, children: Children, first: int, last: int) -> nodes.Tainted:
    """Return the node of ``arg("to") tainted``."""
    return nodes.Tainted(children[0], True, tokens.span(first, last))  # noqa: FBT003 - a field


def untainted(tokens: Tokens, children: Children, first: int, last: int) -> nodes.Tainted:
    """Return the node of ``arg("to") not tainted``."""
    return nodes.Tainted(children[0], False, tokens.span(first, last))  # noqa: FBT003 - a field


def fallback(tokens: Tokens, children: Children, first: int, last: int) -> nodes.Coalesce:
    """Return the node of ``a ?? b``."""
    return nodes.Coalesce(children[0], children[1], tokens.span(first, last))


def arithmetic(tokens: Tokens, children: Children, first: int, last: int) -> nodes.Arithmetic:
    """Return the node of ``a + b``."""
    left, word, right = children
    return nodes.Arithmetic(left, word.text, right, tokens.span(first, last))


def negative(tokens: Tokens, children: Children, first: int, last: int) -> nodes.Negative:
    """Return the node of ``-a``."""
    return nodes.Negative(children[1], tokens.span(first, last))


def group(tokens: Tokens, children: Children, first: int, last: int) -> nodes.Group:
    """Return the node of ``(a)``."""
    return nodes.Group(children[0], tokens.span(first, last))


def set_(tokens: Tokens, children: Children, first: int, last: int) -> nodes.SetLiteral:
    """Return the node of ``{a, b}``."""
    return nodes.SetLiteral(tuple(children), tokens.span(first, last))


def quantifier(tokens: Tokens, children: Children, first: int, last: int) -> nodes.Quantifier:
    """Return the node of ``any x in xs: (…)``."""
    word, variable, _, many, body = children
    return nodes.Quantifier(word.text, variable, many, body, tokens.span(first, last))


def call(tokens: Tokens, children: Children, first: int, last: int) -> nodes.Call:
    """Return the node of ``hour(now, "Europe/Berlin")``."""
    function, *arguments = children
    return nodes.Call(function, tuple(arguments), tokens.span(first, last))


def names(tokens: Tokens, children: Children, first: int, last: int) -> tuple[nodes.Name, ...]:
    """Return the node of ``a.b, c.d``."""
    del tokens, first, last
    return tuple(children)


def bounded(tokens: Tokens, node: nodes.Expr, first: int, last: int) -> nodes.Expr:
    """Return *node*, or a harmless one when it is too deep for the passes that follow."""
    if too_deep(tokens, node, first, last):
        return nodes.Literal(False, "bool", "false", tokens.span(first, last))  # noqa: FBT003
    return node


EXPRESSIONS: Mapping[str, Builder] = {
    "either": either,
    "both": both,
    "negated": negated,
    "compare": compare,
    "outside": outside,
    "has": has,
    "present": present,
    "missing": missing,
    "tainted": tainted,
    "untainted": untainted,
    "fallback": fallback,
    "arithmetic": arithmetic,
    "negative": negative,
    "group": group,
    "set": set_,
    "quantifier": quantifier,
    "call": call,
    "names": names,
}
