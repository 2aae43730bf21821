"""Compiled units -> the matcher that serves: which rules of a bundle does this request touch?

The index is a tree. A node holds the functions that are always called when it is reached, tables
that lead on by the value of one attribute, and ranges that lead on by comparing one number with
sorted bounds. One request walks from the root through the few entries that fit it:

    root: 2 functions; tenant.id -> {"north": node, "south": node, …}; tool.name -> {…}
    north: 1 function; context.amount > [10, 50, 500, …]

so the cost follows the rules that could match, not the size of the bundle. A rule filed under
several elements of a set (``user.roles overlaps {"a", "b"}``) is reached once for each; such
functions are gathered first and called once.

A function that meets something it cannot know names the rule on *slow*; the reference evaluator,
which works in three-valued logic, then judges that rule alone.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from operator import attrgetter
from types import FunctionType
from typing import Final, assert_never

from engine.language.bind import binding
from engine.language.places import Places, place_policies
from engine.language.plan import Choice, Key, Number, Order, Step
from engine.language.stages import whole
from engine.language.unit import Opened, Unit
from engine.runtime.evidence import Evidence
from engine.runtime.judge import Judge
from engine.runtime.looks import Looks, Wide, Widen
from engine.runtime.match import Match
from engine.runtime.record import Record

Function = Callable[[Record, Evidence, list[int], list[int], list[int]], None]
Getter = Callable[[Record], object]
DOUBTLESS: Final[list[tuple[int, str]]] = []
"""What is in doubt where nothing is. Never filled."""


def is_number(value: object) -> bool:
    """Return whether *value* has a place among bounds; apart, so that its type stays open."""
    return isinstance(value, int | float)


@dataclass(slots=True)
class Range:
    """Nodes in the order of their bounds; those are reached for which ``value order bound``."""

    get: Getter
    order: Order
    default: Number
    bounds: list[Number]
    nodes: list[Node]

    def reached(self, record: Record) -> Sequence[Node]:
        """Return the nodes whose comparison holds for *record*."""
        value: Number = self.get(record)
        if value is None:
            value = self.default
        if not is_number(value):
            return ()
        match self.order:
            case ">":
                return self.nodes[: bisect_left(self.bounds, value)]
            case ">=":
                return self.nodes[: bisect_right(self.bounds, value)]
            case "<":
                return self.nodes[bisect_right(self.bounds, value) :]
            case "<=":
                return self.nodes[bisect_left(self.bounds, value) :]
            case _:
                assert_never(self.order)


@dataclass(slots=True)
class Node:
    """A place in the index; see the module."""

    functions: tuple[Function, ...] = ()
    single: tuple[tuple[Getter, dict[Key, Node]], ...] = ()
    """Tables by the value of an attribute."""
    several: tuple[tuple[Getter, dict[Key, Node]], ...] = ()
    """Tables by each element of a set or list."""
    ranges: tuple[Range, ...] = ()
    leaf: bool = True
    """Whether there are functions only."""


@dataclass(slots=True)
class Draft:
    """A node that is being filled."""

    functions: list[Function] = field(default_factory=list)
    tables: dict[tuple[str, bool], dict[Key, Draft]] = field(default_factory=dict)
    ranges: dict[tuple[str, Order, Number], dict[Number, Draft]] = field(default_factory=dict)

    def file(self, function: Function, steps: Sequence[Step]) -> None:
        """Put *function* under every combination of values that *steps* name."""
        if not steps:
            self.functions.append(function)
            return
        step = steps[0]
        if isinstance(step, Choice):
            table = self.tables.setdefault((step.path, step.many), {})
            for value in step.values:
                table.setdefault(value, Draft()).file(function, steps[1:])
        else:
            bounds = self.ranges.setdefault((step.path, step.order, step.default), {})
            bounds.setdefault(step.bound, Draft()).file(function, steps[1:])

    def finish(self, parts: list[object]) -> Generator[None, None, Node]:
        """Return the node, and put it and all below it on *parts*; yield often."""
        tables: dict[bool, list[tuple[Getter, dict[Key, Node]]]] = {False: [], True: []}
        for (path, many), drafts in sorted(self.tables.items()):
            made: dict[Key, Node] = {}
            for value, draft in drafts.items():
                made[value] = yield from draft.finish(parts)
            tables[many].append((attrgetter(path), made))
        ranges = []
        for (path, order, default), levels in self.ranges.items():
            bounds = sorted(levels)
            nodes: list[Node] = []
            for bound in bounds:
                node = yield from levels[bound].finish(parts)
                nodes.append(node)
            ranges.append(Range(attrgetter(path), order, default, bounds, nodes))
        leaf = not (self.tables or self.ranges)
        yield
        made_of = tuple(tables[False]), tuple(tables[True]), tuple(ranges)
        node = Node(tuple(self.functions), *made_of, leaf)
        parts.append(node)
        return node


class IndexedMatcher:
    """The compiled bundle: a Matcher that agrees with the reference in everything but speed."""

    def __init__(
        self,
        root: Node,
        always: Sequence[int],
        judge: Judge,
        parts: Sequence[object],
        looks: Looks,
    ) -> None:
        self._root = root
        self._looks = looks
        self.parts = parts
        """All nodes and functions. Who holds these when the matcher goes can free them one by one:
        ten thousand at once take milliseconds."""
        self._always = list(always)
        self._judge = judge

    def match(  # noqa: C901 - the hot path: calls would cost more than they explain
        self, record: Record, evidence: Evidence
    ) -> Match:
        """Return which policies apply to *record* and which rules hold, numbers ascending."""
        applied = self._always.copy()
        hits: list[int] = []
        slow: list[int] = []
        root = self._root
        for function in root.functions:
            function(record, evidence, applied, hits, slow)
        for get, table in root.single:
            # Any value may be looked up. The type makes the node's attributes quick.
            node: Node | None = table.get(get(record))  # type: ignore[call-overload]
            if node is not None:
                for function in node.functions:
                    function(record, evidence, applied, hits, slow)
                if not node.leaf:
                    for function in reach_below(node, record):
                        function(record, evidence, applied, hits, slow)
        if root.several or root.ranges:
            for function in reach_sets(root, record):
                function(record, evidence, applied, hits, slow)
        if len(applied) > 1:
            applied.sort()
        if len(hits) > 1:
            hits.sort()
        if slow:
            return self._judged(applied, hits, slow, evidence)
        return Match(applied, hits, DOUBTLESS, DOUBTLESS)

    @property
    def widen(self) -> Widen | None:
        """What says what to look for at once; None where no two things are looked for."""
        return self._widen if self._looks.several else None

    def _widen(self, record: Record, path: str, entities: frozenset[str]) -> Wide:
        """Return *entities* and what else is looked for at *path* if *record* is matched."""
        reached = chain(self._root.functions, reach_below(self._root, record))
        return self._looks.unite(path, entities, reached)

    def _judged(
        self,
        applied: list[int],
        hits: list[int],
        slow: Iterable[int],
        evidence: Evidence,
    ) -> Match:
        """Return the match after the reference has judged what is on *slow*."""
        doubts: list[tuple[int, str]] = []
        uncertain: list[tuple[int, str]] = []
        for number in sorted(slow):
            if number < 0:
                verdict = self._judge.judge_policy(~number, evidence)
                settle(verdict, ~number, applied, uncertain)
            else:
                verdict = self._judge.judge_rule(number, evidence)
                settle(verdict, number, hits, doubts)
        return Match(sorted(applied), sorted(hits), doubts, sorted(uncertain))


def settle(
    verdict: bool | str,  # noqa: FBT001 - the third truth value is a str
    number: int,
    held: list[int],
    doubted: list[tuple[int, str]],
) -> None:
    """Put *number* on *held* when it holds, on *doubted* when that cannot be known."""
    if isinstance(verdict, str):
        doubted.append((number, verdict))
    elif verdict:
        held.append(number)


def reach_below(node: Node, record: Record) -> Iterator[Function]:
    """Give the functions that *record* reaches below *node*, each once, without the node's own."""
    for get, table in node.single:
        found = table.get(get(record))  # type: ignore[call-overload]  # any value may be looked up
        if found is not None:
            yield from found.functions
            if not found.leaf:
                yield from reach_below(found, record)
    if node.several or node.ranges:
        yield from reach_sets(node, record)


