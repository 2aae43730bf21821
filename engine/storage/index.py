"""A closed segment in, a file beside it out that tells which of its records have which values.

So that a question about millions of records is answered without reading them: for each field the
hashes of its values, sorted, and for each the numbers of the records that have it::

    crc32 {"format":1,"size":…,"digest":…,…,"sections":{"user.keys":[offset,bytes,crc32],…}}
    user.keys    hash u64 …                    sorted
    user.starts  where its rows begin u32 …    one more than keys
    user.rows    row u32 …                     ascending for each key
    offsets      where each record begins u64 …, times (microseconds), took (nanoseconds)

An index is never believed: it belongs to a segment of just this size and last digest, each section
has a checksum, and what it leads to is read from the segment and looked at again. One that is
missing, stale, broken or of another format is made anew. It holds no value but those of fields that
have few of them (`LABELLED`), so that nothing that was pruned survives in it.
"""

from __future__ import annotations

import os
import sys
from array import array
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from zlib import crc32

import msgspec

from engine.storage.frames import DIGEST_BYTES, HEAD, Scan, first_digest, scan_frames
from engine.storage.header import Header, read_header
from engine.storage.moment import UNKNOWN, moment_of
from engine.storage.read import Kept
from engine.storage.source import Source, stem_of
from engine.storage.wanted import FIELDS, Found, fields_of

FORMAT = 1
ENDING = ".idx"
LABELLED = ("kind", "tenant", "stage", "action", "effective_action", "rule")
"""Fields whose values are kept, so that records can be counted by them."""
INDEXED = (*FIELDS, "rule")
_HEAD_BYTES = 2**13


class Stale(Exception):
    """An index is not that of the segment, or is broken."""


class Top(msgspec.Struct, frozen=True, kw_only=True):
    """The first line of an index."""

    format: int = FORMAT
    size: int
    """Bytes of the segment, uncompressed."""
    digest: str
    """Its last bytes, in hex."""
    header: Header
    """The segment's first line."""
    begin: str
    """The digest that its first record is chained to, in hex."""
    records: int
    earliest: int
    latest: int
    """Of the records' times; UNKNOWN where one cannot be read."""
    wrong: str = ""
    """Why the segment stops being whole; then only what stands before is in the index."""
    order: str = sys.byteorder
    sections: dict[str, tuple[int, int, int]]


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
_top = msgspec.json.Decoder(Top)


def hash_of(value: str) -> int:
    """Return what stands for *value*."""
    return int.from_bytes(blake2b(value.encode(), digest_size=8).digest(), "little")


class Index:
    """An index, of which only what is asked for is read."""

    def __init__(self, top: Top, base: int, file: Path | None, body: bytes) -> None:
        self.top = top
        self._base = base
        self._file = file
        self._body = body
        """All sections, where they are not in a file."""

    @property
    def offsets(self) -> array[int]:
        """Where each record begins, and where the last one ends."""
        return self._array("Q", "offsets")

    @property
    def times(self) -> array[int]:
        """When each record was made, in microseconds since the epoch."""
        return self._array("q", "times")

    @property
    def took(self) -> array[int]:
        """How long each decision took, in nanoseconds."""
        return self._array("Q", "took")

    @property
    def pruned(self) -> array[int]:
        """Which records are without payload."""
        return self._array("I", "pruned")

    def rows(self, name: str, value: str) -> array[int]:
        """Return which records have *value* in the field *name*; some others may be among them."""
        start, end = self._span(name, value)
        return self._part("I", f"{name}.rows", start, end) if end else array("I")

    def number(self, name: str, value: str) -> int:
        """Return how many records have *value* in the field *name*; some others may be counted."""
        start, end = self._span(name, value)
        return end - start

    def _span(self, name: str, value: str) -> tuple[int, int]:
        """Return where the rows of *value* begin and end among those of the field *name*."""
        keys = self._array("Q", f"{name}.keys")
        want = hash_of(value)
        at = bisect_left(keys, want)
        if at == len(keys) or keys[at] != want:
            return 0, 0
        starts = self._array("I", f"{name}.starts")
        return starts[at], starts[at + 1]

    def labels(self, name: str) -> list[str]:
        """Return the values of the field *name*, which is one of LABELLED."""
        found: list[str] = msgspec.json.decode(self._section(f"{name}.labels"), type=list[str])
        return found

    def _array(self, kind: str, name: str) -> array[int]:
        return array(kind, self._section(name))

    def _part(self, kind: str, name: str, start: int, end: int) -> array[int]:
        # The whole section is read for the sake of its checksum: 4 bytes a record.
        return self._array(kind, name)[start:end]

    def _section(self, name: str) -> bytes:
        try:
            offset, size, checksum = self.top.sections[name]
            if self._file is None:
                data = self._body[offset : offset + size]
            else:
                with self._file.open("rb") as file:
                    data = os.pread(file.fileno(), size, self._base + offset)
        except (KeyError, OSError) as error:
            raise Stale(f"the index cannot be read: {error}") from None
        if len(data) != size or crc32(data) != checksum:
            raise Stale("the index is broken")
        return data


def checksum_of(text: bytes) -> bytes:
    """Return what stands before the first line."""
    return b"%08x" % crc32(text)


