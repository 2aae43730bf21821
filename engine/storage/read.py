"""A folder of segments in, their records out one after another, as far as they are whole.

Reading is not verifying: what was changed is shown as it is. A segment is read until it stops being
whole; whoever wants to know why asks `verify`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from heapq import heappop, heappush
from itertools import count
from pathlib import Path
from typing import NamedTuple

import msgspec

from engine.storage.frames import Altered, Torn, first_digest, read_frames
from engine.storage.header import OPEN, NoSegment, is_begun, read_header
from engine.storage.no_json import NO_JSON
from engine.storage.source import opened_source, segment_files, size_of

HEADER_BYTES = 2**16
"""The most that the first line of a segment takes."""


class Kept(NamedTuple):
    """A record: when, whose, its number there, and its JSON."""

    time: str
    trail: str
    sequence: int
    payload: bytes


class Stamp(msgspec.Struct):
    """What of a record tells when it was made."""

    time: str = ""


_stamp = msgspec.json.Decoder(Stamp)

_Next = tuple[str, str, int, int, Kept, Iterator[Kept]]


def records_of(path: Path, told: Callable[[str], None] = lambda _: None) -> Iterator[Kept]:
    """Yield the records of the segment at *path* but those that were pruned.

    *told* hears where it stops being whole. Raises OSError and NoSegment.
    """
    with opened_source(path) as source:
        data, name = source.all(), source.path.name
    is_open = name.endswith(OPEN)
    if is_open and is_begun(data):
        return
    header, end = read_header(data)
    try:
        for frame in read_frames(data, end, first_digest(data[:end]), header.first):
            if frame.pruned:
                continue  # `verify` tells how many, and whether that was meant.
            time = header.opened
            with suppress(*NO_JSON):
                time = _stamp.decode(frame.payload).time or time
            yield Kept(time, header.trail, frame.sequence, frame.payload)
    except Altered as altered:
        told(f"{name} {altered}: nothing behind it is read; ask `verify`")
    except Torn as torn:
        if not is_open:
            told(f"{name} {torn}; ask `verify`")


class Unread:
    """Hears of the segments of a folder: which were read, and which cannot be.

    Who has nobody to tell is not given a part for the whole: then one that cannot be read is
    raised. Else it is told and passed over, and raised only when no other one could be read.
    """

    def __init__(self, told: Callable[[str], None] | None) -> None:
        self.told = told
        self._any = False
        self._why: NoSegment | OSError | None = None

    def one(self) -> None:
        """Hear of one that was read."""
        self._any = True

    def passed_over(self, path: Path, why: NoSegment | OSError) -> None:
        """Hear of one that cannot be read. Raises *why*."""
        if self.told is None:
            raise why
        self.told(f"{path.name} cannot be read: {why}; ask `verify`")
        self._why = why

    def end(self) -> None:
        """Hear that there are no more. Raises OSError and NoSegment."""
        if self._why is not None and not self._any:
            raise self._why


def read_folder(
    folder: Path,
    told: Callable[[str], None] | None = None,
    read: Callable[[int], None] = lambda _: None,
) -> Iterator[Kept]:
    """Yield the records of all trails in *folder* by time; a trail's own order is never changed.

    *told* hears what could not be read, see `Unread`; *read* of the bytes of segments that are
    done. Raises OSError and NoSegment.
    """
    unread = Unread(told)
    trails: dict[str, list[Path]] = {}
    for path in segment_files(folder):
        trails.setdefault(path.name.partition("-")[0], []).append(path)
    # A trail is read when the time of its first record comes, so that a folder of a thousand
    # trails is not in memory at once.
    waiting = sorted((_opened_at(paths[0]), name) for name, paths in trails.items())
    heap: list[_Next] = []
    number = count()
    while waiting or heap:
        while waiting and (not heap or waiting[0][0] <= heap[0][0]):
            _, name = waiting.pop(0)
            _push(heap, _trail(trails[name], unread, read), number)
        if heap:
            *_, kept, rest = heappop(heap)
            yield kept
            _push(heap, rest, number)
    unread.end()


def _push(heap: list[_Next], records: Iterator[Kept], number: Iterator[int]) -> None:
    kept = next(records, None)
    if kept is not None:
        # One record may be there twice, in a copy that has another name: the number decides then.
        heappush(heap, (kept.time, kept.trail, kept.sequence, next(number), kept, records))


def _opened_at(path: Path) -> str:
    """Return when the segment at *path* was opened; "" where that cannot be read."""
    with suppress(OSError, NoSegment), opened_source(path) as source:
        header, _ = read_header(source.read(0, HEADER_BYTES))
        return header.opened
    return ""


def _trail(paths: list[Path], unread: Unread, read: Callable[[int], None]) -> Iterator[Kept]:
    for path in paths:
        # A segment may have been forgotten since the folder was listed.
        with suppress(FileNotFoundError):
            size = size_of(path)
            try:
                yield from records_of(path, unread.told or (lambda _: None))
            except FileNotFoundError:
                raise
            except (NoSegment, OSError) as error:
                unread.passed_over(path, error)
            else:
                unread.one()
            read(size)
