"""A folder goes in; a store comes out that is exact across processes and survives ``kill -9``.

One LMDB write transaction takes all buckets of a decision or none. LMDB lets one process write at
a time (a robust mutex that a dying owner gives back) and never changes a live page in place, so
that a process killed at any moment leaves the last committed state. Commits are not flushed to the
disk one by one: the kernel keeps them when a process dies; ``sync`` (and ``close``) make them
survive a power cut.

The file is written through its memory map (2.3 us instead of 6.7 for two keys). A full disk under
a sparse map would end the process with SIGBUS, so the blocks are allocated before the map is made
or grown, and a full disk is an error then. A file that was cut under another process' map would do
the same, so mapping is done under a file lock and never with less than the file's size.

Keys begin with ``b`` for a bucket, ``r`` reservation, ``m`` meter, ``l`` labels, ``p`` placeholder;
NUL is the store's own.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple, TypeAlias, TypeVar

import lmdb

from engine.runtime import meter as meters
from engine.runtime import throttle
from engine.runtime.memory import LINGER, SESSION_LIFE
from engine.runtime.store import NOTHING, Level, StoreUnavailable, Take
from engine.state import layout, mapped

FILE = "state.mdb"
MEGABYTE = 2**20
_SWEPT = b"\0swept"
_CLOCK = b"\0clock"
_FIRST = b"\1"
"""Before every key but the store's own."""
_LONGEST = 500
"""Bytes; LMDB allows 511."""
_LOOKS = 16
"""Entries that a sweep looks at for every one that it may forget."""

Answer = TypeVar("Answer")
Transaction: TypeAlias = "lmdb.Transaction[bytes]"


