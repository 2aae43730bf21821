"""Fingerprints of what sessions have read go in; they are found again, by source, in few reads.

A session's *index* names its sources, each with its end, and the chunks of its fingerprints::

    index of (north, s1)   untrusted: until 12:00, not full, chunks 0 (4096) 2 (900)
    chunk 0, chunk 2       version, kept until, sorted 64-bit integers

New fingerprints are a chunk of their own; it takes up those before it that are no larger, so that a
source of n has about log2(n) chunks and each was written about log2(n) times: what a decision
writes does not grow with what the session has read. A chunk is kept a quarter longer than its
source needs it, so that putting off the end of a source rewrites its chunks rarely.

The integers are in the byte order of the machine, as LMDB's own are: the file stays where it is.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from struct import Struct, error

from engine.runtime.memory import later_end
from engine.runtime.store import MOST_PRINTS, Noted
from engine.runtime.throttle import FOREVER
from engine.state import layout
from engine.state.environment import Transaction
from engine.state.layout import UnreadableValue

_SOURCE = Struct("<qqBHH")
"""Until, kept until, full, bytes of the name, chunks."""
_CHUNK = Struct("<HI")
"""Number, fingerprints."""
_SLACK = 4
"""A chunk is kept longer than its source lasts from now on, by one part in so many."""
_DEAR = 16
"""Looking for one fingerprint in a chunk costs as much as reading so many of it."""


Chunk = tuple[int, int]
"""Its number, and how many fingerprints it has."""


@dataclass(frozen=True, slots=True)
class Source:
    """Fingerprints that end together."""

    until: int
    kept: int
    """When its chunks end."""
    full: bool = False
    chunks: tuple[Chunk, ...] = ()

    @property
    def size(self) -> int:
        """How many fingerprints it has."""
        return sum(size for _, size in self.chunks)


Index = Mapping[str, Source]


def note(
    transaction: Transaction,
    place: tuple[str, str],
    source: str,
    prints: frozenset[int],
    until: int | None,
    now: int,
    *,
    life: int,
) -> None:
    """Remember *prints* of a *source* of the session at *place*; see store.Store."""
    before = _index(transaction, place)
    index = {name: one for name, one in before.items() if one.until > now}
    for name in before.keys() - index.keys():
        for number, _ in before[name].chunks:
            transaction.delete(layout.chunk_key(*place, number))
    found = index.get(source) or Source(now, now)
    held = _chunks(transaction, place, found)
    made = found
    if len(held) < len(found.chunks):
        made = replace(found, full=True, chunks=tuple(held))
    end = min(later_end(made.until, until, now, life), FOREVER)
    new = prints.difference(*held.values())
    if made.size + len(new) > MOST_PRINTS:
        made, new = replace(made, full=True), frozenset()
    made = replace(made, until=end)
    if end > made.kept:
        made = replace(made, kept=min(end + (end - now) // _SLACK, FOREVER))
        for (number, _), values in held.items():
            transaction.put(layout.chunk_key(*place, number), pack_chunk(made.kept, values))
    if new:
        others = (one for name, one in index.items() if name != source)
        taken = {number for one in others for number, _ in one.chunks}
        made = _added(transaction, place, made, held, sorted(new), taken)
    if source not in index or made != found or len(index) < len(before):
        transaction.put(layout.sources_key(*place), pack_index({**index, source: made}))


def _added(
    transaction: Transaction,
    place: tuple[str, str],
    source: Source,
    held: Mapping[Chunk, memoryview[int]],
    values: list[int],
    taken: set[int],
) -> Source:
    """Return *source* with a chunk of *values*, which takes up those before that are no larger.

    The numbers *taken* are those of other sources.
    """
    chunks = list(source.chunks)
    while chunks and chunks[-1][1] <= len(values):
        last = chunks.pop()
        values = sorted((*held[last], *values))
        transaction.delete(layout.chunk_key(*place, last[0]))
    taken = taken.union(number for number, _ in chunks)
    number = next(one for one in range(len(taken) + 1) if one not in taken)
    transaction.put(layout.chunk_key(*place, number), pack_chunk(source.kept, values))
    return replace(source, chunks=(*chunks, (number, len(values))))


def noted(
    transaction: Transaction, place: tuple[str, str], prints: frozenset[int], now: int
) -> Noted:
    """Return which of *prints* the sources have that have not ended; see store.Store."""
    seen: dict[str, frozenset[int]] = {}
    full: set[str] = set()
    for source, one in _index(transaction, place).items():
        if one.until > now:
            held = _chunks(transaction, place, one)
            seen[source] = frozenset[int]().union(*(_both(prints, of) for of in held.values()))
            if one.full or len(held) < len(one.chunks):
                full.add(source)
    return Noted(seen, frozenset(full))


def _both(prints: frozenset[int], values: memoryview[int]) -> Iterable[int]:
    if len(prints) * _DEAR > len(values):
        return prints.intersection(values)
    return [one for one in prints if one in _at(values, one)]


def _at(values: memoryview[int], one: int) -> memoryview[int]:
    place = bisect_left(values, one)
    return values[place : place + 1]


def _index(transaction: Transaction, place: tuple[str, str]) -> Index:
    value = transaction.get(layout.sources_key(*place))
    return {} if value is None else unpack_index(value)


def _chunks(
    transaction: Transaction, place: tuple[str, str], source: Source
) -> dict[Chunk, memoryview[int]]:
    """Return the fingerprints in the chunks of *source*.

    One that is not there was forgotten, by an operator or in an hour that was not to be: whatever
    was in it may have been said, so that the source is full.
    """
    found: dict[Chunk, memoryview[int]] = {}
    for chunk in source.chunks:
        value = transaction.get(layout.chunk_key(*place, chunk[0]))
        if value is not None:
            found[chunk] = unpack_chunk(value)
    return found


# --- bytes ---------------------------------------------------------------------------------------


def pack_index(index: Index) -> bytes:
    """Return the bytes of a session's sources."""
    parts = [layout.pack_head(max(one.until for one in index.values()))]
    for source, one in index.items():
        name = source.encode()
        parts += (
            _SOURCE.pack(one.until, one.kept, one.full, len(name), len(one.chunks)),
            name,
            *(_CHUNK.pack(*chunk) for chunk in one.chunks),
        )
    return b"".join(parts)


