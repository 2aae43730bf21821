"""Records in one after another, the sections of their index out; see `index` for what is in them.

Nothing is kept of a record but numbers: where a field has another value in nearly every record,
the hashes of the values stand in parts by their first byte, each of which is sorted by itself. So
it takes some 100 bytes a record, and the interpreter is nowhere kept for longer than a part takes.
"""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Callable
from functools import lru_cache
from hashlib import blake2b
from operator import attrgetter
from typing import NamedTuple

import msgspec

from engine.storage.frames import DIGEST_BYTES, HEAD
from engine.storage.moment import UNKNOWN, moment_of
from engine.storage.no_json import NO_JSON
from engine.storage.pieces import Piece
from engine.storage.read import Kept
from engine.storage.wanted import FIELDS, Found, fields_of

LABELLED = ("kind", "tenant", "stage", "action", "effective_action", "rule")
"""Fields whose values are kept, so that records can be counted by them."""
INDEXED = (*FIELDS, "rule")
NAMED = tuple(name for name in FIELDS if name in LABELLED)
HASHED = tuple(name for name in FIELDS if name not in LABELLED)
_NAMED, _HASHED = attrgetter(*NAMED), attrgetter(*HASHED)
_PARTS = 256
"""Of the hashes of a field: as many as a byte has values."""
_ONCE = 8
"""Parts that are sorted between two pauses."""
_REMEMBERED = 4096
"""Hashes that are kept in case their value comes again, for all fields together."""


class Row(msgspec.Struct):
    """What of a record is indexed; see wanted.FIELDS."""

    kind: str = ""
    time: str = ""
    tenant: str = ""
    user: str = ""
    stage: str = ""
    session: str = ""
    action: str = ""
    effective_action: str = ""
    decision_id: str = ""
    request_id: str = ""
    review_id: str = ""
    reasons: list[Reason] = []
    evaluated_in: int = 0


class Reason(msgspec.Struct):
    """What of a reason is indexed."""

    policy: str = ""
    rule: str = ""


_row = msgspec.json.Decoder(Row)


def hash_of(value: str) -> int:
    """Return what stands for *value*."""
    return int.from_bytes(blake2b(value.encode(), digest_size=8).digest(), "little")


class Part(NamedTuple):
    """Hashes with the same first byte, each with the record that has it."""

    hashes: array[int]
    rows: array[int]


