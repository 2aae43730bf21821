"""A trail that grows in, its records from a given place on out, however often it is asked.

Only what is new is read, a piece at a time, so that following a trail costs neither memory nor the
reading of what was read before. A segment may meanwhile grow, be closed, compressed or pruned: its
name and its bytes change, its records' numbers and digests do not. A place therefore is a number
and a digest; the byte where it was is only tried first.

What was changed is not passed over in silence: `Missed` says which records cannot be had and why,
and the trail goes on behind them.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from engine.storage.frames import (
    DIGEST_BYTES,
    HEAD,
    MOST_BYTES,
    PRUNED,
    PRUNED_BYTES,
    Altered,
    Torn,
    first_digest,
    is_holed,
    read_frames,
)
from engine.storage.header import OPEN, is_begun, read_header
from engine.storage.query import find
from engine.storage.source import ENDINGS, Source, opened_source, segment_files
from engine.storage.wanted import Wanted

PIECE = 2**20
"""Bytes that are read at once, or the length of a longer record."""
HEADER_BYTES = 2**16
"""The most that a header takes."""


class Place(NamedTuple):
    """Where to go on: the *sequence* of the next record, behind the one with the *digest*.

    *digest* is in hex, and empty where nothing was read yet. *segment* and *offset* are where that
    was.
    """

    sequence: int = 0
    segment: int = 0
    offset: int = 0
    digest: str = ""


class Next(NamedTuple):
    """A record, and the place behind it."""

    sequence: int
    payload: bytes
    place: Place


class Missed(NamedTuple):
    """Records that cannot be had: *lost* of them from *first* on; and the place behind them.

    Where *lost* is 0 nobody knows how many, and the trail cannot be followed any further.
    """

    first: int
    lost: int
    why: str
    place: Place


Found = Next | Missed


class NotThere(Exception):
    """A place is not in the trail: it is another trail's, or lies behind the end."""


Trails = dict[str, dict[int, Path]]
"""By the trail's name: its segments by their numbers."""


def list_trails(folder: Path) -> Trails:
    """Return what there is in *folder*. Raises OSError."""
    found: Trails = {}
    for path in segment_files(folder):
        trail, _, number = path.name.partition(".")[0].partition("-")
        if number.isascii() and number.isdigit():
            found.setdefault(trail, {})[int(number)] = path
    return found


def follow(folder: Path, trail: str, place: Place, segments: dict[int, Path]) -> Iterator[Found]:
    """Yield what stands behind *place* in *segments* and in those begun later, as far as it goes.

    Raises NotThere, OSError and NoSegment.
    """
    number = place.segment
    if segments and number not in segments:
        later = [one for one in segments if one > number]
        if not later and number > max(segments) + 1:
            raise NotThere(f"segment {number} is not there")
        if not later and place.offset:
            _check_deleted(folder, f"{trail}-{number:08d}")
        if not later:
            return
        number = min(later)
        place = place._replace(segment=number, offset=0)
    path = segments.get(number)
    while path is not None:
        following = segments.get(number + 1) or _begun(folder, trail, number + 1)
        with opened_source(path) as source:
            segment = _Segment(source, number, last=following is None)
            yield from segment.behind(place)
        place = segment.place
        if following is not None:
            number, path = number + 1, following
            place = place._replace(segment=number, offset=0)
        elif _begun(folder, trail, number + 1) is None:
            return
        # Else it is whole by now: once more, to its end.


@lru_cache(maxsize=1024)
def _check_deleted(folder: Path, name: str) -> None:
    """Raise NotThere unless a record tells that the segment was deleted. Raises as `find`."""
    for one in find(folder, Wanted(kind="admin"), newest=True):
        what = one.fields.get("what")
        told = what if one.text("act") == "pruned" and isinstance(what, dict) else {}
        if told.get("deleted") is True and told.get("segment") == name:
            return
    raise NotThere(f"segment {int(name[-8:])} is not there")


def _begun(folder: Path, trail: str, number: int) -> Path | None:
    """Return the segment if it was begun."""
    for ending in (OPEN, *ENDINGS):
        path = folder / f"{trail}-{number:08d}{ending}"
        if path.exists():
            return path
    return None


