"""Buckets, meters, reservations and labels go in; bytes come out, and the other way round.

Little-endian and of fixed layout, so that an entry is read without a parser. Every value begins
with a version byte and the instant (ns, int64) at which it stops to matter: the sweep reads no
more. Levels are unsigned 192-bit integers (amount x window does not fit into 64), amounts 128-bit.

=============  ==========================================================================
bucket         version, until, at, window, level; then (since, low) pairs to the end
slots          version, until, at; then the ends, 64 bits each, and their counts of 32 bits
meter          version, until, newest; then 61 counts of 32 bits
reservation    version, until; then for each take its figures and the bytes of rule, key, unit;
               a slot has the window -2, its life where others have the opening, and its end as at;
               behind the first rule, and a NUL, the tenant whose decision it is
labels         version, until (the latest); then for each label until, length, bytes
placeholder    version, until; then the sealed value
turns          version, until; then their number (64 bits)
=============  ==========================================================================

Keys begin with ``b`` for a bucket, ``r`` reservation, ``m`` meter, ``l`` labels, ``p`` placeholder,
``n`` the sources of a session, ``f`` their fingerprints (see ``prints``), ``t`` turns; NUL is the
store's own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from hashlib import blake2b
from struct import Struct, error

from engine.runtime.buckets import Bucket, Reservation, Reserved, Slots
from engine.runtime.meter import Meter
from engine.runtime.slots import MOST_ENDS
from engine.runtime.store import Take
from engine.runtime.throttle import FOREVER

VERSION = 1
"""Of every value. Another one is another program's."""
FIRST = b"\1"
"""Before every key but the store's own."""
_LONGEST = 500
"""Bytes of a key; LMDB allows 511."""
MOST_DIGITS = 64
"""Bytes of a placeholder's digits, at most."""

_HEAD = Struct("<Bq")
HEAD_SIZE = _HEAD.size
"""Bytes of the version and the end, with which every value begins."""
_BUCKET = Struct("<Bqqq24s")
_LOW = Struct("<q24s")
_METER = Struct("<Bqq61I")
_TAKE = Struct("<qqqq16s16s16sHHH")
_LABEL = Struct("<qH")
_TURNS = Struct("<BqQ")
_SLOTS = Struct("<Bqq")
_SLOT_SIZE = 12
_NO_WINDOW, _SLOT = -1, -2
_TOP = 2**192 - 1


class UnreadableValue(Exception):
    """Bytes that this layout did not write."""


# --- keys ----------------------------------------------------------------------------------------


def bucket_key(key: str) -> bytes:
    """Return where a bucket lies."""
    return _key(b"b", key)


def slots_key(key: str) -> bytes:
    """Return where slots lie."""
    return _key(b"c", key)


def take_key(take: Take) -> bytes:
    """Return where the bucket or the slots of *take* lie."""
    return slots_key(take.key) if take.life else bucket_key(take.key)


def reservation_key(decision: str) -> bytes:
    """Return where that lies which a decision has reserved."""
    return _key(b"r", decision)


def meter_key(meter: str, key: str, window: int) -> bytes:
    """Return where a meter of *window* ns lies."""
    return _key(b"m", f"{window}:{len(meter)}:{meter}{key}")


def session_key(tenant: str, session: str) -> bytes:
    """Return where a session's labels lie."""
    return _key(b"l", f"{len(tenant)}:{tenant}{session}")


def placeholder_keys(tenant: str, session: str, digits: Iterable[str]) -> dict[str, bytes]:
    """Return where that lies which placeholders stand for, by their *digits*."""
    begin = f"{len(tenant)}:{tenant}{len(session)}:{session}"
    start = b"p" + begin.encode()
    if len(start) > _LONGEST - MOST_DIGITS:
        return {one: _key(b"p", begin + one) for one in digits}
    # Hot path: a third of the time of making each as a whole.
    return {one: start + one.encode() for one in digits}


def sources_key(tenant: str, session: str) -> bytes:
    """Return where it lies what a session has read from which sources."""
    return _key(b"n", f"{len(tenant)}:{tenant}{session}")


def chunk_key(tenant: str, session: str, number: int) -> bytes:
    """Return where a session's fingerprints lie, those of one chunk."""
    return _key(b"f", f"{len(tenant)}:{tenant}{len(session)}:{session}{number}")


