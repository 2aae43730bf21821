"""One process' records in, a file of chained frames that survives its end out.

A segment is written by one process, which holds a lock on it for as long; who gets that lock knows
that the writer is gone, cuts what a crash has left half written, and says so in a last record
(`recover`). A record is in the kernel's hands when `append` returns; `sync` brings it to the disk.

Two traps. A disk that fills up shows itself first as a short count without an exception. And after
`fdatasync` has failed once, the next one succeeds though the pages are lost: nothing is tried
again then, the segment is `broken` and another one must go on.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from contextlib import suppress
from errno import EIO, ENOSPC
from pathlib import Path
from typing import NamedTuple
from zlib import crc32

import msgspec

from engine.storage.frames import (
    DIGEST_BYTES,
    HEAD,
    OVERHEAD,
    Altered,
    Torn,
    first_digest,
    is_holed,
    make_frame,
    make_frames,
    read_frames,
)
from engine.storage.header import CLOSED, OPEN, Cut, Header, is_begun, is_cut, read_header
from engine.storage.plain import plain_bytes
from engine.storage.room import put, widen

NONE = -1


class Mark(NamedTuple):
    """A place between two records of a segment."""

    size: int
    """Bytes before it."""
    sequence: int
    """The number of the record behind it."""
    digest: bytes
    """Of the record before it."""


class Segment:
    """The segment that a process writes. Not for several threads at once, but for `sync`."""

    def __init__(
        self, folder: Path, header: Header, *, flags: int = os.O_APPEND, file: int | None = None
    ) -> None:
        """Make the file, opened with *flags* besides, or of a nameless one. Raises OSError."""
        self.header = header
        self.path = folder / f"{header.name}{OPEN}"
        self.sequence = header.first
        """The number of the next record."""
        self.digest = first_digest(header.line)
        self.size = 0
        self.broken = ""
        """Why nothing may be appended any more; empty while it may."""
        self.named = False
        """Whether the disk has its name; `sync` sees to it."""
        self.roomy = put(file, self.path)
        """Whether it has room on the disk behind its end, which is given back in the end."""
        self.file = file if self.roomy and file is not None else make_file(self.path, flags)
        """Its descriptor; `NONE` when it is closed."""
        try:
            fcntl.flock(self.file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._write(header.line)
        except OSError:
            os.close(self.file)
            self.path.unlink(missing_ok=True)
            raise

    @property
    def empty(self) -> bool:
        """Whether it has no record."""
        return self.sequence == self.header.first

    @property
    def is_there(self) -> bool:
        """Whether its file is where readers look for it, and not deleted, moved or replaced."""
        try:
            return os.path.samestat(self.path.lstat(), os.fstat(self.file))
        except OSError:
            return False

    @property
    def short(self) -> bool:
        """Whether another thread should `fill` it."""
        return False

    def fill(self) -> None:
        """Make room for records that a sync is to bring to the disk soon; see `Padded`."""

    def widen(self, most: int) -> None:
        """Take room on the disk for *most* bytes, if there is some: who appends waits for that."""
        if self.file != NONE:
            self.roomy = widen(self.file, self.size, most)

    @property
    def mark(self) -> Mark:
        """The place behind the last record."""
        return Mark(self.size, self.sequence, self.digest)

    def append(self, payload: bytes) -> bytes:
        """Append a record whole and return its leaf; raise OSError and leave all as it was."""
        frame, leaf, digest = make_frame(self.digest, self.sequence, payload)
        self._write(frame)
        self.digest = digest
        self.sequence += 1
        return leaf

    def append_all(self, payloads: list[bytes]) -> list[bytes]:
        """Append all records in one go and return their leaves; or raise OSError and none."""
        frames, leaves, digest = make_frames(self.digest, self.sequence, payloads)
        self._write(b"".join(frames))
        self.digest = digest
        self.sequence += len(leaves)
        return leaves

    def sync(self) -> None:
        """Bring everything to the disk. Raises OSError; then the segment is broken."""
        if self.broken:
            raise OSError(EIO, self.broken)
        try:
            if not self.named:
                sync_folder(self.path.parent)
                self.named = True
            os.fdatasync(self.file)
        except OSError as error:
            self.fail(error)
            raise

    def fail(self, error: OSError) -> None:
        """Note that it could not be brought to the disk: the segment is broken."""
        self.broken = f"it cannot be brought to the disk: {error.strerror}"

    def rewind(self, mark: Mark) -> None:
        """Forget, in a broken segment, what is behind *mark*: the disk may have it or not."""
        self.size, self.sequence, self.digest = mark
        with suppress(OSError):  # Whoever recovers it may find more than it should have, then.
            self.cut_back()

    def cut_back(self) -> None:
        """Have the file end behind the last record. Raises OSError."""
        os.ftruncate(self.file, self.size)

    def close(self) -> Path:
        """Sync, close and rename the file, and return its new path. Raises OSError.

        A broken segment keeps its name: whoever recovers it finds what of it there is.
        """
        if not self.broken and self.file != NONE:
            if self.roomy:
                with suppress(OSError):
                    self.cut_back()
            self.sync()
            closed = self.path.with_suffix(CLOSED)
            self.path.rename(closed)
            sync_folder(closed.parent)
            self.path = closed
        self.drop()
        return self.path

    def drop(self) -> None:
        """Close the file as the end of the process would."""
        if self.file != NONE:
            os.close(self.file)
            self.file = NONE

    def remove(self) -> None:
        """Close and delete the file: there is nothing in it."""
        self.drop()
        self.path.unlink(missing_ok=True)

    def _write(self, data: bytes) -> None:
        if self.broken:
            raise OSError(EIO, self.broken)
        written = os.write(self.file, data)
        if written < len(data):
            written = self._rest(data, written)
        self.size += written

    def _rest(self, data: bytes, written: int) -> int:
        """Write what of *data* is left; or take back what was written and raise OSError."""
        try:
            while written < len(data):
                written += os.write(self.file, data[written:])
        except OSError:
            try:
                self.cut_back()
            except OSError as error:
                self.broken = f"half a record cannot be taken back: {error.strerror}"
            raise
        return written


def make_file(path: Path, flags: int) -> int:
    """Return a new file at *path*, opened with *flags* besides. Raises OSError."""
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | flags, 0o600)


def recover(
    path: Path,
    time: str,
    sign: Callable[[Path], object] | None = None,
    signed: Callable[[str], int] = lambda _: 0,
) -> Path | None:
    """Close the open segment at *path* if its writer is gone; return its new path, None if not.

    It is closed when *sign* has returned: what a crash leaves meanwhile is still open, and comes
    here once more. *signed* tells how many records of the trail with that name are signed.
    What was half written is cut, zeros that were written ahead are cut without a word, and a file
    that has no whole header, and so no record, is deleted.
    Raises OSError, NoSegment and Altered: what somebody has changed
    stays as it is.
    """
    try:
        file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC)
    except FileNotFoundError:
        return None  # Somebody else was quicker.
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if not path.exists():
            return None
        data = plain_bytes(path)
        if is_begun(data):
            if sign is not None:
                sign(path)
            path.unlink()
            return None
        _cut(file, data, time, signed)
        os.fsync(file)
        if sign is not None:
            sign(path)
        closed = path.with_suffix(CLOSED)
        path.rename(closed)
        sync_folder(path.parent)
    except BlockingIOError:
        return None
    finally:
        os.close(file)
    return closed


def _cut(file: int, data: bytes, time: str, signed: Callable[[str], int]) -> None:
    """Cut the torn end of *data*, which is in *file*, and append the record that says so."""
    header, end = read_header(data)
    digest, sequence = first_digest(data[:end]), header.first
    try:
        for frame in read_frames(data, end, digest, sequence):
            if is_cut(frame, len(data)):
                return  # Who was at this before has not come to the end of it.
            digest, sequence, end = frame.digest, frame.sequence + 1, frame.end
    except Torn:
        pass
    except Altered as altered:
        # What a disk has taken in part of what was never synced cannot have been signed.
        holed = is_holed(data, altered.at) and altered.record >= signed(header.trail)
        if not (_is_last(data, altered.at) or holed):
            raise
    lost = max(len(data.rstrip(b"\0")) - end, 0)
    payload = msgspec.json.encode(Cut(time=time, lost=lost))
    last, _, _ = make_frame(digest, sequence, payload)
    os.ftruncate(file, end)
    if os.write(file, last) < len(last):
        os.ftruncate(file, end)
        raise OSError(ENOSPC, os.strerror(ENOSPC))


def _is_last(data: bytes, at: int) -> bool:
    """Return whether the frame at *at*, which is not what was written, is the last of *data*.

    Behind it are at most zeros, which a power cut leaves where bytes did not come to the disk; or
    all that is left is its own, and only its length is another.
    """
    length, checksum, _ = HEAD.unpack_from(data, at)
    if len(data.rstrip(b"\0")) <= max(at + OVERHEAD + length, at + HEAD.size):
        return True
    return bool(crc32(data[at + HEAD.size : len(data) - DIGEST_BYTES]) == checksum)


def sync_folder(folder: Path) -> None:
    """Bring the names in *folder* to the disk."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
