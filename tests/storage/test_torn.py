"""Every byte at which a crash can cut a segment, and what is recovered then."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.storage.frames import first_digest, read_frames
from engine.storage.header import OPEN, read_header
from engine.storage.recovery import sign_closed
from engine.storage.segment import recover
from tests.storage.made import SIGNER, TIME, trail, verified

LAST = 4096
"""Bytes of a segment's end at which it is cut."""
RECORD = 300
AHEAD = 5000
"""Zeros behind the last record."""


def begun(folder: Path) -> tuple[str, bytes, list[int]]:
    """Return a segment that a crash has left: its name, its bytes, and where its records end."""
    one = trail(folder)
    for number in range(40):
        one.append(f'{{"kind":"decision","number":{number},"x":"{"y" * RECORD}"}}'.encode())
    path = one.path
    data = path.read_bytes()
    path.unlink()
    one._segment.drop()
    (folder / "checkpoints.jsonl").unlink(missing_ok=True)
    header, end = read_header(data)
    frames = read_frames(data, end, first_digest(data[:end]), header.first)
    return path.name, data, [end, *(each.end for each in frames)]


def torn(data: bytes, ends: list[int], step: int) -> Iterator[tuple[bytes, int]]:
    """Yield what a crash can have left of *data*, and how many records of it are whole."""
    for at in range(max(ends[0], len(data) - LAST), len(data) + 1, step):
        whole = sum(end <= at for end in ends) - 1
        yield data[:at], whole
        # Zeros stand where bytes did not come to the disk. Those of a frame may be zeros anyway.
        # And they stand behind it, where they were written ahead.
        for ahead in (0, AHEAD):
            zeroed = data[:at] + bytes(len(data) - at + ahead)
            yield zeroed, whole if zeroed[: len(data)] != data else len(ends) - 1
    for at in range(ends[-2], len(data), step):
        changed = bytearray(data)
        changed[at] ^= 1
        yield bytes(changed), len(ends) - 2


def injected(folder: Path, step: int) -> int:
    """Recover what each crash leaves; return how many there were."""
    name, data, ends = begun(folder)
    count = 0
    for left, whole in torn(data, ends, step):
        path = folder / name
        path.write_bytes(left)
        closed = recover(path, TIME)
        assert closed == folder / name.replace(OPEN, ".seg")
        sign_closed(closed, SIGNER, TIME)
        report = verified(folder)
        assert report.problems == [], (len(left), report.problems)
        assert (report.records, report.signed) == (whole, whole)
        lost = max(len(left.rstrip(b"\0")) - ends[whole], 0)
        told = [one.why for one in report.cuts]
        wanted = f"{lost} bytes of a record that a crash left half written were cut"
        assert told == ([wanted] if lost else [])
        closed.unlink()
        (folder / "checkpoints.jsonl").unlink()
        for beside in folder.iterdir():
            beside.unlink()
        count += 1
    return count


@pytest.mark.slow
def test_nothing_whole_is_lost_at_some_bytes(tmp_path: Path) -> None:
    assert injected(tmp_path, 61) > 100


@pytest.mark.nightly
def test_nothing_whole_is_lost_at_any_byte_of_the_last_4_kb(tmp_path: Path) -> None:
    assert injected(tmp_path, 1) > 2 * LAST
