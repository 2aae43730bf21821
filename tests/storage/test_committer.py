"""Disks that are full, slow or broken, and what becomes of records then."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Iterator
from pathlib import Path
from threading import Event

import pytest

from engine.storage import committer as committing
from engine.storage import trail as trailing
from engine.storage.aio import begin_writing
from engine.storage.committer import Committer
from engine.storage.durability import OnFull, Way
from engine.storage.trail import Trail
from tests.storage.committed import gap, kept, made, whole
from tests.storage.disks import heard
from tests.storage.made import SIGNER, TIME, record, verified

pytestmark = pytest.mark.usefixtures("hearing")

NO_ROOM = OSError(errno.ENOSPC, "No space left on device")
BROKEN = OSError(errno.EIO, "Input/output error")


class Disk:
    """Fails as it is told."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.full = False
        self.syncs: list[OSError | None] = []
        """What the next syncs end with; then they go well."""
        self.reached = Event()
        self.go_on = Event()
        self.go_on.set()
        self._write, self._sync = os.write, os.fdatasync
        patch.setattr(os, "write", self.write)
        patch.setattr(os, "fdatasync", self.sync)

    def write(self, file: int, data: bytes) -> int:
        if self.full:
            raise NO_ROOM
        return self._write(file, data)

    def sync(self, file: int) -> None:
        self.reached.set()
        assert self.go_on.wait(60)
        problem = self.syncs.pop(0) if self.syncs else None
        if problem is not None:
            raise problem
        self._sync(file)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Disk]:
    disk = Disk(monkeypatch)
    yield disk
    disk.go_on.set()


# --- full segments -------------------------------------------------------------------------------


def fill(one: Committer, disk: Disk) -> None:
    """Put a hundred records, of which segments are full, and wait for a thread to close one."""
    disk.reached.clear()
    for number in range(100):
        one.put(record(number))
    assert disk.reached.wait(60)


def test_a_full_segment_is_closed_beside(tmp_path: Path, disk: Disk) -> None:
    one = made(tmp_path, Way(), segment_bytes=2000)
    fill(one, disk)
    one.close()
    assert kept(tmp_path) == list(range(100))
    whole(tmp_path)


def test_what_a_disk_fails_to_take_of_a_full_segment_is_told(tmp_path: Path, disk: Disk) -> None:
    one = made(tmp_path, Way(), segment_bytes=2000)
    disk.syncs = [BROKEN]
    fill(one, disk)
    one.close()
    found = kept(tmp_path)
    (gap,) = (each for each in found if isinstance(each, tuple))
    assert gap[:2] == (0, 0)
    assert 0 < gap[2] <= 100
    assert [each for each in found if each != gap] == list(range(100))
    assert one.tally.failures == 1
    whole(tmp_path)


def test_much_is_written_beside_before_a_segment_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, reached = [], Event()

    def begins(file: int, start: int, end: int) -> None:
        begin_writing(file, start, end)
        begun.append((start, end))
        reached.set()

    monkeypatch.setattr(trailing, "begin_writing", begins)
    monkeypatch.setattr(trailing, "PUSHED", 3000)
    monkeypatch.setattr(trailing, "SPARED", 500)
    one = made(tmp_path, Way())
    number = 0
    while not reached.is_set():
        one.put(record(number))
        number += 1
    one.close()
    assert begun[0][0] == 0
    assert begun[0][1] >= 2500
    # The last one may be what closing has left to the disk.
    assert all(end - start >= 2500 for start, end in begun[:-1])
    assert [start for start, _ in begun[1:]] == [end for _, end in begun[:-1]]
    assert kept(tmp_path) == list(range(number))
    whole(tmp_path)


# --- synced --------------------------------------------------------------------------------------


def test_an_answer_waits_until_its_record_is_on_the_disk(tmp_path: Path, disk: Disk) -> None:
    one = made(tmp_path, Way(durability="synced"))
    disk.go_on.clear()
    disk.reached.clear()  # The segment's header was synced.

    async def ask() -> list[str]:
        one.put(record(0))
        first = heard(one)
        assert first is not None
        await asyncio.to_thread(disk.reached.wait, 10)
        assert not first.done()
        waited = [first]
        for number in range(1, 30):  # What comes meanwhile goes together.
            one.put(record(number))
            later = heard(one)
            assert later is not None
            waited.append(later)
        disk.go_on.set()
        return list(await asyncio.gather(*waited))

    assert asyncio.run(ask()) == [""] * 30
    assert sum(one.tally.syncs) == 2
    assert heard(one) is None
    assert one.wait() == ""
    one.close()
    assert kept(tmp_path) == list(range(30))
    assert verified(tmp_path).signed == 30
    whole(tmp_path)


def test_a_thread_waits_too(tmp_path: Path) -> None:
    one = made(tmp_path, Way(durability="synced"))
    for number in range(5):
        one.put(record(number))
        assert one.wait() == ""
    assert (one.waiting, one.stuck) == (0, False)
    one.close()
    assert kept(tmp_path) == list(range(5))


