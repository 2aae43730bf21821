"""Rules to a plan, and a plan and UTF-8 to matches: as few passes over the text as will do.

One pass of RE2 costs the same for one pattern and for a hundred, about a nanosecond a byte, and
most texts hold nothing. So the hints of all patterns are joined into a few:

    words   is any keyword in a place where it could matter?   no -> no keyworded pattern is run
    shapes  is there a number or address of some length?       no -> no pattern of digits is run

Where the answer is yes, an Aho-Corasick pass says which keywords occur and where, and numbers are
looked at one by one. What is found is what each pattern finds by itself in the whole text.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

from ahocorasick_rs import BytesAhoCorasick, Implementation

from engine.content.detectors import JOINTS
from engine.content.regex import Regex, any_of, compiled, either
from engine.content.rules import Rule

FEW = 8
"""So few keywords need no hint."""
MANY = 64
"""So many numbers are looked at one by one; what is behind them in one piece."""
TAIL = 20
"""Bytes that a match may reach behind its last digit but one: the extension of a phone number."""
LONG = rf"[0-9](?:{JOINTS}{{0,4}}[0-9]){{6}}"
"""What every match of a pattern of digits begins with or holds."""
NUMBER = compiled(rf"[0-9](?:{JOINTS}{{0,4}}[0-9]){{6,}}")
NO_DIGITS = bytes(set(range(256)) - set(b"0123456789"))


class Span(NamedTuple):
    """A match of *rule*, in bytes."""

    rule: Rule
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Gate:
    """Keyword ``i`` of *keywords* sets off the rules ``rules[i]``, if *hint* matches at all."""

    hint: Regex | None
    keywords: BytesAhoCorasick
    rules: tuple[tuple[Rule, ...], ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """Rules by what sets them off: nothing, one byte, keywords, a shape.

    With two gates, *words* has the hints of both.
    """

    always: tuple[Rule, ...]
    literal: tuple[tuple[bytes, Rule], ...]
    words: Regex | None
    gates: tuple[Gate, ...]
    shapes: Regex | None
    shaped: tuple[Rule, ...]
    numeric: tuple[Rule, ...]


def arrange(rules: Iterable[Rule]) -> Plan:
    """Return the plan of *rules*."""
    always: list[Rule] = []
    literal: list[tuple[bytes, Rule]] = []
    keyed: tuple[list[Rule], list[Rule]] = [], []
    shaped: list[Rule] = []
    numeric: list[Rule] = []
    for rule in rules:
        pattern = rule.pattern
        if pattern.digits:
            numeric.append(rule)
        elif len(pattern.keywords) == 1 and len(pattern.keywords[0]) == 1:
            literal.append((pattern.keywords[0].encode(), rule))
        elif pattern.keywords:
            keyed[pattern.prose].append(rule)
        elif pattern.hint:
            shaped.append(rule)
        else:
            always.append(rule)
    shapes = [*([LONG] if numeric else []), *(rule.pattern.hint for rule in shaped)]
    return Plan(
        tuple(always),
        tuple(literal),
        _hints((*keyed[0], *keyed[1])) if all(keyed) else None,
        tuple(_gate(tuple(rules)) for rules in keyed if rules),
        any_of(shapes) if shapes else None,
        tuple(shaped),
        tuple(numeric),
    )


@cache
def _hints(rules: tuple[Rule, ...]) -> Regex:
    return any_of(rule.pattern.hint or either(rule.pattern.keywords) for rule in rules)


@cache
def _gate(rules: tuple[Rule, ...]) -> Gate:
    """Return the gate of *rules*. Authors' entities have no keywords: these are few, and kept."""
    keyed: dict[str, list[Rule]] = {}
    for rule in rules:
        for keyword in rule.pattern.keywords:
            keyed.setdefault(keyword, []).append(rule)
    words = [keyword.encode() for keyword in keyed]
    gated = tuple(map(tuple, keyed.values()))
    if len(words) <= FEW and not any(rule.pattern.hint for rule in rules):
        # The library then compares many bytes at once: nothing is faster.
        return Gate(None, BytesAhoCorasick(words), gated)
    # As a DFA it is small, and twice as fast as what the library would choose.
    return Gate(_hints(rules), BytesAhoCorasick(words, implementation=Implementation.DFA), gated)


