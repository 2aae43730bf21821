"""Text to findings: the entities asked for, at their places, in linear time.

A `Plan` is made once for each set of entities that policies ask for::

    text --fold--> folded --UTF-8--> bytes
    bytes --keywords (one Aho-Corasick pass)--> which patterns can match, and from where
    each of these --RE2--> spans --fit, guard, check--> bytes to characters --context--> findings

RE2 on valid UTF-8 is the authority on what matches. What an entity finds does not depend on which
others were asked for. Findings of one entity that overlap are one finding, with the highest of
their scores.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from ahocorasick_rs import BytesAhoCorasick

from engine.content.detectors import CONTEXT, REACH, THRESHOLD, CustomEntity, Entity, Pattern
from engine.content.entities import ENTITIES
from engine.content.findings import Finding
from engine.content.normalize import Folded, fold
from engine.content.regex import Match, PatternError, Regex, bounded, compiled, nearby
from engine.content.terms import Terms
from engine.content.validate import VALIDATORS

MAX_PLANS = 1024
DIGITS = compiled(r"[0-9](?:[ .\-/()]{0,3}[0-9]){6}")
"""What every match of a numeric pattern holds."""


class EntityError(ValueError):
    """An author's entity, or a name, that the scanner cannot use; the message says why."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A compiled pattern of *entity*. With *must*, a context word nearby is a condition."""

    entity: str
    find: Regex
    group: int
    pattern: Pattern
    near: Regex | None
    must: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """What one set of entities needs.

    Keyword ``i`` of *gate* sets off the rules (by number) ``gated[i]``.
    """

    rules: tuple[Rule, ...]
    always: tuple[int, ...]
    numeric: tuple[int, ...]
    literal: tuple[tuple[bytes, int], ...]
    gate: BytesAhoCorasick | None
    gated: tuple[tuple[int, ...], ...]
    listed: tuple[tuple[CustomEntity, Terms, Regex | None], ...]


class Scanner:
    """Finds entities in texts. Safe to share between threads; plans are kept, texts are not."""

    __slots__ = ("_custom", "_plans", "_terms")

    def __init__(
        self, custom: Mapping[str, CustomEntity], terms: Mapping[str, frozenset[str]]
    ) -> None:
        self._custom = custom
        self._terms = {
            name: Terms(frozenset().union(*(terms[listed] for listed in entity.terms)))
            for name, entity in custom.items()
            if entity.terms
        }
        self._plans: dict[frozenset[str], Plan] = {}

    @property
    def entities(self) -> frozenset[str]:
        """The names that `scan` knows."""
        return frozenset((*ENTITIES, *self._custom))

    def scan(self, text: str, entities: frozenset[str]) -> tuple[Finding, ...]:
        """Return the findings of *entities* in *text*, by place and name, in code points of *text*.

        Raises `EntityError` for a name that is neither built in nor declared.
        """
        plan = self._plans.get(entities)
        if plan is None:
            plan = self._prepare(entities)
        folded = fold(text)
        # Lone surrogates have no UTF-8: each becomes one "?", so that places stay right.
        data = folded.text.encode("utf-8", "replace")
        found = _located(folded, data, _spans(plan, data))
        for entity, terms, near in plan.listed:
            found += _listed(entity, terms, near, folded.text)
        if not found:
            return ()
        return tuple(sorted(_merged(found, folded), key=_place))

    def prepare(self, entities: frozenset[str]) -> None:
        """Build and warm up what *entities* need: RE2 makes its automata on first use."""
        self.scan("call +1 415 555 0100, key = 1", entities)

    def _prepare(self, entities: frozenset[str]) -> Plan:
        if len(self._plans) >= MAX_PLANS:
            self._plans.clear()
        plan = self._plans[entities] = self._plan(entities)
        return plan

    def _plan(self, entities: frozenset[str]) -> Plan:
        rules: list[Rule] = []
        listed: list[tuple[CustomEntity, Terms, Regex | None]] = []
        for name in sorted(entities):
            if name in self._custom:
                custom = self._custom[name]
                rules += custom_rules(custom)
                if name in self._terms:
                    listed.append((custom, self._terms[name], author_words(custom)))
            elif name in ENTITIES:
                rules += builtin_rules(ENTITIES[name])
            else:
                raise EntityError(f"unknown entity `{name}`")
        return _arranged(tuple(rules), tuple(listed))


