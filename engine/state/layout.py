"""Buckets, meters, reservations and labels go in; bytes come out, and the other way round.

Little-endian and of fixed layout, so that an entry is read without a parser. Every value begins
with a version byte and the instant (ns, int64) at which it stops to matter: the sweep reads no
more. Levels are unsigned 192-bit integers (amount x window does not fit into 64), amounts 128-bit.

=============  ==========================================================================
bucket         version, until, at, window, level; then (since, low) pairs to the end
meter          version, until, newest; then 61 counts of 32 bits
reservation    version, until; then for each take its figures and the bytes of rule, key, unit
labels         version, until (the latest); then for each label until, length, bytes
placeholder    version, until; then the sealed value
=============  ==========================================================================

Keys begin with ``b`` for a bucket, ``r`` reservation, ``m`` meter, ``l`` labels, ``p`` placeholder;
NUL is the store's own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from hashlib import blake2b
from struct import Struct, error

from engine.runtime.meter import Meter
from engine.runtime.store import Take
from engine.runtime.throttle import FOREVER, Bucket, Reserved

VERSION = 1
"""Of every value. Another one is another program's."""
FIRST = b"\1"
"""Before every key but the store's own."""
_LONGEST = 500
"""Bytes of a key; LMDB allows 511."""

_HEAD = Struct("<Bq")
_BUCKET = Struct("<Bqqq24s")
_LOW = Struct("<q24s")
_METER = Struct("<Bqq61I")
_TAKE = Struct("<qqqq16s16s16sHHH")
_LABEL = Struct("<qH")
_NO_WINDOW = -1
_TOP = 2**192 - 1


class UnreadableValue(Exception):
    """Bytes that this layout did not write."""


# --- keys ----------------------------------------------------------------------------------------


def bucket_key(key: str) -> bytes:
    """Return where a bucket lies."""
    return _key(b"b", key)


def reservation_key(decision: str) -> bytes:
    """Return where that lies which a decision has reserved."""
    return _key(b"r", decision)


def meter_key(meter: str, key: str, window: int) -> bytes:
    """Return where a meter of *window* ns lies."""
    return _key(b"m", f"{window}:{len(meter)}:{meter}{key}")


def session_key(tenant: str, session: str) -> bytes:
    """Return where a session's labels lie."""
    return _key(b"l", f"{len(tenant)}:{tenant}{session}")


def placeholder_key(tenant: str, session: str, digits: str) -> bytes:
    """Return where that lies which a placeholder stands for."""
    return _key(b"p", f"{len(tenant)}:{tenant}{len(session)}:{session}{digits}")


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


def pack_bucket(bucket: Bucket) -> bytes:
    """Return the bucket's bytes; instants after 2262 and levels over 192 bits are cut."""
    try:
        fixed = _fixed(bucket.until, bucket.at, bucket.window, bucket.level)
    except (error, OverflowError):
        # Hot path: cutting every field first costs as much as packing them all.
        until, at = min(bucket.until, FOREVER), min(bucket.at, FOREVER)
        fixed = _fixed(until, at, bucket.window, min(bucket.level, _TOP))
    if not bucket.lows:
        return fixed
    return fixed + b"".join(
        _LOW.pack(min(since, FOREVER), min(low, _TOP).to_bytes(24, "little"))
        for since, low in bucket.lows
    )


def _fixed(until: int, at: int, window: int, level: int) -> bytes:
    return _BUCKET.pack(VERSION, until, at, window, level.to_bytes(24, "little"))


def unpack_bucket(value: bytes) -> Bucket:
    """Return the bucket in *value*."""
    try:
        version, until, at, window, level = _BUCKET.unpack_from(value)
        lows: tuple[tuple[int, int], ...] = ()
        if len(value) > _BUCKET.size:
            pairs = _LOW.iter_unpack(value[_BUCKET.size :])
            lows = tuple((since, int.from_bytes(low, "little")) for since, low in pairs)
    except error as problem:
        raise UnreadableValue(f"a bucket of {len(value)} bytes") from problem
    if version != VERSION:
        raise UnreadableValue(f"a bucket of version {version}")
    return Bucket(at, int.from_bytes(level, "little"), window, until, lows)


def pack_meter(meter: Meter, until: int) -> bytes:
    """Return the meter's bytes."""
    return _METER.pack(VERSION, min(until, FOREVER), meter.newest, *meter.counts)


def unpack_meter(value: bytes) -> Meter:
    """Return the meter in *value*."""
    expiry(value)
    with _readable("meter", value):
        _, _, newest, *counts = _METER.unpack(value)
    return Meter(newest, tuple(counts))


def pack_reservation(until: int, reserved: Sequence[Reserved]) -> bytes:
    """Return the bytes of what a decision has reserved until *until*."""
    parts = [_HEAD.pack(VERSION, min(until, FOREVER))]
    for one in reserved:
        take = one.take
        rule, key, unit = take.rule.encode(), take.key.encode(), take.unit.encode()
        parts.append(
            _TAKE.pack(
                min(one.at, FOREVER),
                _NO_WINDOW if take.window is None else take.window,
                min(take.opens, FOREVER),
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


def unpack_reservation(value: bytes) -> tuple[Reserved, ...]:
    """Return what was reserved."""
    expiry(value)
    found: list[Reserved] = []
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
            take = Take(
                rule=rule,
                key=key,
                amount=int.from_bytes(amount, "little"),
                limit=int.from_bytes(limit, "little"),
                burst=int.from_bytes(burst, "little"),
                window=None if window == _NO_WINDOW else window,
                opens=opens,
                closes=closes,
                unit=unit,
            )
            found.append(Reserved(take, at))
    return tuple(found)


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


def unpack_placeholder(value: bytes) -> bytes:
    """Return the sealed value."""
    return value[_HEAD.size :]


@contextmanager
def _readable(kind: str, value: bytes) -> Iterator[None]:
    try:
        yield
    except (error, UnicodeDecodeError) as problem:
        raise UnreadableValue(f"a {kind} of {len(value)} bytes") from problem
