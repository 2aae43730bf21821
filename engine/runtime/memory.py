"""A store in dictionaries: for tests, ``engine test``, and a process of its own that may forget.

It is the model that the other stores are held against. Not for several threads at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar

from engine.runtime import meter as meters
from engine.runtime import slots, taking, throttle
from engine.runtime.buckets import Bucket, Reservation, Slots
from engine.runtime.store import MOST_PRINTS, NANO, NOTHING, Level, Noted, Settled, Take, Taker

SESSION_LIFE = 86_400 * NANO
"""How long a label stays that has no time of its own."""
LINGER = 16
"""What a placeholder stands for is kept for the session's life, or up to a 16th of it less: its end
is not moved at every sight of it. So are the fingerprints of a source without an end of its own."""
_FEW = 1024

Key = TypeVar("Key")
Value = TypeVar("Value")


class _Source(NamedTuple):
    """Fingerprints that end together."""

    until: int
    prints: frozenset[int]
    full: bool


def later_end(before: int, until: int | None, now: int, life: int) -> int:
    """Return when a source ends that would have ended at *before* and is noted *until*.

    None stands for the session's *life*; an end that is nearly that late is not moved.
    """
    if until is not None:
        return max(before, until)
    end = now + life
    return before if before >= end - life // LINGER else end


@dataclass(slots=True)
class _Contents:
    """Everything kept. The values are immutable, so copying the dictionaries copies the store."""

    buckets: dict[str, Bucket] = field(default_factory=dict)
    held: dict[str, Slots] = field(default_factory=dict)
    reservations: dict[str, Reservation] = field(default_factory=dict)
    meters: dict[tuple[str, int, str], meters.Meter] = field(default_factory=dict)
    sessions: dict[tuple[str, str], dict[str, int]] = field(default_factory=dict)
    placeholders: dict[tuple[str, str, str], tuple[int, bytes]] = field(default_factory=dict)
    sources: dict[tuple[str, str], dict[str, _Source]] = field(default_factory=dict)
    turns: dict[tuple[str, str], tuple[int, int]] = field(default_factory=dict)
    swept: int = 0
    """The latest end of a bucket that was forgotten."""
    crowd: int = _FEW
    """The size from which on it is time to sweep."""

    def copy(self) -> _Contents:
        return _Contents(
            self.buckets.copy(),
            self.held.copy(),
            self.reservations.copy(),
            self.meters.copy(),
            self.sessions.copy(),
            self.placeholders.copy(),
            self.sources.copy(),
            self.turns.copy(),
            self.swept,
            self.crowd,
        )

    def size(self) -> int:
        taken = len(self.buckets) + len(self.held) + len(self.reservations) + len(self.meters)
        said = len(self.placeholders) + len(self.sources) + len(self.turns)
        return taken + said + len(self.sessions)

    def bucket(self, take: Take, now: int) -> Bucket | None:
        return self.buckets.get(take.key) or throttle.unseen(take, now, self.swept)

    def slots(self, take: Take, now: int) -> Slots | None:
        return self.held.get(take.key) or slots.unseen(now, self.swept)


class MemoryStore:
    """See store.Store. It forgets by itself what no longer matters, whenever it has doubled."""

    def __init__(
        self, *, session_life: int = SESSION_LIFE, contents: _Contents | None = None
    ) -> None:
        self.lapsed = 0
        self._session_life = session_life
        self._kept = _Contents() if contents is None else contents

    def copy(self) -> MemoryStore:
        """Return a store with the same content that goes its own way."""
        return MemoryStore(session_life=self._session_life, contents=self._kept.copy())

    def instant(self, now: int) -> int:
        """Return *now*: it has no clock of its own."""
        return now

    def take(
        self, takes: Sequence[Take], now: int, *, reservation: str = "", hold: int = 0
    ) -> tuple[Level, ...]:
        """Take every bucket or none."""
        kept = self._kept
        before = kept.reservations.get(reservation) if reservation else None
        attempt = taking.attempt(
            takes, kept, now, hold=hold if reservation else None, before=before
        )
        if attempt.reservation is not None:
            kept.reservations[reservation] = attempt.reservation
        if attempt.buckets or attempt.slots:
            kept.buckets.update(attempt.buckets)
            kept.held.update(attempt.slots)
            self._make_room(now)
        return attempt.levels

    def peek(self, takes: Sequence[Take], now: int) -> tuple[Level, ...]:
        """Return what ``take`` would, taking nothing."""
        return taking.attempt(takes, self._kept, now).levels

    def settle(self, reservation: str, amounts: Mapping[str, int], now: int) -> Settled | None:
        """Correct a reservation to the real amounts, once."""
        throttle.check_amounts(amounts)
        found = self._kept.reservations.pop(reservation, None)
        if found is None:
            return None
        if found.until <= now:
            self.lapsed += 1
            return None
        changes = taking.settled(found, amounts, self._kept, now)
        self._kept.buckets.update(changes.buckets)
        self._kept.held.update(changes.slots)
        return Settled(found.payer)

    def count(self, meter: str, key: str, window: int, now: int) -> int:
        """Return the number of events in the window."""
        found = self._kept.meters.get((meter, window, key))
        return 0 if found is None else meters.count(found, window, now)

    def record(self, meter: str, key: str, window: int, now: int) -> None:
        """Note one event."""
        place = (meter, window, key)
        self._kept.meters[place] = meters.record(self._kept.meters.get(place), window, now)
        self._make_room(now)

    def labels(self, tenant: str, session: str, now: int) -> frozenset[str]:
        """Return the labels that have not expired."""
        found = self._kept.sessions.get((tenant, session), {})
        return frozenset(label for label, until in found.items() if until > now)

    def label(self, tenant: str, session: str, label: str, until: int | None, now: int) -> None:
        """Put a label on a session."""
        ends = now + self._session_life if until is None else until
        found = self._kept.sessions.get((tenant, session), {})
        self._kept.sessions[tenant, session] = found | {label: max(ends, found.get(label, 0))}
        self._make_room(now)

    def remember(self, tenant: str, session: str, sealed: Mapping[str, bytes], now: int) -> None:
        """Keep what placeholders stand for."""
        until = now + self._session_life
        early = until - self._session_life // LINGER
        for digits, value in sealed.items():
            place = (tenant, session, digits)
            ends, before = self._kept.placeholders.get(place, (0, value))
            if before != value or ends < early:
                kept = value if ends <= now or before == value else NOTHING
                self._kept.placeholders[place] = (until, kept)
        self._make_room(now)

    def recall(
        self, tenant: str, session: str, digits: Iterable[str], now: int
    ) -> dict[str, bytes]:
        """Return what placeholders stand for."""
        found = {
            one: self._kept.placeholders.get((tenant, session, one), (0, NOTHING)) for one in digits
        }
        return {one: value for one, (until, value) in found.items() if until > now and value}

    def note(
        self,
        tenant: str,
        session: str,
        source: str,
        prints: frozenset[int],
        until: int | None,
        now: int,
    ) -> None:
        """Remember the fingerprints of a source."""
        there = self._kept.sources.get((tenant, session), {})
        found = {source: one for source, one in there.items() if one.until > now}
        before = found.get(source) or _Source(now, frozenset(), full=False)
        kept, full = before.prints | prints, before.full
        if len(kept) > MOST_PRINTS:
            kept, full = before.prints, True
        end = later_end(before.until, until, now, self._session_life)
        self._kept.sources[tenant, session] = found | {source: _Source(end, kept, full)}
        self._make_room(now)

    def noted(self, tenant: str, session: str, prints: frozenset[int], now: int) -> Noted:
        """Return which fingerprints were noted, by source."""
        found = self._kept.sources.get((tenant, session), {})
        there = {source: one for source, one in found.items() if one.until > now}
        return Noted(
            {source: one.prints & prints for source, one in there.items()},
            frozenset(source for source, one in there.items() if one.full),
        )

    def turn(self, tenant: str, session: str, now: int, *, advance: bool) -> int:
        """Return how many turns the session has had; *advance* adds one first."""
        until, count = self._kept.turns.get((tenant, session), (0, 0))
        if until <= now:
            count = 0
        if advance:
            count += 1
            self._kept.turns[tenant, session] = (now + self._session_life, count)
            self._make_room(now)
        return count

    def spare(self) -> Taker | None:
        """Return None: there is nothing else."""
        return None

    def sweep(self, now: int, limit: int) -> int:
        """Forget up to *limit* entries that have expired."""
        kept = self._kept
        ended = _expired(kept.buckets, lambda _, bucket: bucket.until, now, limit)
        for key in ended:
            kept.swept = max(kept.swept, kept.buckets.pop(key).until)
        done = len(ended)
        free = _expired(kept.held, lambda _, held: held.until, now, limit - done)
        for key in free:
            kept.swept = max(kept.swept, kept.held.pop(key).until)
        done += len(free)
        lapsed = _forget(kept.reservations, lambda _, made: made.until, now, limit - done)
        self.lapsed += lapsed
        done += lapsed
        done += _forget(kept.meters, lambda of, one: meters.expiry(one, of[1]), now, limit - done)
        done += _forget(kept.sessions, lambda _, found: max(found.values()), now, limit - done)
        done += _forget(kept.placeholders, lambda _, held: held[0], now, limit - done)
        done += _forget(kept.sources, lambda _, found: _last(found), now, limit - done)
        done += _forget(kept.turns, lambda _, held: held[0], now, limit - done)
        return done

    def close(self) -> None:
        """Do nothing: nothing is held."""

    def _make_room(self, now: int) -> None:
        """Sweep whenever the store has doubled since the last time: a constant cost a write."""
        size = self._kept.size()
        if size > self._kept.crowd:
            self._kept.crowd = max(_FEW, 2 * (size - self.sweep(now, size)))


def _last(sources: Mapping[str, _Source]) -> int:
    return max(one.until for one in sources.values())


def _expired(
    table: Mapping[Key, Value], ends: Callable[[Key, Value], int], now: int, limit: int
) -> list[Key]:
    """Return up to *limit* keys of entries that end by *now*."""
    found: list[Key] = []
    for key, value in table.items():
        if len(found) >= limit:
            break
        if ends(key, value) <= now:
            found.append(key)
    return found


def _forget(
    table: dict[Key, Value], ends: Callable[[Key, Value], int], now: int, limit: int
) -> int:
    ended = _expired(table, ends, now, limit)
    for key in ended:
        del table[key]
    return len(ended)
