"""Rules to Hyperscan databases, and UTF-8 to matches: all patterns in one pass over the text.

A database holds for each rule what its matches begin with (see `translate`), or its hint. An event
says that the rule may match, and the byte where that much of it ends. From there RE2 decides, in a
piece of the text that no match can leave::

    "token ghp_0123..."   ->   event (github, 46)   ->   RE2 in bytes 6..276   ->   a match

A rule whose matches are unbounded, or whose expression may occur often, gives one event, its first,
and RE2 looks at all that follows. Rules with words are in one database, shapes in another: for 400
words Hyperscan takes one or two nanoseconds a byte, for some shapes four, so that RE2 says first
where one is. Patterns of digits are in a third, which sees each number by itself.
What is found is what `plan` finds; `plan` serves where there is no database, and for few rules.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec

from engine.content.aims import aim_at, outline_of
from engine.content.collect import Span, collect, numbered
from engine.content.detectors import Pattern
from engine.content.hyper import Database, DatabaseError, Sought, build
from engine.content.net_packed import KINDS, Aim, Kind, Packed, Wanted
from engine.content.plan import BEHIND, Plan, arrange, find_spans, gate_of
from engine.content.regex import Regex
from engine.content.rules import Rule

MORE = 128
"""So many bytes behind a shape are looked at with it, and twice as many behind one that is near."""
ASTRAY = 16
"""So many bytes before it an end may be that an event is too late for: Hyperscan promises no order
where an assertion waits for the character behind a match, of up to four bytes."""
FEW = 8
"""For fewer rules a plan is faster, which looks for nothing else."""


def wanted(patterns: Iterable[Pattern]) -> Wanted:
    """Return what a net for *patterns* must hold; the same patterns give the same."""
    return Wanted(tuple(sorted(set(map(outline_of, patterns)))))


def pack_net(needed: Wanted) -> bytes:
    """Return the net of *needed* as bytes: seconds of work for all that is built in.

    Raises `DatabaseError` where there is no Hyperscan.
    """
    aims = tuple(map(aim_at, needed.outlines))
    sought: dict[Kind, set[Sought]] = {kind: set() for kind in KINDS}
    for aim in aims:
        if aim is not None:
            sought[aim.kind].add((aim.text, aim.single))
    held: list[Sought] = []
    made: list[memoryview] = []
    for kind in KINDS:
        data, fitting = build(tuple(sorted(sought[kind])), len(held))
        made.append(memoryview(data))
        held += fitting
    return msgspec.msgpack.encode(Packed(needed, aims, tuple(held), *made))


class Net:
    """The databases, loaded, and what they hold: the place of each expression, over all three.

    *aims* says what to look for in place of a pattern, by its outline.
    """

    __slots__ = ("aims", "numbers", "places", "shapes", "words")

    def __init__(self, packed: bytes | memoryview) -> None:
        """Load what `pack_net` returned. Raises `DatabaseError` when it is of another machine."""
        try:
            read = msgspec.msgpack.decode(packed, type=Packed)
        except msgspec.DecodeError as error:
            raise DatabaseError(str(error)) from error
        self.places = {one: place for place, one in enumerate(read.held)}
        self.aims = dict(zip(read.wanted.outlines, read.aims, strict=True))
        self.words = Database(read.words) if read.words else None
        self.shapes = Database(read.shapes) if read.shapes else None
        self.numbers = Database(read.numbers) if read.numbers else None

    def aim(self, pattern: Pattern) -> tuple[Aim, int] | None:
        """Return what to look for in place of *pattern*, and its place; None if not held."""
        aim = self.aims.get(outline_of(pattern))
        place = None if aim is None else self.places.get((aim.text, aim.single))
        return None if aim is None or place is None else (aim, place)


Set = tuple[Rule, int | None, int | None]
"""A rule, from where to run it (see `Aim`), and in pieces of what size."""


@dataclass(frozen=True, slots=True)
class Cast:
    """A *net*, and what each of its places sets off: *aims*, *shaped*, or some *numeric* rules.

    Those of *usual* are run at every number.

    *spots* are the hints of shapes: RE2 is faster to say that there is none, and where they are; so
    many bytes around one as *margin* says may matter. Of a *shaped* rule it is known whether all
    else may be left out (see `Aim`), and how far before the end that an event tells of its matches
    begin at most. *rest* finds what is not in the net.
    """

    net: Net
    aims: tuple[tuple[Set, ...], ...]
    shaped: tuple[tuple[tuple[Rule, bool, int], ...], ...]
    chosen: tuple[tuple[int, ...], ...]
    usual: tuple[int, ...]
    numeric: tuple[Rule, ...]
    spots: Regex | None
    margin: int
    rest: Plan


def cast(rules: Sequence[Rule], net: Net) -> Cast | None:
    """Return how *net* finds *rules*; None where a plan is faster."""
    aims: list[list[Set]] = [[] for _ in net.places]
    shaped: list[list[tuple[Rule, bool, int]]] = [[] for _ in net.places]
    chosen: list[list[int]] = [[] for _ in net.places]
    numeric: list[Rule] = []
    usual: list[int] = []
    rest: list[Rule] = []
    margin = 0
    for rule in rules:
        aimed = net.aim(rule.pattern)
        if rule.pattern.aimed == "usual":
            usual.append(len(numeric))
            numeric.append(rule)
            continue
        if aimed is None:
            rest.append(rule)
            continue
        aim, place = aimed
        if aim.kind == "numbers":
            chosen[place].append(len(numeric))
            numeric.append(rule)
        elif aim.kind == "shapes":
            shaped[place].append((rule, aim.free, aim.margin + ASTRAY))
            margin = max(margin, aim.margin)
        else:
            aims[place].append((rule, aim.back, None if aim.single else aim.most))
    if len(rules) - len(rest) < FEW:
        return None
    spots = [rule for place in shaped for rule, _, _ in place]
    return Cast(
        net,
        tuple(map(tuple, aims)),
        tuple(map(tuple, shaped)),
        tuple(map(tuple, chosen)),
        tuple(usual),
        tuple(numeric),
        gate_of(spots),
        margin,
        arrange(rest),
    )


def find_cast(held: Cast, data: bytes, first: int | None = 0, *, near: bool = False) -> list[Span]:
    """Return which rules match where in *data*, after guards and checks.

    No shape or number begins before *first*; if it is None, there is none at all.
    With *near*, some matches may be left out that would need a context word and have none.
    """
    net = held.net
    found = find_spans(held.rest, data, first, near=near)
    if net.words is not None:
        _worded(held, net.words.events(data), data, found)
    if first is not None:
        if net.shapes is not None and held.spots is not None:
            _look_around(held, held.spots, net.shapes, data, first, found)
        if held.numeric:
            _numbers(held, net.numbers, data, first, found, near=near)
    return found


def _worded(held: Cast, events: Sequence[int], data: bytes, found: list[Span]) -> None:
    """Run the rules that *events* set off."""
    ends: dict[int, list[int]] = {}
    for at in range(0, len(events), 2):
        ends.setdefault(events[at], []).append(events[at + 1])
    size = len(data)
    for number, reached in ends.items():
        for rule, back, most in held.aims[number]:
            begin = 0 if back is None else max(0, min(reached) - back)
            if most is not None and back is not None:
                _piecewise(rule, data, begin, sorted(reached), back, most, found)
            else:
                collect(rule, data, begin, size, size, found)


def _look_around(
    held: Cast, spots: Regex, database: Database, data: bytes, first: int, found: list[Span]
) -> None:
    """Run the rules that *database* finds around *spots*, from *first* on.

    Hot path: shapes take Hyperscan several times as long as RE2. Where spots are near each other,
    more is looked at together. Invariant: what counts and has a hint that begins before `first`
    begins before it too, and ends in the margin behind it. What an event tells of ends nowhere
    earlier (`ASTRAY` aside), so that RE2 looks at what may be a match alone.
    """
    size, margin, more = len(data), held.margin, MORE // 2
    places: dict[int, int] = {}
    whole: dict[int, Rule] = {}
    while (spot := spots.find(data, first, size)[0])[0] >= 0:
        more = 2 * more if spot[0] - first < more else MORE
        begin, first = max(0, spot[0] - margin), spot[1] + more
        stop = first + margin
        events = database.events(data[begin:stop])
        for at in range(0, len(events), 2):
            reached = begin + events[at + 1]
            for rule, free, most in held.shaped[events[at]]:
                if not free:
                    whole[id(rule)] = rule
                    continue
                place = max(places.get(id(rule), 0), begin, reached - most)
                places[id(rule)] = collect(
                    rule, data, place, first, min(size, stop + BEHIND), found
                )
    for rule in whole.values():
        collect(rule, data, 0, size, size, found)


def _numbers(
    held: Cast,
    database: Database | None,
    data: bytes,
    first: int,
    found: list[Span],
    *,
    near: bool,
) -> None:
    chosen = held.chosen

    def choose(piece: bytes) -> list[int]:
        if database is None:
            return list(held.usual)
        places = database.matching(piece)
        if places is None:
            return list(range(len(held.numeric)))
        indices = list(held.usual)
        for place in places:
            indices += chosen[place]
        return indices

    numbered(held.numeric, data, first, found, choose, near=near)


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
