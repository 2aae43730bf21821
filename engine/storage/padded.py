"""A segment that is synced all the time: zeros are written ahead, and records in their place.

Where a file grows, a sync must also bring to the disk how long it is and where its new blocks lie:
the file system writes its journal, and waits for that. Where blocks with zeros are there already,
the records themselves are all there is to write, which takes two thirds of the time. So another
thread writes zeros behind the records, a piece at a time, before these come.

Nothing depends on how far that has got. A sync begins behind the write of the records it is for,
and brings to the disk all of the file that was written by then, with the zeros and with the file's
length if that has changed since the last one (POSIX has ``fdatasync`` do that with what is needed
to read the data back). So a record that is answered lies below a length that is on the disk,
whether the zeros had been synced before or come with it; the former is only quicker. And zeros are
not written ahead before the segment's header was synced once.

Whoever reads stops where the zeros begin (see `source`), and who closes the segment cuts them.
A process that dies leaves them: who recovers the segment cuts them too. A machine that dies may
leave records in part that were not synced, in any order (see `frames.is_holed`).

Where zeros cannot be written, as on a full disk, those that are there are given back, and records
are appended to the segment's end as to any other.

Invariants. The file is at least `size` long, and zeros from there to `filled`; behind `filled`
there is nothing. Zeros are written, and the file is shortened, under `_filling` only, and so are
records that go beyond `filled`: zeros are never written where a record may be.
"""

from __future__ import annotations

import os
from errno import ENOSPC
from pathlib import Path
from threading import RLock

from engine.storage.aio import begin_writing
from engine.storage.header import Header
from engine.storage.segment import NONE, Segment

AHEAD = 2**20
"""Bytes of zeros that are written ahead at most. (More at once makes the next sync longer.)"""
PIECE = 2**17
"""Bytes of them that are written at once: meanwhile nothing can be appended."""
WORTH = 16
"""A segment is given zeros when it has this part of what would be written ahead."""


class Padded(Segment):
    """See Segment. One other thread may `fill`, besides."""

    def __init__(self, folder: Path, header: Header, ahead: int = AHEAD) -> None:
        """Make the file, for which up to *ahead* zeros may be written ahead. Raises OSError."""
        self.filled = 0
        """Up to where the file goes."""
        self._ahead = ahead
        self._zeros = bytes(min(ahead, PIECE))
        self._filling = RLock()
        super().__init__(folder, header, flags=0)

    @property
    def short(self) -> bool:
        """Whether there are so few zeros, in a segment of some size, that more should be there."""
        ahead, size = self._ahead, self.size
        worth = self.filled - size < ahead // 2 and size >= ahead // WORTH
        return worth and self.named and not self.broken

    def fill(self) -> None:
        """Write zeros ahead. Raises OSError; then `cut_back` is due."""
        start = self.filled
        while self._fill():
            pass
        with self._filling:
            if self.file != NONE and self.filled > start:
                begin_writing(self.file, start, self.filled)

    def _fill(self) -> bool:
        """Write a piece of them; return whether more should be."""
        with self._filling:
            missing = self.size + self._ahead - self.filled
            if missing <= 0 or not self._ahead or self.broken or self.file == NONE:
                return False
            written = os.pwrite(self.file, self._zeros, self.filled)
            self.filled += written
            if written < len(self._zeros):
                raise OSError(ENOSPC, os.strerror(ENOSPC))
            return True

    def cut_back(self) -> None:
        """Have the file end behind the last record, from now on. Raises OSError."""
        with self._filling:
            self._ahead = 0
            os.ftruncate(self.file, self.size)
            os.lseek(self.file, self.size, os.SEEK_SET)
            self.filled = self.size

    def close(self) -> Path:
        """See Segment. What is closed has no zeros."""
        if not self.broken and self.file != NONE:
            try:
                self.cut_back()
                os.fsync(self.file)  # Its length, too, which has only become less.
            except OSError as error:
                self.fail(error)
                raise
        return super().close()

    def drop(self) -> None:
        """Close the file as the end of the process would."""
        with self._filling:
            super().drop()

    def _write(self, data: bytes) -> None:
        if self.size + len(data) <= self.filled:
            super()._write(data)
            return
        with self._filling:
            super()._write(data)
            self.filled = max(self.filled, self.size)
