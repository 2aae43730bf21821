"""Text to findings: the entities asked for, at their places, in linear time.

A plan (see `plan`) is made once for each set of entities that policies ask for::

    text --fold--> folded --UTF-8--> bytes --plan--> matches --context--> findings
                     |--views--> folded ...

RE2 on valid UTF-8 is the authority on what matches. What an entity finds does not depend on which
others were asked for. What is written in escapes, look-alikes or base64 is read too, and found at
the place that hides it (see `views`). Findings of one entity that overlap are one finding, with the
highest of their scores. What has no pattern, such as a name, is found by code (see `finders`), in
the text itself and without its look-alikes, and nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from engine.content.collect import Span
from engine.content.detectors import CONTEXT, REACH, THRESHOLD, CustomEntity, Pattern
from engine.content.entities import ENTITIES
from engine.content.finders import FINDERS, Finder, Found
from engine.content.findings import Finding
from engine.content.net import Net, cast, find_cast, wanted
from engine.content.net_packed import Wanted
from engine.content.normalize import Folded, characters, fold
from engine.content.plan import arrange, find_spans, has_shape, shapes_of
from engine.content.regex import MEMORY, SLOW, Nearby, Regex, any_of
from engine.content.rules import (
    EntityError,
    Rule,
    author_words,
    builtin_rules,
    checker,
    custom_rules,
)
from engine.content.sample import SAMPLE
from engine.content.terms import Terms
from engine.content.validate import VALIDATORS
from engine.content.views import DISGUISED_SAMPLE, DISGUISING, View, views

__all__ = ["EntityError", "Scanner", "build_scanner"]

MAX_PLANS = 1024

Tag = Callable[[str], list[Found]]


@dataclass(frozen=True, slots=True)
class Search:
    """What one set of entities needs: what finds patterns (a plan or a net), and lists of terms.

    *busy* matches where the first shape, number or disguise is. *tagged* finds what has no pattern;
    None where nothing of it was asked for.
    """

    find: Callable[[bytes, int | None], list[Span]]
    busy: Regex
    listed: tuple[tuple[CustomEntity, Terms, Nearby | None], ...]
    tagged: Tag | None = None


class Scanner:
    """Finds entities in texts. Safe to share between threads; plans are kept, texts are not."""

    __slots__ = ("_custom", "_finders", "_net", "_own", "_plans", "_terms")

    def __init__(
        self,
        custom: Mapping[str, CustomEntity],
        terms: Mapping[str, frozenset[str]],
        finders: Mapping[str, Finder],
    ) -> None:
        self._custom = custom
        self._finders = finders
        self._own = {name: custom_rules(entity) for name, entity in custom.items()}
        self._net: Net | None = None
        self._terms = {
            name: Terms(frozenset().union(*(terms[listed] for listed in entity.terms)))
            for name, entity in custom.items()
            if entity.terms
        }
        self._plans: dict[frozenset[str], Search] = {}

    @property
    def entities(self) -> frozenset[str]:
        """The names that `scan` knows."""
        return frozenset((*ENTITIES, *self._custom))

    def scan(self, text: str, entities: frozenset[str]) -> tuple[Finding, ...]:
        """Return the findings of *entities* in *text*, by place and name, in code points of *text*.

        Raises `EntityError` for a name that is neither built in nor declared.
        """
        search = self._plans.get(entities)
        if search is None:
            search = self._prepare(entities)
        if not search.listed and text.isascii():
            # Most texts are, and hold nothing: this is the quick way to say so.
            data = text.encode()
            busy = search.busy.find(data, 0, len(data))[0][0]
            first = None if busy < 0 else busy
            spans = search.find(data, first)
            read = [] if search.tagged is None else search.tagged(text)
            if first is None and not spans and not read:
                return ()
            shown, folded, found = text, None, located(text, data, spans) + read
        else:
            first = 0
            folded = fold(text)
            shown = folded.text
            # Lone surrogates have no UTF-8: each becomes one "?", so that places stay right.
            data = shown.encode("utf-8", "replace")
            found = _look(search, shown, data)
            if search.tagged is not None:
                found += search.tagged(shown)
        # Hot path: without a disguise and in ASCII there is no other view.
        if first is not None:
            for view in views(shown, data, first):
                found += _seen(search, view)
        return _arranged(found, folded)

    def wanted(self, entities: frozenset[str]) -> Wanted:
        """Return what a net for *entities* must hold. Raises `EntityError` for an unknown name."""
        return wanted(self._outlined(entities))

    def _outlined(self, entities: frozenset[str]) -> Iterator[Pattern]:
        """Yield the patterns of *entities*: RE2 need not have compiled them."""
        for name in sorted(entities):
            if name in ENTITIES:
                yield from ENTITIES[name].patterns
            else:
                yield from (rule.pattern for rule in self._rules(frozenset({name})))

    def cast(self, net: Net) -> None:
        """Use *net* from now on, for what it holds: it is faster, and finds the same."""
        self._net = net
        self._plans.clear()

    def patterns(self, entities: frozenset[str]) -> list[Rule]:
        """Return the compiled patterns of *entities*. Raises `EntityError` for an unknown name."""
        return self._rules(entities)

    def lists(self, entities: frozenset[str]) -> list[tuple[Terms, bool]]:
        """Return the term lists of *entities*, and whether a term needs a context word."""
        return [
            (self._terms[name], bool(self._custom[name].near))
            for name in sorted(entities.intersection(self._terms))
        ]

    def prepare(self, entities: frozenset[str]) -> None:
        """Build and warm up what *entities* need, so that no request pays for it."""
        for text in (SAMPLE, SAMPLE.encode("ascii", "ignore").decode(), DISGUISED_SAMPLE):
            self.scan(text, entities)
        for rule in self._rules(entities):
            if rule.find.programsize > SLOW:
                rule.find.within(SAMPLE.encode())
        self.warm(entities)

    def warm(self, entities: frozenset[str]) -> None:
        """Load the models that *entities* need, so that no request waits for one."""
        for finder in self.readers(entities):
            finder.warm()

    def readers(self, entities: frozenset[str]) -> list[Finder]:
        """Return who finds those of *entities* that have no pattern."""
        return [self._finders[name] for name in self._read(entities)]

    def _read(self, entities: frozenset[str]) -> dict[str, frozenset[str]]:
        """Return which of *entities* have no pattern, by the finder that reads a text for them."""
        found: dict[str, set[str]] = {}
        for name in entities.intersection(ENTITIES):
            if finder := ENTITIES[name].finder:
                found.setdefault(finder, set()).add(name)
        return {finder: frozenset(names) for finder, names in sorted(found.items())}

    def _prepare(self, entities: frozenset[str]) -> Search:
        if len(self._plans) >= MAX_PLANS:
            self._plans.clear()
        search = self._plans[entities] = self._search(entities)
        return search

    def _search(self, entities: frozenset[str]) -> Search:
        rules = self._rules(entities)
        listed = [
            (self._custom[name], self._terms[name], author_words(self._custom[name]))
            for name in sorted(entities.intersection(self._terms))
        ]
        held = None if self._net is None else cast(rules, self._net)
        find = (
            partial(find_spans, arrange(rules), near=True)
            if held is None
            else partial(find_cast, held, near=True)
        )
        shapes = shapes_of([rule for rule in rules if has_shape(rule.pattern)])
        busy = any_of((*shapes, *DISGUISING), memory=MEMORY)
        return Search(find, busy, tuple(listed), self._tag(entities))

    def _tag(self, entities: frozenset[str]) -> Tag | None:
        """Return what finds those of *entities* that have no pattern, if they are sure enough."""
        asked = [(self._finders[name].find, of) for name, of in self._read(entities).items()]
        if not asked:
            return None

        def tag(text: str) -> list[Found]:
            return [one for find, of in asked for one in find(text, of) if one[3] >= THRESHOLD]

        return tag

    def _rules(self, entities: frozenset[str]) -> list[Rule]:
        rules: list[Rule] = []
        for name in sorted(entities):
            if name in self._own:
                rules += self._own[name]
            elif name in ENTITIES:
                rules += builtin_rules(ENTITIES[name])
            else:
                raise EntityError(f"unknown entity `{name}`")
        return rules


def build_scanner(
    custom: Sequence[CustomEntity],
    terms: Mapping[str, frozenset[str]],
    finders: Mapping[str, Finder] = FINDERS,
) -> Scanner:
    """Return a scanner for built-in and *custom* entities; *terms* are the lists, by name.

    *finders* find the built-in entities that have no patterns.

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
        declared[entity.name] = entity
    return Scanner(declared, terms, finders)