def build_scanner(custom: Sequence[CustomEntity], terms: Mapping[str, frozenset[str]]) -> Scanner:
    """Return a scanner for built-in and *custom* entities; *terms* are the lists, by name.

    Raises `EntityError` for a pattern that RE2 refuses or that is too large, an unknown validator
    or list, an entity declared twice or in a built-in's place.
    """
    declared: dict[str, CustomEntity] = {}
    for entity in custom:
        if entity.name in ENTITIES or entity.name in declared:
            raise EntityError(f"entity `{entity.name}` exists already")
        for name in entity.checks:
            if name not in VALIDATORS:
                raise EntityError(f"entity `{entity.name}`: unknown validator `{name}`")
        for name in entity.terms:
            if name not in terms:
                raise EntityError(f"entity `{entity.name}`: unknown list `{name}`")
        custom_rules(entity)
        declared[entity.name] = entity
    return Scanner(declared, terms)


@cache
def builtin_rules(entity: Entity) -> tuple[Rule, ...]:
    """Return the compiled rules of a built-in *entity*; compiled once a process."""
    near = nearby(entity.near)
    made = []
    for pattern in entity.patterns:
        find = compiled(pattern.regex)
        made.append(Rule(entity.name, find, min(1, find.groups), pattern, near, must=False))
    return tuple(made)


def custom_rules(entity: CustomEntity) -> tuple[Rule, ...]:
    """Return the compiled rules of an author's *entity*. Raises `EntityError`."""
    check = checker(entity)
    near = author_words(entity)
    made = []
    for regex in entity.patterns:
        try:
            find = bounded(regex)
        except PatternError as error:
            raise EntityError(f"entity `{entity.name}`: {error}") from error
        pattern = Pattern(regex, 1.0, check=check)
        made.append(Rule(entity.name, find, 0, pattern, near, must=near is not None))
    return tuple(made)


def author_words(entity: CustomEntity) -> Regex | None:
    """Return the pattern of the entity's context words, folded as the text will be."""
    return nearby([fold(word).text for word in entity.near])


def checker(entity: CustomEntity) -> Callable[[str], bool] | None:
    """Return the conjunction of the entity's validators; None when it has none."""
    if not entity.checks:
        return None
    validators = [VALIDATORS[name] for name in entity.checks]
    return lambda text: all(validator(text) for validator in validators)


def _arranged(
    rules: tuple[Rule, ...],
    listed: tuple[tuple[CustomEntity, Terms, Regex | None], ...],
) -> Plan:
    """Sort *rules* by what sets them off: nothing, digits, one byte (memchr), keywords."""
    always: list[int] = []
    numeric: list[int] = []
    literal: list[tuple[bytes, int]] = []
    keyed: dict[str, list[int]] = {}
    for number, rule in enumerate(rules):
        keywords = rule.pattern.keywords
        if rule.pattern.numeric:
            numeric.append(number)
        elif not keywords:
            always.append(number)
        elif len(keywords) == 1 and len(keywords[0]) == 1:
            literal.append((keywords[0].encode(), number))
        else:
            for keyword in keywords:
                keyed.setdefault(keyword, []).append(number)
    gate = BytesAhoCorasick([keyword.encode() for keyword in keyed]) if keyed else None
    gated = tuple(tuple(numbers) for numbers in keyed.values())
    return Plan(rules, tuple(always), tuple(numeric), tuple(literal), gate, gated, listed)


