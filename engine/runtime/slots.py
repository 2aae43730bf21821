"""Held slots and an instant go in; whether one more is free, and the slots after, come out.

A concurrency limit has so many slots. A decision takes one and holds it until it is settled, or for
the slot's life should nobody settle it. What is kept is how many slots end when: of 4 slots of 10
minutes, taken at 12:00, 12:00 and 12:03, the ends 12:10 (twice) and 12:13.

Invariants, whatever the clock does: the slots' time never goes back, so an instant before it counts
as their own time; what has ended by it stays ended; no slot is granted that is not free.

Crowds. Thousands of slots must not cost more than a few, so different ends are kept apart only as
long as there are at most 64. When there are more, all are put off to multiples of a power of two of
nanoseconds, so large that no more than 34 are left: a slot that nobody settles then ends late, by
less than a fifteenth of its life. Why nothing is granted too early: for every instant *t*, of the
kept ends at least as many are after *t* as of the real ones. Putting off keeps that. Giving back
the slot whose real end is *e* takes out the first kept end that is not before *e*; between the two
there is no kept end, so at every *t* between them the kept ends were more by that slot at least.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from itertools import accumulate

from engine.runtime.buckets import Slots
from engine.runtime.store import NANO, Level, Take

MOST_ENDS = 64
_CELLS = 32


def admit(held: Slots | None, take: Take, now: int) -> tuple[Slots, Level, int]:
    """Return the slots after taking one, the answer, and when the taken slot ends by itself.

    The slots and the end count only when granted. An amount of 0 takes none, and passes while one
    is free.
    """
    held = brought(held, now)
    free = take.limit // NANO - sum(held.counts)
    if free <= 0:
        return held, _refuse(held, take, now, 1 - free), 0
    if not take.amount:
        return held, _grant(held, free, now), held.at
    end = held.at + take.life
    after = _hold(held, end)
    return after, _grant(after, free - 1, now), end


def standing(held: Slots | None, take: Take, now: int) -> Level:
    """Return the answer for a slot that is free but was not taken: another bucket refused."""
    held = brought(held, now)
    return _grant(held, take.limit // NANO - sum(held.counts), now)


def give_back(held: Slots | None, end: int, now: int) -> Slots | None:
    """Return the slots without the one that would end at *end*; None when none are known."""
    if held is None:
        return None
    held = brought(held, now)
    place = bisect_left(held.ends, end)
    if end <= held.at or place == len(held.ends):
        return held  # It has ended by itself, or was forgotten.
    left = held.counts[place] - 1
    if left:
        counts = (*held.counts[:place], left, *held.counts[place + 1 :])
        return Slots(held.at, held.ends, counts)
    ends = held.ends[:place] + held.ends[place + 1 :]
    return Slots(held.at, ends, held.counts[:place] + held.counts[place + 1 :])


def unseen(now: int, swept: int) -> Slots | None:
    """Return the slots of an unknown key, in a store that has forgotten some until *swept*."""
    return Slots(swept) if now < swept else None


def brought(held: Slots | None, now: int) -> Slots:
    """Return the slots at *now*, or at their own time if that is later."""
    if held is None:
        return Slots(now)
    if now <= held.at:
        return held
    ended = bisect_right(held.ends, now)
    return Slots(now, held.ends[ended:], held.counts[ended:])


def _hold(held: Slots, end: int) -> Slots:
    ends, counts = held.ends, held.counts
    place = bisect_left(ends, end)
    if place < len(ends) and ends[place] == end:
        counts = (*counts[:place], counts[place] + 1, *counts[place + 1 :])
        return Slots(held.at, ends, counts)
    ends = (*ends[:place], end, *ends[place:])
    counts = (*counts[:place], 1, *counts[place:])
    return Slots(held.at, ends, counts) if len(ends) <= MOST_ENDS else _crowd(held.at, ends, counts)


def _crowd(at: int, ends: tuple[int, ...], counts: tuple[int, ...]) -> Slots:
    """Return the slots with their ends put off, so that fewer are different."""
    # Multiples of a power of two are multiples of all smaller ones: what is put off again and again
    # is late by the largest of them at most.
    grain = 1 << ((ends[-1] - ends[0]) // _CELLS).bit_length()
    cells: dict[int, int] = {}
    for end, count in zip(ends, counts, strict=True):
        later = -(-end // grain) * grain
        cells[later] = cells.get(later, 0) + count
    return Slots(at, tuple(cells), tuple(cells.values()))


def _grant(held: Slots, free: int, now: int) -> Level:
    reset = held.ends[0] - now if held.ends else 0
    return Level(granted=True, remaining=free * NANO, retry_after=0, reset=reset)


def _refuse(held: Slots, take: Take, now: int, missing: int) -> Level:
    """Return the refusal; *missing* slots must end before one is free: more than 1 when lowered."""
    reset = held.ends[0] - now if held.ends else 0
    if take.limit < NANO:
        return Level(granted=False, remaining=0, retry_after=-1, reset=reset)
    end = held.ends[bisect_left(tuple(accumulate(held.counts)), missing)]
    return Level(granted=False, remaining=0, retry_after=end - now, reset=reset)
