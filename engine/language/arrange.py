"""Entries with their keys -> fragments: which attributes the index asks first, how deep it goes.

A table in the index costs a look-up; a fragment costs a call; an entry tried in vain costs its
conditions. For the entries that a column (an attribute) constrains, in *G* groups of equal values
with chances *P*, asking the column first saves

    G * test + call (if nothing is left unkeyed) - look-up - sum(P) * call

because the groups would otherwise be told apart by one test each inside the function. A group that
most requests reach does not pay for its call and may be left with the unkeyed. The column
that saves most is asked first, its groups and the rest are arranged in turn, until nothing is
saved. At the root the look-up is shared by every file of the bundle, so it counts for nothing
there: ten rules of one tenant are filed under the tenant, a hundred rules of one tenant under the
tenant and then, say, the tool.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod

from engine.language.cost import steady
from engine.language.keys import Column, Keyed
from engine.language.plan import Block, Branch, Choice, Entry, Fragment, Step
from engine.language.typed import Expr
from engine.language.walk import anonymous

TEST = 1.0
CALL = 4.0
LOOKUP = 8.0
WAYS = 256
"""A fragment is filed under no more than this many combinations of values."""
LARGEST = 256
"""Entries in one function; more become several, to keep the jumps short."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """An entry and the keys it may be filed under."""

    entry: Entry
    keys: Mapping[Column, Keyed]


def arrange(candidates: Sequence[Candidate], steps: tuple[Step, ...] = ()) -> Iterator[Fragment]:
    """Give the fragments of *candidates*, all of which stand under *steps* already."""
    rest = list(candidates)
    while rest:
        split = best_split(rest, steps)
        if split is None:
            break
        groups: dict[Step, list[Candidate]] = defaultdict(list)
        left = []
        for one in rest:
            keyed = one.keys.get(split.place)
            if keyed is not None and keyed.step in split.steps:
                groups[keyed.step].append(filed(one, split.place))
            else:
                left.append(one)
        for step, group in groups.items():
            yield from arrange(group, (*steps, step))
        rest = left
    for start in range(0, len(rest), LARGEST):
        entries = [one.entry for one in rest[start : start + LARGEST]]
        yield Fragment(steps, share(entries), entries[0].span)


@dataclass(frozen=True, slots=True)
class Split:
    """A column to ask next, the steps that are worth asking it for, what that saves and leaves."""

    place: Column
    steps: frozenset[Step]
    saving: float
    left: float


def filed(one: Candidate, place: Column) -> Candidate:
    """Return *one* as it stands under its key for *place*: without what the key says already."""
    used = one.keys[place]
    entry = one.entry
    kept = tuple(part for part in entry.parts if part is not used.part)
    keys = {
        other: keyed
        for other, keyed in one.keys.items()
        if other != place and (keyed.part is None or keyed.part is not used.part)
    }
    return Candidate(replace(entry, parts=kept), keys)


def best_split(candidates: Sequence[Candidate], steps: tuple[Step, ...]) -> Split | None:
    """Return the split that leaves least to do among those that save anything, or None."""
    ways = count_ways(steps)
    chances: dict[Column, dict[Step, float]] = defaultdict(dict)
    otherwise: dict[Column, dict[Step, float]] = defaultdict(lambda: defaultdict(float))
    counts: dict[Column, int] = defaultdict(int)
    whole = 0.0
    for one in candidates:
        price = expected(one)
        whole += price
        for place, keyed in one.keys.items():
            if ways * count_ways((keyed.step,)) <= WAYS:
                chances[place][keyed.step] = keyed.chance
                otherwise[place][keyed.step] += price
                counts[place] += 1
    splits = [
        split_by(
            Asked(place, groups, otherwise[place]),
            whole,
            below=bool(steps),
            complete=counts[place] == len(candidates),
        )
        for place, groups in chances.items()
    ]
    worth = [one for one in splits if one.saving > 0]
    return min(worth, key=lambda one: (one.left, -one.saving, one.place), default=None)


def expected(one: Candidate) -> float:
    """Return what *one* costs a request where it is filed by its best key, or tried."""
    return min((CALL * keyed.chance for keyed in one.keys.values()), default=TEST)


@dataclass(frozen=True, slots=True)
class Asked:
    """A column with its steps: the *chances* of each, and what its entries cost *otherwise*."""

    place: Column
    chances: Mapping[Step, float]
    otherwise: Mapping[Step, float]


def split_by(column: Asked, whole: float, *, below: bool, complete: bool) -> Split:
    """Return the better of two splits by *column*: all steps, or those that pay for themselves.

    *whole* is what all entries cost otherwise. *below*: not at the root. *complete*: after asking
    for all steps nothing is left unkeyed.
    """
    lookup = LOOKUP if below else 0.0
    gains = {step: TEST - CALL * chance for step, chance in column.chances.items()}
    paying = frozenset(step for step, gain in gains.items() if gain > 0)

    def split(steps: frozenset[Step], more: float) -> Split:
        saving = sum(gains[step] for step in steps) + more - lookup
        calls = CALL * sum(column.chances[step] for step in steps)
        left = whole - sum(column.otherwise[step] for step in steps)
        return Split(column.place, steps, saving, lookup + calls + left)

    some, every = split(paying, 0.0), split(frozenset(gains), CALL)
    return every if complete and every.saving >= some.saving else some


def count_ways(steps: Iterable[Step]) -> int:
    """Return under how many combinations of values *steps* file something."""
    return prod(len(step.values) for step in steps if isinstance(step, Choice))


def share(entries: Sequence[Entry]) -> Block:
    """Return *entries* as a block in which a condition that several need is tried once.

    >>> # a and x, a and y, z  ->  if a: (x, y); z
    """
    keyed = [
        (one, {anonymous(part): part for part in one.parts if steady(part)}) for one in entries
    ]
    return shared(keyed)


def shared(entries: Sequence[tuple[Entry, dict[Expr, Expr]]]) -> Block:
    """Return the block of *entries*, each with its steady parts by what they say."""
    made: list[Entry | Branch] = []
    rest = list(entries)
    while rest:
        counts: dict[Expr, int] = defaultdict(int)
        for _, parts in rest:
            for said in parts:
                counts[said] += 1
        common = max(counts, key=counts.__getitem__, default=None)
        if common is None or counts[common] < 2:  # noqa: PLR2004
            break
        inside = [(one, parts) for one, parts in rest if common in parts]
        rest = [(one, parts) for one, parts in rest if common not in parts]
        condition = inside[0][1][common]
        made.append(Branch(condition, shared([without(one, common) for one in inside])))
    return (*made, *(entry for entry, _ in rest))


def without(one: tuple[Entry, dict[Expr, Expr]], said: Expr) -> tuple[Entry, dict[Expr, Expr]]:
    """Return *one* without the part that says *said*."""
    entry, parts = one
    dropped = parts[said]
    kept = tuple(part for part in entry.parts if part is not dropped)
    others = {key: part for key, part in parts.items() if key != said}
    return replace(entry, parts=kept), others
