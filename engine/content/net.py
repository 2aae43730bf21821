"""Rules to Hyperscan databases, and UTF-8 to matches: all patterns in one pass over the text.

A database holds for each rule what its matches begin with (see `translate`), or its hint. An event
says that the rule may match, and the byte where that much of it ends. From there RE2 decides, in a
piece of the text that no match can leave::

    "token ghp_0123..."   ->   event (github, 46)   ->   RE2 in bytes 6..276   ->   a match

A rule whose matches are unbounded, or whose expression may occur often, gives one event, its first,
and RE2 looks at all that follows. Rules with words are in one database, shapes in another:
for 250 words Hyperscan takes half a nanosecond a byte, for a dozen shapes three, so that RE2 says
first whether there is any. Patterns of digits are in a third, which sees each number by itself.
What is found is what `plan` finds; `plan` serves where there is no database, and for few rules.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, NamedTuple

import msgspec

from engine.content.collect import Span, collect, numbered
from engine.content.detectors import stands_alone
from engine.content.hyper import VERSION, Database, DatabaseError, Sought, build
from engine.content.plan import (
    Plan,
    arrange,
    bordered,
    by_one_byte,
    find_spans,
    has_shape,
    shapes_of,
)
from engine.content.regex import Regex
from engine.content.rules import Rule
from engine.content.translate import (
    Untranslatable,
    reach,
    standing_alone,
    translate,
)

NEAR = 8
"""An expression whose lengths differ by more gives too many events: the first one will do."""
BEHIND = 4
"""Bytes behind a match that RE2 may look at: a character."""
LONGEST = 4096
"""A match of more bytes is as good as unbounded."""
FEW = 8
"""For fewer rules a plan is faster, which looks for nothing else."""


Kind = Literal["words", "shapes", "numbers"]
KINDS: tuple[Kind, ...] = ("words", "shapes", "numbers")


class Aim(NamedTuple):
    """What a database looks for in place of a rule, and what an event tells.

    A match begins at most *back* bytes before the event's end (anywhere, if None), and has at most
    *most* bytes. With *single* there is one event, the first. *kind* tells the database.
    """

    text: str
    single: bool
    kind: Kind
    back: int | None
    most: int | None


@lru_cache(maxsize=4096)
def _aimed(regex: str, hint: str, kind: Kind) -> Aim | None:
    """Return what to look for in place of *regex*: the simpler of it and its hint.

    Invariant: a hint tells nothing of where to begin. It is in all that counts, but a match without
    it, which does not count, may hide one that begins inside it.
    """
    try:
        most = reach(regex)
        made = translate(regex)
        hinted = translate(hint) if hint else made
    except Untranslatable:
        return None
    if len(hinted.text) < len(made.text):
        return Aim(hinted.text, single=True, kind=kind, back=None, most=None)
    if most is not None and most > LONGEST:
        most = None
    rare = made.marked and made.most is not None and made.most - made.least <= NEAR
    single = most is None or not rare
    return Aim(made.text, single=single, kind=kind, back=made.most, most=most)


@lru_cache(maxsize=4096)
def _numeric(regex: str, *, apart: bool, whole: bool) -> Aim | None:
    """Return what to look for in place of a pattern of digits, of which texts have many.

    Each number is looked at by itself, and the guard is part of it: most then set off few rules.

    Where what the guard refuses could hide something (see `bordered`), it is left out.
    """
    alone = apart and bordered(regex)
    try:
        text = standing_alone(regex, whole=whole) if alone else translate(regex).text
    except Untranslatable:
        return None
    return Aim(text, single=True, kind="numbers", back=None, most=None)


def aim_at(rule: Rule) -> Aim | None:
    """Return what to look for in place of *rule*, None where that cannot be told."""
    pattern = rule.pattern
    if by_one_byte(rule):
        return None
    if pattern.digits:
        apart = stands_alone(pattern.guard) and not rule.group
        return _numeric(pattern.regex, apart=apart, whole=pattern.fit is None)
    return _aimed(pattern.regex, pattern.hint, "shapes" if has_shape(rule) else "words")


class Wanted(msgspec.Struct, frozen=True, array_like=True):
    """What the databases of a net must hold, by `Kind`."""

    words: tuple[Sought, ...]
    shapes: tuple[Sought, ...]
    numbers: tuple[Sought, ...]

    @property
    def size(self) -> int:
        """How many expressions there are."""
        return len(self.words) + len(self.shapes) + len(self.numbers)

    def digest(self) -> str:
        """Return what names such a net, as this machine's Hyperscan makes it."""
        return hashlib.sha256(msgspec.json.encode((VERSION, self))).hexdigest()


def wanted(rules: Iterable[Rule]) -> Wanted:
    """Return what a net for *rules* must hold; the same rules give the same."""
    needed: dict[Kind, set[Sought]] = {kind: set() for kind in KINDS}
    for aim in map(aim_at, rules):
        if aim is not None:
            needed[aim.kind].add((aim.text, aim.single))
    return Wanted(*(tuple(sorted(needed[kind])) for kind in KINDS))


