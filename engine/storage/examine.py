"""One segment and what was signed of its trail in; how much of it is whole, and what is not, out.

A segment is examined by itself, so that several can be at once: its header says which tree the
records before it make, and `verify` holds that against the segment before.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

import msgspec

from engine.storage.frames import (
    DIGEST_BYTES,
    HEAD,
    Altered,
    Scan,
    first_digest,
    frame_at,
    is_holed,
    scan_frames,
)
from engine.storage.header import OPEN, Cut, Header, NoSegment, is_begun, is_cut, read_header
from engine.storage.merkle import Tree
from engine.storage.no_json import NO_JSON
from engine.storage.source import opened_source, stem_of

_ACT = b'"act":"pruned"'


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is wrong, and where; *record* is -1 where it is not about one."""

    file: str
    record: int
    why: str
    time: str = ""
    """When the record before it was made, as it says itself."""

    def __str__(self) -> str:
        after = f" (after {self.time})" if self.time else ""
        at = f" record {self.record}{after}:" if self.record >= 0 else ""
        return f"{self.file}:{at} {self.why}"


class Signed(msgspec.Struct, frozen=True):
    """What a checkpoint vouches for: the first *size* records of a trail, by their root.

    And for all else in the segment where the last of them is, by the chain's *digest* there.
    """

    size: int
    root: bytes
    time: str
    segment: int
    digest: bytes


class Pruned(msgspec.Struct, frozen=True):
    """What an act says was forgotten of a segment: all of it, or the records of these numbers."""

    segment: str
    trail: str
    first: int
    """The number of its first record."""
    records: int
    """How many it has, or had."""
    pruned: int
    """How many of them are without payload from then on."""
    numbers: str
    """`numbers_digest` of these."""
    deleted: bool = False


class Told(msgspec.Struct, frozen=True):
    """An act of pruning, and which record it is."""

    sequence: int
    pruned: Pruned


class Part(msgspec.Struct, kw_only=True):
    """What a segment says by itself."""

    file: str
    size: int
    """Bytes read."""
    header: Header | None = None
    peaks: tuple[bytes, ...] = ()
    digest: bytes = b""
    end: int = 0
    """The number of the record behind its last one."""
    signed: int = 0
    """How many of the trail's records the last checkpoint vouches for that fits."""
    since: str = ""
    """When the first record behind these was made, as it says itself; "" where that is unknown."""
    newest: str = ""
    """When the last record was made, likewise."""
    pruned: int = 0
    numbers: str = ""
    cut: int = 0
    """Bytes of a record that was half written, which a recovery has cut."""
    cut_at: str = ""
    acts: list[Told] = []
    lost: bool = False
    """Whether it could not be read to its end."""
    problems: list[Problem] = []


class _Act(msgspec.Struct):
    kind: str
    act: str
    what: Pruned


class _Stamp(msgspec.Struct):
    time: str = ""


_act = msgspec.json.Decoder(_Act)
_stamp = msgspec.json.Decoder(_Stamp)
_cut = msgspec.json.Decoder(Cut)


def numbers_digest(numbers: list[int]) -> str:
    """Return what tells one choice of records from another."""
    return sha256(b"".join([one.to_bytes(8, "little") for one in numbers])).hexdigest()


def examine(path: Path, signed: list[Signed]) -> Part:
    """Return what the segment at *path* says, held against what was *signed* of its trail."""
    part = Part(file=path.name, size=0)
    try:
        with opened_source(path) as source:
            data, damage = source.front()
            part.file = source.path.name
        part.size = len(data)
        if part.file.endswith(OPEN) and is_begun(data):
            return part
        header, end = read_header(data)
        tree = Tree(header.first, [bytes.fromhex(one) for one in header.peaks])
    except (OSError, NoSegment) as error:
        part.problems.append(Problem(part.file, -1, str(error)))
        return part
    except ValueError as error:
        why = f"its first line is not what was written there: {error}"
        part.problems.append(Problem(part.file, -1, why))
        return part
    part.header = header
    if header.name != stem_of(path):
        part.problems.append(Problem(part.file, -1, f"it is the segment {header.name}"))
    found = scan_frames(data, end, first_digest(data[:end]), header.first)
    _leave_out_cut(part, data, end, found, header.first)
    part.end = header.first + len(found.leaves)
    part.digest = _digest_behind(data, end, found, len(found.ends))
    part.pruned = len(found.pruned)
    part.numbers = numbers_digest([header.first + row for row in found.pruned])
    _vouch(part, header.first, found, tree, signed)
    _follow(part, data, end, found, signed)
    part.peaks = tree.peaks
    part.since = _time_at(data, end, found, max(0, part.signed - header.first))
    part.newest = _time_at(data, end, found, len(found.ends) - 1)
    part.acts = list(_acts(data, end, found, header.first))
    wrong = found.wrong
    if damage is not None and not isinstance(wrong, Altered):
        part.lost = True
        time = part.newest or header.opened
        part.problems.append(Problem(part.file, part.end, str(damage), time))
        return part
    half = not isinstance(wrong, Altered) or is_holed(data, wrong.at)
    if wrong is not None and not (half and part.file.endswith(OPEN)):
        # What is half written in an open one a crash may leave, or somebody writes just now.
        part.lost = isinstance(wrong, Altered)
        time = part.newest or header.opened
        part.problems.append(Problem(part.file, part.end, str(wrong), time))
    return part


