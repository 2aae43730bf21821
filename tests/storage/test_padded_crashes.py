"""Zeros that are written ahead of records: what crashes leave, what is recovered, and attackers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from engine.storage.follow import Place
from engine.storage.frames import Altered
from engine.storage.header import OPEN
from engine.storage.recovery import recover_signed
from tests.storage.ahead import FEW, ends_in, followed, left_by, padded, zeros
from tests.storage.made import SIGNER, TIME, record, told, verified
from tests.storage.mounts import told_until_killed


def test_zeros_are_cut_without_a_word(tmp_path: Path) -> None:
    path, _ = left_by(padded(tmp_path))
    closed = recover_signed(path, SIGNER, TIME)
    assert closed is not None
    assert zeros(closed) < 32
    report = verified(tmp_path)
    assert (report.problems, report.records, report.signed) == ([], FEW, FEW)
    assert report.cuts == []


def torn(data: bytes, start: int, end: int, chance: Random) -> Iterator[tuple[bytes, int]]:
    """Yield what a power cut leaves of bytes that were written from *start* to *end* over zeros.

    With each, the first byte that is not there.
    """
    sectors = range(start - start % 512, end, 512)
    kept: list[set[int]] = [{each} for each in sectors]
    kept += [set(sectors) - {each} for each in sectors]
    kept += [{each for each in sectors if chance.random() < 0.7} for _ in range(60)]
    for ones in kept:
        left = bytearray(data)
        for each in sectors:
            if each not in ones:
                low, high = max(each, start), min(each + 512, end)
                left[low:high] = bytes(high - low)
        differs = next((at for at in range(start, end) if left[at] != data[at]), end)
        yield bytes(left), differs


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, pytest.param(range(2, 30), marks=pytest.mark.nightly)])
def test_sectors_that_a_disk_has_not_taken_cost_only_what_was_not_synced(
    tmp_path: Path, seed: int | range
) -> None:
    for each in [seed] if isinstance(seed, int) else seed:
        folder = tmp_path / str(each)
        folder.mkdir()
        chance = Random(each)  # noqa: S311 - it must come again
        one = padded(folder)
        one.checkpoint()
        notes = (folder / "checkpoints.jsonl").read_bytes()
        start = one._segment.size
        for number in range(FEW, FEW + 30):
            one.append(
                b'{"kind":"decision","number":%d,"x":"%s"}' % (number, b"y" * chance.randrange(400))
            )
        end = one._segment.size
        path, data = left_by(one)
        ends = ends_in(data)
        for left, differs in torn(data, start, end, chance):
            path.write_bytes(left)
            there = sum(one <= differs for one in ends) - 1
            report = verified(folder)
            assert (report.problems, report.records) == ([], there)
            closed = recover_signed(path, SIGNER, TIME)
            assert closed is not None
            report = verified(folder)
            assert (report.problems, report.records, report.signed) == ([], there, there)
            lost = max(len(left.rstrip(b"\0")) - ends[there], 0)
            assert [each.why.split()[0] for each in report.cuts] == [str(lost)] * bool(lost)
            closed.unlink()
            (folder / "checkpoints.jsonl").write_bytes(notes)


def test_who_ships_waits_before_what_was_not_taken_whole(tmp_path: Path) -> None:
    one = padded(tmp_path)
    start = one._segment.size
    one.append_all([record(number) for number in range(FEW, 2 * FEW)])
    path, data = left_by(one)
    path.write_bytes(data[:start] + bytes(512 - start % 512) + data[start + 512 - start % 512 :])
    assert [each for each, _ in followed(tmp_path, one.name, Place())] == list(range(FEW))
    assert recover_signed(path, SIGNER, TIME) is not None
    assert [each for each, _ in followed(tmp_path, one.name, Place())][:FEW] == list(range(FEW))


def test_what_was_changed_before_zeros_is_not_taken_for_torn(tmp_path: Path) -> None:
    path, data = left_by(padded(tmp_path))
    path.write_bytes(data.replace(b'"number":7}', b'"number":8}', 1))
    with pytest.raises(Altered, match="other bytes"):
        recover_signed(path, SIGNER, TIME)
    assert path.exists()
    assert [each.record for each in verified(tmp_path).problems] == [7]


def test_what_is_signed_is_never_cut_for_torn(tmp_path: Path) -> None:
    one = padded(tmp_path)
    one.checkpoint()
    path, data = left_by(one)
    at = data.index(b'"number":7}')
    changed = data[:at] + bytes(100) + data[at + 100 :]
    path.write_bytes(changed)
    with pytest.raises(Altered):
        recover_signed(path, SIGNER, TIME)
    assert path.read_bytes() == changed
    assert told(tmp_path) == [
        f"checkpoints.jsonl: of the {FEW} signed records of the trail {one.name} 7 are there"
    ]


@pytest.mark.parametrize("records", [0, 1, FEW - 1])
def test_who_zeroes_the_end_is_named(tmp_path: Path, records: int) -> None:
    one = padded(tmp_path)
    one.checkpoint()
    path, data = left_by(one)
    ends = ends_in(data)
    path.write_bytes(data[: ends[records]] + bytes(len(data) - ends[records]))
    wanted = f"of the {FEW} signed records of the trail {one.name} {records} are there"
    problems = [f"checkpoints.jsonl: {wanted}"]
    assert told(tmp_path) == problems
    assert recover_signed(path, SIGNER, TIME) is not None
    assert told(tmp_path) == problems


WRITER = """
import asyncio, sys
from pathlib import Path
from engine.storage.durability import Way
from tests.storage.committed import made
one = made(Path(sys.argv[1]), Way(durability="synced"), segment_bytes=2**19)
async def ask(number):
    one.stage(b'{"kind":"decision","number":%d,"x":"%s"}' % (number, b"y" * 500))
    assert await one.kept() == ""
async def main():
    number = 0
    while True:
        await asyncio.gather(*(ask(each) for each in range(number, number + 16)))
        number += 16
        print(number, flush=True)
        if number % 320 == 0:
            one.tend()
asyncio.run(main())
"""


@pytest.mark.slow
@pytest.mark.parametrize("rounds", [4, pytest.param(40, marks=pytest.mark.nightly)])
def test_what_was_answered_is_there_when_a_process_is_killed_before_zeros(
    tmp_path: Path, rounds: int
) -> None:
    ahead = 0
    for each in range(rounds):
        folder = tmp_path / str(each)
        folder.mkdir()
        answered = told_until_killed(WRITER, folder, 30 + 7 * each)
        paths = list(folder.glob(f"*{OPEN}"))
        ahead += sum(zeros(path) > 32 for path in paths)
        assert verified(folder).problems == []
        for path in sorted(paths):
            assert recover_signed(path, SIGNER, TIME) is not None
        report = verified(folder)
        assert (report.problems, report.unsigned) == ([], 0)
        assert report.records >= answered
    assert ahead