class Size(NamedTuple):
    """Bytes of a store: its file, what of it is mapped, and pages that have ever been in use."""

    file: int
    mapped: int
    used: int


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
        self._max_size = max_size
        self._session_life = session_life
        self._lock = threading.Lock()
        self._place = b""
        self._open = True
        self._environment = mapped.open_file(self.path, min(map_size, max_size))

    # --- the protocol ----------------------------------------------------------------------------

    def instant(self, now: int) -> int:
        """Return *now*: it has no clock of its own."""
        return now

    def take(
        self, takes: Sequence[Take], now: int, *, reservation: str = "", hold: int = 0
    ) -> tuple[Level, ...]:
        """Take every bucket or none."""

        def work(transaction: Transaction) -> tuple[Level, ...]:
            known = _Known(transaction)
            attempt = throttle.attempt(takes, known.bucket, now, corrigible=bool(reservation))
            for key, bucket in attempt.changed.items():
                transaction.put(_key(b"b", key), layout.pack_bucket(bucket))
            if attempt.reserved:
                value = layout.pack_reservation(now + hold, attempt.reserved)
                transaction.put(_key(b"r", reservation), value)
            return attempt.levels

        return self._write(work)

    def peek(self, takes: Sequence[Take], now: int) -> tuple[Level, ...]:
        """Return what ``take`` would, taking nothing."""
        return self._read(
            lambda transaction: throttle.attempt(takes, _Known(transaction).bucket, now).levels
        )

    def settle(self, reservation: str, amounts: Mapping[str, int], now: int) -> bool:
        """Correct a reservation to the real amounts, once."""
        throttle.check_amounts(amounts)
        place = _key(b"r", reservation)

        def work(transaction: Transaction) -> bool:
            value = transaction.pop(place)
            if value is None or layout.expiry(value) <= now:
                return False
            known = _Known(transaction)
            for one in layout.unpack_reservation(value):
                real = amounts.get(one.take.unit, one.take.amount)
                corrected = throttle.correct(known.bucket(one.take, now), one, real, now)
                if corrected is not None:
                    transaction.put(_key(b"b", one.take.key), layout.pack_bucket(corrected))
            return True

        return self._write(work)

    def count(self, meter: str, key: str, window: int, now: int) -> int:
        """Return the number of events in the window."""
        place = _meter_key(meter, key, window)

        def work(transaction: Transaction) -> int:
            value = transaction.get(place)
            return 0 if value is None else meters.count(layout.unpack_meter(value), window, now)

        return self._read(work)

    def record(self, meter: str, key: str, window: int, now: int) -> None:
        """Note one event."""
        place = _meter_key(meter, key, window)

        def work(transaction: Transaction) -> None:
            value = transaction.get(place)
            before = None if value is None else layout.unpack_meter(value)
            after = meters.record(before, window, now)
            transaction.put(place, layout.pack_meter(after, meters.expiry(after, window)))

        self._write(work)

    def labels(self, tenant: str, session: str, now: int) -> frozenset[str]:
        """Return the labels that have not expired."""
        place = _session_key(tenant, session)

        def work(transaction: Transaction) -> frozenset[str]:
            value = transaction.get(place)
            found = {} if value is None else layout.unpack_labels(value)
            return frozenset(label for label, until in found.items() if until > now)

        return self._read(work)

    def label(self, tenant: str, session: str, label: str, until: int | None, now: int) -> None:
        """Put a label on a session."""
        place = _session_key(tenant, session)
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

        def work(transaction: Transaction) -> None:
            for digits, value in sealed.items():
                place = _placeholder_key(tenant, session, digits)
                held = transaction.get(place)
                kept = value
                if held is not None:
                    ends = layout.expiry(held)
                    same = layout.unpack_placeholder(held) == value
                    if same and ends >= early:
                        continue  # Hot path: a conversation says the same again and again.
                    kept = value if same or ends <= now else NOTHING
                transaction.put(place, layout.pack_placeholder(until, kept))

        self._write(work)

    def recall(
        self, tenant: str, session: str, digits: Iterable[str], now: int
    ) -> dict[str, bytes]:
        """Return what placeholders stand for."""
        places = {one: _placeholder_key(tenant, session, one) for one in digits}

        def work(transaction: Transaction) -> dict[str, bytes]:
            held = {one: transaction.get(place) for one, place in places.items()}
            found = {
                one: layout.unpack_placeholder(value)
                for one, value in held.items()
                if value is not None and layout.expiry(value) > now
            }
            return {one: value for one, value in found.items() if value}

        return self._read(work)

    def sweep(self, now: int, limit: int) -> int:
        """Forget up to *limit* expired entries of the next part of the file; return how many.

        Looks at no more than 16 times *limit* entries, and goes on from there the next time.
        """
        ended = self._read(lambda transaction: self._ended(transaction, now, limit))
        if not ended:
            return 0
        return self._write(lambda transaction: _forget(transaction, ended, now), emptying=True)

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
            there = entries.set_range(max(after + b"\0", _FIRST))
            while there and len(found) < limit:
                found.append(entries.item())
                there = entries.next()
            return found

        return self._read(work)

    def forget(self, places: Sequence[bytes], now: int) -> int:
        """Delete the entries with these keys, whether ended or not; return how many there were."""
        return self._write(lambda transaction: _strike(transaction, places, now), emptying=True)

    def size(self) -> Size:
        """Return how large the store is."""

        def work(transaction: Transaction) -> Size:
            del transaction
            info, page = self._environment.info(), self._environment.stat()["psize"]
            used = (info["last_pgno"] + 1) * page
            return Size(self.path.stat().st_size, info["map_size"], used)

        return self._read(work)

    def kept_anchor(self) -> bytes | None:
        """Return the clock's anchor, changing nothing; None before there is one."""
        return self._read(lambda transaction: transaction.get(_CLOCK))

    def sync(self) -> None:
        """Write to the disk what was committed so far. Takes as long as the disk takes."""
        with self._lock:
            self._flush()

    def close(self) -> None:
        """Sync and close. Whatever is asked afterwards raises StoreUnavailable."""
        with self._lock:
            if self._open:
                self._open = False
                try:
                    self._flush()
                finally:
                    self._environment.close()

    def _flush(self) -> None:
        try:
            self._environment.sync(True)  # noqa: FBT003 - lmdb takes no keyword
        except lmdb.Error as problem:
            raise self._unavailable(problem) from problem

    # --- transactions ----------------------------------------------------------------------------

    def _write(self, work: Callable[[Transaction], Answer], *, emptying: bool = False) -> Answer:
        """Do *work* in one transaction, growing the map as needed; *work* may run again."""
        with self._lock:
            while True:
                try:
                    with self._environment.begin(write=True) as transaction:
                        return work(transaction)
                except lmdb.MapFullError:
                    self._grow(emptying=emptying)
                except lmdb.MapResizedError:
                    self._resize(0)
                except (lmdb.Error, layout.UnreadableValue) as problem:
                    raise self._unavailable(problem) from problem

    def _read(self, work: Callable[[Transaction], Answer]) -> Answer:
        with self._lock:
            while True:
                try:
                    with self._environment.begin() as transaction:
                        return work(transaction)
                except lmdb.MapResizedError:
                    self._resize(0)
                except (lmdb.Error, layout.UnreadableValue) as problem:
                    raise self._unavailable(problem) from problem

    def _resize(self, size: int) -> None:
        try:
            mapped.resize(self._environment, self.path, size)
        except (OSError, lmdb.Error) as problem:
            raise self._unavailable(problem) from problem

    def _unavailable(self, problem: Exception) -> StoreUnavailable:
        return StoreUnavailable(f"the state in {self.path} cannot be used: {problem}")

    def _grow(self, *, emptying: bool) -> None:
        size = self._environment.info()["map_size"]
        if size < self._max_size:
            wanted = min(2 * size, self._max_size)
        elif emptying:
            # Even forgetting needs a few pages first; without them a full map would stay full.
            wanted = size + MEGABYTE
        else:
            raise StoreUnavailable(
                f"the state in {self.path} is full: it may have {self._max_size} bytes, raise that"
            )
        self._resize(wanted)

    def _ended(self, transaction: Transaction, now: int, limit: int) -> list[bytes]:
        """Return the keys of up to *limit* ended entries, from where the last call was."""
        self._environment.reader_check()  # Readers that were killed hold pages back.
        ended: list[bytes] = []
        entries = transaction.cursor()
        there = entries.set_range(max(self._place, _FIRST))
        for _ in range(limit * _LOOKS):
            if not there or len(ended) == limit:
                break
            if _expired(entries.value(), now):
                ended.append(entries.key())
            there = entries.next()
        self._place = entries.key() if there else b""
        return ended


