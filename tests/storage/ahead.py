"""Careful trails with zeros ahead of their records, for tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from engine.storage.follow import Next, Place, follow, list_trails
from engine.storage.frames import Torn, first_digest, scan_frames
from engine.storage.header import read_header
from engine.storage.read import read_folder
from engine.storage.trail import Trail
from tests.storage.made import SIGNER, TIME, record

SMALL = 2**14
"""Bytes of a segment, and so of zeros that are written ahead in it."""
FEW = 40
"""Records that are enough for zeros to be worth it there."""


def careful(folder: Path, segment_bytes: int = SMALL) -> Trail:
    return Trail(folder, SIGNER, time=lambda: TIME, careful=True, segment_bytes=segment_bytes)


def padded(folder: Path, records: int = FEW) -> Trail:
    """Return a trail of so many records, on the disk, with zeros behind them."""
    one = careful(folder)
    one.append_all([record(number) for number in range(records)])
    one.sync()
    assert one.short
    one.fill()
    assert not one.short
    assert zeros(one.path) >= SMALL // 2
    return one


def zeros(path: Path) -> int:
    """Return how many zeros are at the end of a file."""
    data = path.read_bytes()
    return len(data) - len(data.rstrip(b"\0"))


def numbers(folder: Path) -> list[object]:
    """Return the numbers of all records, and what is said while they are read."""
    said: list[object] = []
    found = [one.sequence for one in read_folder(folder, said.append)]
    return [*found, *said]


def followed(folder: Path, name: str, place: Place) -> Iterator[tuple[int, Place]]:
    for one in follow(folder, name, place, list_trails(folder)[name]):
        assert isinstance(one, Next)
        yield one.sequence, one.place


def left_by(one: Trail) -> tuple[Path, bytes]:
    """End the process of a trail; return its segment, and what is in it."""
    one._segment.drop()
    return one.path, one.path.read_bytes()


def ends_in(data: bytes) -> list[int]:
    """Return where the header ends, and each record."""
    header, begin = read_header(data)
    found = scan_frames(data, begin, first_digest(data[:begin]), header.first)
    assert isinstance(found.wrong, Torn)
    return [begin, *found.ends]
