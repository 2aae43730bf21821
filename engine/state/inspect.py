"""A store goes in; what lies in it comes out as rows, for operators and never with a secret.

Keys are read back into what they were made of. One that was too long to be kept whole is not
readable: its row has a *key* that ends in a digest, or none at all. What a placeholder stands for,
and the decision that a reservation belongs to, are not in the rows.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import msgspec

from engine.runtime import meter as meters
from engine.runtime.keys import split_key
from engine.runtime.slots import brought
from engine.runtime.store import NANO
from engine.state import layout, prints
from engine.state.clock import anchored, boot_id, running_time, unpack
from engine.state.environment import MEGABYTE, Size
from engine.state.errors import StateError
from engine.state.lmdb import FILE, LmdbStore

Kind = Literal[
    "bucket",
    "reservation",
    "meter",
    "session",
    "placeholder",
    "source",
    "print",
    "turn",
    "unreadable",
]
"""A ``source`` is what a session has read under a label; ``prints`` are its fingerprints."""
OF_SESSIONS = frozenset({"session", "placeholder", "source", "print", "turn"})
"""The kinds of entries that belong to one session."""
_BATCH = 1000
"""Entries that are read in one transaction."""
_decoder = json.JSONDecoder()
_NAMED = 3
"""Parts of a bucket's key before its values: rule, unit, period."""


