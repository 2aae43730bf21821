"""What is to be forgotten in, closed segments without it out: each whole, before or after.

A segment is written anew beside itself, brought to the disk, read back, and put in the place of the
old one by a rename. Whoever reads the old one at that moment reads it to its end. All of that goes
a piece at a time: a segment of a gigabyte takes no more memory than one of a megabyte.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing, suppress
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from engine.storage.frames import pruned_frame
from engine.storage.header import CLOSED
from engine.storage.index import ENDING
from engine.storage.pieces import first_line, pieces_of
from engine.storage.retention import Due
from engine.storage.segment import sync_folder
from engine.storage.source import COMPRESSED, PIECE_BYTES, Source, compressed, opened_source

NEW = ".new"


class NotWhole(Exception):
    """A segment is not what it was when it was looked at; nothing was changed."""


class Sums(NamedTuple):
    """What tells one chain of records from another, whether payloads are there or not."""

    leaves: str
    """The SHA-256 of all their leaves."""
    digest: bytes
    """The last one of the chain."""


def forget(due: Due) -> None:
    """Forget what is *due*: rewrite the segment, or delete it. For who is `tending` the folder.

    Raises OSError, NoSegment and NotWhole; then the segment is as it was.
    """
    folder = due.path.parent
    path = _settled(due.path)
    sums = checked(path, due)
    if due.ends:
        path.unlink()
    else:
        _rewrite(path, sums, due)
    path.with_name(f"{due.name}{ENDING}").unlink(missing_ok=True)
    sync_folder(folder)


def checked(path: Path, due: Due) -> Sums:
    """Return what tells the records of the segment at *path*.

    Raises OSError, NoSegment, and NotWhole: what was changed is evidence, and stays.
    """
    with opened_source(path) as source:
        return _sums(source, path.name, due.first, sorted(due.before))


def _sums(source: Source, name: str, first: int, gone: list[int]) -> Sums:
    """Return what tells the records of *source*, of which those in the rows *gone* are pruned.

    Raises NotWhole where it is not whole, or others are.
    """
    header, _ = first_line(source)
    leaves, digest, records = sha256(), b"", 0
    pruned: list[int] = []
    for piece in pieces_of(source):
        if piece.scan.wrong is not None:
            raise NotWhole(f"{name} is not whole ({piece.scan.wrong})")
        leaves.update(b"".join(piece.scan.leaves))
        pruned += [records + row for row in piece.scan.pruned]
        records += len(piece.scan.leaves)
        digest = piece.scan.digest
    if header.first != first or pruned != gone:
        raise NotWhole(f"{name} is not what it was when it was looked at")
    return Sums(leaves.hexdigest(), digest)


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


def _rewrite(path: Path, sums: Sums, due: Due) -> None:
    new = path.with_name(f"{path.name}{NEW}")
    try:
        with opened_source(path) as source:
            _write(new, _pressed(_without(source, set(due.rows)), path.name))
        with closing(Source(new, path.name)) as made:
            _held_against(sums, made, new.name, due)
        new.replace(path)
    except (OSError, NotWhole):
        with suppress(OSError):
            new.unlink(missing_ok=True)
        raise


def _held_against(sums: Sums, made: Source, name: str, due: Due) -> None:
    """Raise NotWhole unless *made* has the records of *sums* without those that are *due*."""
    if _sums(made, name, due.first, sorted((*due.before, *due.rows))) != sums:
        raise NotWhole(f"{name} has other records than the segment that it is made of")


def _without(source: Source, gone: set[int]) -> Iterator[bytes]:
    """Yield the bytes of *source*, the records in the rows *gone* without their payloads."""
    _, line = first_line(source)
    yield line
    row = 0
    for piece in pieces_of(source):
        parts, start = [], 0
        for end in piece.scan.ends:
            whole = row not in gone
            parts.append(piece.data[start:end] if whole else pruned_frame(piece.data, start))
            start, row = end, row + 1
        yield b"".join(parts)


def _pressed(parts: Iterator[bytes], name: str) -> Iterator[bytes]:
    """Yield *parts*, pressed if the file *name* is of that form; see `source.compressed`."""
    if not name.endswith(COMPRESSED):
        yield from parts
        return
    held = bytearray()
    for part in parts:
        held += part
        while len(held) > PIECE_BYTES:
            yield compressed(bytes(held[:PIECE_BYTES]))
            del held[:PIECE_BYTES]
    yield compressed(bytes(held))


def _write(path: Path, parts: Iterator[bytes]) -> None:
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(file, "wb") as out:
        out.writelines(parts)
        out.flush()
        os.fsync(out.fileno())