def _leave_out_cut(part: Part, data: bytes, start: int, found: Scan, first: int) -> None:
    """Take out of *found* the last record if a recovery has put it there: it is none of the trail.

    (Another segment may go on before it.)
    """
    if not found.ends or found.ends[-1] != len(data):
        return
    row = len(found.ends) - 1
    begin = found.ends[row - 1] if row else start
    previous = data[begin - DIGEST_BYTES : begin] if row else first_digest(data[:start])
    frame = frame_at(data[begin:], begin, previous, first + row)
    if is_cut(frame, len(data)):
        with suppress(*NO_JSON):
            cut = _cut.decode(frame.payload)
            part.cut, part.cut_at = cut.lost, cut.time
        found.leaves.pop()
        found.ends.pop()


def _vouch(part: Part, first: int, found: Scan, tree: Tree, signed: list[Signed]) -> None:
    """Grow *tree* by what was *found*, and compare its root wherever a checkpoint says one."""
    taken, good, fits = 0, first, True
    for one in signed:
        row = one.size - first
        if taken < row <= len(found.leaves):
            tree.extend(found.leaves[taken:row])
            taken = row
        if row != taken or not row or not fits:
            continue
        if tree.root == one.root:
            part.signed = good = one.size
        else:
            # All that is signed behind it cannot fit either.
            fits = False
            why = f"of the records {good} to {one.size - 1} one is not what was signed {one.time}"
            part.problems.append(Problem(part.file, one.size - 1, why))
    tree.extend(found.leaves[taken:])


def _follow(part: Part, data: bytes, start: int, found: Scan, signed: list[Signed]) -> None:
    """Compare the chain wherever a checkpoint says its digest in this segment.

    The root vouches for records alone, the chain for first lines too. Where a record is not what
    was signed, that is told by its root. A segment without records may have been begun anew, for
    want of room, after it was signed.
    """
    header = part.header
    assert header is not None
    for one in signed:
        row = one.size - header.first
        if one.segment != header.number or not 0 < row <= len(found.ends):
            continue
        if one.size > part.signed:
            return
        if _digest_behind(data, start, found, row) != one.digest:
            why = f"its first line, or one before it, is not what was signed {one.time}"
            part.problems.append(Problem(part.file, one.size - 1, why))
            return


def _digest_behind(data: bytes, start: int, found: Scan, row: int) -> bytes:
    """Return the chain's digest behind the first *row* records of the segment."""
    if not row:
        return first_digest(data[:start])
    return data[found.ends[row - 1] - DIGEST_BYTES : found.ends[row - 1]]


def _acts(data: bytes, start: int, found: Scan, first: int) -> Iterator[Told]:
    """Yield what records of the segment say was pruned."""
    at = data.find(_ACT, start)
    while at >= 0:
        row = bisect_right(found.ends, at)
        if row >= len(found.ends):
            return
        begin = found.ends[row - 1] if row else start
        with suppress(*NO_JSON):
            told = _act.decode(data[begin + HEAD.size : found.ends[row] - DIGEST_BYTES])
            if (told.kind, told.act) == ("admin", "pruned"):
                yield Told(first + row, told.what)
        at = data.find(_ACT, found.ends[row])


def _time_at(data: bytes, start: int, found: Scan, row: int) -> str:
    """Return when the record of *row* was made, as it says; "" where none is there, or no time."""
    if not 0 <= row < len(found.ends):
        return ""
    begin = found.ends[row - 1] if row else start
    with suppress(*NO_JSON):
        return _stamp.decode(data[begin + HEAD.size : found.ends[row] - DIGEST_BYTES]).time
    return ""