def _look(search: Search, text: str, data: bytes) -> list[Found]:
    """Return what has a pattern or a list in one reading of a text, which is folded.

    *data* is its UTF-8.
    """
    spans = search.find(data, 0)
    found = located(text, data, spans)
    for entity, terms, near in search.listed:
        found += _listed(entity, terms, near, text)
    return found


def _seen(search: Search, view: View) -> list[Found]:
    """Return what *search* finds in a *view*, at the places that it stands for."""
    folded = fold(view.text)
    found = _look(search, folded.text, folded.text.encode("utf-8", "replace"))
    if view.alike and search.tagged is not None:
        found += search.tagged(folded.text)
    return [
        (entity, *view.origin(*folded.origin(start, end)), score)
        for entity, start, end, score in found
    ]


def located(text: str, data: bytes, spans: list[Span]) -> list[Found]:
    """Turn bytes into characters and drop what the context does not bear out."""
    if not spans:
        return []
    ascii_only = len(data) == len(text)
    places = {} if ascii_only else characters(data, {at for span in spans for at in span[1:]})
    found: list[Found] = []
    for rule, begin, finish in spans:
        start, end = (begin, finish) if ascii_only else (places[begin], places[finish])
        score = rule.pattern.score
        if rule.must or score < THRESHOLD:
            if rule.near is None or not supported(rule.near, text, start, end):
                continue
            score = min(1.0, score + CONTEXT)
        found.append((rule.entity, start, end, score))
    return found


