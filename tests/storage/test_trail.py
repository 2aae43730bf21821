from __future__ import annotations

import errno
import os
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest
import zstandard

from engine.storage import trail as trailing
from engine.storage.aio import begin_writing
from engine.storage.checkpoints import FILE, Checkpoint, CheckpointFile, opened, read_checkpoint
from engine.storage.examine import Problem
from engine.storage.header import CLOSED, COMPRESSED, OPEN, Header, NoSegment, read_header
from engine.storage.notes import NoteError, Signer, open_note
from engine.storage.segment import Segment
from engine.storage.source import segment_files
from engine.storage.trail import DIGESTED, MOST_CLOSING, PACED, PACED_FROM, SPARED, Trail
from tests.storage.made import SIGNER, TIME, filled, record, told, trail, verified

KEYS = [SIGNER.verifier]


# --- writing -------------------------------------------------------------------------------------


def test_a_trail_is_verified_over_its_segments(tmp_path: Path) -> None:
    filled(tmp_path, 95, segment_bytes=2000)
    report = verified(tmp_path)
    assert report.problems == []
    assert (report.trails, report.records, report.signed) == (1, 95, 95)
    assert report.segments == len(list(tmp_path.glob(f"*{CLOSED}"))) > 3
    assert report.checkpoints >= 10


def test_the_kernel_is_given_little_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[tuple[int, int]] = []

    def begins(file: int, start: int, end: int) -> None:
        begin_writing(file, start, end)
        given.append((start, end))

    monkeypatch.setattr(trailing, "begin_writing", begins)
    monkeypatch.setattr(trailing, "PIECE", 1000)
    monkeypatch.setattr(trailing, "SPARED", 500)
    one = trail(tmp_path, segment_bytes=20_000)
    while one.path.stat().st_size < 4000:
        one.append(record(1))
    one.push()
    pushed = one.path.stat().st_size - 500
    assert given[-1][1] == pushed
    while one.path.stat().st_size < 9000:
        one.append(record(1))
    one.sync()
    assert given[-1][1] == one.path.stat().st_size - 500
    assert (given[0][0], all(end - start <= 1000 for start, end in given)) == (0, True)
    assert all(before == start for (_, before), (start, _) in pairwise(given))
    before, first = one.path, len(given)
    while one.path == before:
        one.append(record(1))
    one.sync()  # Closes the full one.
    assert given[first:][0][0] == 0
    assert max(end for _, end in given[first:]) >= 20_000
    assert all(end - start <= 1000 for start, end in given)
    one.close()
    assert verified(tmp_path).problems == []


def test_many_records_between_two_checkpoints_are_signed_too(tmp_path: Path) -> None:
    filled(tmp_path, 1300, every=600, segment_bytes=60_000)
    report = verified(tmp_path)
    assert (report.problems, report.records, report.signed) == ([], 1300, 1300)


def test_the_tree_catches_up_with_who_appends_more_than_it_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = Trail(tmp_path, SIGNER, time=lambda: TIME, careful=True)
    sizes = [0]

    def comes(_seconds: float) -> None:
        sizes.append(one._tree.size)
        if len(sizes) < 100:
            one.append_all([record(1)] * (PACED + 1))
            one.sync()

    monkeypatch.setattr(trailing, "sleep", comes)
    one.append_all([record(1)] * 10 * PACED)
    one.sync()
    one.digest_paced()
    took = [after - before for before, after in pairwise(sizes)]
    assert took[0] == PACED
    assert PACED < max(took) <= DIGESTED
    assert len(took) < 50
    assert one.checkpoint()
    assert opened_size(tmp_path) == one.size
    one.close()


def opened_size(folder: Path) -> int:
    """Return how many records the newest checkpoint in *folder* signs."""
    return checkpoints(folder)[-1].size


def test_a_new_segment_holds_nobody_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = trail(tmp_path, segment_bytes=60_000)

    def waits(_file: int) -> None:
        raise AssertionError("who appends waits for the disk")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", waits)
        patch.setattr(os, "fdatasync", waits)
        for number in range(2000):
            one.append(record(number))
            assert len(one._leaves) < PACED_FROM
        one.append_all([record(number) for number in range(2000, 3000)])
        assert len(one._leaves) < PACED_FROM
    assert one.full
    one.sync()
    assert not one.full
    assert len(list(tmp_path.glob(f"*{OPEN}"))) == 1
    one.close()
    report = verified(tmp_path)
    assert (report.problems, report.records, report.signed) == ([], 3000, 3000)
    assert report.segments == 3


