"""Tokens -> a node: a loop over the LALR tables that lark made from ``grammar/policy.lark``.

The loop is written out here because it makes the nodes in half the time that lark needs for a parse
tree alone (3,000 rules of six lines: 0.5 s against 0.95 s), takes a keyword for a name wherever the
grammar has no use for the keyword, and can be asked to repair.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from engine.language._grammar import ENDS, KEYWORDS, PATTERNS, PRODUCTIONS, SIGNS, STARTS, STATES
from engine.language.build import Builder
from engine.language.build_expressions import Word
from engine.language.build_policies import BUILDERS
from engine.language.lex import Tokens
from engine.language.literals import READERS, read_int, read_regex
from engine.language.nodes import Name

KEYWORD_KINDS = frozenset(KEYWORDS.values())

# A keyword may be a name, but in a condition these are never one: `when a == then deny` lacks a
# value.
_RESERVED = frozenset(
    {"_AND", "_OR", "IN", "IS", "HAS", "CONTAINS", "OVERLAPS", "WITHIN", "LIKE", "MATCHES"}
    | {"WHEN", "UNLESS", "THEN"}
)

_SPELLINGS = {kind: text for text, kind in (*KEYWORDS.items(), *SIGNS.items())}

_SPLICE = 1000


_TERMINALS = (
    *sorted({*KEYWORDS.values(), *SIGNS.values()}),
    *PATTERNS,
)


class Failure(NamedTuple):
    """Where the tokens stop making sense.

    It has the states passed through, the first token, and the token that nobody wanted.
    """

    states: list[int]
    first: int
    position: int


class Repair(NamedTuple):
    """What to put for the token that nobody wanted, or before it."""

    kind: str
    insert: bool


Repairer = Callable[[Tokens, Failure, int], Repair | None]


class _Production(NamedTuple):
    rule: str
    size: int
    children: Sequence[int]
    grows: bool
    builder: Builder | None
    only: int
    """The child that stands for the whole, or -1."""


def _production(
    rule: str,
    builder: str,
    size: int,
    children: Sequence[int],
    grows: bool,  # noqa: FBT001
) -> _Production:
    function = None if builder in {"", "[]"} else BUILDERS[builder]
    return _Production(rule, size, children, grows, function, children[0] if not builder else -1)


_PRODUCTIONS = [_production(*one) for one in PRODUCTIONS]


def parse_tokens(
    tokens: Tokens, start: str, first: int, last: int, repair: Repairer | None = None
) -> Any:
    """Return the node that tokens *first* to *last* (excluded) are as a *start*, or a Failure."""
    states = [STARTS[start]]
    values: list[Any] = []
    begins: list[int] = []
    position = first
    row = STATES[states[0]]
    while True:
        kind = tokens.kinds[position] if position < last else "$END"
        action = row.get(kind)
        if action is None and kind in KEYWORD_KINDS and not ("LPAR" in row and kind in _RESERVED):
            kind = "NAME"
            action = row.get(kind)
        if action is None:
            if kind == "$END" and states[-1] == ENDS[start]:
                return values[-1]
            failure = Failure(states, first, position)
            mended = repair(tokens, failure, last) if repair else None
            if mended is None:
                return failure
            if mended.insert:
                tokens.insert(position, mended.kind)
                last += 1
            else:
                tokens.kinds[position] = mended.kind
        elif action >= 0:
            values.append(_value(tokens, kind, position))
            begins.append(position)
            states.append(action)
            row = STATES[action]
            position += 1
        else:
            row = _reduce(tokens, _PRODUCTIONS[-1 - action], states, values, begins, position)


def _value(tokens: Tokens, kind: str, position: int) -> Any:
    """Return what a shifted token is worth."""
    text = tokens.texts[position]
    if kind == "NAME":
        return Name(text, tokens.span(position, position))
    if kind == "INT" and tokens.kinds[position - 1] == "MINUS":
        return read_int(text, tokens.span(position, position), tokens.report, negated=True)
    if kind in READERS:
        return READERS[kind](text, tokens.span(position, position), tokens.report)
    if kind == "REGEX":
        return read_regex(text, tokens.span(position, position))
    # A mended `alow` or `=` goes into the tree as the word that was meant.
    return Word(_SPELLINGS[kind], position)


def _reduce(
    tokens: Tokens,
    production: _Production,
    states: list[int],
    values: list[Any],
    begins: list[int],
    position: int,
) -> dict[str, int]:
    """Replace the last symbols by what they are together; return the row of the state behind it."""
    rule, size, plan, grows, builder, only = production
    if only == 0 and size == 1:
        # A level of precedence that adds nothing: nine of them lie above every literal.
        states.pop()
    else:
        base = len(values) - size
        begin = begins[base] if size else position
        made: Any
        if only >= 0:
            made = values[base + only]
        else:
            made = values[base] if grows else []
            for child in plan:
                if child < 0:
                    made.append(None)
                elif child < _SPLICE:
                    made.append(values[base + child])
                else:
                    made.extend(values[base + child - _SPLICE])
            if builder is not None:
                made = builder(tokens, made, begin, position - 1)
        if size:
            del values[base:], begins[base:], states[base + 1 :]
        values.append(made)
        begins.append(begin)
    target = STATES[states[-1]][rule]
    states.append(target)
    return STATES[target]


def accepts(states: list[int], kind: str) -> bool:
    """Say whether the parser could go on with a *kind*: LALR looks ahead a little too far."""
    return bool(shifted(states, kind))


def shifted(states: list[int], kind: str) -> list[int]:
    """Return the states behind a token of *kind*; empty when the parser cannot go on with one."""
    stack = list(states)
    while (action := STATES[stack[-1]].get(kind)) is not None:
        if action >= 0:
            return [*stack, action]
        production = _PRODUCTIONS[-1 - action]
        del stack[-production.size :]
        stack.append(STATES[stack[-1]][production.rule])
    return []


def complete(states: list[int], start: str) -> bool:
    """Say whether what was read so far is a whole *start*."""
    stack = list(states)
    while (action := STATES[stack[-1]].get("$END")) is not None:
        production = _PRODUCTIONS[-1 - action]
        if production.size:
            del stack[-production.size :]
        stack.append(STATES[stack[-1]][production.rule])
    return stack[-1] == ENDS[start]


def accepted(states: list[int]) -> frozenset[str]:
    """Return every terminal with which the parser could go on."""
    return frozenset(
        kind for kind in _TERMINALS if kind in STATES[states[-1]] and accepts(states, kind)
    )
