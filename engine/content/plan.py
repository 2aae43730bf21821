"""Rules to a plan, and a plan and UTF-8 to matches: as few passes over the text as will do.

One pass of RE2 costs the same for one pattern and for a hundred, about a nanosecond a byte, and
most texts hold nothing. So the hints of all patterns are joined into a few:

    words   is any keyword in a place where it could matter?   no -> no keyworded pattern is run
    shapes  is there a number or address of some length?       no -> no pattern of digits is run

Where the answer is yes, an Aho-Corasick pass says which keywords occur and where, and numbers are
looked at one by one: boxes of patterns say which may match there. What is found is what each
pattern finds by itself in the whole text.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, lru_cache, partial

from ahocorasick_rs import BytesAhoCorasick, Implementation

from engine.content.collect import MANY, NO_DIGITS, Span, collect, numbered
from engine.content.detectors import JOINTS, Pattern, stands_alone
from engine.content.regex import MEMORY, Regex, any_of, either
from engine.content.rules import Rule
from engine.content.translate import Untranslatable, alphabet, reach, read

FEW = 8
"""So few keywords need no hint."""
LONG = rf"[0-9](?:{JOINTS}{{0,4}}[0-9]){{6}}"
"""What every match of a pattern of digits begins with or holds."""


@dataclass(frozen=True, slots=True)
class Gate:
    """Keyword ``i`` of *keywords* sets off the rules ``rules[i]``, if *hint* matches at all."""

    hint: Regex | None
    keywords: BytesAhoCorasick
    rules: tuple[tuple[Rule, ...], ...]


BOX = 16
"""So many patterns of digits are one to say whether any of them may match."""
NUMERIC = sum(1 << ord(char) for char in "0123456789 .-/()")
"""The characters of a number."""
APART = r"(?:^|[^0-9A-Za-z_])(?:{})(?:[^0-9A-Za-z_]|\b|$)"
BEHIND = 4
"""Bytes behind a match that RE2 may look at: a character."""
CONTINUED = bytes(range(0x80, 0xC0))
"""What a piece may begin with that is cut out of a text: the end of a character."""


@dataclass(frozen=True, slots=True)
class Box:
    """Where *any* does not match, nor do the numeric rules at *places*, of *least* digits."""

    any: Regex
    least: int
    places: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """Rules by what sets them off: nothing, one byte (with their longest match), keywords, a shape.

    With two gates, *words* has the hints of both. Numeric rules at the places in *single* are in
    none of the *boxes*.
    """

    always: tuple[Rule, ...]
    literal: tuple[tuple[bytes, Rule, int | None], ...]
    words: Regex | None
    gates: tuple[Gate, ...]
    shapes: Regex | None
    shaped: tuple[Rule, ...]
    numeric: tuple[Rule, ...]
    single: tuple[int, ...]
    boxes: tuple[Box, ...]


def by_one_byte(pattern: Pattern) -> bool:
    """Return whether one byte sets *pattern* off: no search is faster than one for a byte."""
    return len(pattern.keywords) == 1 and len(pattern.keywords[0]) == 1


def has_shape(pattern: Pattern) -> bool:
    """Return whether *pattern* is one of digits, or has a hint and can do without any word."""
    words = min(map(len, pattern.keywords), default=0) > 1
    return bool(pattern.digits or pattern.hint) and not words


def shapes_of(rules: Iterable[Rule]) -> list[str]:
    """Return patterns of which one matches in every text in which one of *rules* does."""
    return [LONG if rule.pattern.digits else rule.pattern.hint for rule in rules]


def gate_of(rules: Iterable[Rule]) -> Regex | None:
    """Return what matches in every text in which one of *rules* does; None without rules."""
    shapes = shapes_of(rules)
    return any_of(shapes, memory=MEMORY) if shapes else None


def arrange(rules: Iterable[Rule]) -> Plan:
    """Return the plan of *rules*."""
    always: list[Rule] = []
    literal: list[tuple[bytes, Rule, int | None]] = []
    keyed: tuple[list[Rule], list[Rule]] = [], []
    shaped: list[Rule] = []
    numeric: list[Rule] = []
    for rule in rules:
        pattern = rule.pattern
        if pattern.digits:
            numeric.append(rule)
        elif by_one_byte(pattern):
            literal.append((pattern.keywords[0].encode(), rule, reach(pattern.regex)))
        elif pattern.keywords:
            keyed[pattern.prose].append(rule)
        elif pattern.hint:
            shaped.append(rule)
        else:
            always.append(rule)
    boxes = _boxes(tuple(numeric))
    boxed = {place for box in boxes for place in box.places}
    return Plan(
        tuple(always),
        tuple(literal),
        _hints((*keyed[0], *keyed[1])) if all(keyed) else None,
        tuple(_gate(tuple(rules)) for rules in keyed if rules),
        gate_of([*numeric, *shaped]),
        tuple(shaped),
        tuple(numeric),
        tuple(place for place in range(len(numeric)) if place not in boxed),
        boxes,
    )


@cache
def _boxes(rules: tuple[Rule, ...]) -> tuple[Box, ...]:
    """Return the boxes of those numeric *rules* that are alike enough, none for a few."""
    alike = [place for place, rule in enumerate(rules) if separable(rule)]
    if len(alike) <= FEW:
        return ()
    alike.sort(key=lambda place: (rules[place].pattern.digits, rules[place].pattern.regex))
    chunks = [tuple(alike[place : place + BOX]) for place in range(0, len(alike), BOX)]
    return tuple(
        Box(
            any_of([APART.format(rules[place].pattern.regex) for place in chunk]),
            rules[chunk[0]].pattern.digits,
            chunk,
        )
        for chunk in chunks
    )


def separable(rule: Rule) -> bool:
    """Return whether *rule* finds the same if only matches that nothing touches are looked at."""
    pattern = rule.pattern
    return (
        stands_alone(pattern.guard)
        and not rule.group
        and pattern.fit is None
        and (bordered(pattern.regex))
    )


@lru_cache(maxsize=4096)
def bordered(regex: str) -> bool:
    """Return whether matches of *regex* are numbers, or end at borders of words.

    What a pattern finds in one number, though it does not count, hides nothing in the next, unless
    it reaches there. Between two borders of words it finds nothing that the guard would refuse.
    """
    if regex.startswith(r"\b(?:") and regex.endswith(r")\b"):
        return True
    try:
        met = alphabet(read(regex))
    except Untranslatable:
        return False
    return not met.wide and not met.bits & ~NUMERIC


def _may_match(plan: Plan, piece: bytes) -> list[int]:
    """Return which numeric rules may match in *piece*, a number and what is around it."""
    places = list(plan.single)
    piece = piece.lstrip(CONTINUED)
    digits = len(piece.translate(None, NO_DIGITS))
    for box in plan.boxes:
        if digits < box.least:
            break
        if box.any.within(piece):
            places += box.places
    return places


@cache
def _hints(rules: tuple[Rule, ...]) -> Regex:
    hints = [rule.pattern.hint or either(rule.pattern.keywords) for rule in rules]
    return any_of(hints, memory=MEMORY)


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


def find_spans(plan: Plan, data: bytes, first: int | None = 0, *, near: bool = False) -> list[Span]:
    """Return which rules match where in *data*, after guards and checks.

    No shape or number begins before *first*; if it is None, there is none at all.
    With *near*, some matches may be left out that would need a context word and have none.
    """
    size = len(data)
    found: list[Span] = []
    for rule in plan.always:
        collect(rule, data, 0, size, size, found)
    for byte, rule, most in plan.literal:
        place = data.find(byte)
        if place >= 0:
            _at_byte(rule, byte, most, data, place, found)
    if plan.gates:
        _keyworded(plan, data, found)
    if plan.shapes is not None and first is not None:
        first = plan.shapes.find(data, first, size)[0][0]
        if first >= 0:
            for rule in plan.shaped:
                collect(rule, data, 0, size, size, found)
            if plan.numeric:
                choose = partial(_may_match, plan) if plan.boxes else None
                numbered(plan.numeric, data, first, found, choose, near=near)
    return found


def _at_byte(
    rule: Rule, byte: bytes, most: int | None, data: bytes, place: int, found: list[Span]
) -> None:
    """Run *rule*, which *byte* sets off, from the first on at *place*.

    Where its matches have *most* bytes at most, the first of them are looked at one by one.
    """
    size, before = len(data), rule.pattern.before
    begin = max(0, place - before)
    if most is not None:
        for _ in range(MANY):
            begin = collect(rule, data, begin, place + 1, min(size, place + most + BEHIND), found)
            place = data.find(byte, max(place + 1, begin))
            if place < 0:
                return
            begin = max(begin, place - before)
    # Hot path: a text has one address, and nothing is sought behind it.
    collect(rule, data, begin, size, size, found, byte)


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
            # Keywords come by their ends: one that holds another may begin before it.
            _, first = begins.get(id(rule), (rule, place))
            begins[id(rule)] = rule, min(first, place)
    size = len(data)
    for rule, place in begins.values():
        collect(rule, data, max(0, place - rule.pattern.before), size, size, found)
