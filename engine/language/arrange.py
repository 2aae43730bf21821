"""Entries with their keys -> fragments: which attributes the index asks first, how deep it goes.

A table in the index costs a look-up; a fragment costs a call; an entry tried in vain costs its
conditions. For the entries that a column (an attribute) constrains, in *G* groups of equal values
with chances *P*, asking the column first saves

    G * test + call (if nothing is left unkeyed) - look-up - sum(P) * call

because the groups would otherwise be told apart by one test each inside the function. The column
that saves most is asked first, its groups and the rest are arranged in turn, until nothing is
saved. At the root the look-up is shared by every file of the bundle, so it counts for nothing
there: ten rules of one tenant are filed under the tenant, a hundred rules of one tenant under the
tenant and then, say, the tool.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

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
        place = best_column(rest, steps)
        if place is None:
            break
        groups: dict[Step, list[Candidate]] = defaultdict(list)
        left = []
        for one in rest:
            if usable(one, place, steps):
                groups[one.keys[place].step].append(filed(one, place))
            else:
                left.append(one)
        for step, group in groups.items():
            yield from arrange(group, (*steps, step))
        rest = left
    for start in range(0, len(rest), LARGEST):
        entries = [one.entry for one in rest[start : start + LARGEST]]
        yield Fragment(steps, share(entries), entries[0].span)


def usable(one: Candidate, place: Column, steps: tuple[Step, ...]) -> bool:
    """Return whether *one* may be filed by *place* below *steps*."""
    if place not in one.keys:
        return False
    ways = 1
    for step in (*steps, one.keys[place].step):
        ways *= len(step.values) if isinstance(step, Choice) else 1
    return ways <= WAYS


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
    return Candidate(Entry(entry.policy, entry.rule, kept, entry.span), keys)


def best_column(candidates: Sequence[Candidate], steps: tuple[Step, ...]) -> Column | None:
    """Return the column that saves most, or None when none does."""
    chances: dict[Column, dict[Step, float]] = defaultdict(dict)
    counts: dict[Column, int] = defaultdict(int)
    for one in candidates:
        for place, keyed in one.keys.items():
            if usable(one, place, steps):
                chances[place][keyed.step] = keyed.chance
                counts[place] += 1
    savings = {
        place: len(groups) * TEST
        + (CALL if counts[place] == len(candidates) else 0)
        - (LOOKUP if steps else 0)
        - CALL * sum(groups.values())
        for place, groups in chances.items()
    }
    if not savings:
        return None
    place = min(savings, key=lambda one: (-savings[one], one))
    return place if savings[place] > 0 else None


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
    return Entry(entry.policy, entry.rule, kept, entry.span), others
