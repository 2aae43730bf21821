"""A segment's name in, its bytes out, wherever and in whatever form they lie.

A segment changes its file while it lives: it is written (`.open`), closed (`.seg`), compressed
(`.seg.zst`), and rewritten when records are pruned. Whoever reads follows it: a file that is opened
stays as it is, and one that is gone has another name.

Behind the records of an open one there may be zeros, which were written ahead (see `padded`): it is
read to where they begin. Its writer only goes forward: what stands before a byte that is no zero is
there. As a digest may end with zeros, a few of those that follow are given too.

Compressed ones may hold several zstd frames, one behind the other, so that a record can be read
without the whole (RFC 8878, 3.1.1: a frame's length is found by its blocks' heads).
"""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

import zstandard

from engine.storage.frames import DIGEST_BYTES
from engine.storage.header import CLOSED, OPEN, NoSegment
from engine.storage.plain import NoFile, open_plain

COMPRESSED = f"{CLOSED}.zst"
ENDINGS = (CLOSED, COMPRESSED, OPEN)
"""Where two files hold one segment, the first of these counts."""
PIECE_BYTES = 2**20
_KEPT_PIECES = 4
_MOST_BYTES = 2**31
_TAIL_BYTES = 4096
_DIGEST_ZEROS = DIGEST_BYTES - 1
_LOOKS = 100
_BLOCK_HEAD = 3
_RLE = 1


def stem_of(path: Path) -> str:
    """Return the name of the segment at *path* without the ending that tells its form."""
    name = path.name
    for ending in ENDINGS:
        if name.endswith(ending):
            return name.removesuffix(ending)
    return ""


def number_of(stem: str) -> tuple[str, int]:
    """Return the trail and the number that a segment's name *stem* says; -1 where it says none."""
    trail, _, number = stem.rpartition("-")
    return trail, int(number) if number.isascii() and number.isdigit() else -1


def segment_files(folder: Path) -> list[Path]:
    """Return the segments in *folder*, each once, those of a trail in their order."""
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        stem = stem_of(path)
        held = found.get(stem)
        if stem and (held is None or _rank(path) < _rank(held)):
            found[stem] = path
    return [found[stem] for stem in sorted(found)]


def _rank(path: Path) -> int:
    return next(rank for rank, ending in enumerate(ENDINGS) if path.name.endswith(ending))


def size_of(path: Path) -> int:
    """Return how many bytes the file at *path* has; 0 where it has another name by now, or none."""
    try:
        return path.stat().st_size
    except OSError:  # As of a link that leads to itself: who reads it says so.
        return 0


def read_bytes(path: Path) -> bytes:
    """Return the bytes of the segment at *path*, or where it is by now.

    Raises OSError and NoSegment.
    """
    with opened_source(path) as source:
        return source.all()


def compressed(data: bytes, level: int = 3) -> bytes:
    """Return the segment *data* as zstd frames of a piece each; see `Source.read`."""
    compressor = zstandard.ZstdCompressor(level=level, write_checksum=True)
    pieces = range(0, len(data), PIECE_BYTES)
    return b"".join(compressor.compress(data[at : at + PIECE_BYTES]) for at in pieces)