def turns_key(tenant: str, session: str) -> bytes:
    """Return where the number of a session's turns lies."""
    return _key(b"t", f"{len(tenant)}:{tenant}{session}")


def _key(kind: bytes, name: str) -> bytes:
    key = kind + name.encode()
    if len(key) <= _LONGEST:
        return key
    return kind + b"\0" + blake2b(key, digest_size=32).digest()


# --- values --------------------------------------------------------------------------------------


def expiry(value: bytes) -> int:
    """Return the instant from which the entry does not matter."""
    if len(value) < _HEAD.size:
        raise UnreadableValue(f"a value of {len(value)} bytes")
    version, until = _HEAD.unpack_from(value)
    if version != VERSION:
        raise UnreadableValue(f"a value of version {version}")
    return int(until)


def pack_head(until: int) -> bytes:
    """Return what the value of an entry begins with that ends *until*."""
    return _HEAD.pack(VERSION, min(until, FOREVER))


def pack_bucket(bucket: Bucket) -> bytes:
    """Return the bucket's bytes; instants after 2262 and levels over 192 bits are cut."""
    try:
        fixed = _fixed(bucket.until, bucket.at, bucket.window, bucket.level)
    except (error, OverflowError):
        # Hot path: cutting every field first costs as much as packing them all.
        until, at = min(bucket.until, FOREVER), min(bucket.at, FOREVER)
        fixed = _fixed(until, at, bucket.window, min(bucket.level, _TOP))
    return fixed + _pack_lows(bucket.lows) if bucket.lows else fixed


def _pack_lows(lows: tuple[tuple[int, int], ...]) -> bytes:
    # Hot path: mostly there is one, and nothing to cut.
    if len(lows) == 1:
        ((since, low),) = lows
        if since <= FOREVER and low <= _TOP:
            return _LOW.pack(since, low.to_bytes(24, "little"))
    return b"".join(
        _LOW.pack(min(since, FOREVER), min(low, _TOP).to_bytes(24, "little")) for since, low in lows
    )


def _unpack_lows(value: bytes) -> tuple[tuple[int, int], ...]:
    # Hot path: mostly there is one, and unpacking it in its place takes half the time.
    if len(value) == _BUCKET.size + _LOW.size:
        since, low = _LOW.unpack_from(value, _BUCKET.size)
        return ((since, int.from_bytes(low, "little")),)
    pairs = _LOW.iter_unpack(value[_BUCKET.size :])
    return tuple((since, int.from_bytes(low, "little")) for since, low in pairs)


def _fixed(until: int, at: int, window: int, level: int) -> bytes:
    return _BUCKET.pack(VERSION, until, at, window, level.to_bytes(24, "little"))


def unpack_bucket(value: bytes) -> Bucket:
    """Return the bucket in *value*."""
    try:
        version, until, at, window, level = _BUCKET.unpack_from(value)
        lows: tuple[tuple[int, int], ...] = ()
        if len(value) > _BUCKET.size:
            lows = _unpack_lows(value)
    except error as problem:
        raise UnreadableValue(f"a bucket of {len(value)} bytes") from problem
    if version != VERSION:
        raise UnreadableValue(f"a bucket of version {version}")
    return Bucket(at, int.from_bytes(level, "little"), window, until, lows)


def pack_slots(held: Slots) -> bytes:
    """Return the bytes of the slots that are held; instants after 2262 are cut."""
    number = len(held.ends)
    try:
        packed = _slots(number).pack(VERSION, held.until, held.at, *held.ends, *held.counts)
    except error:
        ends = [min(end, FOREVER) for end in held.ends]
        until, at = min(held.until, FOREVER), min(held.at, FOREVER)
        packed = _slots(number).pack(VERSION, until, at, *ends, *held.counts)
    return packed


def unpack_slots(value: bytes) -> Slots:
    """Return the slots in *value*."""
    expiry(value)
    number, rest = divmod(len(value) - _SLOTS.size, _SLOT_SIZE)
    if number < 0 or rest:
        raise UnreadableValue(f"slots of {len(value)} bytes")
    _, _, at, *figures = _slots(number).unpack(value)
    return Slots(at, tuple(figures[:number]), tuple(figures[number:]))


@lru_cache(maxsize=2 * MOST_ENDS)
def _slots(number: int) -> Struct:
    return Struct(f"<Bqq{number}q{number}I")


def pack_meter(meter: Meter, until: int) -> bytes:
    """Return the meter's bytes."""
    return _METER.pack(VERSION, min(until, FOREVER), meter.newest, *meter.counts)


