"""A folder and what is wanted of it in, the records that fit out, by time, from either end.

Closed segments are asked by their index (made where there is none); open ones are looked through
for a text that a fitting record must have. Either way a record is read from its frame, held against
its digest, and looked at again: an index decides what is read, never what is true.

A segment may be closed, compressed or pruned between two records: what is left of it goes on being
read by the numbers of the records.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator
from heapq import merge
from pathlib import Path
from typing import NamedTuple

import msgspec

from engine.storage.frames import DIGEST_BYTES, HEAD, OVERHEAD, Altered, first_digest, frame_at
from engine.storage.header import OPEN, Header, NoSegment, is_begun, read_header
from engine.storage.index import Index, Stale, index_of, make_index
from engine.storage.moment import UNKNOWN, moment_of
from engine.storage.read import Kept, Unread, read_folder, records_of
from engine.storage.source import Source, opened_source, segment_files, size_of
from engine.storage.wanted import Found, Wanted, fields_of, found_in

_BATCH = 256
"""Records that are read between two looks at where the segment is."""
_FEW = 16
"""Where one list is so many times shorter, its numbers are looked up in the other one by one."""

Told = Callable[[str], None]


class _Way(NamedTuple):
    """How the folder is gone through."""

    newest: bool
    """Whether from the end."""
    unread: Unread
    told: Told
    read: Callable[[int], None]


class Layout(msgspec.Struct):
    """Where the records of a segment are."""

    header: Header
    begin: bytes
    """The digest that the first record is chained to."""
    offsets: array[int]
    """Where each begins, and where the last one ends."""
    data: bytes = b""
    """Of an open segment all there is."""
    wrong: str = ""


def find(
    folder: Path,
    wanted: Wanted,
    *,
    newest: bool = False,
    told: Told | None = None,
    read: Callable[[int], None] = lambda _: None,
) -> Iterator[Found]:
    """Yield the records of *folder* that are *wanted* by time; the *newest* first where asked.

    *told* hears of what could not be read, see `Unread`; *read* of the bytes of segments that are
    done. Raises OSError and NoSegment.
    """
    if wanted == Wanted() and not newest:
        return found_in(read_folder(folder, told, read), wanted)
    trails: dict[str, list[Path]] = {}
    for path in segment_files(folder):
        trails.setdefault(path.name.partition("-")[0], []).append(path)
    way = _Way(newest, Unread(told), told or (lambda _: None), read)
    return _merged([_trail(paths, wanted, way) for paths in trails.values()], way)


def _merged(found: list[Iterator[Found]], way: _Way) -> Iterator[Found]:
    yield from merge(*found, key=lambda one: one.kept.time, reverse=way.newest)
    way.unread.end()


def records_in(path: Path, wanted: Wanted, told: Told = lambda _: None) -> Iterator[Found]:
    """Yield the records of the segment at *path* that are *wanted*, each of them read.

    Raises OSError and NoSegment.
    """
    return found_in(records_of(path, told), wanted)


def _trail(paths: list[Path], wanted: Wanted, way: _Way) -> Iterator[Found]:
    for path in reversed(paths) if way.newest else paths:
        size = size_of(path)
        try:
            yield from _segment(path, wanted, way)
        except FileNotFoundError:
            continue  # It has been forgotten since the folder was listed.
        except (NoSegment, OSError) as error:
            way.unread.passed_over(path, error)
        else:
            way.unread.one()
        way.read(size)


def _segment(path: Path, wanted: Wanted, way: _Way) -> Iterator[Found]:
    with opened_source(path) as source:
        layout, rows = chosen(source, wanted)
    if layout is None:
        return
    if layout.wrong:
        way.told(f"{path.name} {layout.wrong}: ask `verify`")
    if way.newest:
        rows.reverse()
    layout.data = b""
    for start in range(0, len(rows), _BATCH):
        batch: list[Found] = []
        with opened_source(path) as source:
            for row in rows[start : start + _BATCH]:
                found, layout = _one(source, layout, row, way.told)
                if found is not None and wanted.fits(found):
                    batch.append(found)
        yield from batch


def _one(source: Source, layout: Layout, row: int, told: Told) -> tuple[Found | None, Layout]:
    """Return the record in *row*, None where it is none (any more), and where records are now."""
    number = layout.header.first + row
    try:
        return _read(source, layout, row), layout
    except Altered as altered:
        why = altered.why
    if _closed(source) and not layout.wrong:
        # The segment was rewritten since; or somebody has changed the record, or the index.
        fresh = _from_index(make_index(source))
        try:
            return _read(source, fresh, row), fresh
        except Altered as altered:
            why = fresh.wrong or altered.why
        layout.wrong = why
    told(f"{source.path.name} record {number} cannot be read: {why}; ask `verify`")
    return None, layout


def _read(source: Source, layout: Layout, row: int) -> Found | None:
    """Return the record in *row*; None where it was pruned. Raises Altered."""
    if row + 1 >= len(layout.offsets):
        raise Altered(0, layout.wrong or "it is not there", layout.header.first + row)
    start, end = layout.offsets[row], layout.offsets[row + 1]
    lead = DIGEST_BYTES if row else 0
    data = source.read(start - lead, end)
    previous = data[:lead] if row else layout.begin
    header = layout.header
    frame = frame_at(data[lead:], start, previous, header.first + row)
    if frame.pruned:
        return None
    fields = fields_of(frame.payload)
    time = fields.get("time")
    time = time if isinstance(time, str) and time else header.opened
    return Found(Kept(time, header.trail, frame.sequence, frame.payload), fields)


def _open_layout(source: Source) -> Layout | None:
    """Return where the records of an open segment are; None where it was only just begun."""
    data = source.all()
    if is_begun(data):
        return None
    header, end = read_header(data)
    offsets = array("Q", [end])
    size, unpack, at = len(data), HEAD.unpack_from, end
    while at + OVERHEAD <= size:
        at += OVERHEAD + unpack(data, at)[0]  # Nothing is pruned from what is still open.
        if at > size:
            break
        offsets.append(at)
    return Layout(header, first_digest(data[:end]), offsets, data=data)


def _closed(source: Source) -> bool:
    return not source.path.name.endswith(OPEN)


def _from_index(index: Index) -> Layout:
    top = index.top
    return Layout(top.header, bytes.fromhex(top.begin), index.offsets, wrong=top.wrong)


def chosen(source: Source, wanted: Wanted) -> tuple[Layout | None, list[int]]:
    """Return where the records of *source* are and which may be *wanted*, ascending.

    None where it was only just begun. Raises OSError and NoSegment.
    """
    if not _closed(source):
        layout = _open_layout(source)
        return layout, [] if layout is None else _rows_with_text(layout, wanted)
    try:
        index = index_of(source)
        return _from_index(index), indexed_rows(index, wanted)
    except Stale:
        index = make_index(source)
        return _from_index(index), indexed_rows(index, wanted)


def indexed_rows(index: Index, wanted: Wanted) -> list[int]:
    """Return which records may be *wanted*, ascending. Raises Stale where the index is broken."""
    top = index.top
    since = UNKNOWN if wanted.since is None else moment_of(wanted.since)
    until = UNKNOWN if wanted.until is None else moment_of(wanted.until)
    known = top.earliest != UNKNOWN
    if known and ((since != UNKNOWN and top.latest < since) or UNKNOWN < until <= top.earliest):
        return []
    rows: list[int] | range = range(top.records)
    lists = sorted((index.rows(name, value) for name, value in wanted.values), key=len)
    if lists:
        rows = list(lists[0])
        for other in lists[1:]:
            rows = _both(rows, other)
    inside = known and (since == UNKNOWN or since <= top.earliest)
    if inside and (until == UNKNOWN or until > top.latest):
        return list(rows)
    times = index.times
    return [
        row
        for row in rows
        if times[row] == UNKNOWN
        or ((since == UNKNOWN or times[row] >= since) and (until == UNKNOWN or times[row] < until))
    ]


def _both(rows: list[int], other: array[int]) -> list[int]:
    """Return which of *rows* are in *other* too; both ascend."""
    if len(rows) * _FEW < len(other):
        size = len(other)
        return [row for row in rows if (at := bisect_left(other, row)) < size and other[at] == row]
    known = set(other)
    return [row for row in rows if row in known]


def _rows_with_text(layout: Layout, wanted: Wanted) -> list[int]:
    """Return the records that have the rarest value that is wanted anywhere in their text."""
    values = wanted.values
    count = len(layout.offsets) - 1
    if not values:
        return list(range(count))
    text = msgspec.json.encode(values[0][1])
    data, offsets, rows = layout.data, layout.offsets, []
    at = data.find(text, offsets[0])
    while at >= 0:
        row = bisect_right(offsets, at) - 1
        if row >= count:
            break
        rows.append(row)
        at = data.find(text, offsets[row + 1])
    return rows