def _listed(entity: CustomEntity, terms: Terms, near: Nearby | None, text: str) -> list[Found]:
    check = checker(entity)
    found = []
    for start, end in terms.find(text):
        if check is not None and not check(text[start:end]):
            continue
        if near is None or supported(near, text, start, end):
            found.append((entity.name, start, end, 1.0))
    return found


def supported(near: Nearby, text: str, start: int, end: int) -> bool:
    """Return whether a context word stands in or around ``text[start:end]``."""
    first = max(0, start - REACH)
    # The character before the window tells whether a word begins there.
    window = text[first - 1 : end + REACH] if first else " " + text[: end + REACH]
    return near.within(window.encode("utf-8", "replace"))


def _arranged(found: list[Found], folded: Folded | None) -> tuple[Finding, ...]:
    """Return *found*, by place and name, in the original of a text that is *folded*, or None."""
    # Hot path: most texts with anything in them have one thing. What a named tuple is made by for
    # each of its fields takes six times as long as to take a tuple as it is.
    if len(found) > 1:
        found = _merged(found)
    if folded is None:
        made = [tuple.__new__(Finding, one) for one in found]
    else:
        made = [
            Finding(name, *folded.origin(start, end), score) for name, start, end, score in found
        ]
    if len(made) > 1:
        made.sort(key=_place)
    return tuple(made)


def _merged(found: list[Found]) -> list[Found]:
    """Join what overlaps within one entity."""
    made: list[Found] = []
    current, start, end, score = "", 0, 0, 0.0
    for entity, begin, finish, points in sorted(found):
        if entity == current and begin < end:
            end, score = max(end, finish), max(score, points)
            continue
        if current:
            made.append((current, start, end, score))
        current, start, end, score = entity, begin, finish, points
    made.append((current, start, end, score))
    return made


def _place(finding: Finding) -> tuple[int, int, str]:
    return finding.start, finding.end, finding.entity