class Gathering:
    """What the records so far say. Not for several threads at once."""

    def __init__(self, opened: str, start: int) -> None:
        """Begin; *opened* is the time of what tells none, *start* where the first record begins."""
        self.earliest = self.latest = UNKNOWN
        """Of the times that can be read."""
        self.unknown = False
        """Whether one cannot."""
        self._opened = opened
        self._offsets, self._pruned = array("Q", [start]), array("I")
        self._times, self._took = array("q"), array("Q")
        self._few: dict[str, defaultdict[str, array[int]]] = {
            name: defaultdict(_no_rows) for name in LABELLED
        }
        self._many = {
            name: [Part(array("Q"), array("I")) for _ in range(_PARTS)] for name in HASHED
        }
        self._named = [self._few[name] for name in NAMED]
        self._hashed = list(self._many.values())
        self._hash = lru_cache(_REMEMBERED)(hash_of)

    @property
    def records(self) -> int:
        """How many there are."""
        return len(self._times)

    def add(self, piece: Piece) -> None:
        """Add the records of *piece*, which stand behind those so far."""
        data, begin, scan = piece.data, 0, piece.scan
        gone, first = set(scan.pruned), self.records
        self._offsets.extend([piece.at + end for end in scan.ends])
        self._pruned.extend([first + row for row in scan.pruned])
        for row, end in enumerate(scan.ends):
            if row in gone:
                self._add_time(self._times[-1] if self._times else moment_of(self._opened))
                self._took.append(0)
            else:
                self._add(_read(data[begin + HEAD.size : end - DIGEST_BYTES]), first + row)
            begin = end

    def _add_time(self, time: int) -> None:
        self._times.append(time)
        if time == UNKNOWN:
            self.unknown = True
        elif self.earliest == UNKNOWN:
            self.earliest = self.latest = time
        elif time > self.latest:
            self.latest = time
        elif time < self.earliest:
            self.earliest = time

    def _add(self, one: Row, row: int) -> None:
        # Hot path: a million of these before the first question is answered. Values are taken out
        # of a record all at once, which is cheaper than one by one.
        self._add_time(moment_of(one.time or self._opened))
        self._took.append(min(max(one.evaluated_in, 0), 2**64 - 1))
        for held, value in zip(self._named, _NAMED(one), strict=True):
            if value:
                held[value].append(row)
        hashed = self._hash
        for parts, value in zip(self._hashed, _HASHED(one), strict=True):
            if value:
                number = hashed(value)
                hashes, rows = parts[number >> 56]
                hashes.append(number)
                rows.append(row)
        rules = self._few["rule"]
        for reason in one.reasons:
            found = rules[reason.rule or reason.policy]
            if not found or found[-1] != row:
                found.append(row)

    def sections(self, pause: Callable[[], object]) -> dict[str, bytes]:
        """Return what the index holds; may be called once. Pauses now and then."""
        found = {
            "offsets": self._offsets.tobytes(),
            "times": self._times.tobytes(),
            "took": self._took.tobytes(),
            "pruned": self._pruned.tobytes(),
        }
        self._offsets, self._took = array("Q"), array("Q")
        self._named.clear()
        self._hashed.clear()
        for name in INDEXED:
            # What is laid is dropped, so that it is not there twice.
            if name in LABELLED:
                held = self._few.pop(name)
                found |= _laid_few(name, held)
                found[f"{name}.labels"] = msgspec.json.encode(sorted(held))
            else:
                found |= _laid_many(name, self._many.pop(name), pause)
            pause()
        return found


def _no_rows() -> array[int]:
    return array("I")


def _laid_few(name: str, values: dict[str, array[int]]) -> dict[str, bytes]:
    """Return the sections of a field whose *values* stand by themselves."""
    by_hash: defaultdict[int, list[array[int]]] = defaultdict(list)
    for value, held in values.items():
        by_hash[hash_of(value)].append(held)
    keys, starts, rows = array("Q"), array("I", [0]), array("I")
    for key in sorted(by_hash):
        lists = by_hash[key]
        rows.extend(lists[0] if len(lists) == 1 else array("I", sorted(set().union(*lists))))
        keys.append(key)
        starts.append(len(rows))
    return _named(name, keys, starts, rows)


def _laid_many(name: str, parts: list[Part], pause: Callable[[], object]) -> dict[str, bytes]:
    """Return the sections of a field whose hashes stand in *parts*, which are emptied."""
    keys, starts, rows = array("Q"), array("I"), array("I")
    for number, part in enumerate(parts):
        last = -1
        for key, row in sorted(zip(part.hashes, part.rows, strict=True)):
            if key != last:
                keys.append(key)
                starts.append(len(rows))
                last = key
            rows.append(row)
        del part.hashes[:], part.rows[:]
        if number % _ONCE == 0:
            pause()
    starts.append(len(rows))
    return _named(name, keys, starts, rows)


def _named(name: str, keys: array[int], starts: array[int], rows: array[int]) -> dict[str, bytes]:
    parts = {"keys": keys, "starts": starts, "rows": rows}
    return {f"{name}.{part}": data.tobytes() for part, data in parts.items()}


def _read(payload: bytes) -> Row:
    """Return what of a record is indexed: of one that has another shape, as much as fits."""
    try:
        return _row.decode(payload)
    except NO_JSON:
        one = Found(Kept("", "", 0, payload), fields_of(payload))
        texts = {name: one.text(name) for name in (*FIELDS, "time")}
        return msgspec.convert(texts | {"reasons": [{"rule": rule} for rule in one.rules]}, Row)
