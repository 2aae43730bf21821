"""Zeros that are written ahead of records: who writes, reads and closes; and disks that fail."""

from __future__ import annotations

import asyncio
import errno
import os
from pathlib import Path
from threading import Event, Thread

import pytest

from engine.storage.durability import Way
from engine.storage.follow import Place
from engine.storage.frames import Altered, first_digest, scan_frames
from engine.storage.header import CLOSED, Header, read_header
from engine.storage.padded import AHEAD, Padded
from engine.storage.proof import make_proof, read_proof
from engine.storage.query import find
from engine.storage.read import Kept
from engine.storage.recovery import recover_signed
from engine.storage.segment import recover
from engine.storage.source import opened_source
from engine.storage.tally import count
from engine.storage.trail import Trail
from engine.storage.wanted import Wanted
from tests.storage.ahead import FEW, SMALL, careful, followed, numbers, padded, zeros
from tests.storage.committed import kept, made, whole
from tests.storage.made import SIGNER, TIME, record, told, verified

BROKEN = OSError(errno.EIO, "Input/output error")
NO_ROOM = OSError(errno.ENOSPC, "No space left on device")


# --- writing -------------------------------------------------------------------------------------


def test_records_take_the_place_of_zeros_and_a_closed_segment_has_none(tmp_path: Path) -> None:
    one = padded(tmp_path)
    size = one.path.stat().st_size
    for number in range(FEW, 2 * FEW):
        one.append(record(number))
    one.sync()
    assert one.path.stat().st_size == size
    bytes_of_records, path = one._segment.size, one.path.with_suffix(CLOSED)
    one.close()
    assert path.stat().st_size == bytes_of_records
    assert numbers(tmp_path) == list(range(2 * FEW))
    report = verified(tmp_path)
    assert (report.problems, report.signed) == ([], 2 * FEW)


def test_a_segment_that_is_full_has_no_zeros_when_the_next_one_goes_on(tmp_path: Path) -> None:
    one = padded(tmp_path)
    first = one.path
    one.turn()
    one.append(record(FEW))
    one.close()
    assert zeros(first.with_suffix(CLOSED)) < 32
    assert numbers(tmp_path) == list(range(FEW + 1))
    whole(tmp_path)


def test_records_go_on_behind_the_zeros_where_none_are_written(tmp_path: Path) -> None:
    one = padded(tmp_path)
    many = [record(number) for number in range(FEW, 10 * FEW)]
    one.append_all(many[:200])
    one.append_all(many[200:])
    assert one._segment.size > SMALL + 2**13
    one.close()
    assert numbers(tmp_path) == list(range(10 * FEW))
    whole(tmp_path)


def test_little_is_given_no_zeros(tmp_path: Path) -> None:
    one = careful(tmp_path)
    one.append(record(0))
    one.sync()
    assert not one.short
    plain = Trail(tmp_path, SIGNER, time=lambda: TIME, segment_bytes=SMALL)
    plain.append_all([record(number) for number in range(FEW)])
    plain.sync()
    assert not plain.short
    plain.fill()
    assert zeros(plain.path) < 32
    plain.close()
    one.close()


def test_a_segment_whose_header_is_not_on_the_disk_is_given_none(tmp_path: Path) -> None:
    one = padded(tmp_path)
    one.turn()
    one.append_all([record(number) for number in range(FEW)])
    assert not one.short
    one.sync()
    assert one.short
    one.close()


def test_zeros_are_never_written_over_records(tmp_path: Path) -> None:
    header = Header(trail="ab" * 8, number=0, first=0, previous="", opened=TIME)
    one = Padded(tmp_path, header, 600)
    one.sync()
    end = Event()

    def fill() -> None:
        while not end.is_set():
            one.fill()

    other = Thread(target=fill)
    other.start()
    for number in range(0, 6000, 3):
        one.append_all([record(each) for each in range(number, number + 3)])
    end.set()
    other.join()
    one.fill()
    assert zeros(one.path) >= 600
    assert numbers(tmp_path) == list(range(6000))
    one.close()
    assert numbers(tmp_path) == list(range(6000))


def test_the_thread_beside_writes_zeros_while_records_come(tmp_path: Path) -> None:
    one = made(tmp_path, Way(durability="synced"))
    records = [
        b'{"kind":"decision","number":%d,"x":"%s"}' % (each, b"y" * 900) for each in range(100)
    ]

    async def main() -> None:
        async with asyncio.timeout(60):
            for payload in records:
                one.stage(payload)
                told = one.kept()
                assert told is not None
                assert await told == ""
            while zeros(one._trail.path) < AHEAD // 2:  # noqa: ASYNC110 - a thread writes them
                await asyncio.sleep(0)

    asyncio.run(main())
    one.close()
    assert kept(tmp_path) == list(range(100))
    whole(tmp_path)


# --- reading -------------------------------------------------------------------------------------


def test_whoever_reads_an_open_segment_stops_where_the_zeros_begin(tmp_path: Path) -> None:
    one = padded(tmp_path)
    one.checkpoint()
    report = verified(tmp_path)
    assert (report.problems, report.records, report.signed) == ([], FEW, FEW)
    assert numbers(tmp_path) == list(range(FEW))
    said: list[str] = []
    assert len(list(find(tmp_path, Wanted(), newest=True, told=said.append))) == FEW
    assert count(tmp_path, Wanted(), told=said.append).records == FEW
    assert said == []
    read = list(followed(tmp_path, one.name, Place()))
    assert [sequence for sequence, _ in read] == list(range(FEW))
    one.append(record(FEW))
    assert [each for each, _ in followed(tmp_path, one.name, read[-1][1])] == [FEW]
    proven = Kept(TIME, one.name, 7, record(7))
    keys = [SIGNER.verifier]
    assert read_proof(make_proof(tmp_path, proven, keys), keys).payload == record(7)
    one.close()