class Packed(msgspec.Struct, frozen=True, array_like=True):
    """A net as bytes."""

    held: Wanted
    words: bytes
    shapes: bytes
    numbers: bytes


def pack_net(needed: Wanted) -> bytes:
    """Return the net of *needed* as bytes: some tenths of a second of work.

    Raises `DatabaseError` where there is no Hyperscan.
    """
    words, held_words = build(needed.words)
    shapes, held_shapes = build(needed.shapes, len(held_words))
    numbers, held_numbers = build(needed.numbers, len(held_words) + len(held_shapes))
    held = Wanted(held_words, held_shapes, held_numbers)
    return msgspec.msgpack.encode(Packed(held, words, shapes, numbers))


class Net:
    """The databases, loaded, and what they hold: the place of each expression, over all three."""

    __slots__ = ("numbers", "places", "shapes", "words")

    def __init__(self, packed: bytes) -> None:
        """Load what `pack_net` returned. Raises `DatabaseError` when it is of another machine."""
        try:
            read = msgspec.msgpack.decode(packed, type=Packed)
        except msgspec.DecodeError as error:
            raise DatabaseError(str(error)) from error
        held = (*read.held.words, *read.held.shapes, *read.held.numbers)
        self.places = {one: place for place, one in enumerate(held)}
        self.words = Database(read.words) if read.words else None
        self.shapes = Database(read.shapes) if read.shapes else None
        self.numbers = Database(read.numbers) if read.numbers else None


Set = tuple[Rule, int | None, int | None]
"""A rule, from where to run it (see `Aim`), and in pieces of what size."""


@dataclass(frozen=True, slots=True)
class Cast:
    """A *net*, and what each of its places sets off: *aims*, or those of the *numeric* rules.

    *shapes* matches in every text that has a shape or a number: RE2 is faster to say that it has
    none. *rest* finds what is not in the net.
    """

    net: Net
    aims: tuple[tuple[Set, ...], ...]
    chosen: tuple[tuple[int, ...], ...]
    numeric: tuple[Rule, ...]
    shapes: Regex | None
    rest: Plan


def cast(rules: Sequence[Rule], net: Net) -> Cast | None:
    """Return how *net* finds *rules*; None where a plan is faster."""
    aims: list[list[Set]] = [[] for _ in net.places]
    chosen: list[list[int]] = [[] for _ in net.places]
    numeric: list[Rule] = []
    rest: list[Rule] = []
    shaped: list[Rule] = []
    for rule in rules:
        aim = aim_at(rule)
        place = None if aim is None else net.places.get((aim.text, aim.single))
        if aim is None or place is None:
            rest.append(rule)
            continue
        if aim.kind != "words":
            shaped.append(rule)
        if aim.kind == "numbers":
            chosen[place].append(len(numeric))
            numeric.append(rule)
        else:
            aims[place].append((rule, aim.back, None if aim.single else aim.most))
    if len(rules) - len(rest) < FEW:
        return None
    return Cast(
        net,
        tuple(map(tuple, aims)),
        tuple(map(tuple, chosen)),
        tuple(numeric),
        shapes_of(shaped),
        arrange(rest),
    )


def find_cast(held: Cast, data: bytes) -> list[Span]:
    """Return which rules match where in *data*, after guards and checks."""
    net = held.net
    found = find_spans(held.rest, data)
    events = [] if net.words is None else net.words.events(data)
    if held.shapes is not None and held.shapes.within(data):
        if net.shapes is not None:
            events += net.shapes.events(data)
        if net.numbers is not None:
            _numbers(held, net.numbers, data, found)
    ends: dict[int, list[int]] = {}
    for place in range(0, len(events), 2):
        ends.setdefault(events[place], []).append(events[place + 1])
    size = len(data)
    for number, reached in ends.items():
        for rule, back, most in held.aims[number]:
            begin = 0 if back is None else max(0, min(reached) - back)
            if most is not None and back is not None:
                _piecewise(rule, data, begin, sorted(reached), back, most, found)
            else:
                collect(rule, data, begin, size, size, found)
    return found


def _numbers(held: Cast, database: Database, data: bytes, found: list[Span]) -> None:
    chosen = held.chosen

    def choose(piece: bytes) -> list[int]:
        places = database.events(piece)[::2]
        return [index for place in places for index in chosen[place]]

    numbered(held.numeric, data, 0, found, choose)


def _piecewise(
    rule: Rule,
    data: bytes,
    place: int,
    ends: Sequence[int],
    back: int,
    most: int,
    found: list[Span],
) -> None:
    """Run *rule* from *place* on, where matches may begin: *back* bytes before each of *ends*.

    Invariant: pieces are looked at in order, and what is between them is the beginning of no match,
    so that this is one search over the whole text.
    """
    size = len(data)
    count = 0
    while count < len(ends):
        begin, limit = max(place, ends[count] - back), ends[count]
        count += 1
        while count < len(ends) and ends[count] - back <= limit:
            limit = ends[count]
            count += 1
        place = collect(rule, data, begin, limit, min(size, limit + most + BEHIND), found)
