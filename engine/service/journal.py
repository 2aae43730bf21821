"""Entries in, lines of a file out: appended whole or not at all, and what was lost is counted.

One ``write`` carries one line. A disk that fills up shows itself first as a short count without an
exception; then the piece that was written is taken back, so that no reader meets half a line.

The workers of one daemon append to one file. Each line is then written under a lock of its own
(4 us), and behind a whole line: a process that is killed in the middle of a write leaves a piece.
"""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import msgspec

from engine.service.entries import Entry, Line, ReviewEntry
from engine.service.laid import Laid
from engine.service.record import RecordError, Then

CLOSED = -1
"""No descriptor."""

OnFailure = Literal["deny", "drop"]


class Gap(msgspec.Struct, frozen=True, kw_only=True):
    """The line that tells of entries which were lost before it."""

    time: str
    lost: int


class Journal:
    """Owns the file at *path*, which no other process may write to unless both say *shared*.

    *on_failure*: ``deny`` raises RecordError when an entry cannot be kept; ``drop`` counts it in
    `dropped`, and the next entry that can be kept is preceded by a `Gap`.
    """

    def __init__(self, path: Path, on_failure: OnFailure, *, shared: bool = False) -> None:
        self.path = path
        self.on_failure = on_failure
        self.dropped = 0
        self._shared = shared
        self._untold = 0
        self._encoder = msgspec.json.Encoder(enc_hook=str)
        self._file = open_file(path, shared=shared)

    def write(self, entry: Line) -> None:
        """Append *entry*; raise RecordError when that fails and decisions may not go unrecorded.

        Of what is no decision and no act on a review only a trail tells.
        """
        if not isinstance(entry, Laid | Entry | ReviewEntry):
            return
        try:
            if self._untold:
                gap = Gap(time=entry.time, lost=self._untold)
                self._append(self._encoder.encode(gap) + b"\n")
                self._untold = 0
            if isinstance(entry, Entry) and entry.content is not None:
                entry = msgspec.structs.replace(entry, content=None)  # It is for the trail alone.
            line = entry.raw if isinstance(entry, Laid) else self._encoder.encode(entry)
            self._append(line + b"\n")
        except OSError as error:
            if self.on_failure == "deny":
                raise RecordError(f"cannot write to {self.path}: {error.strerror}") from None
            self.dropped += 1
            self._untold += 1

    together = False
    """Each line is written by itself."""
    lays = True

    def write_all(self, _entries: Sequence[Entry | Laid]) -> bool:
        """Return False: it is never asked."""
        return False

    def kept(self) -> None:
        """Wait for nothing: a line is in the kernel's hands when it is written."""

    def tell(self, _then: Then) -> bool:
        """Wait for nothing."""
        return False

    def waits(self) -> Callable[[], None] | None:
        """Wait for nothing."""
        return None

    def reopen(self) -> None:
        """Continue in a new file where the old one was moved away.

        Raises RecordError, and keeps the old one, when the new one cannot be opened.
        """
        fresh = open_file(self.path, held=self._file, shared=self._shared)
        if fresh != self._file:
            os.close(self._file)
            self._file = fresh

    def _append(self, line: bytes) -> None:
        if self._shared:
            append_in_turn(self._file, line)
        else:
            append(self._file, line)

    def close(self) -> None:
        """Release the file; closing twice is fine, writing afterwards fails."""
        if self._file != CLOSED:
            os.close(self._file)
            self._file = CLOSED


def open_file(path: Path, held: int | None = None, *, shared: bool = False) -> int:
    """Return a descriptor that appends to *path*, or *held* when that is the same file already.

    Raises RecordError when the file cannot be opened or another process has it; if it is *shared*,
    when another process has it alone. A device or a pipe is nobody's own: others may have it too.
    """
    try:
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    except OSError as error:
        why = f"{error.strerror}; see `record.file`"
        raise RecordError(f"cannot open the record {path}: {why}") from None
    if held is not None and os.path.sameopenfile(file, held):
        os.close(file)
        return held
    try:
        if stat.S_ISREG(os.fstat(file).st_mode):
            fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        if shared:
            append_in_turn(file)
        else:
            end_torn_line(file)
    except BlockingIOError:
        os.close(file)
        raise RecordError(
            f"another process records into {path}; give each its own `record.file`"
        ) from None
    except OSError as error:
        os.close(file)
        raise RecordError(f"cannot write to {path}: {error.strerror}") from None
    return file


def end_torn_line(file: int) -> None:
    """End the line that a crash cut short, so that the next begins on its own."""
    size = os.fstat(file).st_size
    if size and os.pread(file, 1, size - 1) != b"\n":
        append(file, b"\n")


def append_in_turn(file: int, line: bytes = b"") -> None:
    """Append *line* whole, behind a whole line, while no other process writes; raise OSError.

    Without a line, only end what a crash cut short.
    """
    # The kernel gives the lock back when the process that has it dies.
    fcntl.lockf(file, fcntl.LOCK_EX)
    try:
        end_torn_line(file)
        if line:
            append(file, line)
    finally:
        fcntl.lockf(file, fcntl.LOCK_UN)


def append(file: int, line: bytes) -> None:
    """Append *line* whole; raise OSError and leave the file as it was when it does not fit."""
    written = os.write(file, line)
    if written == len(line):
        return
    try:
        while written < len(line):
            written += os.write(file, line[written:])
    except OSError:
        # Invariant: one writer (the lock), so the piece is the file's end.
        os.ftruncate(file, os.fstat(file).st_size - written)
        raise
