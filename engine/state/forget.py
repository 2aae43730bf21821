"""A transaction and an instant go in; it is left without the entries that do not matter any more.

A sweep forgets what has ended by itself; an operator strikes what he likes. Of both the store
keeps an instant, `swept`, up to which buckets and slots were forgotten: should the clock go back
before it, what is unknown is given that time, so that forgetting never grants anything twice.
"""

from __future__ import annotations

from collections.abc import Sequence

from engine.runtime.buckets import Reservation
from engine.state import layout
from engine.state.environment import Transaction

_SWEPT = b"\0swept"
_TAKEN = (b"b", b"c")
"""How the keys of what is taken from begin: buckets and slots."""
_LOOKS = 16
"""Entries that a sweep looks at for every one that it may forget."""


def swept(transaction: Transaction) -> int:
    """Return the instant up to which buckets were forgotten."""
    return int.from_bytes(transaction.get(_SWEPT, b""), "little")


def find_ended(
    transaction: Transaction, after: bytes, now: int, limit: int
) -> tuple[list[bytes], bytes]:
    """Return the keys of up to *limit* ended entries from the key *after* on, and where it stopped.

    Looks at no more than 16 times *limit* entries; it stopped at an empty key when it saw the last.
    """
    ended: list[bytes] = []
    entries = transaction.cursor()
    there = entries.set_range(max(after, layout.FIRST))
    for _ in range(limit * _LOOKS):
        if not there or len(ended) == limit:
            break
        if _expired(entries.value(), now):
            ended.append(entries.key())
        there = entries.next()
    return ended, entries.key() if there else b""


def forget(transaction: Transaction, ended: Sequence[bytes], now: int) -> tuple[int, int]:
    """Delete those of *ended* that have ended still; return how many, and the reservations of them.

    A reservation that is there at its end was not settled.
    """
    done, lapsed, latest = 0, 0, swept(transaction)
    for key in ended:
        value = transaction.get(key)
        if value is not None and _expired(value, now):
            if key[:1] in _TAKEN:
                latest = max(latest, layout.expiry(value))
            lapsed += key.startswith(b"r")
            transaction.delete(key)
            done += 1
    transaction.put(_SWEPT, latest.to_bytes(8, "little"))
    return done, lapsed


def strike(transaction: Transaction, places: Sequence[bytes], now: int) -> int:
    """Delete the entries with these keys, whether ended or not; return how many there were."""
    # Invariant: what was struck is as good as new at *now*, and at no instant before it; `swept`
    # says so. It must not be the bucket's end, as in a sweep: all unseen buckets would stand still
    # until then.
    done, buckets = 0, set[bytes]()
    for place in places:
        if transaction.delete(place):
            done += 1
            if place[:1] in _TAKEN:
                buckets.add(place)
    if buckets:
        transaction.put(_SWEPT, max(swept(transaction), now).to_bytes(8, "little"))
        _unreserve(transaction, buckets)
    return done


def _unreserve(transaction: Transaction, buckets: set[bytes]) -> None:
    """Take what was reserved in struck *buckets* out of the reservations.

    Settling it would give back to a new bucket, or charge it with, what was taken from the old.
    """
    changes: list[tuple[bytes, Reservation]] = []
    entries = transaction.cursor()
    there = entries.set_range(b"r")
    while there and entries.key().startswith(b"r"):
        place, value = entries.item()
        there = entries.next()
        try:
            made = layout.unpack_reservation(value)
        except layout.UnreadableValue:
            continue  # Whoever settles it says so.
        kept = tuple(one for one in made.reserved if layout.take_key(one.take) not in buckets)
        if len(kept) < len(made.reserved):
            changes.append((place, Reservation(made.until, kept)))
    for place, made in changes:
        if made.reserved:
            transaction.put(place, layout.pack_reservation(made))
        else:
            transaction.delete(place)


def _expired(value: bytes, now: int) -> bool:
    try:
        return layout.expiry(value) <= now
    except layout.UnreadableValue:
        return False  # Whoever needs it says so; a sweep goes on.
