"""The file of checkpoints in, its notes from a given place on out, however often it is asked.

The file grows, and now and then another one takes its place, in which bridges stand for what was
forgotten (see `roll`). A place therefore is the number of a note, a byte, and the digest of the
line that ends there: where that does not fit any more, `place_of_note` finds it by the number.
"""

from __future__ import annotations

import os
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from engine.storage.bridges import is_bridge, read_bridge
from engine.storage.checkpoints import note_in, text_of
from engine.storage.follow import PIECE, NotThere
from engine.storage.notes import NoteError
from engine.storage.plain import open_plain, plain_file

_LONGEST_LINE = 2**14


class NextNote(NamedTuple):
    """A note in the file of checkpoints, and what stands for it there."""

    note: str
    end: int
    """Where its line ends."""
    digest: str
    """Of the line."""
    notes: int
    """For how many notes it stands: a bridge for those that were there."""


def new_notes(path: Path, offset: int, digest: str = "") -> list[NextNote]:
    """Return notes in the file at *path* from *offset* on, behind the line with this *digest*.

    Not all of them, where there are many.

    Raises OSError, and NotThere where no line begins at *offset*, or another one ends there.
    """
    try:
        file = open_plain(path)
    except FileNotFoundError:
        if offset:
            raise NotThere("the file of checkpoints is gone") from None
        return []
    try:
        wanted = min(offset, _LONGEST_LINE)
        before = os.pread(file, wanted, offset - wanted)
        line = before[before.rfind(b"\n", 0, -1) + 1 :]
        whole = len(before) == wanted and line.endswith(b"\n") and digest in {"", _digest(line)}
        if offset and not whole:
            raise NotThere("the file of checkpoints is another one")
        data = os.pread(file, PIECE, offset)
    finally:
        os.close(file)
    notes: list[NextNote] = []
    for line in data.splitlines(keepends=True):
        if not line.endswith(b"\n"):
            break
        offset += len(line)
        note = note_in(line)
        if note is not None:
            notes.append(NextNote(note, offset, _digest(line), stands_for(note)))
    return notes


def place_of_note(path: Path, sequence: int) -> tuple[int, int, str]:
    """Return where in the file at *path* the note *sequence* begins, counted from 0.

    That is its number, the offset, and the digest of the line before. Where a bridge stands for it,
    the next one behind; where there are fewer, the end. Raises OSError.
    """
    number, end, digest = 0, 0, ""
    with plain_file(path) as file:
        for line in file:
            if number >= sequence or not line.endswith(b"\n"):
                break
            note = note_in(line)
            number += 0 if note is None else stands_for(note)
            end += len(line)
            digest = _digest(line)
    return number, end, digest


def stands_for(note: str) -> int:
    """Return for how many checkpoints *note* stands."""
    text = text_of(note)
    try:
        return read_bridge(text).count if is_bridge(text) else 1
    except NoteError:
        return 1


def _digest(line: bytes) -> str:
    return sha256(line).hexdigest()
