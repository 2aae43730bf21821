"""A folder of segments and checkpoints in; what of it can be vouched for, and what is wrong, out.

Each trail is read from its first segment to its last: every record must have the bytes and the
place it was written with, every segment must go on where the one before ended, and the Merkle root
must be the signed one wherever a checkpoint says so. What only a checkpoint knows of is missing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import zstandard

from engine.storage.checkpoints import FILE, Checkpoint, CheckpointFile, opened
from engine.storage.frames import Altered, Frame, Torn, first_digest, read_frames
from engine.storage.merkle import Tree
from engine.storage.notes import NoteError, Verifier
from engine.storage.segment import (
    CLOSED,
    COMPRESSED,
    OPEN,
    Header,
    NoSegment,
    is_begun,
    is_cut,
    lost_of,
    read_header,
)


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong, and where; *record* is -1 where it is not about one."""

    file: str
    record: int
    why: str

    def __str__(self) -> str:
        at = f" record {self.record}:" if self.record >= 0 else ""
        return f"{self.file}:{at} {self.why}"


@dataclass(slots=True)
class Report:
    """What was read: *signed* of the *records* stand before a checkpoint that vouches for them."""

    trails: int = 0
    segments: int = 0
    records: int = 0
    signed: int = 0
    checkpoints: int = 0
    cuts: list[Problem] = field(default_factory=list)
    """Where recoveries have closed a segment, and cut what was half written: no problems."""
    problems: list[Problem] = field(default_factory=list)


@dataclass(slots=True)
class _Walk:
    """How far a trail was followed."""

    tree: Tree
    digest: bytes = b""
    number: int = -1
    signed: int = 0
    lost: bool = False
    """Whether the last segment could not be read to its end."""


def segment_files(folder: Path) -> list[Path]:
    """Return the segments in *folder*, those of a trail in their order.

    One that is there twice, since a crash has interrupted its compression, is listed once.
    """
    endings = (OPEN, CLOSED, COMPRESSED)
    found = {one.name: one for one in folder.iterdir() if one.name.endswith(endings)}
    return sorted(
        one
        for name, one in found.items()
        if not (name.endswith(CLOSED) and name.replace(CLOSED, COMPRESSED) in found)
    )


def read_bytes(path: Path) -> bytes:
    """Return the bytes of the segment at *path*, or of what it is called by now.

    Raises OSError and NoSegment.
    """
    stem = path.name.partition(".")[0]
    # A segment is closed, and so renamed, and then compressed, while somebody reads the folder.
    later = (path, *(path.with_name(f"{stem}{ending}") for ending in (CLOSED, COMPRESSED)))
    for place in later:
        with suppress(FileNotFoundError):
            data = place.read_bytes()
            return decompressed(data) if place.name.endswith(COMPRESSED) else data
    return path.read_bytes()


def decompressed(data: bytes) -> bytes:
    """Return the segment that was compressed. Raises NoSegment."""
    try:
        return zstandard.ZstdDecompressor().decompressobj().decompress(data)
    except zstandard.ZstdError as error:
        raise NoSegment(f"it cannot be decompressed: {error}") from None


def verify_folder(
    folder: Path, verifiers: Iterable[Verifier], told: Callable[[int], None] = lambda _: None
) -> Report:
    """Return what there is in *folder* and what is wrong with it; *told* hears of bytes read."""
    report = Report()
    signed = _signed(folder, verifiers, report)
    trails: dict[str, _Walk] = {}
    for path in segment_files(folder):
        try:
            data = read_bytes(path)
            if path.name.endswith(OPEN) and is_begun(data):
                continue
            header, end = read_header(data)
        except (OSError, NoSegment) as error:
            report.problems.append(Problem(path.name, -1, str(error)))
            continue
        report.segments += 1
        walk = trails.get(header.trail)
        if walk is None or walk.lost:
            walk = trails[header.trail] = _begin(header, 0 if walk is None else walk.signed)
        apart = list(_joins(path, header, walk))
        if apart:
            report.problems += apart
            walk = trails[header.trail] = _begin(header, walk.signed)
        _follow(path, data, end, header, walk, signed.get(header.trail, {}), report)
        told(len(data))
    report.trails = len(trails)
    report.signed = sum(walk.signed for walk in trails.values())
    _miss(signed, trails, report)
    return report


def _signed(
    folder: Path, verifiers: Iterable[Verifier], report: Report
) -> dict[str, dict[int, Checkpoint]]:
    """Return the checkpoints of every trail by their size; what is wrong goes into *report*."""
    found: dict[str, dict[int, Checkpoint]] = {}
    file = CheckpointFile(folder)
    try:
        for one in opened(file.notes(), verifiers):
            found.setdefault(one.trail, {})[one.size] = one
            report.checkpoints += 1
    except (OSError, NoteError) as error:
        report.problems.append(Problem(file.path.name, -1, str(error)))
    return found


def _begin(header: Header, signed: int) -> _Walk:
    """Return where a trail begins that is read from *header* on; older segments may be gone."""
    try:
        tree = Tree(header.first, [bytes.fromhex(one) for one in header.peaks])
    except ValueError:
        tree = Tree()
    return _Walk(tree, bytes.fromhex(header.previous), header.number - 1, signed)


def _joins(path: Path, header: Header, walk: _Walk) -> Iterator[Problem]:
    """Yield why the segment does not go on where the one before ended."""
    if header.number != walk.number + 1:
        missing = f"segment {walk.number + 1}" if header.number > walk.number else "its order"
        yield Problem(path.name, -1, f"{missing} is missing before it")
    elif header.previous != walk.digest.hex() or header.first != walk.tree.size:
        yield Problem(path.name, -1, "it does not go on where the segment before it ended")


def _follow(
    path: Path,
    data: bytes,
    end: int,
    header: Header,
    walk: _Walk,
    signed: dict[int, Checkpoint],
    report: Report,
) -> None:
    walk.number = header.number
    walk.digest = first_digest(data[:end])
    try:
        for frame in read_frames(data, end, walk.digest, header.first):
            if is_cut(frame, len(data)):
                why = f"the process ended without closing it; {lost_of(frame)} bytes were cut"
                report.cuts.append(Problem(path.name, frame.sequence - 1, why))
                continue
            walk.tree.extend((frame.leaf,))
            walk.digest = frame.digest
            report.records += 1
            checkpoint = signed.get(walk.tree.size)
            if checkpoint is not None:
                report.problems += _vouch(path, frame, walk, checkpoint)
    except Altered as altered:
        walk.lost = True
        report.problems.append(Problem(path.name, -1, str(altered)))
    except Torn as torn:
        if not path.name.endswith(OPEN):
            report.problems.append(Problem(path.name, -1, str(torn)))


def _vouch(path: Path, frame: Frame, walk: _Walk, checkpoint: Checkpoint) -> Iterator[Problem]:
    if checkpoint.root == walk.tree.root:
        walk.signed = walk.tree.size
    else:
        why = "it, or one before it, is not what was signed"
        yield Problem(path.name, frame.sequence, why)


def _miss(
    signed: dict[str, dict[int, Checkpoint]], trails: dict[str, _Walk], report: Report
) -> None:
    """Report what checkpoints know of and no segment has."""
    for trail, checkpoints in signed.items():
        walk = trails.get(trail)
        size = max(checkpoints)
        if walk is None:
            why = f"all {size} records of the trail {trail} are missing"
            report.problems.append(Problem(FILE, -1, why))
        elif walk.tree.size < size:
            why = f"of the {size} signed records of the trail {trail} {walk.tree.size} are there"
            report.problems.append(Problem(FILE, -1, why))
