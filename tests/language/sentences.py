"""A seed -> the text of a policy file that parses: a walk through the grammar at random.

The rules are lark's own, read from ``grammar/policy.lark``; only policies and rules are put
together by hand, since the grammar lets more through than the parser does. Comments and line
breaks fall anywhere.
"""

from __future__ import annotations

import random
from collections import defaultdict
from functools import cache
from pathlib import Path

from lark import Lark
from lark.grammar import NonTerminal, Rule, Terminal
from lark.lexer import PatternStr

ROOT = Path(__file__).parents[2]
STARTS = ["file", "clause", "expr", "action"]

_SAMPLES = {
    "NAME": [
        "a",
        "user.id",
        "tenant.plan",
        "list",
        "mode",
        "tags",
        "allow",
        "x1",
        "pii.email",
        "owner",
    ],
    "STRING": [
        '""',
        '"a b"',
        r'"\"\\\n\u{1F600}"',
        '"ünïcode 漢"',
        '"#no comment"',
        '"' + "x" * 70 + '"',
    ],
    "INT": ["0", "7", "1_000", "9223372036854775807"],
    "NUMBER": ["0.5", "1_0.25"],
    "DURATION": ["250ms", "1h30m", "1w"],
    "PERCENT": ["10%", "0.5%"],
    "TIME": ["2026-01-01T00:00:00Z", "2026-01-01T00:00:00.5+02:00"],
    "DATE": ["2026-12-31"],
    "REGEX": [r"/a\/b/", "/[0-9]{3}/", r"/\\\/x\d/"],
}
_GAPS = [" "] * 12 + [
    "\n",
    "\n",
    "\n\n",
    "  # beside\n",
    "\n# above\n",
    "\n\n\n  # apart\n\n",
    "\t",
]
_DEEPEST = 14


@cache
def _grammar() -> tuple[dict[str, list[Rule]], dict[str, str], dict[str, int]]:
    """Return the rules by name, the fixed words by terminal, and how deep each rule must go."""
    text = (ROOT / "grammar/policy.lark").read_text(encoding="utf-8")
    made = Lark(text, parser="lalr", start=STARTS)
    rules: dict[str, list[Rule]] = defaultdict(list)
    for rule in made.rules:
        rules[str(rule.origin.name)].append(rule)
    words = {
        terminal.name: str(terminal.pattern.value)
        for terminal in made.terminals
        if isinstance(terminal.pattern, PatternStr)
    }
    depths: dict[str, int] = {}
    for _ in rules:
        for name, options in rules.items():
            depths[name] = min(_rule_depth(rule, depths) for rule in options)
    return rules, words, depths


def _rule_depth(rule: Rule, depths: dict[str, int]) -> int:
    inner = [
        depths.get(str(symbol.name), 1000)
        for symbol in rule.expansion
        if isinstance(symbol, NonTerminal)
    ]
    return 1 + max(inner, default=0)


class Chance(random.Random):
    """Chance, and the words it chooses from."""

    names: list[str]
    samples: dict[str, list[str]]


def sentence(seed: int, *, comments: bool = True, keywords: bool = True) -> str:
    """Return the text of a valid policy file, with comments in it and keywords as names or not."""
    chance = Chance(seed)
    chance.names = (
        _SAMPLES["NAME"] if keywords else ["a", "user.id", "x1", "pii.email", "b2", "c_3"]
    )
    chance.samples = {**_SAMPLES, "NAME": chance.names}
    words = _words(chance, "file", 0)
    gaps = _GAPS if comments else [gap for gap in _GAPS if "#" not in gap]
    return "".join(word + chance.choice(gaps) for word in words)


def _words(chance: Chance, rule: str, depth: int) -> list[str]:
    if rule == "policy":
        return _policy(chance, depth)
    if rule == "rule":
        return _rule(chance, depth)
    if rule == "record":
        return _record(chance, depth)
    rules, fixed, depths = _grammar()
    options = rules[rule]
    if depth > _DEEPEST:
        least = min(_rule_depth(option, depths) for option in options)
        options = [option for option in options if _rule_depth(option, depths) == least]
    made: list[str] = []
    for symbol in chance.choice(options).expansion:
        name = str(symbol.name)
        if isinstance(symbol, Terminal):
            made.append(fixed[name] if name in fixed else chance.choice(chance.samples[name]))
        elif name == "scalar" or (rule == "field" and name == "type"):
            made += _type(chance, depth)
        else:
            made += _words(chance, name, depth + 1)
    return made


def _type(chance: Chance, depth: int) -> list[str]:
    kind = chance.choice(["scalar", "words", "set"] if depth < _DEEPEST else ["scalar"])
    mark = ["?"] * chance.randrange(2)
    if kind == "set":
        return ["set", "<", *_type(chance, depth + 3), ">", *mark]
    if kind == "words":
        return ['"a"', "|", '"b"', *mark]
    return [chance.choice(["string", "int", "text", "ip"]), *mark]


def _title(chance: Chance) -> list[str]:
    return ['"A title"'] * chance.randrange(2)


def _policy(chance: Chance, depth: int) -> list[str]:
    parts: list[list[str]] = [["default", chance.choice(["allow", "deny"]), *_title(chance)]]
    if chance.random() < 0.5:
        parts.append(["applies", "when", *_words(chance, "expr", depth + 3)])
    if chance.random() < 0.3:
        parts.append(_words(chance, chance.choice(["mode", "rollout"]), depth))
    parts += [_rule(chance, depth + 2) for _ in range(chance.randrange(4))]
    chance.shuffle(parts)
    inside = [word for part in parts for word in part]
    return ["policy", chance.choice(chance.names), *_title(chance), "{", *inside, "}"]


def _rule(chance: Chance, depth: int) -> list[str]:
    made = ["rule", chance.choice(chance.names), *_title(chance), "{"]
    for word in ("when", "unless"):
        if chance.random() < 0.5:
            made += [word, *_words(chance, "expr", depth + 3)]
    made += ["then", *_words(chance, "action", depth + 2)]
    riders = [
        "severity",
        "high",
        "tags",
        '"a"',
        "owner",
        '"o"',
        "expires",
        "2026-12-31",
        "on_failure",
    ]
    starts = [0, 2, 4, 6]
    for start in chance.sample(starts, chance.randrange(3)):
        made += riders[start : start + 2]
    if chance.random() < 0.3:
        made += ["advise", chance.names[-1], "=", *_words(chance, "expr", depth + 4)]
    if chance.random() < 0.3:
        made += ["label", "session", '"t"', *["for", "1h"] * chance.randrange(2)]
        made += ["from", *_words(chance, "names", depth)] * chance.randrange(2)
    if chance.random() < 0.2:
        made += ["on_state_failure", chance.choice(["allow", "deny", "local"])]
    return [*made, "}"]


def _record(chance: Chance, depth: int) -> list[str]:
    made = ["{"]
    names = chance.sample([*chance.names, '"a key"', '"true"'], chance.randrange(4))
    for name in names if depth <= _DEEPEST else names[:1]:
        value = ["1"] if depth > _DEEPEST else _words(chance, "value", depth + 2)
        made += [name, ":", *value, ","]
    if len(made) > 1 and chance.random() < 0.7:
        made.pop()
    return [*made, "}"]