class Row(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One entry. *place* is its key in the store; amounts are in units, instants in ns."""

    kind: Kind
    place: bytes
    until: int = 0
    """The instant from which the entry does not matter: a bucket is full again, a label ends."""
    key: str = ""
    """Of a bucket or meter, as it was joined; empty when it was too long to be kept."""
    name: str = ""
    """The rule of a bucket, the name of a meter."""
    unit: str = ""
    values: tuple[object, ...] = ()
    """Of a key that was cut, those before the cut."""
    used: float = 0.0
    """Of a bucket: what of it is in use now. Of slots, which are buckets too: how many are held."""
    share: float | None = None
    """Of a refilling bucket: the part of a period that passes until it is full again."""
    window: int = 0
    count: int = 0
    """Of a meter: the events in its window. Of a reservation: its buckets. Of a turn: how many.

    Of a source and of prints: the fingerprints.
    """
    tenant: str = ""
    session: str = ""
    labels: dict[str, int] = {}
    """The labels of a session, or its sources, and when each ends."""


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What rows are asked for: all that is not None must fit."""

    rule: str | None = None
    """The rule of a bucket or the name of a meter."""
    tenant: str | None = None
    """Of a session; or among the values of a bucket's or meter's key."""
    key: str | None = None
    session: tuple[str, str] | None = None

    def fits(self, row: Row) -> bool:
        """Return whether *row* is asked for."""
        return (
            (self.rule is None or (row.name == self.rule and row.kind in {"bucket", "meter"}))
            and (self.tenant is None or row.tenant == self.tenant or self.tenant in row.values)
            and (self.key is None or (row.key == self.key and row.kind in {"bucket", "meter"}))
            and (self.session is None or _is_session(row, *self.session))
        )


def _is_session(row: Row, tenant: str, session: str) -> bool:
    return (row.tenant, row.session) == (tenant, session) and row.kind in OF_SESSIONS


class Overview(msgspec.Struct, frozen=True):
    """How large a store is, how many entries of each kind matter, and its clock.

    *ahead* is by how many ns the store's instants are ahead of the wall clock.
    """

    size: Size
    counts: dict[str, int]
    ahead: int


def overview(store: LmdbStore, now: int, *, wall: Callable[[], int] = time.time_ns) -> Overview:
    """Return the overview of *store* at its instant *now*."""
    ahead = now - wall()
    counts: Counter[str] = Counter(row.kind for row in read_rows(store, now))
    return Overview(store.size(), dict(counts), ahead)


def open_existing(folder: Path) -> LmdbStore:
    """Return the store in a data *folder*, made no larger; StateError when there is none."""
    file = folder / "state" / FILE
    try:
        there = folder.is_dir()
        size = file.stat().st_size if file.exists() else 0
    except (OSError, ValueError) as problem:
        raise StateError(f"cannot read {file}: {problem}") from problem
    if not there:
        raise StateError(f"there is no folder {folder}; name the daemon's data folder with --data")
    if size == 0:
        raise StateError(
            f"there is no state in {folder}: no daemon has kept any there (one that was started "
            "with --memory keeps it in its own process, where no other can look)"
        )
    return LmdbStore(file.parent, map_size=MEGABYTE)


def steady_now(
    store: LmdbStore,
    *,
    boot: bytes | None = None,
    running: Callable[[], int] = running_time,
    wall: Callable[[], int] = time.time_ns,
) -> int:
    """Return the instant that the store's processes live by, changing nothing."""
    kept, passed = store.kept_anchor(), running()
    here = boot_id() if boot is None else boot
    return passed + anchored(unpack(kept or b""), here, passed, wall()).offset


def read_rows(store: LmdbStore, now: int) -> Iterator[Row]:
    """Yield a row for every entry that matters at *now*; a batch is read in a transaction."""
    after = b""
    while page := store.page(after, _BATCH):
        for place, value in page:
            row = read_row(place, value, now)
            if row.until > now or row.kind == "unreadable":
                yield row
        after = page[-1][0]


def read_row(place: bytes, value: bytes, now: int) -> Row:
    """Return the entry *value* at *place*; of the kind `unreadable` when it cannot be read."""
    # A long key is kept as NUL and a digest.
    text = "" if place[1:2] == b"\0" else place[1:].decode(errors="replace")
    try:
        match place[:1]:
            case b"b":
                return _bucket(place, text, value, now)
            case b"c":
                return _slots(place, text, value, now)
            case b"m":
                return _meter(place, text, value, now)
            case b"r":
                count = len(layout.unpack_reservation(value).reserved)
                until = layout.expiry(value)
                return Row(kind="reservation", place=place, until=until, count=count)
            case b"l" | b"p" | b"n" | b"f" | b"t":
                return _of_session(place, text, value)
            case _:
                return Row(kind="unreadable", place=place)
    except (layout.UnreadableValue, ValueError):
        return Row(kind="unreadable", place=place)


def _of_session(place: bytes, text: str, value: bytes) -> Row:
    """Return the row of what belongs to one session: never what is secret in it."""
    until = layout.expiry(value)
    tenant, session = _counted(text)
    kind: Kind = "session"
    labels, count = {}, 0
    match place[:1]:
        case b"l":
            labels = layout.unpack_labels(value)
        case b"n":
            kind, index = "source", prints.unpack_index(value)
            labels = {source: one.until for source, one in index.items()}
            count = sum(one.size for one in index.values())
        case b"t":
            kind, count = "turn", layout.unpack_turns(value)
        case _:
            session, _ = _counted(session)
            kind = "placeholder" if place[:1] == b"p" else "print"
            count = 0 if kind == "placeholder" else len(prints.unpack_chunk(value))
    return Row(
        kind=kind,
        place=place,
        until=until,
        tenant=tenant,
        session=session,
        labels=labels,
        count=count,
    )


def _bucket(place: bytes, text: str, value: bytes, now: int) -> Row:
    bucket = layout.unpack_bucket(value)
    used, share = bucket.level / NANO, None
    if bucket.window:
        # What is used flows back evenly until the bucket is full again, whatever the limit is.
        left, whole = max(0, bucket.until - now), max(1, bucket.until - bucket.at)
        used = used / bucket.window * min(1.0, left / whole)
        share = left / bucket.window
    row = _named(place, text, bucket.until)
    return msgspec.structs.replace(row, used=used, share=share, window=bucket.window)


def _slots(place: bytes, text: str, value: bytes, now: int) -> Row:
    held = brought(layout.unpack_slots(value), now)
    row = _named(place, text, held.until)
    return msgspec.structs.replace(row, used=float(sum(held.counts)))


def _named(place: bytes, text: str, until: int) -> Row:
    """Return the row of a bucket, or of slots, by its key."""
    parts = split_key(text) or _leading(text)
    texts = [one for one in parts[:_NAMED] if isinstance(one, str)]
    named = len(texts) == _NAMED
    return Row(
        kind="bucket",
        place=place,
        until=until,
        key=text,
        name=texts[0] if texts else "",
        unit=texts[1] if named else "",
        values=parts[_NAMED:] if named else (),
    )


def _leading(key: str) -> tuple[object, ...]:
    """Return the parts that a key had whole before it was cut."""
    found: list[object] = []
    place = 1
    while place < len(key):
        try:
            part, place = _decoder.raw_decode(key, place)
        except ValueError:
            break
        if key[place : place + 1] != ",":
            break
        found.append(part)
        place += 1
    return tuple(found)


def _meter(place: bytes, text: str, value: bytes, now: int) -> Row:
    meter = layout.unpack_meter(value)
    window, _, rest = text.partition(":")
    name, key = _counted(rest)
    length = int(window or 0)
    return Row(
        kind="meter",
        place=place,
        until=layout.expiry(value),
        key=key,
        name=name,
        values=split_key(key) or _leading(key),
        window=length,
        count=meters.count(meter, length, now) if length else sum(meter.counts),
    )


def _counted(text: str) -> tuple[str, str]:
    """Return the text whose length *text* begins with, and the rest."""
    if not text:
        return "", ""
    length, _, rest = text.partition(":")
    size = int(length)
    return rest[:size], rest[size:]