def unpack_index(value: bytes) -> dict[str, Source]:
    """Return a session's sources."""
    layout.expiry(value)
    return dict(_sources(value))


def _sources(value: bytes) -> Iterator[tuple[str, Source]]:
    place = layout.HEAD_SIZE
    try:
        while place < len(value):
            until, kept, full, length, count = _SOURCE.unpack_from(value, place)
            place += _SOURCE.size
            name = value[place : place + length].decode()
            place += length
            end = place + count * _CHUNK.size
            chunks = tuple(_CHUNK.iter_unpack(value[place:end]))
            if len(chunks) != count:
                raise UnreadableValue(f"a list of sources of {len(value)} bytes")
            place = end
            yield name, Source(until, kept, bool(full), chunks)
    except (error, UnicodeDecodeError) as problem:
        raise UnreadableValue(f"a list of sources of {len(value)} bytes") from problem


def pack_chunk(until: int, values: Iterable[int]) -> bytes:
    """Return the bytes of fingerprints, which are sorted."""
    return layout.pack_head(until) + array("Q", values).tobytes()


def unpack_chunk(value: bytes) -> memoryview[int]:
    """Return the fingerprints of a chunk, sorted."""
    layout.expiry(value)
    try:
        return memoryview(value)[layout.HEAD_SIZE :].cast("Q")
    except TypeError as problem:
        raise UnreadableValue(f"a chunk of {len(value)} bytes") from problem
