"""Rules to a Hyperscan database, and UTF-8 to matches: all patterns in one pass over the text.

The database holds for each rule what its matches begin with (see `translate`), or its hint. An event
says that the rule may match, and the byte where that much of it ends. From there RE2 decides, in a
piece of the text that no match can leave::

    "token ghp_0123..."   ->   event (github, 46)   ->   RE2 in bytes 6..276   ->   a match

A rule whose matches are unbounded, or whose expression may occur often, gives one event, its first,
and RE2 looks at all that follows. What is found is what `plan` finds; `plan` serves where there is
no database, or where it is faster: for few rules.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import msgspec

from engine.content.collect import Span, collect, numbered
from engine.content.hyper import VERSION, Database, DatabaseError, Wanted, build
from engine.content.plan import LONG, Plan, arrange, by_one_byte, find_spans
from engine.content.rules import Rule
from engine.content.translate import Untranslatable, reach, translate

NEAR = 8
"""An expression whose lengths differ by more gives too many events: the first one will do."""
BEHIND = 4
"""Bytes behind a match that RE2 may look at: a character."""
LONGEST = 4096
"""A match of more bytes is as good as unbounded."""
FEW = 8
"""For fewer rules a plan is faster, which looks for nothing else."""
DIGIT_BYTES = 31
"""The longest match of `LONG`."""


class Aim(NamedTuple):
    """What the database looks for in place of a rule, and what an event tells.

    A match begins at most *back* bytes before the event's end (anywhere, if None), and has at most
    *most* bytes. With *single* there is one event, the first.
    """

    text: str
    single: bool
    back: int | None
    most: int | None


NUMBERS = Aim(translate(LONG).text, True, DIGIT_BYTES, None)


@lru_cache(maxsize=4096)
def aim_at(regex: str, hint: str) -> Aim | None:
    """Return what to look for in place of *regex*, None where that cannot be told.

    Of the hint and the pattern itself, the simpler one is looked for.
    """
    try:
        most = reach(regex)
        made = translate(regex)
        hinted = translate(hint) if hint else made
    except Untranslatable:
        return None
    if most is not None and most > LONGEST:
        most = None
    if len(hinted.text) < len(made.text):
        return Aim(hinted.text, True, most, most)
    rare = made.marked and made.most is not None and made.most - made.least <= NEAR
    return Aim(made.text, most is None or not rare, made.most, most)


def wanted(rules: Iterable[Rule]) -> tuple[Wanted, ...]:
    """Return what a database for *rules* must hold; the same rules give the same."""
    needed: set[Wanted] = set()
    for rule in rules:
        if rule.pattern.digits:
            needed.add((NUMBERS.text, NUMBERS.single))
        elif not by_one_byte(rule):
            aim = aim_at(rule.pattern.regex, rule.pattern.hint)
            if aim is not None:
                needed.add((aim.text, aim.single))
    return tuple(sorted(needed))


def digest(needed: Sequence[Wanted]) -> str:
    """Return what names the database of *needed*, as this machine's Hyperscan makes it."""
    return hashlib.sha256(msgspec.json.encode((VERSION, needed))).hexdigest()


class _Packed(msgspec.Struct, frozen=True):
    held: list[Wanted]
    data: bytes


def pack_net(needed: Sequence[Wanted]) -> bytes:
    """Return the database of *needed* as bytes: some tenths of a second of work.

    Raises `DatabaseError` where there is no Hyperscan.
    """
    data, kept = build(needed)
    return msgspec.msgpack.encode(_Packed([needed[place] for place in kept], data))


class Net:
    """A loaded database, and what it holds."""

    __slots__ = ("database", "numbers")

    def __init__(self, packed: bytes) -> None:
        """Load what `pack_net` returned. Raises `DatabaseError` when it is of another machine."""
        try:
            read = msgspec.msgpack.decode(packed, type=_Packed)
        except msgspec.DecodeError as error:
            raise DatabaseError(str(error)) from error
        self.numbers = {one: place for place, one in enumerate(read.held)}
        self.database = Database(read.data)


@dataclass(frozen=True, slots=True)
class Cast:
    """A *net*, and the rules that each of its numbers sets off; *rest* finds what is not in it."""

    net: Net
    aims: tuple[tuple[tuple[Rule, int | None, int | None], ...], ...]
    numeric: tuple[Rule, ...]
    numbers: int
    rest: Plan


def cast(rules: Sequence[Rule], net: Net) -> Cast | None:
    """Return how *net* finds *rules*; None where a plan is faster."""
    aims: list[list[tuple[Rule, int | None, int | None]]] = [[] for _ in net.numbers]
    numeric: list[Rule] = []
    rest: list[Rule] = []
    numbers = net.numbers.get((NUMBERS.text, NUMBERS.single), -1)
    for rule in rules:
        pattern = rule.pattern
        if pattern.digits and numbers >= 0:
            numeric.append(rule)
            continue
        aim = None if by_one_byte(rule) else aim_at(pattern.regex, pattern.hint)
        place = None if aim is None else net.numbers.get((aim.text, aim.single))
        if pattern.digits or aim is None or place is None:
            rest.append(rule)
        else:
            aims[place].append((rule, aim.back, None if aim.single else aim.most))
    if len(rules) - len(rest) < FEW:
        return None
    return Cast(net, tuple(map(tuple, aims)), tuple(numeric), numbers, arrange(rest))


def find_cast(held: Cast, data: bytes) -> list[Span]:
    """Return which rules match where in *data*, after guards and checks."""
    found = find_spans(held.rest, data)
    events = held.net.database.events(data)
    if not events:
        return found
    ends: dict[int, list[int]] = {}
    for place in range(0, len(events), 2):
        ends.setdefault(events[place], []).append(events[place + 1])
    size = len(data)
    for number, reached in ends.items():
        if number == held.numbers:
            numbered(held.numeric, data, max(0, reached[0] - DIGIT_BYTES), found)
        for rule, back, most in held.aims[number]:
            if most is not None and back is not None:
                _piecewise(rule, data, sorted(reached), back, most, found)
            else:
                begin = 0 if back is None else max(0, min(reached) - back)
                collect(rule, data, begin, size, size, found)
    return found


def _piecewise(  # noqa: PLR0913 - the hot path
    rule: Rule, data: bytes, ends: Sequence[int], back: int, most: int, found: list[Span]
) -> None:
    """Run *rule* where matches may begin: in the *back* bytes before each of *ends*.

    Invariant: pieces are looked at in order, and what is between them is the beginning of no match,
    so that this is one search over the whole text.
    """
    size = len(data)
    place = 0
    count = 0
    while count < len(ends):
        begin, limit = max(place, ends[count] - back), ends[count]
        count += 1
        while count < len(ends) and ends[count] - back <= limit:
            limit = ends[count]
            count += 1
        place = collect(rule, data, begin, limit, min(size, limit + most + BEHIND), found)
