"""A folder and a size in, a file without a name that has so much room on the disk out.

Where a file grows, the file system decides now and then where its new bytes go on the disk. Who
writes meanwhile waits for that: some milliseconds where the map of free blocks must be read first.
A file whose blocks are there before it is written to is only copied into. So while a segment is
written fast, another thread makes the file of the next one, which is not in its way.

The file has no name (``O_TMPFILE``): no reader meets it, and the kernel takes it back when the
process ends, however it ends. It gets its name when the segment begins (`put`). Its room lies
behind its end, so that it is as long as its records are (``FALLOC_FL_KEEP_SIZE``); who shortens it
to that length gives the rest back.

It is a matter of speed alone. Where a system has none of this, or the disk not much room, there is
no such file, and segments are begun and grow as they would.

    4 MB, written fast   the next segment's file is made, and this one is given room where it lies
                         (the map has just been read: who writes waits for less than 0.5 ms, once)
    half of the next     the one after it is made, and so forth, as long as it is written so fast
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Callable
from errno import ENOSPC, ENOSYS
from pathlib import Path
from threading import Lock

FAST = 2**19
"""Bytes a second from which room pays."""
MARGIN = 2**18
"""What a segment may have beyond the size at which it is full: the last records."""
SHARE = 16
"""Room is taken where there is so many times as much."""
KEEP_SIZE = 1
"""See fallocate(2)."""
_WIDE = sys.maxsize > 2**32
_allocate = getattr(ctypes.CDLL(None), "fallocate", None) if _WIDE else None


def make_roomy(folder: Path, room: int) -> int:
    """Return a nameless file in *folder*, to append to, with *room*. Raises OSError."""
    flag = getattr(os, "O_TMPFILE", None)
    if flag is None:
        raise OSError(ENOSYS, os.strerror(ENOSYS))
    disk = os.statvfs(folder)
    if disk.f_bavail * disk.f_frsize < SHARE * room:
        raise OSError(ENOSPC, os.strerror(ENOSPC))
    file = os.open(folder, flag | os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC, 0o600)
    if not widen(file, 0, room):
        os.close(file)
        raise OSError(ENOSPC, os.strerror(ENOSPC))
    return file


def widen(file: int, begin: int, end: int) -> bool:
    """Give *file* room from *begin* to *end*, if there is some; return whether it has it."""
    length = ctypes.c_int64(end - begin)
    return bool(_allocate and not _allocate(file, KEEP_SIZE, ctypes.c_int64(begin), length))


def put(file: int | None, path: Path) -> bool:
    """Give a nameless *file* the name *path*; return whether that went well: else it is closed."""
    if file is None:
        return False
    try:
        # With a folder to begin at, the link is followed to the file (see linkat(2)).
        os.link(f"/proc/self/fd/{file}", path, src_dir_fd=file, follow_symlinks=True)
    except OSError:
        os.close(file)
        return False
    return True


class Rooms:
    """Owns the file of a trail's next segment, where there is one. For several threads."""

    def __init__(self, folder: Path, most: int, clock: Callable[[], float]) -> None:
        """Nothing is made yet; a segment is full at *most* bytes."""
        self.most = most + MARGIN
        """How much room a segment is given."""
        self._folder = folder
        self._half = most // 2
        self._clock = clock
        self._seen = 0, clock()
        """How large the segment was, and when."""
        self._file: int | None = None
        self._roomy = False
        """Whether the segment that is written now has room."""
        self._ended = False
        self._lock = Lock()

    def look(self, size: int) -> bool:
        """Return whether the segment, which has *size* now, is written fast since the last look."""
        (before, then), now = self._seen, self._clock()
        self._seen = size, now
        return size - before >= FAST * (now - then)

    def prepare(self, size: int) -> bool:
        """Make the next file if that pays, beside a segment that has *size* now.

        Return whether this one should be given room up to `most`, too: it has none.
        """
        early = self._roomy and size < self._half
        if not self.look(size) or early or self._file is not None:
            return False
        try:
            made = make_roomy(self._folder, self.most)
        except OSError:
            return False  # It goes without.
        with self._lock:
            if self._ended or self._file is not None:
                os.close(made)
                return False
            self._file = made
            first, self._roomy = not self._roomy, True
            return first

    def take(self) -> int | None:
        """Return the file for the segment that is begun now, if there is one."""
        with self._lock:
            file, self._file = self._file, None
            self._roomy = file is not None
            self._seen = 0, self._clock()
            return file

    def drop(self) -> None:
        """Give the file back."""
        with self._lock:
            if self._file is not None:
                os.close(self._file)
                self._file = None

    def end(self) -> None:
        """Give the file back, and make no other."""
        self._ended = True
        self.drop()
