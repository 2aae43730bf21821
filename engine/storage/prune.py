"""What is to be forgotten in, closed segments without it out: each whole, before or after.

A segment is written anew beside itself, brought to the disk, read back, and put in the place of the
old one by a rename. Whoever reads the old one at that moment reads it to its end.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from engine.storage.frames import Scan, first_digest, pruned_frame, scan_frames
from engine.storage.header import CLOSED, read_header
from engine.storage.index import ENDING
from engine.storage.retention import Due
from engine.storage.segment import sync_folder
from engine.storage.source import COMPRESSED, compressed, opened_source, read_bytes

NEW = ".new"


class NotWhole(Exception):
    """A segment is not what it was when it was looked at; nothing was changed."""


def forget(due: Due) -> None:
    """Forget what is *due*: rewrite the segment, or delete it. For who is `tending` the folder.

    Raises OSError, NoSegment and NotWhole; then the segment is as it was.
    """
    folder = due.path.parent
    path = _settled(due.path)
    data, found, start = checked(path, due)
    if due.ends:
        path.unlink()
    else:
        _rewrite(path, data, start, found, due)
    path.with_name(f"{due.name}{ENDING}").unlink(missing_ok=True)
    sync_folder(folder)


def checked(path: Path, due: Due) -> tuple[bytes, Scan, int]:
    """Return the segment at *path*, what stands in it, and where its records begin.

    Raises OSError, NoSegment, and NotWhole: what was changed is evidence, and stays.
    """
    data = read_bytes(path)
    found, start, first = _scanned(data)
    if found.wrong is not None:
        raise NotWhole(f"{path.name} is not whole ({found.wrong})")
    if first != due.first or set(found.pruned) != due.before:
        raise NotWhole(f"{path.name} is not what it was when it was looked at")
    return data, found, start


def sweep(folder: Path) -> None:
    """Delete what a crash has left half made in *folder*. For who is `tending` it."""
    for path in folder.glob(f"*{NEW}"):
        if path.name.endswith((f"{CLOSED}{NEW}", f"{COMPRESSED}{NEW}")):
            path.unlink(missing_ok=True)


def _settled(path: Path) -> Path:
    """Return where the segment at *path* is, once there is no second file of it.

    A crash while it was compressed leaves both; what is forgotten must not stay in the other one.
    """
    with opened_source(path) as source:
        path = source.path
    if path.name.endswith(CLOSED):
        path.with_name(f"{path.name.removesuffix(CLOSED)}{COMPRESSED}").unlink(missing_ok=True)
    return path


def _rewrite(path: Path, data: bytes, start: int, found: Scan, due: Due) -> None:
    parts = [data[:start]]
    for row, end in enumerate(found.ends):
        parts.append(pruned_frame(data, start) if row in due.rows else data[start:end])
        start = end
    made = b"".join(parts)
    after, _, _ = _scanned(made)
    if after.wrong is not None or (after.leaves, after.digest) != (found.leaves, found.digest):
        raise NotWhole(f"{path.name} cannot be rewritten: it would not be verified afterwards")
    new = path.with_name(f"{path.name}{NEW}")
    try:
        _write(new, compressed(made) if path.name.endswith(COMPRESSED) else made)
        new.replace(path)
    except OSError:
        with suppress(OSError):
            new.unlink(missing_ok=True)
        raise


def _scanned(data: bytes) -> tuple[Scan, int, int]:
    """Return what stands in a segment, where its records begin, and the number of the first."""
    header, end = read_header(data)
    return scan_frames(data, end, first_digest(data[:end]), header.first), end, header.first


def _write(path: Path, data: bytes) -> None:
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(file, "wb") as out:
        out.write(data)
        out.flush()
        os.fsync(out.fileno())
