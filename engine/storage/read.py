"""A folder of segments in, their records out one after another, as far as they are whole.

Reading is not verifying: what was changed is shown as it is. A segment is read until it stops being
whole; whoever wants to know why asks `verify`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from heapq import merge
from pathlib import Path
from typing import NamedTuple

import msgspec

from engine.storage.frames import Altered, Torn, first_digest, read_frames
from engine.storage.segment import OPEN, is_begun, read_header
from engine.storage.source import read_bytes, segment_files


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


def records_of(path: Path) -> Iterator[Kept]:
    """Yield the records of the segment at *path* but those that were pruned.

    Raises OSError and NoSegment.
    """
    data = read_bytes(path)
    if path.name.endswith(OPEN) and is_begun(data):
        return
    header, end = read_header(data)
    with suppress(Altered, Torn):
        for frame in read_frames(data, end, first_digest(data[:end]), header.first):
            if frame.pruned:
                continue
            time = header.opened
            with suppress(msgspec.DecodeError, UnicodeDecodeError):
                time = _stamp.decode(frame.payload).time or time
            yield Kept(time, header.trail, frame.sequence, frame.payload)


def read_folder(folder: Path) -> Iterator[Kept]:
    """Yield the records of all trails in *folder* by time; a trail's own order is never changed.

    Raises OSError and NoSegment.
    """
    trails: dict[str, list[Path]] = {}
    for path in segment_files(folder):
        trails.setdefault(path.name.partition("-")[0], []).append(path)
    yield from merge(*(_trail(paths) for paths in trails.values()), key=lambda one: one.time)


def _trail(paths: list[Path]) -> Iterator[Kept]:
    for path in paths:
        # A segment may have been forgotten since the folder was listed.
        with suppress(FileNotFoundError):
            yield from records_of(path)
