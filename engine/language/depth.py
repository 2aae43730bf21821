"""A tree -> how deep it is: what is deeper than the passes can walk is refused while parsing.

The walk keeps its own stack, since the tree may be a million levels deep.
"""

from __future__ import annotations

from typing import assert_never

from engine.language import catalog_syntax as catalog
from engine.language import nodes, trials
from engine.language.items import TypeNode
from engine.language.lex import Tokens

DEEPEST = 200
"""The passes walk trees by recursion; Python stops at about a thousand frames."""

Deep = nodes.Expr | trials.Record | trials.ListValue | trials.Absent | trials.Step | TypeNode


def too_deep(tokens: Tokens, node: Deep, first: int, last: int) -> bool:
    """Say whether *node*, made of tokens *first* to *last*, is too deep, and report it.

    A tree is never deeper than it has tokens, so that only long ones are walked.
    """
    if last - first < DEEPEST or _depth(node) <= DEEPEST:
        return False
    tokens.report.add(catalog.too_deep(tokens.span(first, first), DEEPEST))
    return True


def _depth(node: Deep) -> int:
    deepest = 0
    waiting: list[tuple[Deep, int]] = [(node, 1)]
    while waiting:
        one, level = waiting.pop()
        deepest = max(deepest, level)
        if level > DEEPEST:
            break
        waiting.extend((child, level + 1) for child in _children(one))
    return deepest


def _children(node: Deep) -> tuple[Deep, ...]:  # noqa: C901 - a case for every kind of node
    match node:
        case nodes.Literal() | nodes.Regex() | nodes.Name() | trials.Absent():
            return ()
        case nodes.Group() | nodes.Not() | nodes.Negative():
            return (node.inner,)
        case nodes.Logic():
            return node.parts
        case nodes.SetLiteral() | trials.ListValue():
            return node.items
        case nodes.Comparison() | nodes.Coalesce() | nodes.Arithmetic():
            return node.left, node.right
        case nodes.Has() | nodes.Presence() | nodes.Tainted():
            return (node.subject,)
        case nodes.Quantifier():
            return node.collection, node.body
        case nodes.Call():
            return node.arguments
        case trials.Record():
            return tuple(one.value for one in node.fields)
        case TypeNode():
            return (node.item,) if node.item else ()
        case _:
            return _step_children(node)


def _step_children(step: trials.Step) -> tuple[Deep, ...]:
    match step:
        case trials.At() | trials.Advance():
            return ()
        case trials.Mock():
            return (step.target,)
        case trials.Given() | trials.Settle():
            return (step.record,) if step.record else ()
        case trials.Expect():
            return (step.expectation.condition,) if step.expectation.condition else ()
        case trials.Case():
            return tuple(one for one in (step.record, step.expectation.condition) if one)
        case trials.Repeat():
            return step.steps
        case _:
            assert_never(step)
