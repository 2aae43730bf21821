"""A folder in, its file of checkpoints without those that sign nothing any more out.

A checkpoint may go when all that it vouches for was deleted, and a record that is signed itself
says so. Of a trail of which anything is left, the newest one stays, and so does each that lies in a
segment that is there. What goes is looked at first: it must be signed, and stand in its place; else
it is evidence, and all stays as it is. A signed bridge takes the place of those in a row.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import IO, NamedTuple

import msgspec

from engine.storage.bridges import Bridge
from engine.storage.checkpoints import (
    Checkpoint,
    CheckpointFile,
    Line,
    followed,
    note_in,
    read_text,
    text_of,
)
from engine.storage.examine import Signed, Told, examine
from engine.storage.frames import DIGEST_BYTES, HEAD
from engine.storage.header import OPEN
from engine.storage.index import Stale, index_of, make_index
from engine.storage.notes import NoteError, Signer, Verifier, open_note
from engine.storage.plain import plain_file
from engine.storage.segment import sync_folder
from engine.storage.source import opened_source, segment_files, stem_of
from engine.storage.wanted import fields_of

NEW = ".new"
_PIECE = 2**20


class Damaged(Exception):
    """Something in the file of checkpoints is not what was signed: it stays as it is."""


class _Piece(NamedTuple):
    """Records of a segment that was deleted."""

    first: int
    end: int
    """The number of the record behind the last one."""


@dataclass(slots=True)
class Seen:
    """What a first look at the file has shown."""

    newest: dict[str, int] = field(default_factory=dict)
    """By trail: the size that its newest checkpoint signs."""
    signed: dict[str, list[Signed]] = field(default_factory=dict)
    lines: int = 0
    end: int = 0
    """Bytes of these lines."""


@dataclass(slots=True)
class _Run:
    """Checkpoints in a row that go."""

    previous: str
    behind: str = ""
    count: int = 0
    trails: int = 0
    records: int = 0
    newest: str = ""
    line: bytes = b""
    """What it is already, where it is one bridge alone."""

    def line_of(self, signer: Signer) -> bytes:
        """Return the line that stands for it."""
        if self.line:
            return self.line
        made = Bridge(
            signer.name,
            self.count,
            self.trails,
            self.records,
            self.newest,
            self.behind,
            self.previous,
        )
        return msgspec.json.encode(Line(signer.sign(made.text))) + b"\n"


def roll(folder: Path, signer: Signer, sent: int | None = None) -> int:
    """Take out of *folder*'s checkpoints what signs nothing any more; return how many went.

    *sent* is how many every sink has; None where there is no sink. For who is `tending` the folder.
    Raises OSError, NoSegment, and Damaged: then the file is as it was.
    """
    path = CheckpointFile(folder).path
    if not path.exists():
        return 0
    telling = list(telling_in(folder))
    trails = {trail_of(one) for one in telling}
    seen = look(path, signer.verifier, trails)
    needless = _Needless(folder, seen, telling)
    if not needless.any:
        return 0
    beside = path.with_name(f"{path.name}{NEW}")
    file = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(file, "wb") as out:
            gone = _Copy(seen, needless, signer, sent).copy(path, out.write)
            if gone:
                _put(CheckpointFile(folder), seen.end, beside, out)
    finally:
        beside.unlink(missing_ok=True)
    return gone


# --- what was deleted ----------------------------------------------------------------------------


def trail_of(path: Path) -> str:
    """Return the trail whose segment is at *path*."""
    return stem_of(path).rpartition("-")[0]


def telling_in(folder: Path, *, all_acts: bool = False) -> Iterator[Path]:
    """Yield the closed segments in which an act says that a segment was deleted.

    With *all_acts*, also where it says that records were pruned. Raises OSError and NoSegment.
    """
    for path in segment_files(folder):
        if path.name.endswith(OPEN):
            continue
        with opened_source(path) as source:
            index = index_of(source)
            try:
                rows, offsets = index.rows("kind", "admin"), index.offsets
            except Stale:
                index = make_index(source)
                rows, offsets = index.rows("kind", "admin"), index.offsets
            for row in rows:
                start, end = offsets[row] + HEAD.size, offsets[row + 1] - DIGEST_BYTES
                fields = fields_of(source.read(start, end))
                what = fields.get("what")
                told = isinstance(what, dict) and (all_acts or what.get("deleted"))
                if fields.get("act") == "pruned" and told:
                    yield path
                    break


def signed_acts(paths: list[Path], signed: dict[str, list[Signed]]) -> Iterator[tuple[str, Told]]:
    """Yield the acts of pruning in the segments *paths*, and their trails; only *signed* ones."""
    for path in paths:
        part = examine(path, signed.get(trail_of(path), []))
        for told in part.acts:
            if told.sequence < part.signed:
                yield trail_of(path), told


class _Needless:
    """Tells which checkpoints may go."""

    def __init__(self, folder: Path, seen: Seen, telling: list[Path]) -> None:
        there = {stem_of(path) for path in segment_files(folder)}
        self._seen = seen
        self._living = {stem.rpartition("-")[0] for stem in there}
        self._deleted: dict[str, dict[int, _Piece]] = {}
        for _, told in signed_acts(telling, seen.signed):
            one = told.pruned
            number = one.segment.rpartition("-")[2]
            if one.deleted and one.segment not in there and number.isdigit():
                piece = _Piece(one.first, one.first + one.records)
                self._deleted.setdefault(one.trail, {})[int(number)] = piece
        self._ended = {trail for trail in self._deleted if self._is_ended(trail)}

    @property
    def any(self) -> bool:
        """Whether any may."""
        return bool(self._deleted)

    def _is_ended(self, trail: str) -> bool:
        """Return whether all of *trail* that was signed was deleted."""
        pieces, end, number = self._deleted[trail], 0, 0
        while number in pieces and pieces[number].first == end:
            end, number = pieces[number].end, number + 1
        return trail not in self._living and self._seen.newest.get(trail, 0) <= end

    def may_go(self, one: Checkpoint) -> bool:
        """Return whether *one* vouches for nothing that is there."""
        if one.trail in self._ended:
            return True
        if one.size == self._seen.newest[one.trail]:
            return False
        pieces = self._deleted.get(one.trail, {}).values()
        return any(piece.first < one.size <= piece.end for piece in pieces)

    def ends(self, one: Checkpoint) -> bool:
        """Return whether *one* is the newest checkpoint of a trail of which nothing is left."""
        return one.trail in self._ended and one.size == self._seen.newest[one.trail]


# --- the file ------------------------------------------------------------------------------------


def _entries(path: Path) -> Iterator[tuple[bytes, str, Checkpoint | Bridge]]:
    """Yield each line, its note, and what that says; raise Damaged where one does not follow."""
    previous = ""
    with plain_file(path) as file:
        for number, line in enumerate(file, 1):
            if not line.endswith(b"\n"):
                return
            note = note_in(line)
            try:
                said = read_text(text_of(note or ""))
            except NoteError as error:
                raise Damaged(f"checkpoint {number}: {error}") from None
            if said.previous != previous:
                raise Damaged(f"checkpoint {number} does not follow the one before it")
            previous = followed(note or "", said)
            yield line, note or "", said


def _checked(note: str, verifier: Verifier) -> None:
    try:
        open_note(note, (verifier,))
    except NoteError as error:
        raise Damaged(f"a checkpoint that would go: {error}") from None


def look(path: Path, verifier: Verifier, trails: set[str]) -> Seen:
    """Return what stands in the file at *path*; what is signed of those *trails* is made sure."""
    seen = Seen()
    for line, note, said in _entries(path):
        seen.lines += 1
        seen.end += len(line)
        if isinstance(said, Bridge):
            continue
        seen.newest[said.trail] = max(said.size, seen.newest.get(said.trail, 0))
        if said.trail in trails:
            _checked(note, verifier)
            one = Signed(said.size, said.root, said.time, said.segment, said.digest)
            seen.signed.setdefault(said.trail, []).append(one)
    return seen


class _Copy:
    """Copies the file without what goes."""

    def __init__(self, seen: Seen, needless: _Needless, signer: Signer, sent: int | None) -> None:
        self._seen = seen
        self._needless = needless
        self._signer = signer
        self._sent = sent
        self._run: _Run | None = None
        self._gone = 0

    def copy(self, path: Path, write: Callable[[bytes], object]) -> int:
        """Write the lines that were seen of the file at *path*; return how many went."""
        position = 0
        for number, (line, note, said) in enumerate(islice(_entries(path), self._seen.lines), 1):
            position += said.count if isinstance(said, Bridge) else 1
            # The newest stays: behind it the next one is signed.
            if number < self._seen.lines and self._goes(said, position):
                _checked(note, self._signer.verifier)
                self._take(line, note, said)
                continue
            if self._run is not None:
                write(self._run.line_of(self._signer))
                self._run = None
            write(line)
        return self._gone

    def _goes(self, said: Checkpoint | Bridge, position: int) -> bool:
        if self._sent is not None and position > self._sent:
            return False
        return isinstance(said, Bridge) or self._needless.may_go(said)

    def _take(self, line: bytes, note: str, said: Checkpoint | Bridge) -> None:
        run = self._run
        if run is None:
            run = self._run = _Run(said.previous)
        run.behind = followed(note, said)
        if isinstance(said, Bridge):
            run.line = line if not run.count else b""
            run.count += said.count
            run.trails += said.trails
            run.records += said.records
            run.newest = max(run.newest, said.newest)
            return
        run.line = b""
        run.count += 1
        run.newest = max(run.newest, said.time)
        self._gone += 1
        if self._needless.ends(said):
            run.trails += 1
            run.records += said.size


def _put(file: CheckpointFile, end: int, beside: Path, out: IO[bytes]) -> None:
    """Have *beside* take the place of *file*, with what was appended there behind *end*."""
    locked = file.locked()
    try:
        while data := os.pread(locked, _PIECE, end):
            out.write(data)
            end += len(data)
        out.flush()
        os.fsync(out.fileno())
        beside.replace(file.path)
        sync_folder(file.path.parent)
    finally:
        os.close(locked)
