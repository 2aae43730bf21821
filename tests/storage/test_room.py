"""Room on the disk that is taken ahead of a trail that is written fast, and given back."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from itertools import count
from pathlib import Path

import pytest

from engine.storage.durability import Way
from engine.storage.header import CLOSED, OPEN, Header
from engine.storage.recovery import recover_signed
from engine.storage.room import FAST, MARGIN, SHARE, Rooms, make_roomy, put
from engine.storage.segment import Segment
from engine.storage.trail import PUSHED, Trail
from tests.storage.committed import kept, made, whole
from tests.storage.made import SIGNER, TIME, record, verified
from tests.storage.mounts import disk, told_until_killed

SIZE = 8 * 2**20
"""Of a segment: room is asked for after a piece that is pushed, and so at half of it."""
SLACK = 2**17
"""What a file may have on a disk beyond its bytes: its last block, and where the others are."""
HEADER = Header(trail="ab" * 8, number=0, first=0, previous="", opened=TIME)


@pytest.fixture(autouse=True)
def roomy(tmp_path: Path) -> None:
    try:
        os.close(make_roomy(tmp_path, 2**16))
    except OSError as error:
        pytest.skip(f"no room can be taken here: {error.strerror}")


class Clock:
    """Says what it is told."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def begun(folder: Path, clock: Clock | None = None) -> Trail:
    return Trail(folder, SIGNER, time=lambda: TIME, segment_bytes=SIZE, clock=clock or Clock())


def long(number: int) -> bytes:
    """Return a record of some length."""
    return record(number)[:-1] + b',"text":"' + b"x" * 2**15 + b'"}'


def grow(one: Trail, least: int) -> None:
    """Append until the segment has *least* bytes, and push."""
    before = one.path
    while one._segment.size < least and one.path == before:
        one.append(long(one.size))
    one.push()


def taken(path: Path) -> int:
    """Return how many bytes of the disk a file has."""
    return path.stat().st_blocks * 512


def nameless(folder: Path) -> int:
    """Return how many files without a name this process has in *folder*."""
    found = 0
    for one in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            inside = str(one.readlink()).startswith(f"{folder}/")
            found += inside and one.stat().st_nlink == 0
    return found


# --- writing -------------------------------------------------------------------------------------


def test_a_trail_that_is_written_fast_has_room_and_so_has_the_next_segment(tmp_path: Path) -> None:
    one = begun(tmp_path)
    first = one.path
    assert taken(first) <= SLACK
    grow(one, PUSHED)
    assert (one.path, nameless(tmp_path)) == (first, 1)
    assert taken(first) >= SIZE + MARGIN
    assert first.stat().st_size == one._segment.size
    report = verified(tmp_path)
    assert (report.problems, report.records) == ([], one.size)
    grow(one, SIZE)
    one.append(long(one.size))
    assert (one.path != first, nameless(tmp_path)) == (True, 0)
    assert taken(one.path) >= SIZE + MARGIN
    report = verified(tmp_path)
    assert (report.problems, report.records) == ([], one.size)
    one.sync()
    assert first.with_suffix(CLOSED).exists()
    one.close()