def reach_sets(node: Node, record: Record) -> Iterable[Function]:
    """Return the functions reached through the sets and ranges of *node*, each once."""
    found: list[Node] = []
    for get, table in node.several:
        held = get(record)
        if held:
            found.extend(table[one] for one in held if one in table)  # type: ignore[attr-defined]
    for one in node.ranges:
        found.extend(one.reached(record))
    if not found:
        return ()
    functions: dict[Function, None] = {}
    for reached in found:
        functions.update(dict.fromkeys(reached.functions))
        if not reached.leaf:
            functions.update(dict.fromkeys(reach_below(reached, record)))
    return functions


def link(
    units: Sequence[Unit], lists: Mapping[str, frozenset[str]], judge: Judge
) -> IndexedMatcher:
    """Return the matcher for *units*."""
    places = place_policies([[(one.name, one.rules) for one in unit.policies] for unit in units])
    return whole(linking(units, places, lists, judge))


def linking(
    units: Iterable[Unit | Opened],
    places: Places,
    lists: Mapping[str, frozenset[str]],
    judge: Judge,
) -> Generator[None, None, IndexedMatcher]:
    """Return the matcher for *units*, whose policies and rules have the numbers in *places*.

    It yields often, so that something else can be done in between.
    """
    root = Draft()
    always: list[int] = []
    parts: list[object] = []
    looks = Looks()
    start = 0
    for unit in units:
        here = range(start, start + len(unit.policies))
        start = here.stop
        for at, shape in zip(here, unit.policies, strict=True):
            if shape.always:
                always.append(places.policies[at])
        names = yield from binding(unit.constants, lists)
        for piece in unit.pieces:
            bases = [places.rules[here[policy]] for policy in piece.ruled]
            numbers = [places.policies[here[policy]] for policy in piece.applying]
            function = FunctionType(piece.code, names, None, (*bases, *numbers))
            parts.append(function)
            looks.add(function, piece.looks)
            root.file(function, piece.steps)
            yield
    node = yield from root.finish(parts)
    return IndexedMatcher(node, sorted(always), judge, parts, looks)