def _spans(plan: Plan, data: bytes) -> list[tuple[Rule, int, int]]:
    """Return which rules match where in *data*, in bytes, after guards and checks."""
    begins: dict[int, int] = dict.fromkeys(plan.always, 0)
    if plan.numeric and (digits := DIGITS.search(data)) is not None:
        begins.update(dict.fromkeys(plan.numeric, digits.span()[0]))
    for byte, number in plan.literal:
        place = data.find(byte)
        if place >= 0:
            begins[number] = place
    if plan.gate is not None:
        for keyword, place, _ in plan.gate.find_matches_as_indexes(data.lower(), overlapping=True):
            for number in plan.gated[keyword]:
                begins.setdefault(number, place)
    spans = []
    for number in sorted(begins):
        rule = plan.rules[number]
        spans += [
            (rule, start, end)
            for start, end in _matches(rule, data, begins[number] - rule.pattern.before)
        ]
    return spans


def _matches(rule: Rule, data: bytes, begin: int) -> Iterator[tuple[int, int]]:
    search, pattern, size = rule.find.search, rule.pattern, len(data)
    place = max(0, begin)
    while place < size and (match := search(data, place)) is not None:
        start, end = match.span(rule.group)
        cut = end if pattern.fit is None else start + pattern.fit(_text(data, start, end))
        if (
            cut > start
            and (pattern.guard is None or pattern.guard(data, start, cut))
            and (pattern.check is None or pattern.check(_text(data, start, cut)))
        ):
            yield start, cut
            place = max(cut, place + 1)
        else:
            place = max(place + 1, _resume(rule, data, match))


def _resume(rule: Rule, data: bytes, match: Match) -> int:
    """Return where to go on after a refused match: where another may begin inside it."""
    start, end = match.span()
    if not rule.pattern.retry:
        return match.span(rule.group)[0] if rule.group else end
    while start < end and data[start : start + 1].isalnum():
        start += 1
    return start


def _text(data: bytes, start: int, end: int) -> str:
    # A pattern matches whole characters: RE2 reads valid UTF-8.
    return data[start:end].decode()


def _located(
    folded: Folded, data: bytes, spans: list[tuple[Rule, int, int]]
) -> list[tuple[str, int, int, float]]:
    """Turn bytes into characters and drop what the context does not bear out."""
    if not spans:
        return []
    ascii_only = len(data) == len(folded.text)
    places = {} if ascii_only else _characters(data, {at for span in spans for at in span[1:]})
    found = []
    for rule, begin, finish in spans:
        start, end = (begin, finish) if ascii_only else (places[begin], places[finish])
        score = rule.pattern.score
        if rule.must or score < THRESHOLD:
            if rule.near is None or not supported(rule.near, folded.text, start, end):
                continue
            score = min(1.0, score + CONTEXT)
        found.append((rule.entity, start, end, score))
    return found


def _characters(data: bytes, offsets: Iterable[int]) -> dict[int, int]:
    """Return the number of characters before each of the byte *offsets*: one pass over *data*."""
    places: dict[int, int] = {}
    done = count = 0
    for offset in sorted(offsets):
        count += len(data[done:offset].decode())
        places[offset] = count
        done = offset
    return places


def _listed(
    entity: CustomEntity, terms: Terms, near: Regex | None, text: str
) -> list[tuple[str, int, int, float]]:
    check = checker(entity)
    found = []
    for start, end in terms.find(text):
        if check is not None and not check(text[start:end]):
            continue
        if near is None or supported(near, text, start, end):
            found.append((entity.name, start, end, 1.0))
    return found


def supported(near: Regex, text: str, start: int, end: int) -> bool:
    """Return whether a context word stands in or around ``text[start:end]``."""
    first = max(0, start - REACH)
    # The character before the window tells whether a word begins there.
    window = (text[first - 1 : first] or " ") + text[first : end + REACH]
    return near.search(window.encode("utf-8", "replace")) is not None


def _merged(found: list[tuple[str, int, int, float]], folded: Folded) -> Iterator[Finding]:
    """Join what overlaps within one entity, and point at the original."""
    current = ""
    start = end = 0
    score = 0.0
    for entity, begin, finish, points in sorted(found):
        if entity == current and begin < end:
            end, score = max(end, finish), max(score, points)
            continue
        if current:
            yield Finding(current, *folded.origin(start, end), score)
        current, start, end, score = entity, begin, finish, points
    yield Finding(current, *folded.origin(start, end), score)


def _place(finding: Finding) -> tuple[int, int, str]:
    return finding.start, finding.end, finding.entity
