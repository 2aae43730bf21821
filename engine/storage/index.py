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
have few of them (`gather.LABELLED`), so that nothing that was pruned survives in it.
"""

from __future__ import annotations

import os
import sys
from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from zlib import crc32

import msgspec

from engine.storage.frames import DIGEST_BYTES, first_digest
from engine.storage.gather import Gathering, hash_of
from engine.storage.header import Header
from engine.storage.moment import UNKNOWN
from engine.storage.no_json import NO_JSON
from engine.storage.pieces import first_line, pieces_of
from engine.storage.plain import plain_file
from engine.storage.source import Source, stem_of

FORMAT = 1
ENDING = ".idx"
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


_top = msgspec.json.Decoder(Top)


class Index:
    """An index, of which only what is asked for is read."""

    def __init__(
        self, top: Top, base: int, file: Path | None, sections: Mapping[str, bytes]
    ) -> None:
        self.top = top
        self._base = base
        self._file = file
        self._sections = sections
        """All of them, where they are not in a file."""

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
                data = self._sections[name]
            else:
                with plain_file(self._file) as file:
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
    with plain_file(path) as file:
        head = file.read(_HEAD_BYTES)
    line, _, _ = head.partition(b"\n")
    checksum, _, text = line.partition(b" ")
    if checksum != checksum_of(text):
        raise Stale("the index is broken")
    try:
        top = _top.decode(text)
    except NO_JSON:
        raise Stale("the index is of another format") from None
    if top.format != FORMAT or top.order != sys.byteorder:
        raise Stale("the index is of another format")
    last = source.read(source.size - DIGEST_BYTES, source.size)
    if (top.size, top.digest) != (source.size, last.hex()):
        raise Stale("the index is that of another state of the segment")
    return Index(top, len(line) + 1, path, {})


def _go_on() -> None:
    """Do not pause."""


def index_of(source: Source, pause: Callable[[], object] = _go_on) -> Index:
    """Return the index of the closed segment *source*; made, and kept, where there is none.

    See `make_index`. Raises OSError and NoSegment.
    """
    try:
        return open_index(source)
    except (OSError, Stale):
        return make_index(source, pause)


def make_index(source: Source, pause: Callable[[], object] = _go_on) -> Index:
    """Return a new index of *source*, kept beside it where that can be. Raises as `index_of`.

    The segment is read a piece at a time, and *pause* is called between two of them: for whoever
    does this beside something that is not to be held up.
    """
    header, line = first_line(source)
    gathered, wrong = Gathering(header.opened, len(line)), ""
    for piece in pieces_of(source):
        gathered.add(piece)
        wrong = "" if piece.scan.wrong is None else str(piece.scan.wrong)
        pause()
    known = not gathered.unknown
    records, earliest, latest = gathered.records, gathered.earliest, gathered.latest
    sections = gathered.sections(pause)
    top = Top(
        size=source.size,
        digest=source.read(source.size - DIGEST_BYTES, source.size).hex(),
        header=header,
        begin=first_digest(line).hex(),
        records=records,
        earliest=earliest if known else UNKNOWN,
        latest=latest if known else UNKNOWN,
        wrong=wrong,
        sections=_table(sections),
    )
    text = msgspec.json.encode(top)
    head = checksum_of(text) + b" " + text + b"\n"
    path = source.path.with_name(f"{stem_of(source.path)}{ENDING}")
    if len(head) <= _HEAD_BYTES:
        with suppress(OSError):  # Who may only read asks without.
            _keep(path, (head, *sections.values()))
    return Index(top, 0, None, sections)


def _table(sections: dict[str, bytes]) -> dict[str, tuple[int, int, int]]:
    """Return where each of *sections* stands behind the first line, its bytes and its checksum."""
    table, at = {}, 0
    for name, data in sections.items():
        table[name] = (at, len(data), crc32(data))
        at += len(data)
    return table


def _keep(path: Path, parts: Iterable[bytes]) -> None:
    """Write the file whole or not at all."""
    new = path.with_name(f"{path.name}.{os.getpid()}.new")
    try:
        file = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(file, "wb") as out:
            out.writelines(parts)
        new.replace(path)
    except OSError:
        new.unlink(missing_ok=True)
        raise


def missing_indexes(sources: Iterable[Path]) -> list[Path]:
    """Return those of the closed segments *sources* that have no index yet."""
    return [path for path in sources if not path.with_name(f"{stem_of(path)}{ENDING}").exists()]