def _forget(transaction: Transaction, ended: Sequence[bytes], now: int) -> int:
    """Delete those of *ended* that have ended still; return how many."""
    done, swept = 0, int.from_bytes(transaction.get(_SWEPT, b""), "little")
    for key in ended:
        value = transaction.get(key)
        if value is not None and _expired(value, now):
            if key.startswith(b"b"):
                swept = max(swept, layout.expiry(value))
            transaction.delete(key)
            done += 1
    transaction.put(_SWEPT, swept.to_bytes(8, "little"))
    return done


def _strike(transaction: Transaction, places: Sequence[bytes], now: int) -> int:
    # Invariant: what was struck is as good as new at *now*, and at no instant before it; `swept`
    # says so. It must not be the bucket's end, as in a sweep: all unseen buckets would stand still
    # until then.
    done, buckets = 0, set[bytes]()
    for place in places:
        if transaction.delete(place):
            done += 1
            if place.startswith(b"b"):
                buckets.add(place)
    if buckets:
        swept = int.from_bytes(transaction.get(_SWEPT, b""), "little")
        transaction.put(_SWEPT, max(swept, now).to_bytes(8, "little"))
        _unreserve(transaction, buckets)
    return done


def _unreserve(transaction: Transaction, buckets: set[bytes]) -> None:
    """Take what was reserved in struck *buckets* out of the reservations.

    Settling it would give back to a new bucket, or charge it with, what was taken from the old.
    """
    changes: list[tuple[bytes, int, list[throttle.Reserved]]] = []
    entries = transaction.cursor()
    there = entries.set_range(b"r")
    while there and entries.key().startswith(b"r"):
        place, value = entries.item()
        there = entries.next()
        try:
            reserved = layout.unpack_reservation(value)
        except layout.UnreadableValue:
            continue  # Whoever settles it says so.
        kept = [one for one in reserved if _key(b"b", one.take.key) not in buckets]
        if len(kept) < len(reserved):
            changes.append((place, layout.expiry(value), kept))
    for place, until, kept in changes:
        if kept:
            transaction.put(place, layout.pack_reservation(until, kept))
        else:
            transaction.delete(place)


def _expired(value: bytes, now: int) -> bool:
    try:
        return layout.expiry(value) <= now
    except layout.UnreadableValue:
        return False  # Whoever needs it says so; a sweep goes on.


class _Known:
    """The buckets as one transaction sees them."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    def bucket(self, take: Take, now: int) -> throttle.Bucket | None:
        value = self._transaction.get(_key(b"b", take.key))
        if value is not None:
            return layout.unpack_bucket(value)
        swept = int.from_bytes(self._transaction.get(_SWEPT, b""), "little")
        return throttle.unseen(take, now, swept)


def _key(kind: bytes, name: str) -> bytes:
    key = kind + name.encode()
    if len(key) <= _LONGEST:
        return key
    return kind + b"\0" + blake2b(key, digest_size=32).digest()


def _meter_key(meter: str, key: str, window: int) -> bytes:
    return _key(b"m", f"{window}:{len(meter)}:{meter}{key}")


def _session_key(tenant: str, session: str) -> bytes:
    return _key(b"l", f"{len(tenant)}:{tenant}{session}")


def _placeholder_key(tenant: str, session: str, digits: str) -> bytes:
    return _key(b"p", f"{len(tenant)}:{tenant}{len(session)}:{session}{digits}")
