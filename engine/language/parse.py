"""Source -> syntax tree: a loop over the LALR tables that lark made from ``grammar/policy.lark``.

The loop is written out here instead of calling lark's own because it is the bottleneck of loading: with
tokens in columns and no parse tree it reads a rule several times faster, it lets a keyword be a name
wherever the grammar has no use for the keyword, and it can repair a token and go on.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.language import catalog_syntax as catalog
from engine.language._grammar import ENDS, KEYWORDS, PRODUCTIONS, STARTS, STATES
from engine.language.build import Builder, Children
from engine.language.build_expressions import Word
from engine.language.build_policies import BUILDERS
from engine.language.diagnostics import Report
from engine.language.items import File
from engine.language.lex import Tokens, split_tokens
from engine.language.literals import READERS, read_regex
from engine.language.nodes import Name
from engine.language.text import Source, Span

_SPLICE = 1000
_WORDS = frozenset(KEYWORDS.values())

_LIST = 1
_CALL = 2
_PASS = 0


def _compiled() -> list[tuple[str, int, int, tuple[int, ...], bool, bool, Builder | None]]:
    """Return the productions with what the loop asks of each: rule, way, symbols, children, …."""
    made = []
    for rule, builder, size, children, grows in PRODUCTIONS:
        way = _PASS if builder == "" else _LIST if builder == "[]" else _CALL
        function = BUILDERS[builder] if way == _CALL else None
        spliced = any(child >= _SPLICE for child in children)
        if way == _PASS:
            children = children or (0,)
        made.append((rule, way, size, children, spliced, grows, function))
    return made


_REDUCTIONS = _compiled()


def parse_file(source: Source, report: Report) -> File:
    """Return the tree of *source*; errors go to *report* and their pieces are left out of the tree."""
    tokens = split_tokens(source, report)
    made = parse_tokens(tokens, "file", 0, len(tokens.kinds) - 1)
    if isinstance(made, File):
        return made
    return File(source.path, None, (), (), tuple(tokens.comments))


def parse_tokens(tokens: Tokens, start: str, first: int, last: int) -> Any:
    """Return the node that tokens *first* to *last* (excluded) are as a *start* of the grammar."""
    states: list[int] = [STARTS[start]]
    values: list[Any] = []
    begins: list[int] = []
    end = ENDS[start]
    kinds, texts = tokens.kinds, tokens.texts
    position = first
    row = STATES[states[0]]
    while True:
        kind = kinds[position] if position < last else "$END"
        action = row.get(kind)
        if action is None and kind in _WORDS:
            kind = "NAME"
            action = row.get(kind)
        if action is None:
            if kind == "$END" and states[-1] == end:
                return values[-1]
            tokens.report.add(
                catalog.unexpected(tokens.span(position, position), kind, str(sorted(row)))
            )
            return None
        if action >= 0:
            text = texts[position]
            if kind == "NAME":
                value: Any = Name(text, tokens.span(position, position))
            elif kind in READERS:
                value = READERS[kind](text, tokens.span(position, position), tokens.report)
            elif kind == "REGEX":
                value = read_regex(text, tokens.span(position, position))
            else:
                value = Word(text, position)
            values.append(value)
            begins.append(position)
            states.append(action)
            row = STATES[action]
            position += 1
            continue
        rule, way, size, plan, spliced, grows, function = _REDUCTIONS[-1 - action]
        if way == _PASS and size == 1:
            states.pop()
            target = STATES[states[-1]][rule]
            states.append(target)
            row = STATES[target]
            continue
        base = len(values) - size
        begin = begins[base] if size else position
        if way == _PASS:
            made = values[base + plan[0]]
        else:
            children: Children = values[base] if grows else []
            for child in plan:
                if child < 0:
                    children.append(None)
                elif child < _SPLICE:
                    children.append(values[base + child])
                else:
                    children.extend(values[base + child - _SPLICE])
            made = children if function is None else function(tokens, children, begin, position - 1)
        if size:
            del values[base:]
            del begins[base:]
            del states[base + 1 :]
        values.append(made)
        begins.append(begin)
        target = STATES[states[-1]][rule]
        states.append(target)
        row = STATES[target]
