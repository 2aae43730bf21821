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

import msgspec

from engine.content.aims import KINDS, Kind, aim_at
from engine.content.collect import Span, collect, numbered
from engine.content.hyper import VERSION, Database, DatabaseError, Sought, build
from engine.content.plan import BEHIND, Plan, arrange, find_spans, shapes_of
from engine.content.regex import Regex
from engine.content.rules import Rule

FEW = 8
"""For fewer rules a plan is faster, which looks for nothing else."""


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


def find_cast(held: Cast, data: bytes, *, near: bool = False) -> list[Span]:
    """Return which rules match where in *data*, after guards and checks.

    With *near*, some matches may be left out that would need a context word and have none.
    """
    net = held.net
    found = find_spans(held.rest, data, near=near)
    events = [] if net.words is None else net.words.events(data)
    if held.shapes is not None and held.shapes.within(data):
        if net.shapes is not None:
            events += net.shapes.events(data)
        if net.numbers is not None:
            _numbers(held, net.numbers, data, found, near=near)
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


def _numbers(held: Cast, database: Database, data: bytes, found: list[Span], *, near: bool) -> None:
    chosen = held.chosen

    def choose(piece: bytes) -> list[int]:
        places = database.events(piece)[::2]
        return [index for place in places for index in chosen[place]]

    numbered(held.numeric, data, 0, found, choose, near=near)


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
