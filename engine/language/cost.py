"""What an expression costs to try, and whether trying it can fail.

The unit is one comparison of an attribute with a constant in generated code (about 25 ns). The
figures only need to put cheap conditions before dear ones: within ``and`` and ``or`` the order has
no meaning (three-valued logic), so the cheapest stands first and detectors, meters and classifiers
last.
"""

from __future__ import annotations

from typing import assert_never

from engine.language import typed
from engine.language.typed import Expr
from engine.language.types import JSON
from engine.language.walk import inner

EVIDENCE = frozenset({"now", "content", "session.labels", "session.turn"})
"""Attributes that come from the evidence, not from the request record."""

DEAR = 40
"""From here on a condition reads the content, a meter or a model."""


def cost(node: Expr) -> int:
    """Return the price of *node* in comparisons, everything in it included."""
    return own_cost(node) + sum(cost(part) for part in inner(node))


def own_cost(node: Expr) -> int:  # noqa: C901 - a case for every kind of node
    """Return the price of *node* without what stands in it."""
    match node:
        case typed.Constant() | typed.Variable() | typed.NamedList() | typed.Present():
            return 0
        case typed.And() | typed.Or() | typed.Not():
            return 0
        case typed.Attribute(path):
            return 8 if path in EVIDENCE else 1
        case typed.Compare() | typed.Member() | typed.Coalesce() | typed.Convert():
            return 1
        case typed.Overlaps() | typed.Within() | typed.Substring() | typed.MakeSet():
            return 3
        case typed.Arithmetic() | typed.ArgumentAt():
            return 6
        case typed.Like():
            return 6
        case typed.InNetwork():
            return 20 * len(node.networks)
        case typed.Matches():
            return 30
        case typed.Quantifier():
            return 30
        case typed.Count():
            return 400
        case typed.Tainted():
            return 500
        case typed.Has():
            return 600
        case typed.Call(function):
            return {"injection": 800, "count": 600}.get(function, 20)
        case typed.Score():
            return 100_000
        case _:
            assert_never(node)


def steady(node: Expr) -> bool:
    """Return whether trying *node* cannot fail, not even where an attribute in it is absent.

    Only equality and membership may be asked of an attribute that can be absent (None): the guard
    before it may stand in another part of the conjunction, which is then tried later.
    """
    match node:
        case typed.Constant() | typed.NamedList():
            return True
        case typed.Attribute(path):
            return path not in EVIDENCE and node.type != JSON
        case typed.And() | typed.Or() | typed.Not() | typed.Present() | typed.Coalesce():
            return all(map(steady, inner(node)))
        case typed.Compare("==" | "!="):
            return all(map(steady, inner(node)))
        case typed.Compare() | typed.Overlaps() | typed.Within() | typed.Like():
            return all(steady(part) and certain(part) for part in inner(node))
        case typed.Substring() | typed.Convert() | typed.Matches():
            return all(steady(part) and certain(part) for part in inner(node))
        case typed.Member(item, collection):
            return steady(item) and steady(collection) and certain(collection)
        case (
            typed.Variable()
            | typed.InNetwork()
            | typed.MakeSet()
            | typed.Arithmetic()
            | typed.ArgumentAt()
            | typed.Tainted()
            | typed.Quantifier()
            | typed.Count()
            | typed.Has()
            | typed.Call()
            | typed.Score()
        ):
            return False
        case _:
            assert_never(node)


def certain(node: Expr) -> bool:
    """Return whether *node* has a value in every request: it is no attribute that may be absent."""
    return not (isinstance(node, typed.Attribute) and node.optional)