def test_from_half_of_it_the_one_after_it_has_room_too(tmp_path: Path) -> None:
    one = begun(tmp_path)
    grow(one, PUSHED)
    grow(one, SIZE)
    one.append(long(one.size))
    assert nameless(tmp_path) == 0
    grow(one, SIZE // 4)
    assert nameless(tmp_path) == 0
    grow(one, SIZE // 2 + 2 * SLACK)
    assert nameless(tmp_path) == 1
    grow(one, SIZE)
    one.append(long(one.size))
    assert taken(one.path) >= SIZE + MARGIN
    one.close()
    report = verified(tmp_path)
    assert (report.problems, report.segments, report.signed) == ([], 3, one.size)


def test_room_that_is_not_needed_is_given_back(tmp_path: Path) -> None:
    one = begun(tmp_path)
    grow(one, PUSHED)
    one.append(record(one.size))
    assert taken(one.path) > SIZE
    one.close()
    assert nameless(tmp_path) == 0
    assert not list(tmp_path.glob(f"*{OPEN}"))
    for path in tmp_path.glob(f"*{CLOSED}"):
        assert taken(path) <= path.stat().st_size + SLACK


def test_a_trail_that_is_written_slowly_takes_none(tmp_path: Path) -> None:
    clock = Clock()
    one = begun(tmp_path, clock)
    first = one.path
    clock.now = 2 * PUSHED / FAST
    grow(one, PUSHED)
    assert (one.path, nameless(tmp_path)) == (first, 0)
    assert taken(first) <= one.path.stat().st_size + SLACK
    one.close()


def test_a_trail_that_is_written_fast_after_a_while_has_room_then(tmp_path: Path) -> None:
    clock = Clock()
    one = begun(tmp_path, clock)
    one.append(record(0))
    clock.now = 3600
    one.sync()
    clock.now += 0.5 * PUSHED / FAST
    grow(one, PUSHED)
    assert taken(one.path) >= SIZE + MARGIN
    one.close()


def test_a_trail_that_has_become_slow_gives_it_back(tmp_path: Path) -> None:
    clock = Clock()
    one = begun(tmp_path, clock)
    grow(one, PUSHED)
    assert nameless(tmp_path) == 1
    clock.now = 3600
    one.turn()
    assert nameless(tmp_path) == 0
    assert taken(one.path) <= SLACK
    one.close()
    assert verified(tmp_path).problems == []


def test_an_end_that_comes_while_room_is_made_leaves_none(tmp_path: Path) -> None:
    rooms = Rooms(tmp_path, SIZE, Clock())
    assert rooms.prepare(PUSHED)
    assert not rooms.prepare(PUSHED)  # There is one.
    assert nameless(tmp_path) == 1
    rooms.end()
    assert nameless(tmp_path) == 0
    assert not rooms.prepare(PUSHED)
    assert nameless(tmp_path) == 0


def test_a_closed_trail_is_given_none(tmp_path: Path) -> None:
    one = begun(tmp_path)
    while one._segment.size < PUSHED:
        one.append(long(one.size))
    one.close()
    one.push()
    one._segment.widen(2 * SIZE)
    assert nameless(tmp_path) == 0
    assert taken(one.path) <= one._segment.size + SLACK


# --- where there is none -------------------------------------------------------------------------


ENOUGH = SHARE * (SIZE + MARGIN) // 2**10 + 2**13
"""Kilobytes of a disk on which room is taken."""


def test_a_file_that_can_be_given_no_name_is_done_without(tmp_path: Path) -> None:
    with disk(tmp_path / "other", 2**13) as other:
        file = make_roomy(other, 2**16)
        one = Segment(tmp_path, HEADER, file=file)  # Names do not go from one disk to another.
        assert not one.roomy
        assert nameless(other) == 0
        one.append(record(0))
        one.close()
    again = Segment(tmp_path, HEADER)
    assert not put(make_roomy(tmp_path, 2**16), again.path)
    assert nameless(tmp_path) == 0
    again.drop()


def test_of_a_disk_with_little_room_none_is_taken(tmp_path: Path) -> None:
    with disk(tmp_path / "small", ENOUGH // 2) as small:
        with pytest.raises(OSError, match="No space left"):
            make_roomy(small, SIZE + MARGIN)
        one = begun(small)
        first = one.path
        grow(one, PUSHED)
        assert (one.path, nameless(small)) == (first, 0)
        one.close()
        assert verified(small).problems == []


def forever(write: Callable[[], object]) -> None:
    """Write until that raises."""
    for _ in count():
        write()


@pytest.mark.slow
def test_a_full_disk_is_full_where_the_room_ends(tmp_path: Path) -> None:
    with disk(tmp_path / "small", ENOUGH) as small:
        folder = small / "audit"
        folder.mkdir()
        one = made(folder, Way(on_full="deny"), segment_bytes=SIZE)
        trail = one._trail
        while trail._segment.size < PUSHED:
            one.put(long(trail.size))
        trail.push()
        ballast = (small / "ballast").open("wb", buffering=0)
        with ballast, pytest.raises(OSError, match="No space left"):
            forever(lambda: ballast.write(bytes(2**16)))
        before = trail.size
        with pytest.raises(OSError, match="No space left"):
            forever(lambda: one.put(long(trail.size)))
        last = trail.size
        assert (last - before) * len(long(0)) > SIZE // 2 + SIZE - 4 * SLACK
        (small / "ballast").unlink()
        one.put(long(last))
        one.close()
        assert [number for number in kept(folder) if type(number) is int] == list(range(last + 1))
        assert (1, 0) not in kept(folder)
        whole(folder)


# --- a process that is killed --------------------------------------------------------------------

WRITER = f"""
import sys
from pathlib import Path
from engine.storage.durability import Way
from tests.storage.committed import made
from tests.storage.test_room import long
one = made(Path(sys.argv[1]), Way(), segment_bytes={SIZE})
number = 0
while True:
    one.put(long(number))
    number += 1
    if number % 16 == 0:
        print(number, flush=True)
    if number % 256 == 0:
        one.tend()
"""


@pytest.mark.slow
@pytest.mark.parametrize("rounds", [6])
def test_a_process_that_is_killed_leaves_its_records_and_no_room(
    tmp_path: Path, rounds: int
) -> None:
    for number in range(rounds):
        folder = tmp_path / str(number)
        folder.mkdir()
        told = told_until_killed(WRITER, folder, 12 + 9 * number)
        for path in sorted(folder.glob(f"*{OPEN}")):
            assert recover_signed(path, SIGNER, TIME) is not None
        report = verified(folder)
        assert (report.problems, report.unsigned) == ([], 0)
        assert report.records >= told
        assert not list(folder.glob(f"*{OPEN}"))
        for path in folder.glob(f"*{CLOSED}"):
            assert taken(path) <= path.stat().st_size + SLACK