def open_index(source: Source) -> Index:
    """Return the index beside the segment *source*. Raises Stale and OSError."""
    path = source.path.with_name(f"{stem_of(source.path)}{ENDING}")
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    line, _, _ = head.partition(b"\n")
    checksum, _, text = line.partition(b" ")
    if checksum != checksum_of(text):
        raise Stale("the index is broken")
    try:
        top = _top.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise Stale("the index is of another format") from None
    if top.format != FORMAT or top.order != sys.byteorder:
        raise Stale("the index is of another format")
    last = source.read(source.size - DIGEST_BYTES, source.size)
    if (top.size, top.digest) != (source.size, last.hex()):
        raise Stale("the index is that of another state of the segment")
    return Index(top, len(line) + 1, path, b"")


def index_of(source: Source) -> Index:
    """Return the index of the closed segment *source*; made, and kept, where there is none.

    Raises OSError and NoSegment.
    """
    try:
        return open_index(source)
    except (OSError, Stale):
        return make_index(source)


def make_index(source: Source) -> Index:
    """Return a new index of *source*, kept beside it where that can be. Raises as `index_of`."""
    data = source.all()
    header, end = read_header(data)
    found = scan_frames(data, end, first_digest(data[:end]), header.first)
    sections, times = _sections(data, end, found, header)
    body, table = _laid(sections)
    known = UNKNOWN not in times and len(times) > 0
    top = Top(
        size=len(data),
        digest=data[-DIGEST_BYTES:].hex(),
        header=header,
        begin=first_digest(data[:end]).hex(),
        records=len(found.leaves),
        earliest=min(times) if known else UNKNOWN,
        latest=max(times) if known else UNKNOWN,
        wrong="" if found.wrong is None else str(found.wrong),
        sections=table,
    )
    text = msgspec.json.encode(top)
    line = checksum_of(text) + b" " + text
    path = source.path.with_name(f"{stem_of(source.path)}{ENDING}")
    if len(line) < _HEAD_BYTES:
        with suppress(OSError):  # Who may only read asks without.
            _keep(path, line + b"\n" + body)
    return Index(top, 0, None, body)


def _keep(path: Path, data: bytes) -> None:
    """Write the file whole or not at all."""
    new = path.with_name(f"{path.name}.{os.getpid()}.new")
    try:
        file = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(file, "wb") as out:
            out.write(data)
        new.replace(path)
    except OSError:
        new.unlink(missing_ok=True)
        raise


def _sections(
    data: bytes, start: int, found: Scan, header: Header
) -> tuple[dict[str, bytes], array[int]]:
    """Return what the index holds, and the records' times."""
    values: dict[str, defaultdict[str, list[int]]] = {name: defaultdict(list) for name in INDEXED}
    by_name = list(values.items())[: len(FIELDS)]
    rules = values["rule"]
    gone = set(found.pruned)
    opened = moment_of(header.opened)
    times, took = array("q"), array("Q")
    begin = start
    for row, end in enumerate(found.ends):
        if row in gone:
            times.append(times[-1] if times else opened)
            took.append(0)
            begin = end
            continue
        one = _read(data[begin + HEAD.size : end - DIGEST_BYTES])
        begin = end
        times.append(moment_of(one.time or header.opened))
        took.append(min(max(one.evaluated_in, 0), 2**64 - 1))
        # Hot path: a million of these before the first question is answered.
        for name, rows in by_name:
            value = getattr(one, name)
            if value:
                rows[value].append(row)
        for reason in one.reasons:
            held = rules[reason.rule or reason.policy]
            if not held or held[-1] != row:
                held.append(row)
    sections = {
        "offsets": array("Q", [start, *found.ends]).tobytes(),
        "times": times.tobytes(),
        "took": took.tobytes(),
        "pruned": array("I", found.pruned).tobytes(),
    }
    for name, rows in values.items():
        sections |= _postings(name, rows)
    return sections, times


def _postings(name: str, values: dict[str, list[int]]) -> dict[str, bytes]:
    by_hash: defaultdict[int, list[list[int]]] = defaultdict(list)
    for value, held in values.items():
        by_hash[hash_of(value)].append(held)
    keys = array("Q", sorted(by_hash))
    starts, rows = array("I", [0]), array("I")
    for key in keys:
        lists = by_hash[key]
        rows.extend(lists[0] if len(lists) == 1 else sorted({row for one in lists for row in one}))
        starts.append(len(rows))
    found = {
        f"{name}.keys": keys.tobytes(),
        f"{name}.starts": starts.tobytes(),
        f"{name}.rows": rows.tobytes(),
    }
    if name in LABELLED:
        found[f"{name}.labels"] = msgspec.json.encode(sorted(values))
    return found


def _laid(sections: dict[str, bytes]) -> tuple[bytes, dict[str, tuple[int, int, int]]]:
    table, parts, at = {}, [], 0
    for name, data in sections.items():
        table[name] = (at, len(data), crc32(data))
        parts.append(data)
        at += len(data)
    return b"".join(parts), table


def _read(payload: bytes) -> Row:
    """Return what of a record is indexed: of one that has another shape, as much as fits."""
    try:
        return _row.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError):
        one = Found(Kept("", "", 0, payload), fields_of(payload))
        texts = {name: one.text(name) for name in (*FIELDS, "time")}
        return msgspec.convert(texts | {"reasons": [{"rule": rule} for rule in one.rules]}, Row)


def missing_indexes(sources: Iterable[Path]) -> list[Path]:
    """Return those of the closed segments *sources* that have no index yet."""
    return [path for path in sources if not path.with_name(f"{stem_of(path)}{ENDING}").exists()]