class Source:
    """An opened segment. Owns the file."""

    def __init__(self, path: Path, name: str = "") -> None:
        """Open the file; *name* tells its form where it has another name than it is to have.

        Raises OSError and NoSegment.
        """
        self.path = path
        self.compressed = (name or path.name).endswith(COMPRESSED)
        try:
            self._file = open_plain(path)
        except NoFile as error:
            raise NoSegment(error.strerror) from None
        self._at: list[int] = []
        self._pieces: list[tuple[int, int]] = []
        """Of a compressed one, where the pieces begin, and where they lie in the file."""
        self._piece = lru_cache(_KEPT_PIECES)(self._decompressed)
        self.stored = os.fstat(self._file).st_size
        self.size = self.stored
        try:
            if not self.compressed and self.stored > _MOST_BYTES:
                raise NoSegment(f"it has over {_MOST_BYTES} bytes")  # noqa: TRY301 - to be closed
            if path.name.endswith(OPEN):
                self.size = self._written()
            if self.compressed:
                self.size = self._find_pieces()
        except (OSError, NoSegment):
            self.close()
            raise

    def close(self) -> None:
        """Close the file."""
        self._piece.cache_clear()  # It leads back here: the pieces would stay for the collector.
        os.close(self._file)

    def all(self) -> bytes:
        """Return all of it as it was when it was opened. Raises OSError and NoSegment."""
        if self.compressed:
            return b"".join(self._decompressed(number) for number in range(len(self._pieces)))
        return self._stored(0, self.size)

    def front(self) -> tuple[bytes, NoSegment | None]:
        """Return all of it up to the first piece that is damaged, and what is wrong with that.

        Raises OSError; and NoSegment where that is the first one.
        """
        if not self.compressed:
            return self.all(), None
        found: list[bytes] = []
        for number in range(len(self._pieces)):
            try:
                found.append(self._decompressed(number))
            except NoSegment as error:
                if not found:
                    raise
                return b"".join(found), error
        return b"".join(found), None

    def pieces(self) -> Iterator[bytes]:
        """Yield all of a closed one, a piece at a time. Raises OSError and NoSegment."""
        for start in range(0, self.size, PIECE_BYTES):
            yield self.read(start, start + PIECE_BYTES)

    def read(self, start: int, end: int) -> bytes:
        """Return the bytes from *start* to *end*; fewer where it is shorter.

        Raises OSError and NoSegment.
        """
        if not self.compressed:
            return self._stored(start, min(end, self.size) - start)
        number = bisect_right(self._at, start) - 1
        found = b""
        while start < end and 0 <= number < len(self._pieces):
            begin = self._at[number]
            found += self._piece(number)[start - begin : end - begin]
            number += 1
            start = self._at[number] if number < len(self._at) else end
        return found

    def _written(self) -> int:
        """Return up to where an open one is written, but for what is being written just now."""
        end = self._last(self.stored)
        for _ in range(_LOOKS):
            # Who writes now may have got to any byte: then it goes on, and a record is not whole.
            more = self._last(min(end + _TAIL_BYTES, self.stored), end)
            if more == end:
                break
            end = self._last(self.stored, end)
        return min(end + _DIGEST_ZEROS, self.stored)

    def _last(self, end: int, least: int = 0) -> int:
        """Return where, from *least* to *end*, there are but zeros from on."""
        count = _TAIL_BYTES
        while end > least:
            start = max(end - count, least)
            part = self._stored(start, end - start)
            if part != bytes(len(part)):
                return start + len(part.rstrip(b"\0"))
            end, count = start, PIECE_BYTES
        return least

    def _stored(self, start: int, count: int) -> bytes:
        parts = []
        while count > 0:
            part = os.pread(self._file, count, start)
            if not part:
                break
            parts.append(part)
            start += len(part)
            count -= len(part)
        return b"".join(parts)

    def _decompressed(self, number: int) -> bytes:
        start, end = self._pieces[number]
        try:
            return zstandard.ZstdDecompressor().decompress(self._stored(start, end - start))
        except zstandard.ZstdError as error:
            raise NoSegment(f"it cannot be decompressed: {error}") from None

    def _find_pieces(self) -> int:
        """Find the zstd frames; return how many bytes they hold."""
        at = size = 0
        while at < self.stored:
            head = self._stored(at, 18)  # The longest head of a frame.
            try:
                told = zstandard.get_frame_parameters(head)
                start = at + zstandard.frame_header_size(head)
            except zstandard.ZstdError as error:
                raise NoSegment(f"it cannot be decompressed: {error}") from None
            end = self._end_of(start) + (4 if told.has_checksum else 0)
            if told.content_size in (zstandard.CONTENTSIZE_UNKNOWN, zstandard.CONTENTSIZE_ERROR):
                raise NoSegment("it cannot be decompressed: it does not tell its size")
            self._at.append(size)
            self._pieces.append((at, end))
            size += told.content_size
            at = end
            if size > _MOST_BYTES:
                raise NoSegment(f"it would be over {_MOST_BYTES} bytes when decompressed")
        return size

    def _end_of(self, at: int) -> int:
        """Return where the blocks end that begin at *at*."""
        while True:
            head = self._stored(at, _BLOCK_HEAD)
            if len(head) < _BLOCK_HEAD:
                raise NoSegment("it cannot be decompressed: it is cut")
            block = int.from_bytes(head, "little")
            at += _BLOCK_HEAD + (1 if block >> 1 & 3 == _RLE else block >> 3)
            if block & 1:
                return at


@contextmanager
def opened_source(path: Path) -> Iterator[Source]:
    """Give the segment at *path*, or where it is by now. Raises OSError and NoSegment."""
    source = _open(path)
    try:
        yield source
    finally:
        source.close()


def _open(path: Path) -> Source:
    stem = stem_of(path)
    # It goes from one name to the next and never back: after it was looked for under each twice,
    # it is gone.
    for ending in ("", *ENDINGS, *ENDINGS):
        try:
            return Source(path if not ending else path.with_name(f"{stem}{ending}"))
        except FileNotFoundError:
            continue
    raise FileNotFoundError(2, os.strerror(2), str(path))