def test_the_newest_bytes_are_left_to_who_appends_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pushed: list[tuple[int, int]] = []
    monkeypatch.setattr(trailing, "begin_writing", lambda _, *place: pushed.append(place))
    one = trail(tmp_path)
    one.append(record(0))
    one.push()  # Not even negative bytes, which would be all of them.
    assert pushed == []
    one.append_all([record(number) for number in range(1, 1000)])
    size = opened_file(tmp_path).stat().st_size
    assert size > SPARED
    one.push()
    one.push()
    assert pushed == [(0, size - SPARED)]
    one.close()


def opened_file(folder: Path) -> Path:
    """Return the segment in *folder* that is written."""
    (path,) = folder.glob(f"*{OPEN}")
    return path


def test_a_segment_grows_while_too_many_wait_to_be_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = trail(tmp_path, segment_bytes=400)

    def fails(_file: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fdatasync", fails)
        for number in range(500):
            one.append(record(number))  # Whoever appends hears nothing of what others fail at.
    assert len(one._closing) == MOST_CLOSING
    one.sync()
    one.append(record(500))
    assert len(one._closing) == 1
    one.close()
    report = verified(tmp_path)
    assert (report.problems, report.records) == ([], 501)
    assert report.segments == MOST_CLOSING + 2


def test_the_name_of_a_segment_comes_to_the_disk_before_its_records(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = trail(tmp_path, segment_bytes=500)
    while not one.full:
        one.append(record(1))
    done: list[str] = []

    def noted(name: str) -> Callable[[int], None]:
        call = getattr(os, name)

        def note(file: int) -> None:
            call(file)
            done.append(f"{name} {Path(f'/proc/self/fd/{file}').readlink().suffix}")

        return note

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", noted("fsync"))
        patch.setattr(os, "fdatasync", noted("fdatasync"))
        one.sync()
        one.append(record(2))
        one.sync()
    closes, names = ["fdatasync .open", "fsync "], ["fsync "]
    assert done == [*closes, *names, "fdatasync .open", "fdatasync .open"]
    one.close()


def test_several_trails_share_a_folder(tmp_path: Path) -> None:
    one, two = trail(tmp_path), trail(tmp_path)
    one.append(record(1))
    two.append(record(2))
    assert one.checkpoint()
    assert two.checkpoint()
    assert not two.checkpoint()
    two.append(record(3))
    one.close()
    two.close()
    report = verified(tmp_path)
    assert report.problems == []
    assert (report.trails, report.records, report.signed, report.checkpoints) == (2, 3, 3, 3)


def test_an_open_trail_is_verified_as_far_as_it_is_written(tmp_path: Path) -> None:
    one = trail(tmp_path)
    one.append(record(1))
    one.checkpoint()
    one.append(record(2))
    one.sync()
    assert one.path.name.endswith(OPEN)
    report = verified(tmp_path)
    assert (report.problems, report.records, report.signed) == ([], 2, 1)
    one.close()


def test_older_segments_that_are_gone_are_told_and_the_others_verified(tmp_path: Path) -> None:
    filled(tmp_path, 95, segment_bytes=2000)
    first, second, third = segment_files(tmp_path)[:3]
    first.unlink()
    second.unlink()
    report = verified(tmp_path)
    missing = f"{third.name}: segments 0 to 1 are missing before it"
    assert [str(one) for one in report.problems] == [missing]
    assert 0 < report.records < 95
    assert report.signed == 95


def test_closed_segments_may_be_compressed(tmp_path: Path) -> None:
    filled(tmp_path, 40, segment_bytes=2000)
    for path in segment_files(tmp_path):
        compressed = zstandard.ZstdCompressor().compress(path.read_bytes())
        path.with_suffix(COMPRESSED).write_bytes(compressed)
        path.unlink()
    assert (told(tmp_path), verified(tmp_path).records) == ([], 40)
    segment_files(tmp_path)[0].write_bytes(b"no zstd")
    assert "it cannot be decompressed" in told(tmp_path)[0]


# --- what somebody changes -----------------------------------------------------------------------


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    filled(tmp_path, 60, every=7, segment_bytes=1500)
    return tmp_path


def change(path: Path, old: bytes, new: bytes) -> None:
    data = path.read_bytes()
    assert old in data
    path.write_bytes(data.replace(old, new, 1))


def test_a_changed_record_is_named(kept: Path) -> None:
    change(segment_files(kept)[1], b'"decision"', b'"decisioN"')
    (problem,) = told(kept)
    assert "has other bytes than were written" in problem
    assert problem.startswith(segment_files(kept)[1].name)


def test_a_segment_made_anew_is_not_what_was_signed(kept: Path) -> None:
    path = segment_files(kept)[-1]
    header, _ = read_header(path.read_bytes())
    count = verified(kept).records - header.first
    path.unlink()
    forged = Segment(kept, header)
    for number in range(count):
        forged.append(record(1000 + number))
    forged.close()
    problems = told(kept)
    assert problems
    assert all("is not what was signed" in one for one in problems)


def test_a_cut_end_is_missing(kept: Path) -> None:
    segment_files(kept)[-1].unlink()
    (problem,) = told(kept)
    assert problem.startswith(f"{FILE}: of the 60 signed records of the trail ")


def test_a_trail_that_is_gone_is_missing(kept: Path) -> None:
    for path in segment_files(kept):
        path.unlink()
    (problem,) = told(kept)
    assert "all 60 records of the trail" in problem


def test_a_missing_segment_and_one_from_elsewhere_are_told(kept: Path) -> None:
    paths = segment_files(kept)
    paths[1].unlink()
    (problem,) = told(kept)
    assert problem == f"{paths[2].name}: segment 1 is missing before it"
    data = paths[2].read_bytes()
    header, end = read_header(data)
    moved = msgspec.structs.replace(header, number=1)
    paths[1].write_bytes(moved.line + data[end:])
    assert any("does not go on where the segment before it ended" in one for one in told(kept))


def test_peaks_that_are_none_vouch_for_nothing(kept: Path) -> None:
    first, second = segment_files(kept)[:2]
    first.unlink()
    data = second.read_bytes()
    header, end = read_header(data)
    other = Header(
        trail=header.trail,
        number=header.number,
        first=header.first,
        previous=header.previous,
        opened=header.opened,
        peaks=("no hex",),
    )
    second.write_bytes(other.line + data[end:])
    assert told(kept)


@pytest.mark.parametrize("data", [b"", b"no header\n", b'{"format":2,"trail":"x"}\n', b"\xff\n"])
def test_what_is_no_segment_is_told(tmp_path: Path, data: bytes) -> None:
    (tmp_path / f"x{CLOSED}").write_bytes(data)
    assert told(tmp_path)[0].startswith("x.seg: its ")


def test_a_header_of_another_format_is_told() -> None:
    header = Header(format=2, trail="x", number=0, first=0, previous="", opened=TIME)
    with pytest.raises(NoSegment, match="its format is 2"):
        read_header(header.line)


def test_a_torn_segment_that_is_closed_is_told(kept: Path) -> None:
    path = segment_files(kept)[-1]
    path.write_bytes(path.read_bytes()[:-3])
    assert any("the last record is not whole" in one for one in told(kept))


def test_problems_name_file_and_record() -> None:
    assert str(Problem("a.seg", 3, "why")) == "a.seg: record 3: why"
    assert str(Problem("a.seg", -1, "why")) == "a.seg: why"


# --- checkpoints ---------------------------------------------------------------------------------


def checkpoints(folder: Path) -> list[Checkpoint]:
    return list(opened(CheckpointFile(folder).notes(), KEYS))


def test_checkpoints_follow_each_other(kept: Path) -> None:
    found = checkpoints(kept)
    assert [one.size for one in found] == sorted(one.size for one in found)
    lines = (kept / FILE).read_bytes().splitlines(keepends=True)
    (kept / FILE).write_bytes(b"".join(lines[:2] + lines[3:]))
    assert told(kept)[0] == f"{FILE}: checkpoint 3 does not follow the one before it"


def test_a_checkpoint_of_another_key_is_refused(kept: Path) -> None:
    notes = list(CheckpointFile(kept).notes())
    text = open_note(notes[0], KEYS)
    other = Signer("someone", SIGNER.private)
    forged = other.sign(text)
    with pytest.raises(NoteError, match="checkpoint 1: no known key"):
        list(opened([forged, *notes[1:]], KEYS))


def test_a_line_that_a_crash_has_cut_is_written_anew(kept: Path) -> None:
    before = len(checkpoints(kept))
    with (kept / FILE).open("ab") as file:
        file.write(b'{"note":"half')
    assert len(checkpoints(kept)) == before
    one = trail(kept)
    one.append(record(1))
    one.close()
    assert len(checkpoints(kept)) == before + 1
    assert told(kept) == []


def test_a_line_that_is_none_is_told(kept: Path) -> None:
    with (kept / FILE).open("ab") as file:
        file.write(b"[]\n")
    assert f"{FILE}:" in told(kept)[0]
    assert "this is no checkpoint" in told(kept)[0]


def test_a_folder_may_have_half_a_line_alone(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b'{"note"')
    filled(tmp_path, 3)
    assert told(tmp_path) == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a\n1\n",
        "a/b\n1\nAAAA\nsegment 0 00\ntime x\nprevious \nmore\n",
        "a/b\n1\nAAAA\nsegments 0 00\ntime x\nprevious \n",
        "a/b\n01\nAAAA\nsegment 0 00\ntime x\nprevious \n",
        "a/b\n1\n!\nsegment 0 00\ntime x\nprevious \n",
    ],
)
def test_what_is_no_checkpoint_is_told(text: str) -> None:
    with pytest.raises(NoteError, match="this is no checkpoint of a trail"):
        read_checkpoint(text)
