"""A closed segment in, what of it is whole out, a piece at a time.

So that nobody needs all of it in memory, and whoever else runs in the process gets its turn between
two pieces: compiled, `scan_frames` keeps the interpreter until it returns.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from engine.storage.frames import (
    DIGEST_BYTES,
    HEAD,
    MOST_BYTES,
    OVERHEAD,
    PRUNED,
    Scan,
    first_digest,
    scan_frames,
)
from engine.storage.header import Header, read_header
from engine.storage.source import Source

PIECE = 2**15
"""Bytes that are scanned at once, unless a record is longer: some 0.1 ms."""
_FIRST = 2**16
"""Bytes that hold any header."""


class Piece(NamedTuple):
    """Records that follow each other."""

    data: bytes
    """Begins with the first of them."""
    at: int
    """Where in the segment *data* begins."""
    scan: Scan
    """What of *data* is whole; what does not fit in is no fault of it."""


def first_line(source: Source) -> tuple[Header, bytes]:
    """Return the header of *source*, and its line. Raises OSError and NoSegment."""
    data = source.read(0, _FIRST)
    header, end = read_header(data)
    return header, data[:end]


def pieces_of(source: Source) -> Iterator[Piece]:
    """Yield the records of the closed segment *source*, as far as it is whole.

    Only the last piece may say what is wrong, as a scan of all of it would. Raises OSError and
    NoSegment.
    """
    header, line = first_line(source)
    digest, sequence = first_digest(line), header.first
    at, most = len(line), PIECE
    while at < source.size:
        data = source.read(at, at + most)
        last = len(data) < most or at + len(data) >= source.size
        # Invariant: a piece begins with a record, and *digest* is that of the one before.
        scan = scan_frames(data, 0, digest, sequence)
        behind = sequence + len(scan.leaves)
        most = PIECE
        if scan.wrong is not None:
            whole = _frame_bytes(data, scan.end)
            if last or scan.end + whole <= len(data):
                # What stands behind it matters too: all of it is read, which is rare.
                wrong = scan_frames(source.all(), at + scan.end, scan.digest, behind).wrong
                yield Piece(data, at, scan._replace(wrong=wrong))
                return
            most = max(PIECE, whole)
            scan = scan._replace(wrong=None)
        yield Piece(data, at, scan)
        at += scan.end
        digest, sequence = scan.digest, behind


def _frame_bytes(data: bytes, start: int) -> int:
    """Return how many bytes the frame has that begins at *start*, as far as *data* tells."""
    if start + HEAD.size > len(data):
        return OVERHEAD
    length, _, _ = HEAD.unpack_from(data, start)
    if length & ~PRUNED > MOST_BYTES:
        return 0  # It is none: no more bytes make it one.
    return OVERHEAD + (DIGEST_BYTES if length & PRUNED else length)