def test_what_the_disk_has_failed_to_take_goes_into_another_segment_once(
    tmp_path: Path, disk: Disk
) -> None:
    said: list[str] = []
    one = made(tmp_path, Way(durability="synced"), said)
    one.put(record(0))
    assert one.wait() == ""
    one.tend()
    disk.syncs = [BROKEN]
    one.put(record(1))
    assert one.wait() == ""
    one.put(record(2))
    assert one.wait() == ""
    one.close()
    assert kept(tmp_path) == [0, 1, (0, 0, 0), 2]
    assert said == ["the disk failed: Input/output error; a new segment goes on"]
    assert one.tally.failures == 1
    whole(tmp_path)
    assert verified(tmp_path).signed == 4


def test_a_disk_that_fails_at_the_first_record_leaves_no_empty_segment(
    tmp_path: Path, disk: Disk
) -> None:
    one = made(tmp_path, Way(durability="synced"))
    disk.syncs = [BROKEN]
    one.put(record(0))
    assert one.wait() == ""
    one.close()
    assert len(list(tmp_path.glob("*.seg"))) == 1
    assert kept(tmp_path) == [0, (0, 0, 0)]
    whole(tmp_path)


@pytest.mark.parametrize(("on_full", "why"), [("deny", "Input/output error"), ("drop", "")])
def test_what_it_fails_to_take_twice_is_refused_or_lost(
    tmp_path: Path, disk: Disk, on_full: OnFull, why: str
) -> None:
    one = made(tmp_path, Way(durability="synced", on_full=on_full))
    one.put(record(0))
    one.wait()
    disk.syncs = [BROKEN, BROKEN]
    one.put(record(1))
    assert one.wait() == why
    one.put(record(2))
    assert one.wait() == ""
    one.close()
    lost = (1, 0, 0) if on_full == "drop" else (0, 1, 0)
    assert kept(tmp_path) == [0, lost, 2]
    assert (one.tally.dropped, one.tally.denied) == lost[:2]
    whole(tmp_path)