class _Segment:
    """One segment that is read from a place on. *last*: it may still grow."""

    def __init__(self, source: Source, number: int, *, last: bool) -> None:
        self.last = last
        self.place = Place()
        """Where reading has got to."""
        self._number = number
        self._source = source
        self._buffer = b""
        self._base = 0
        """Where in the segment the buffer begins."""

    def behind(self, place: Place) -> Iterator[Found]:
        """Yield what stands behind *place*. Raises NotThere, OSError and NoSegment."""
        self.place = place
        if self._resumes(place):
            self._base = place.offset
            yield from self._records(bytes.fromhex(place.digest))
            return
        self._more()
        if is_begun(self._buffer[:HEADER_BYTES]) and not self._closed:
            return
        header, end = read_header(self._buffer)
        first, digest = header.first, first_digest(self._buffer[:end])
        self._drop(end)
        if place.offset:
            digest = self._seek(place, first, digest)
            first = place.sequence
        self.place = Place(first, self._number, self._base, digest.hex())
        if first > place.sequence:
            why = "they were deleted, or cannot be read"
            yield Missed(place.sequence, first - place.sequence, why, self.place)
        elif first < place.sequence - 1:
            # One less is where a recovery has ended the segment before; see `segment.is_cut`.
            raise NotThere(f"it begins with record {first}, not {place.sequence}")
        yield from self._records(digest)

    @property
    def _closed(self) -> bool:
        return not self._source.path.name.endswith(OPEN)

    def _resumes(self, place: Place) -> bool:
        """Return whether the record before *place* still ends where that says."""
        if not place.offset:
            return False
        before = self._source.read(max(0, place.offset - DIGEST_BYTES), place.offset)
        return before.hex() == place.digest

    def _seek(self, place: Place, sequence: int, digest: bytes) -> bytes:
        """Go behind the record that *place* names, from the first on; return its digest."""
        while sequence < place.sequence:
            end = 0
            try:
                for frame in read_frames(self._buffer, 0, digest, sequence):
                    digest, end, sequence = frame.digest, frame.end, frame.sequence + 1
                    if sequence == place.sequence:
                        break
            except (Torn, Altered):
                pass  # Mostly the buffer's end.
            self._drop(end)
            if sequence < place.sequence and not self._more():
                raise NotThere(f"it ends before record {place.sequence - 1}")
        if digest.hex() != place.digest:
            raise NotThere(f"its record {place.sequence - 1} is another one")
        return digest

    def _records(self, digest: bytes) -> Iterator[Found]:
        """Yield the records from here on; *digest* is that before them."""
        while True:
            base, sequence, end = self._base, self.place.sequence, 0
            try:
                for frame in read_frames(self._buffer, 0, digest, sequence):
                    digest, end = frame.digest, frame.end
                    self.place = Place(frame.sequence + 1, self._number, base + end, digest.hex())
                    if frame.pruned:
                        yield Missed(frame.sequence, 1, "they were pruned", self.place)
                    else:
                        yield Next(frame.sequence, frame.payload, self.place)
            except Torn as torn:
                end = torn.at
            except Altered as altered:
                if altered.last and self._more():
                    continue  # It only ended where the buffer did.
                half = altered.last or is_holed(self._buffer, altered.at, base)
                if half and self.last and not self._closed:
                    return  # It may be half written.
                found = self._past(altered)
                yield found
                if not found.lost:
                    return
                digest = bytes.fromhex(found.place.digest)
                continue
            self._drop(end)
            if not self._more():
                return

    def _past(self, altered: Altered) -> Missed:
        """Go behind a record that was changed, if the next one is where its length says."""
        self._drop(altered.at)
        sequence = self.place.sequence
        while (end := _end_of(self._buffer)) > len(self._buffer) and self._more():
            pass
        stored = self._buffer[end - DIGEST_BYTES : end]
        if altered.last or _goes_on(self._buffer, end, sequence + 1):
            self._drop(end)
            self.place = Place(sequence + 1, self._number, self._base, stored.hex())
            return Missed(sequence, 1, altered.why, self.place)
        return Missed(sequence, 0, altered.why, self.place)

    def _drop(self, end: int) -> None:
        self._buffer = self._buffer[end:]
        self._base += end

    def _more(self) -> bool:
        """Read on; return whether there was anything."""
        start = self._base + len(self._buffer)
        piece = self._source.read(start, start + PIECE)
        self._buffer += piece
        return bool(piece)


def _end_of(buffer: bytes) -> int:
    """Return where the frame at the beginning of *buffer* says that it ends."""
    if len(buffer) < HEAD.size:
        return HEAD.size + DIGEST_BYTES
    length, _, _ = HEAD.unpack_from(buffer)
    if length & PRUNED:
        return PRUNED_BYTES
    return int(HEAD.size + min(length, MOST_BYTES) + DIGEST_BYTES)


def _goes_on(buffer: bytes, start: int, sequence: int) -> bool:
    """Return whether a record of that number begins at *start*, or nothing does yet."""
    if start + HEAD.size > len(buffer):
        return True
    _, _, number = HEAD.unpack_from(buffer, start)
    return bool(number == sequence)
