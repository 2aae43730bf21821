"""Batches in, lines of a file that is rotated by size out.

A batch is on the disk when it counts as taken. What a crash has left half written is cut when the
file is opened: nobody was told that it was taken, so it comes again. What a write or a sync could
not bring to the disk is cut at once, so that it is not there twice when it comes again. A file that
was deleted or moved away is begun anew: what is written to nobody's file would be lost.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from engine.sinks.batch import Batch
from engine.sinks.cursor import sync_folder
from engine.sinks.sink import TAKEN, Away, Outcome

NAME = "audit.jsonl"
NONE = -1
PIECE = 65536


class FileSink:
    """Owns the file that is written now."""

    def __init__(self, folder: Path, rotate_bytes: int) -> None:
        self._folder = folder
        self._limit = rotate_bytes
        self._file = NONE
        self._size = 0

    async def send(self, batch: Batch) -> Outcome:
        """Append the lines of *batch*, on the disk when this returns. Raises Away."""
        lines = batch.lines
        try:
            if self._file != NONE and not self._is_there():
                self._drop()
            if self._file == NONE:
                self._open()
            if self._size and self._size + len(lines) > self._limit:
                self._rotate(batch.items[0].time)
            self._write(lines)
            os.fdatasync(self._file)
        except OSError as error:
            # After a failed write or sync nobody knows what is on the disk: begin anew.
            self._cut()
            self._drop()
            raise Away(f"cannot write to {self._folder}: {error.strerror or error}") from None
        self._size += len(lines)
        return TAKEN

    async def close(self) -> None:
        """Close the file."""
        self._drop()

    def _open(self) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = os.open(
            self._folder / NAME, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600
        )
        try:
            size = os.fstat(file).st_size
            end = end_of_lines(file, size)
            if end < size:
                os.ftruncate(file, end)
            sync_folder(self._folder)
        except OSError:
            os.close(file)
            raise
        self._file, self._size = file, end

    def _is_there(self) -> bool:
        """Return whether the file that is open is the one that has the name."""
        try:
            named = (self._folder / NAME).stat()
        except FileNotFoundError:
            return False
        return os.path.samestat(named, os.fstat(self._file))

    def _write(self, lines: bytes) -> None:
        rest = memoryview(lines)
        while rest:
            rest = rest[os.write(self._file, rest) :]

    def _cut(self) -> None:
        """Take out what was not taken, if the disk lets us; never more, and never longer."""
        if self._file != NONE:
            with suppress(OSError):
                if os.fstat(self._file).st_size > self._size:
                    os.ftruncate(self._file, self._size)

    def _rotate(self, time: str) -> None:
        """Go on in a new file; the old one is named for the first record of the new one."""
        self._drop()
        stem = "".join(one for one in time if one.isalnum()) or "0"
        number = 0
        while (old := self._folder / f"audit-{stem}-{number:03d}.jsonl").exists():
            number += 1
        (self._folder / NAME).rename(old)
        self._open()

    def _drop(self) -> None:
        file, self._file = self._file, NONE
        if file != NONE:
            with suppress(OSError):  # What counts was synced before.
                os.close(file)


def end_of_lines(file: int, size: int) -> int:
    """Return where the last whole line of *file*, which has *size* bytes, ends."""
    while size:
        start = max(0, size - PIECE)
        found = os.pread(file, size - start, start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        size = start
    return 0