def test_what_it_fails_to_take_twice_waits_until_it_does(
    tmp_path: Path, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(committing, "FIRST_PAUSE", 0.001)
    one = made(tmp_path, Way(durability="synced", on_full="block"))
    disk.syncs = [BROKEN] * 6
    for number in range(3):
        one.put(record(number))
    assert one.wait() == ""
    one.close()
    assert [each for each in kept(tmp_path) if isinstance(each, int)] == [0, 1, 2]
    assert one.tally.dropped == one.tally.denied == 0
    whole(tmp_path)


@pytest.mark.parametrize("on_full", ["deny", "drop"])
def test_a_disk_that_is_too_slow_is_not_waited_for(
    tmp_path: Path, disk: Disk, on_full: OnFull
) -> None:
    one = made(tmp_path, Way(durability="synced", on_full=on_full, patience=0.01))
    disk.go_on.clear()

    async def ask() -> str:
        one.put(record(0))
        waited = heard(one)
        assert waited is not None
        return await waited

    said = asyncio.run(ask())
    one.put(record(1))
    assert one.wait() == said == ("it was not kept in time" if on_full == "deny" else "")
    disk.go_on.set()
    one.close()
    denied = 2 if on_full == "deny" else 0
    assert (one.tally.denied, one.tally.late) == (denied, 2 - denied)
    assert kept(tmp_path) == ([0, (0, 1, 0), 1, (0, 1, 0)] if denied else [0, 1])
    whole(tmp_path)


def test_a_caller_that_has_gone_is_not_told(tmp_path: Path, disk: Disk) -> None:
    one = made(tmp_path, Way(durability="synced", patience=0.01))
    disk.go_on.clear()

    async def ask() -> None:
        one.put(record(0))
        waited = one.kept()
        assert waited is not None
        waited.cancel()
        one.put(record(1))
        other = one.kept()
        assert other is not None
        other.cancel()
        await asyncio.sleep(0)
        disk.go_on.set()

    asyncio.run(ask())
    one.close()
    assert one.tally.denied == 0
    assert kept(tmp_path) == [0, 1]


def test_full_and_old_segments_are_closed_between_two_syncs(tmp_path: Path, disk: Disk) -> None:
    said: list[str] = []
    one = made(tmp_path, Way(durability="synced"), said, segment_bytes=1000)
    for number in range(100):
        one.put(record(number))
        assert one.wait() == ""
    one.turn()
    one.put(record(100))
    assert one.wait() == ""
    one.tend()
    one.close()
    assert kept(tmp_path) == list(range(101))
    assert len(list(tmp_path.glob("*.seg"))) > 5
    assert (said, disk.syncs) == ([], [])
    whole(tmp_path)


# --- written -------------------------------------------------------------------------------------


def test_written_records_go_to_the_disk_beside_and_a_failure_is_told(
    tmp_path: Path, disk: Disk
) -> None:
    said: list[str] = []
    one = made(tmp_path, Way(), said)
    for number in range(3):
        one.put(record(number))
        assert (heard(one), one.wait()) == (None, "")
    disk.syncs = [BROKEN]
    one.tend()
    one.tend()
    assert said == ["the disk failed: Input/output error; a new segment goes on"]
    one.put(record(3))
    one.tend()
    one.close()
    assert kept(tmp_path) == [0, 1, 2, (0, 0, 3), 3]
    whole(tmp_path)


def test_old_segments_are_closed_and_one_without_records_is_not_old(tmp_path: Path) -> None:
    now = [0.0]
    trail = Trail(tmp_path, SIGNER, time=lambda: TIME, segment_seconds=60, clock=lambda: now[0])
    one = Committer(trail, Way(), gap=gap, time=lambda: TIME, told=lambda _: None)
    now[0] = 100
    one.tend()
    assert list(tmp_path.glob("*.seg")) == []
    one.put(record(0))
    one.tend()
    assert len(list(tmp_path.glob("*.seg"))) == 1
    one.turn()
    one.close()
    whole(tmp_path)


def test_blocked_answers_wait_for_room_and_the_loop_goes_on(tmp_path: Path, disk: Disk) -> None:
    said: list[str] = []
    one = made(tmp_path, Way(on_full="block", most_bytes=5 * len(record(0))), said)
    one.put(record(0))

    async def ask() -> list[str]:
        disk.full = True
        waited = []
        for number in range(1, 4):
            one.put(record(number))
            later = heard(one)
            assert later is not None
            waited.append(later)
        one.put(record(4))
        one.put(record(5))
        with pytest.raises(OSError, match="No space left"):
            one.put(record(6))
        assert heard(one) is None  # It was refused, and that can be answered.
        assert one.stuck
        assert not any(each.done() for each in waited)
        disk.full = False
        return list(await asyncio.gather(*waited))

    assert asyncio.run(ask()) == [""] * 3
    one.close()
    assert kept(tmp_path)[:2] == [0, (0, 1, 0)]
    assert [each for each in kept(tmp_path) if isinstance(each, int)][:4] == [0, 1, 2, 3]
    assert said == [
        "nothing can be written (No space left on device): block",
        "there is room again",
    ]
    whole(tmp_path)


def test_what_waits_when_the_process_ends_and_finds_no_room_is_told(
    tmp_path: Path, disk: Disk
) -> None:
    said: list[str] = []
    one = made(tmp_path, Way(on_full="block"), said)
    disk.full = True
    one.put(record(0))
    with pytest.raises(OSError, match="No space left"):
        _close_full(one)
    assert "1 records are lost" in said[-1]
    assert one.tally.dropped == 1


def _close_full(one: Committer) -> None:
    one.close()
    raise NO_ROOM  # Nothing was new, so nothing had to be signed.


# --- spool ---------------------------------------------------------------------------------------


def test_a_spool_is_written_by_a_thread(tmp_path: Path) -> None:
    one = made(tmp_path, Way(durability="spool"))
    for number in range(500):
        one.put(record(number))
        assert (heard(one), one.wait()) == (None, "")
    one.close()
    assert kept(tmp_path) == list(range(500))
    whole(tmp_path)


@pytest.mark.parametrize("on_full", ["deny", "drop", "block"])
def test_a_spool_without_room_is_as_was_chosen(
    tmp_path: Path, disk: Disk, monkeypatch: pytest.MonkeyPatch, on_full: OnFull
) -> None:
    monkeypatch.setattr(committing, "FIRST_PAUSE", 0.001)
    size = len(record(0))
    one = made(tmp_path, Way(durability="spool", on_full=on_full, most_bytes=4 * size))
    disk.full = True
    for number in range(4):
        one.put(record(number))
    if on_full == "drop":
        one.put(record(4))
    else:
        with pytest.raises(OSError, match=r"No space left|waits for room"):
            one.put(record(4))

    async def waited() -> None:
        told = heard(one)
        assert told is None  # What was refused or dropped is answered at once.

    asyncio.run(waited())
    disk.full = False
    one.close()
    lost = (1, 0, 0) if on_full == "drop" else (0, 1, 0)
    assert kept(tmp_path) in ([lost, 0, 1, 2, 3], [0, 1, 2, 3, lost])
    whole(tmp_path)


def test_answers_wait_while_half_of_a_blocking_spool_is_taken(tmp_path: Path, disk: Disk) -> None:
    one = made(tmp_path, Way(durability="spool", on_full="block", most_bytes=4 * len(record(0))))
    disk.full = True

    async def ask() -> str:
        one.put(record(0))
        assert heard(one) is None
        one.put(record(1))
        one.put(record(2))
        waited = heard(one)
        assert waited is not None
        disk.full = False
        return await waited

    assert asyncio.run(ask()) == ""
    one.close()
    assert kept(tmp_path) == [0, 1, 2]
