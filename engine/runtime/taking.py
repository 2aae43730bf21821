"""Several takes of one decision go in; all that changes, or nothing, comes out.

Beside the buckets a decision leaves a reservation, by which ``settled`` corrects afterwards what
was taken on an estimate, and gives back slots. Pure: stores keep what comes out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from engine.runtime import slots, throttle
from engine.runtime.buckets import Attempt, Bucket, Changes, Reservation, Reserved, Slots
from engine.runtime.store import REQUESTS, Level, Take


class Known(Protocol):
    """The buckets and slots of a store as a decision finds them."""

    def bucket(self, take: Take, now: int) -> Bucket | None:
        """Return the bucket of *take*."""
        ...

    def slots(self, take: Take, now: int) -> Slots | None:
        """Return the slots of *take*, which has a life."""
        ...


def attempt(
    takes: Sequence[Take],
    known: Known,
    now: int,
    *,
    hold: int | None = None,
    before: Reservation | None = None,
) -> Attempt:
    """Return the answers for all *takes* together.

    With *hold* (ns) they are reserved for so long, or for the longest life of a slot among them,
    beside what the same reservation has taken *before*: of one bucket the newest take alone.
    """
    buckets: dict[str, Bucket] = {}
    held: dict[str, Slots] = {}
    levels: list[Level] = []
    reserved: dict[str, Reserved] = {}
    earlier = {one.take.key: one for one in _live(before, now)} if before is not None else {}
    refused = False
    for take in takes:
        corrigible = hold is not None and take.unit != REQUESTS
        if take.life:
            ready = held.get(take.key) or known.slots(take, now)
            mine = reserved.get(take.key) or earlier.get(take.key)
            if mine is not None:
                ready = slots.give_back(ready, mine.at, now) or ready
            held[take.key], level, at = slots.admit(ready, take, now)
        else:
            bucket = buckets.get(take.key) or known.bucket(take, now)
            after, level = throttle.admit(bucket, take, now, corrigible=corrigible)
            buckets[take.key], at = after, after.at
        levels.append(level)
        refused = refused or not level.granted
        if corrigible:
            reserved[take.key] = Reserved(take, at)
    if refused:
        return Attempt(_untaken(takes, levels, known, now))
    if hold is None or not reserved:
        return Attempt(tuple(levels), buckets, held)
    until = now + hold
    if held:
        until = max(until, *(one.at for one in reserved.values() if one.take.life))
    if before is not None:
        reserved, until = earlier | reserved, max(until, before.until)
    kept = Reservation(until, tuple(reserved.values()))
    return Attempt(tuple(levels), buckets, held, kept)


def settled(
    reservation: Reservation, amounts: Mapping[str, int], known: Known, now: int
) -> Changes:
    """Return what changes when *reservation* came to the real *amounts* by unit."""
    buckets: dict[str, Bucket] = {}
    held: dict[str, Slots] = {}
    for one in reservation.reserved:
        take = one.take
        if take.life:
            given = slots.give_back(held.get(take.key) or known.slots(take, now), one.at, now)
            if given is not None:
                held[take.key] = given
            continue
        bucket = buckets.get(take.key) or known.bucket(take, now)
        real = amounts.get(take.unit, take.amount)
        corrected = throttle.correct(bucket, one, real, now)
        if corrected is not None:
            buckets[take.key] = corrected
    return Changes(buckets, held)


def _live(before: Reservation, now: int) -> tuple[Reserved, ...]:
    return before.reserved if before.until > now else ()


def _untaken(
    takes: Sequence[Take], levels: Sequence[Level], known: Known, now: int
) -> tuple[Level, ...]:
    """Return the answers with those that would have been granted as they stand, nothing taken."""
    return tuple(
        level
        if not level.granted
        else slots.standing(known.slots(take, now), take, now)
        if take.life
        else throttle.standing(known.bucket(take, now), take, now)
        for take, level in zip(takes, levels, strict=True)
    )
