"""A folder goes in; a store comes out that is exact across processes and survives ``kill -9``.

One LMDB write transaction takes all buckets of a decision or none; ``environment`` tells how the
file is kept, ``layout`` what lies in it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from engine.runtime import meter as meters
from engine.runtime import slots, taking, throttle
from engine.runtime.buckets import Bucket, Slots
from engine.runtime.memory import LINGER, SESSION_LIFE
from engine.runtime.store import NOTHING, Level, Noted, Settled, Take, Taker
from engine.state import forget, layout
from engine.state import prints as fingerprints
from engine.state.environment import MEGABYTE, Environment, Size, Transaction

FILE = "state.mdb"
_CLOCK = b"\0clock"


class LmdbStore:
    """See store.Store. Open it once in a process, after forking; threads may share it.

    *map_size* and *max_size* are bytes: the file's size at first and at most. StateError when it
    cannot be opened.
    """

    def __init__(
        self,
        folder: str | Path,
        *,
        map_size: int = 64 * MEGABYTE,
        max_size: int = 16_384 * MEGABYTE,
        session_life: int = SESSION_LIFE,
    ) -> None:
        self.path = Path(folder) / FILE
        self.lapsed = 0
        self._session_life = session_life
        self._place = b""
        self._file = Environment(self.path, map_size=map_size, max_size=max_size)
        self._write, self._read = self._file.write, self._file.read

    # --- the protocol ----------------------------------------------------------------------------

    def instant(self, now: int) -> int:
        """Return *now*: it has no clock of its own."""
        return now

    def take(
        self, takes: Sequence[Take], now: int, *, reservation: str = "", hold: int = 0
    ) -> tuple[Level, ...]:
        """Take every bucket or none."""
        place = layout.reservation_key(reservation) if reservation else b""

        def work(transaction: Transaction) -> tuple[Level, ...]:
            known = _Known(transaction)
            if not place:
                attempt = taking.attempt(takes, known, now)
                known.keep(attempt.buckets, attempt.slots)
                return attempt.levels
            value = transaction.get(place)
            before = None if value is None else layout.unpack_reservation(value)
            attempt = taking.attempt(takes, known, now, hold=hold, before=before)
            known.keep(attempt.buckets, attempt.slots)
            if attempt.reservation is not None:
                transaction.put(place, layout.pack_reservation(attempt.reservation))
            return attempt.levels

        return self._write(work)

    def peek(self, takes: Sequence[Take], now: int) -> tuple[Level, ...]:
        """Return what ``take`` would, taking nothing."""
        return self._read(
            lambda transaction: taking.attempt(takes, _Known(transaction), now).levels
        )

    def settle(self, reservation: str, amounts: Mapping[str, int], now: int) -> Settled | None:
        """Correct a reservation to the real amounts, once."""
        throttle.check_amounts(amounts)
        place = layout.reservation_key(reservation)

        def work(transaction: Transaction) -> tuple[Settled | None, int]:
            value = transaction.pop(place)
            if value is None:
                return None, 0
            if layout.expiry(value) <= now:
                return None, 1
            made = layout.unpack_reservation(value)
            known = _Known(transaction)
            changes = taking.settled(made, amounts, known, now)
            known.keep(changes.buckets, changes.slots)
            return Settled(made.payer), 0

        settled, lapsed = self._write(work)
        self.lapsed += lapsed
        return settled

    def count(self, meter: str, key: str, window: int, now: int) -> int:
        """Return the number of events in the window."""
        place = layout.meter_key(meter, key, window)

        def work(transaction: Transaction) -> int:
            value = transaction.get(place)
            return 0 if value is None else meters.count(layout.unpack_meter(value), window, now)

        return self._read(work)

    def record(self, meter: str, key: str, window: int, now: int) -> None:
        """Note one event."""
        place = layout.meter_key(meter, key, window)

        def work(transaction: Transaction) -> None:
            value = transaction.get(place)
            before = None if value is None else layout.unpack_meter(value)
            after = meters.record(before, window, now)
            transaction.put(place, layout.pack_meter(after, meters.expiry(after, window)))

        self._write(work)

    def labels(self, tenant: str, session: str, now: int) -> frozenset[str]:
        """Return the labels that have not expired."""
        place = layout.session_key(tenant, session)

        def work(transaction: Transaction) -> frozenset[str]:
            value = transaction.get(place)
            found = {} if value is None else layout.unpack_labels(value)
            return frozenset(label for label, until in found.items() if until > now)

        return self._read(work)

    def label(self, tenant: str, session: str, label: str, until: int | None, now: int) -> None:
        """Put a label on a session."""
        place = layout.session_key(tenant, session)
        ends = min(now + self._session_life if until is None else until, throttle.FOREVER)

        def work(transaction: Transaction) -> None:
            value = transaction.get(place)
            found = {} if value is None else layout.unpack_labels(value)
            found[label] = max(ends, found.get(label, 0))
            transaction.put(place, layout.pack_labels(found))

        self._write(work)

    def remember(self, tenant: str, session: str, sealed: Mapping[str, bytes], now: int) -> None:
        """Keep what placeholders stand for."""
        until = now + self._session_life
        early = until - self._session_life // LINGER
        places = layout.placeholder_keys(tenant, session, sealed)

        def missing(transaction: Transaction) -> list[str]:
            keeps, get = layout.keeps, transaction.get
            return [one for one, at in places.items() if not keeps(get(at), sealed[one], early)]

        # Hot path: a conversation says the same again and again, and waits for no writer then.
        new = self._read(missing)

        def work(transaction: Transaction) -> None:
            for one in new:
                kept, held = sealed[one], transaction.get(places[one])
                if held is not None and layout.unpack_placeholder(held) != kept:
                    kept = kept if layout.expiry(held) <= now else NOTHING
                transaction.put(places[one], layout.pack_placeholder(until, kept))

        if new:
            self._write(work)

    def recall(
        self, tenant: str, session: str, digits: Iterable[str], now: int
    ) -> dict[str, bytes]:
        """Return what placeholders stand for."""
        places = layout.placeholder_keys(tenant, session, digits)

        def work(transaction: Transaction) -> dict[str, bytes]:
            held = {one: transaction.get(place) for one, place in places.items()}
            found = {
                one: layout.unpack_placeholder(value)
                for one, value in held.items()
                if value is not None and layout.expiry(value) > now
            }
            return {one: value for one, value in found.items() if value}

        return self._read(work)

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
        place, life = (tenant, session), self._session_life
        self._write(
            lambda transaction: fingerprints.note(
                transaction, place, source, prints, until, now, life=life
            )
        )

    def noted(self, tenant: str, session: str, prints: frozenset[int], now: int) -> Noted:
        """Return which fingerprints were noted, by source."""
        return self._read(
            lambda transaction: fingerprints.noted(transaction, (tenant, session), prints, now)
        )

    def turn(self, tenant: str, session: str, now: int, *, advance: bool) -> int:
        """Return how many turns the session has had; *advance* adds one first."""
        place, until = layout.turns_key(tenant, session), now + self._session_life

        def read(transaction: Transaction) -> int:
            value = transaction.get(place)
            if value is None or layout.expiry(value) <= now:
                return 0
            return layout.unpack_turns(value)

        def work(transaction: Transaction) -> int:
            count = read(transaction) + 1
            transaction.put(place, layout.pack_turns(until, count))
            return count

        return self._write(work) if advance else self._read(read)

    def spare(self) -> Taker | None:
        """Return None: there is nothing else."""
        return None

    def sweep(self, now: int, limit: int) -> int:
        """Forget up to *limit* expired entries of the next part of the file; return how many.

        Looks at no more than 16 times *limit* entries, and goes on from there the next time.
        """
        self._file.look()

        def work(transaction: Transaction) -> tuple[list[bytes], bytes]:
            self._file.check_readers()
            return forget.find_ended(transaction, self._place, now, limit)

        ended, self._place = self._read(work)
        if not ended:
            return 0
        done, lapsed = self._write(
            lambda transaction: forget.forget(transaction, ended, now), emptying=True
        )
        self.lapsed += lapsed
        return done

    def anchor(self, change: Callable[[bytes | None], bytes]) -> bytes:
        """Replace the clock's anchor by what *change* makes of it, and return that."""

        def work(transaction: Transaction) -> bytes:
            anchor = change(transaction.get(_CLOCK))
            transaction.put(_CLOCK, anchor)
            return anchor

        return self._write(work)

    # --- for operators ---------------------------------------------------------------------------

    def page(self, after: bytes, limit: int) -> list[tuple[bytes, bytes]]:
        """Return up to *limit* entries in the order of their keys, from the first behind *after*.

        One short read transaction: a long one would keep the writers from using pages again.
        """

        def work(transaction: Transaction) -> list[tuple[bytes, bytes]]:
            found: list[tuple[bytes, bytes]] = []
            entries = transaction.cursor()
            there = entries.set_range(max(after + b"\0", layout.FIRST))
            while there and len(found) < limit:
                found.append(entries.item())
                there = entries.next()
            return found

        return self._read(work)

    def forget(self, places: Sequence[bytes], now: int) -> int:
        """Delete the entries with these keys, whether ended or not; return how many there were."""
        return self._write(
            lambda transaction: forget.strike(transaction, places, now), emptying=True
        )

    def size(self) -> Size:
        """Return how large the store is."""
        return self._file.size()

    def kept_anchor(self) -> bytes | None:
        """Return the clock's anchor, changing nothing; None before there is one."""
        return self._read(lambda transaction: transaction.get(_CLOCK))

    def sync(self) -> None:
        """Write to the disk what was committed so far. Takes as long as the disk takes."""
        self._file.sync()

    def close(self) -> None:
        """Sync and close. Whatever is asked afterwards raises StoreUnavailable."""
        self._file.close()


class _Known:
    """The buckets and slots as one transaction sees them, and where they lie."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction
        self._places: dict[str, bytes] = {}

    def bucket(self, take: Take, now: int) -> Bucket | None:
        place = self._places[take.key] = layout.bucket_key(take.key)
        value = self._transaction.get(place)
        if value is not None:
            return layout.unpack_bucket(value)
        return throttle.unseen(take, now, forget.swept(self._transaction))

    def slots(self, take: Take, now: int) -> Slots | None:
        place = self._places[take.key] = layout.slots_key(take.key)
        value = self._transaction.get(place)
        if value is not None:
            return layout.unpack_slots(value)
        return slots.unseen(now, forget.swept(self._transaction))

    def keep(self, buckets: Mapping[str, Bucket], held: Mapping[str, Slots]) -> None:
        """Put what has become of those that were asked for."""
        for key, bucket in buckets.items():
            self._transaction.put(self._places[key], layout.pack_bucket(bucket))
        for key, one in held.items():
            self._transaction.put(self._places[key], layout.pack_slots(one))