def find_spans(plan: Plan, data: bytes) -> list[Span]:
    """Return which rules match where in *data*, after guards and checks."""
    size = len(data)
    found: list[Span] = []
    for rule in plan.always:
        _collect(rule, data, 0, size, size, found)
    for byte, rule in plan.literal:
        place = data.find(byte)
        if place >= 0:
            _collect(rule, data, max(0, place - rule.pattern.before), size, size, found)
    if plan.gates:
        _keyworded(plan, data, found)
    if plan.shapes is not None:
        first = plan.shapes.find(data, 0, size)[0][0]
        if first >= 0:
            for rule in plan.shaped:
                _collect(rule, data, 0, size, size, found)
            if plan.numeric:
                _numbered(plan.numeric, data, first, found)
    return found


def _keyworded(plan: Plan, data: bytes, found: list[Span]) -> None:
    size = len(data)
    first = 0 if plan.words is None else plan.words.find(data, 0, size)[0][0]
    if first < 0:
        return
    for gate in plan.gates:
        if gate.hint is None or gate.hint.find(data, first, size)[0][0] >= 0:
            _worded(gate, data, found)


def _worded(gate: Gate, data: bytes, found: list[Span]) -> None:
    begins: dict[int, tuple[Rule, int]] = {}
    for keyword, place, _ in gate.keywords.find_matches_as_indexes(data.lower(), overlapping=True):
        for rule in gate.rules[keyword]:
            begins.setdefault(id(rule), (rule, place))
    size = len(data)
    for rule, place in begins.values():
        _collect(rule, data, max(0, place - rule.pattern.before), size, size, found)


def _numbered(rules: Sequence[Rule], data: bytes, first: int, found: list[Span]) -> None:
    """Run *rules* around each number from *first* on.

    Invariant: a match begins with the number or one byte before it, and ends `TAIL` bytes behind it
    at the latest, so that what is cut off cannot matter. A match that reaches into the next number
    keeps others from beginning there, as in one search over the whole text.
    """
    size = len(data)
    places = [0] * len(rules)
    number = NUMBER.find
    for count in range(MANY + 1):
        start, end = number(data, first, size)[0]
        if start < 0:
            return
        if count == MANY:
            end = size
        first = end
        digits = len(data[start:end].translate(None, NO_DIGITS))
        for index, rule in enumerate(rules):
            if digits >= rule.pattern.digits:
                begin = max(places[index], start - 1)
                places[index] = _collect(
                    rule, data, max(begin, 0), end, min(size, end + TAIL), found
                )


def _collect(rule: Rule, data: bytes, place: int, limit: int, stop: int, found: list[Span]) -> int:
    """Add the matches that begin in ``data[place:limit]`` to *found*, and return where to go on.

    Nothing from *stop* on is seen.
    """
    find, group, pattern = rule.find.find, rule.group, rule.pattern
    while place < limit:
        spans = find(data, place, stop)
        if not 0 <= spans[0][0] < limit:
            break
        start, end = spans[group]
        cut = end if pattern.fit is None else start + pattern.fit(_text(data, start, end))
        if (
            cut > start
            and (pattern.guard is None or pattern.guard(data, start, cut))
            and (pattern.check is None or pattern.check(_text(data, start, cut)))
        ):
            found.append(Span(rule, start, cut))
            place = max(cut, place + 1)
        else:
            place = max(place + 1, _resume(rule, data, spans))
    return place


def _resume(rule: Rule, data: bytes, spans: Sequence[tuple[int, int]]) -> int:
    """Return where to go on after a refused match: where another may begin inside it."""
    start, end = spans[0]
    if not rule.pattern.retry:
        return spans[rule.group][0] if rule.group else end
    while start < end and data[start : start + 1].isalnum():
        start += 1
    return start


def _text(data: bytes, start: int, end: int) -> str:
    # A pattern matches whole characters: RE2 reads valid UTF-8.
    return data[start:end].decode()