def test_a_digest_that_ends_with_zeros_is_read_whole(tmp_path: Path) -> None:
    one = careful(tmp_path, 2**20)
    one.append_all([record(number) for number in range(1000)])
    one.sync()
    one.fill()
    number = 1000
    while one._segment.digest[-1]:
        one.append(record(number))
        number += 1
    assert zeros(one.path) > 2
    assert numbers(tmp_path) == list(range(number))
    assert verified(tmp_path).records == number
    assert [each for each, _ in followed(tmp_path, one.name, Place())] == list(range(number))
    one.close()


def test_a_segment_is_whole_to_whoever_reads_while_it_is_written(tmp_path: Path) -> None:
    one = careful(tmp_path, 2**22)
    group = [b'{"kind":"decision","x":"%s"}' % (b"y" * 700)] * 64
    one.append_all(group * 8)
    one.sync()
    end = Event()

    def write() -> None:
        for _ in range(600):
            if one.short:
                one.fill()
            one.append_all(group)
        end.set()

    other = Thread(target=write)
    other.start()
    looks = least = 0
    while not end.is_set():
        with opened_source(one.path) as source:
            data = source.all()
        _, begin = read_header(data)
        found = scan_frames(data, begin, first_digest(data[:begin]), 0)
        assert not isinstance(found.wrong, Altered)
        assert len(found.ends) >= least
        least = len(found.ends)
        looks += 1
    other.join()
    assert looks > 1
    one.close()
    whole(tmp_path)


def test_whoever_comes_while_a_group_is_written_sees_where_that_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = careful(tmp_path, 2**20)
    one.append_all([record(number) for number in range(2000)])
    one.sync()
    one.fill()
    read, size = os.pread, one._segment.size

    def reads(file: int, count: int, at: int) -> bytes:
        found = read(file, count, at)
        if at <= size < at + count and one.size == 2000:
            one.append_all([record(number) for number in range(2000, 2100)])
        return found

    monkeypatch.setattr(os, "pread", reads)
    with opened_source(one.path) as source:
        assert source.size == one._segment.size + len(one._segment.digest) - 1
    assert one.size == 2100
    one.close()


# --- disks ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["full", "short", "broken"])
def test_zeros_that_cannot_be_written_give_their_room_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    one = careful(tmp_path)
    one.append_all([record(number) for number in range(FEW)])
    one.sync()
    write = os.pwrite

    def fails(file: int, data: bytes, at: int) -> int:
        if way == "short":
            return write(file, data[:100], at)
        write(file, data[:100], at)
        raise NO_ROOM if way == "full" else BROKEN

    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", fails)
        one.fill()
    assert one.path.stat().st_size == one._segment.size
    assert not one.short
    one.fill()
    assert zeros(one.path) < 32
    for number in range(FEW, 3 * FEW):
        one.append(record(number))
        one.sync()
    one.turn()
    one.append_all([record(number) for number in range(3 * FEW, 5 * FEW)])
    one.sync()
    assert one.short
    one.close()
    assert numbers(tmp_path) == list(range(5 * FEW))
    whole(tmp_path)


def test_half_a_record_is_taken_back_with_the_zeros_behind_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = padded(tmp_path)
    size, write = one._segment.size, os.write

    def full(file: int, data: bytes) -> int:
        if len(data) < 20:
            raise NO_ROOM
        return write(file, data[: len(data) - 10])

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        with pytest.raises(OSError, match="No space left"):
            one.append(record(FEW))
    assert one.path.stat().st_size == size
    one.append(record(FEW))
    one.append(record(FEW + 1))
    one.close()
    assert numbers(tmp_path) == list(range(FEW + 2))
    whole(tmp_path)


def test_a_disk_that_has_failed_is_asked_for_no_more_zeros(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = padded(tmp_path)
    first = one.path
    one.append(record(FEW))

    def fails(_file: int) -> None:
        raise BROKEN

    with monkeypatch.context() as patch:
        patch.setattr(os, "fdatasync", fails)
        with pytest.raises(OSError, match="Input/output error"):
            one.sync()
    assert not one.short
    one.rewind()
    assert zeros(first) < 32
    one.append_all([record(number) for number in range(FEW, 3 * FEW)])
    one.sync()
    assert not one.short
    one.close()
    assert recover(first, TIME) is not None
    assert (told(tmp_path), verified(tmp_path).records) == ([], 3 * FEW)


@pytest.mark.parametrize("name", ["ftruncate", "fsync"])
def test_a_segment_whose_zeros_cannot_be_cut_is_left_to_a_recovery(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    one = padded(tmp_path)
    path, call = one.path, getattr(os, name)

    def fails(file: int, *of: int) -> None:
        if Path(f"/proc/self/fd/{file}").readlink() == path:
            raise BROKEN
        call(file, *of)

    with monkeypatch.context() as patch:
        patch.setattr(os, name, fails)
        with pytest.raises(OSError, match="Input/output error"):
            one.close()
    assert path.exists()
    assert recover_signed(path, SIGNER, TIME) is not None
    assert numbers(tmp_path)[:FEW] == list(range(FEW))
    whole(tmp_path)
