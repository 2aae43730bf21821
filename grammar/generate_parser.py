"""Build ``engine/language/_grammar.py``: the grammar's LALR tables as data.

Lark makes the tables (about 150 ms); the engine reads them as JSON (about 10 ms). States and
productions are numbered in an order that depends on the grammar alone, so the bytes are the same
on every machine.
"""

from __future__ import annotations

import json
import logging
import re
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lark import Lark
from lark import logger as lark_log
from lark.grammar import Rule, Terminal
from lark.lexer import PatternStr, TerminalDef

STARTS = ("file", "item", "field", "part", "setting", "member", "clause", "step")
"""What the parser may be asked for: recovery parses the pieces of a broken file one by one."""

SPLICE = 1000
"""Added to a child's index when the child is a list whose elements are children themselves."""

HEAD = '''"""GENERATED from grammar/policy.lark by grammar/generate.py: do not edit.

A state maps a terminal to where it leads (a state to shift to, or ``-1 - production``) and a rule
to the state behind it. A production is (rule, builder, symbols, children, grows): *children* lists
which symbols are handed to the builder (-1 is an absent option, 1000 + n means "the elements of
n"), no builder means "the only child as it is", and ``[]`` means a list, which *grows* its first
symbol or not.
"""

from __future__ import annotations

import json
'''


def outputs() -> dict[str, bytes]:
    """Return the generated files: path from the repository's root -> content."""
    grammar = Path(__file__).with_name("policy.lark").read_text(encoding="utf-8")
    return {"engine/language/_grammar.py": module(grammar).encode()}


def build(grammar: str) -> Lark:
    """Return lark's own parser for *grammar*, with its tables; a conflict is an error.

    Lark settles a conflict between shift and reduce by itself and only mentions it in its log.
    """
    conflicts: list[str] = []
    watch = logging.Handler(logging.WARNING)
    watch.emit = lambda record: conflicts.append(record.getMessage())  # type: ignore[method-assign]
    lark_log.addHandler(watch)
    level = lark_log.level
    lark_log.setLevel(logging.WARNING)
    try:
        made = Lark(grammar, parser="lalr", start=list(STARTS), debug=True)
    finally:
        lark_log.removeHandler(watch)
        lark_log.setLevel(level)
    if conflicts:
        raise ValueError(f"the grammar has conflicts: {conflicts}")
    return made


def module(grammar: str) -> str:
    """Return the text of the module that holds the tables of *grammar*."""
    made = build(grammar)
    rules = sorted(made.rules, key=_order)
    productions = [_production(rule) for rule in rules]
    states, starts, ends = _tables(made, {rule: number for number, rule in enumerate(rules)})
    words = {
        terminal.pattern.value: terminal.name
        for terminal in sorted(made.terminals, key=lambda one: str(one.pattern.value))
        if isinstance(terminal.pattern, PatternStr)
    }
    keywords = {text: name for text, name in words.items() if re.fullmatch(r"\w+", text)}
    signs = {text: name for text, name in words.items() if text not in keywords}
    patterns = {
        terminal.name: _plain(terminal)
        for terminal in sorted(made.terminals, key=lambda one: one.name)
        if not isinstance(terminal.pattern, PatternStr) and not terminal.name.startswith("__IGNORE")
    }
    parts = [
        HEAD,
        _mapping("KEYWORDS", "dict[str, str]", keywords),
        _mapping("SIGNS", "dict[str, str]", signs),
        _mapping("PATTERNS", "dict[str, str]", patterns),
        _sequence("PRODUCTIONS", "list[tuple[str, str, int, list[int], bool]]", productions),
        _sequence("STATES", "list[dict[str, int]]", states),
        _mapping("STARTS", "dict[str, int]", starts),
        _mapping("ENDS", "dict[str, int]", ends),
    ]
    return "\n".join(parts)


def _order(rule: Rule) -> tuple[str, str, list[str]]:
    return rule.origin.name, rule.alias or "", [symbol.name for symbol in rule.expansion]


def _plain(terminal: TerminalDef) -> str:
    return str(terminal.pattern.value)


def _production(rule: Rule) -> tuple[str, str, int, tuple[int, ...], bool]:
    """Return one production as the parser wants it; see the head of the generated module."""
    helper = rule.origin.name.startswith("_")
    children: list[int] = []
    index = 0
    for absent in rule.options.empty_indices or [False] * len(rule.expansion):
        if absent:
            children.append(-1)
            continue
        symbol = rule.expansion[index]
        if isinstance(symbol, Terminal):
            children += [] if symbol.filter_out else [index]
        else:
            children.append(index + SPLICE if symbol.name.startswith("_") else index)
        index += 1
    grows = bool(helper and rule.expansion and rule.expansion[0].name == rule.origin.name)
    single = rule.options.expand1 and rule.alias is None and len(children) == 1
    builder = "[]" if helper else "" if single else str(rule.alias or rule.origin.name)
    if grows:
        children = children[1:]
    return str(rule.origin.name), builder, len(rule.expansion), tuple(children), grows


def _tables(
    made: Lark, numbers: Mapping[Rule, int]
) -> tuple[list[dict[str, int]], dict[str, int], dict[str, int]]:
    """Return lark's states, renumbered by a walk from the start states in the symbols' order."""
    table: Any = made.parser.parser._parse_table  # noqa: SLF001 - no other way
    order = {table.start_states[name]: number for number, name in enumerate(STARTS)}
    queue = deque(order)
    while queue:
        for symbol, (action, target) in sorted(table.states[queue.popleft()].items()):
            del symbol
            if action.name == "Shift" and target not in order:
                order[target] = len(order)
                queue.append(target)
    states = [
        {
            str(symbol): order[target] if action.name == "Shift" else -1 - numbers[target]
            for symbol, (action, target) in sorted(table.states[state].items())
        }
        for state in order
    ]
    starts = {name: order[table.start_states[name]] for name in STARTS}
    ends = {name: order[table.end_states[name]] for name in STARTS}
    return states, starts, ends


def _mapping(name: str, kind: str, values: Mapping[str, object]) -> str:
    lines = [f"    {key!r}: {value!r}," for key, value in values.items()]
    return "\n".join([f"{name}: {kind} = {{", *lines, "}", ""])


def _sequence(name: str, kind: str, values: list[Any]) -> str:
    """Return a table as JSON in the module.

    Without a bytecode cache it loads in less than half the time of literals (10 ms against 27 ms).
    """
    body = ",\n".join(json.dumps(value, sort_keys=True, separators=(",", ":")) for value in values)
    return f'{name}: {kind} = json.loads(\n    """[\n{body}\n]"""\n)\n'


if __name__ == "__main__":
    for path, content in outputs().items():
        Path(__file__).parent.parent.joinpath(path).write_bytes(content)
        print(f"wrote {path}")