def unpack_meter(value: bytes) -> Meter:
    """Return the meter in *value*."""
    expiry(value)
    with _readable("meter", value):
        _, _, newest, *counts = _METER.unpack(value)
    return Meter(newest, tuple(counts))


def pack_reservation(made: Reservation) -> bytes:
    """Return the bytes of what a decision has reserved."""
    parts = [_HEAD.pack(VERSION, min(made.until, FOREVER))]
    payer = made.payer
    behind = f"\0{payer}" if payer else ""
    for one in made.reserved:
        take = one.take
        window = _NO_WINDOW if take.window is None else take.window
        rule, key, unit = (take.rule + behind).encode(), take.key.encode(), take.unit.encode()
        behind = ""
        parts.append(
            _TAKE.pack(
                min(one.at, FOREVER),
                _SLOT if take.life else window,
                min(take.life or take.opens, FOREVER),
                min(take.closes, FOREVER),
                take.amount.to_bytes(16, "little"),
                take.limit.to_bytes(16, "little"),
                take.burst.to_bytes(16, "little"),
                len(rule),
                len(key),
                len(unit),
            )
        )
        parts += rule, key, unit
    return b"".join(parts)


def unpack_reservation(value: bytes) -> Reservation:
    """Return what was reserved."""
    until = expiry(value)
    found: list[Reserved] = []
    payer = ""
    place = _HEAD.size
    with _readable("reservation", value):
        while place < len(value):
            at, window, opens, closes, amount, limit, burst, *sizes = _TAKE.unpack_from(
                value, place
            )
            place += _TAKE.size
            texts: list[str] = []
            for size in sizes:
                texts.append(value[place : place + size].decode())
                place += size
            rule, key, unit = texts
            if not found:  # Who pays for the first pays for all.
                rule, _, payer = rule.partition("\0")
            take = Take(
                rule=rule,
                key=key,
                amount=int.from_bytes(amount, "little"),
                limit=int.from_bytes(limit, "little"),
                burst=int.from_bytes(burst, "little"),
                window=None if window < 0 else window,
                opens=0 if window == _SLOT else opens,
                closes=closes,
                unit=unit,
                life=opens if window == _SLOT else 0,
                payer=payer,
            )
            found.append(Reserved(take, at))
    return Reservation(until, tuple(found))


def pack_labels(labels: Mapping[str, int]) -> bytes:
    """Return the bytes of a session's labels and their ends."""
    parts = [_HEAD.pack(VERSION, max(labels.values()))]
    for label, until in labels.items():
        name = label.encode()
        parts += _LABEL.pack(until, len(name)), name
    return b"".join(parts)


def unpack_labels(value: bytes) -> dict[str, int]:
    """Return a session's labels and their ends."""
    expiry(value)
    found: dict[str, int] = {}
    place = _HEAD.size
    with _readable("set of labels", value):
        while place < len(value):
            until, length = _LABEL.unpack_from(value, place)
            place += _LABEL.size
            found[value[place : place + length].decode()] = until
            place += length
    return found


def pack_placeholder(until: int, sealed: bytes) -> bytes:
    """Return the bytes of what a placeholder stands for until *until*."""
    return _HEAD.pack(VERSION, min(until, FOREVER)) + sealed


def keeps(value: bytes | None, sealed: bytes, early: int) -> bool:
    """Return whether *value* holds *sealed*, until the instant *early* at least."""
    return (
        value is not None
        and value[HEAD_SIZE:] == sealed
        and (VERSION, early) <= _HEAD.unpack_from(value) < (VERSION + 1,)
    )


def unpack_placeholder(value: bytes) -> bytes:
    """Return the sealed value."""
    return value[_HEAD.size :]


def pack_turns(until: int, count: int) -> bytes:
    """Return the bytes of a session's *count* of turns."""
    return _TURNS.pack(VERSION, min(until, FOREVER), count)


def unpack_turns(value: bytes) -> int:
    """Return how many turns a session had."""
    expiry(value)
    with _readable("number of turns", value):
        return int(_TURNS.unpack(value)[2])


@contextmanager
def _readable(kind: str, value: bytes) -> Iterator[None]:
    try:
        yield
    except (error, UnicodeDecodeError) as problem:
        raise UnreadableValue(f"a {kind} of {len(value)} bytes") from problem
