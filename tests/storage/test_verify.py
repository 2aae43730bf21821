from __future__ import annotations

import fcntl
import os
from itertools import pairwise
from pathlib import Path
from struct import unpack_from
from time import time_ns

import msgspec
import pytest

from engine.storage.checkpoints import FILE, CheckpointFile, Line
from engine.storage.examine import Problem
from engine.storage.frames import HEAD, OVERHEAD, first_digest, make_frame, scan_frames
from engine.storage.header import CLOSED, OPEN, read_header
from engine.storage.moment import time_of
from engine.storage.notes import Signer
from engine.storage.segment import Segment, recover
from engine.storage.source import COMPRESSED, compressed, segment_files
from engine.storage.tending import FILE as TENDING
from engine.storage.tending import tending
from engine.storage.verify import verify_folder
from tests.storage.made import SIGNER, TIME, filled, told, trail, verified

KEYS = [SIGNER.verifier]


def timed(number: int) -> bytes:
    return f'{{"kind":"decision","time":"2026-01-01T00:00:{number:02d}Z","n":{number}}}'.encode()


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """A trail of forty records in several segments, all signed."""
    one = trail(tmp_path, segment_bytes=1000)
    for number in range(40):
        one.append(timed(number))
        if number % 7 == 6:
            one.checkpoint()
    one.close()
    return tmp_path


def pieces(path: Path) -> tuple[bytes, list[bytes]]:
    """Return the header of a segment and its frames."""
    data = path.read_bytes()
    header, start = read_header(data)
    found = scan_frames(data, start, first_digest(data[:start]), header.first)
    ends = [start, *found.ends]
    return data[:start], [data[a:b] for a, b in pairwise(ends)]


def second(folder: Path) -> Path:
    return segment_files(folder)[1]


def about(folder: Path, path: Path) -> list[Problem]:
    return [one for one in verified(folder).problems if one.file == path.name]


def test_an_altered_record_is_named_with_its_number_and_the_time_before_it(kept: Path) -> None:
    path = second(kept)
    first = read_header(path.read_bytes())[0].first
    path.write_bytes(path.read_bytes().replace(b'"n":%d' % (first + 2), b'"n":99', 1))
    (problem,) = about(kept, path)
    assert problem.record == first + 2
    assert problem.time == f"2026-01-01T00:00:{first + 1:02d}Z"
    assert f"record {first + 2} has other bytes than were written" in problem.why
    assert f"record {first + 2} (after {problem.time})" in str(problem)


def test_a_missing_record_is_named(kept: Path) -> None:
    path = second(kept)
    head, frames = pieces(path)
    first = read_header(head)[0].first
    path.write_bytes(head + b"".join(frames[:1] + frames[2:]))
    (problem,) = about(kept, path)
    assert problem.record == first + 1
    assert f"record {first + 1} is missing" in problem.why
    path.write_bytes(head + b"".join(frames[:1] + frames[4:]))
    assert f"records {first + 1} to {first + 3} are missing" in about(kept, path)[0].why


def test_swapped_records_are_named(kept: Path) -> None:
    path = second(kept)
    head, frames = pieces(path)
    path.write_bytes(head + b"".join([frames[0], frames[2], frames[1], *frames[3:]]))
    (problem,) = about(kept, path)
    assert problem.record == read_header(head)[0].first + 1
    assert "they are in another order than they were written in" in problem.why


def test_a_replayed_record_is_named(kept: Path) -> None:
    path = second(kept)
    head, frames = pieces(path)
    path.write_bytes(head + b"".join([*frames[:3], frames[1], *frames[3:]]))
    (problem,) = about(kept, path)
    assert problem.record == read_header(head)[0].first + 3
    assert "it belongs further ahead or in another segment, and is put here" in problem.why


def test_an_earlier_record_from_another_segment_is_not_said_to_have_been_in_this_one(
    kept: Path,
) -> None:
    other, path = segment_files(kept)[1:3]
    head, frames = pieces(path)
    foreign = pieces(other)[1][0]
    path.write_bytes(head + b"".join([*frames[:2], foreign, *frames[3:]]))
    (problem,) = about(kept, path)
    assert problem.record == read_header(head)[0].first + 2
    assert "it belongs further ahead or in another segment, and is put here" in problem.why


def test_a_record_from_another_segment_is_named(kept: Path) -> None:
    path, other = segment_files(kept)[1:3]
    head, frames = pieces(path)
    _, foreign = pieces(other)
    number = read_header(head)[0].first + 2
    # With a number that fits, so that only the chain can tell.
    moved = HEAD.pack(*HEAD.unpack_from(foreign[0])[:2], number) + foreign[0][HEAD.size :]
    path.write_bytes(head + b"".join([*frames[:2], moved, *frames[3:]]))
    (problem,) = about(kept, path)
    assert problem.record == number
    assert "is not chained to the one before it" in problem.why


def test_a_segment_under_the_name_of_another_is_told(kept: Path) -> None:
    path, other = segment_files(kept)[1:3]
    path.write_bytes(other.read_bytes())
    assert f"it is the segment {other.name.removesuffix(CLOSED)}" in about(kept, path)[0].why


def test_a_segment_of_a_future_format_is_told(kept: Path) -> None:
    path = second(kept)
    path.write_bytes(path.read_bytes().replace(b'"format":1', b'"format":9', 1))
    assert "its format is 9, and only 1 is known" in about(kept, path)[0].why


@pytest.mark.parametrize("form", ["compressed", "cut", "empty", "no header", "another header"])
def test_a_segment_that_cannot_be_read_is_named_with_its_first_record(
    kept: Path, form: str
) -> None:
    path = second(kept)
    data, first = path.read_bytes(), read_header(path.read_bytes())[0].first
    broken = path
    if form in {"compressed", "cut"}:
        broken = path.with_suffix(COMPRESSED)
        pressed = bytearray(compressed(data))
        pressed[len(pressed) // 2] ^= 1
        broken.write_bytes(pressed if form == "compressed" else compressed(data)[:-9])
        path.unlink()
    elif form == "another header":
        path.write_bytes(data.replace(b'"peaks":[', b'"peaks":["00",', 1))
    else:
        path.write_bytes(b"" if form == "empty" else b"no header\n" + data)
    (problem,) = verified(kept).problems
    assert (problem.file, problem.record) == (broken.name, first)
    assert problem.time == timed_at(first - 1)
    assert problem.why.startswith(
        ("it cannot be decompressed: ", "it is cut", "its first line is ")
    )


def test_of_a_compressed_segment_the_first_record_is_named_that_cannot_be_read(kept: Path) -> None:
    path = second(kept)
    head, frames = pieces(path)
    first = read_header(head)[0].first
    # The damaged piece begins in the middle of the third record.
    parts = [head + b"".join(frames[:2]) + frames[2][:9], frames[2][9:] + b"".join(frames[3:])]
    pressed = [compressed(one) for one in parts]
    broken = path.with_suffix(COMPRESSED)
    broken.write_bytes(pressed[0] + pressed[1][:-1] + bytes([pressed[1][-1] ^ 1]))
    path.unlink()
    (problem,) = verified(kept).problems
    assert (problem.file, problem.record) == (broken.name, first + 2)
    assert problem.time == timed_at(first + 1)
    assert problem.why.startswith("it cannot be decompressed: ")

    altered = parts[0].replace(frames[0][20:30], b"x" * 10)
    broken.write_bytes(compressed(altered) + pressed[1][:-1] + bytes([pressed[1][-1] ^ 1]))
    (problem,) = verified(kept).problems
    assert (problem.record, problem.why.startswith("it cannot be")) == (first, False)


def timed_at(number: int) -> str:
    return str(msgspec.json.decode(timed(number))["time"])


def test_checkpoints_in_another_order_are_told_at_once(kept: Path) -> None:
    path = kept / FILE
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:1], lines[2], lines[1], *lines[3:]]))
    assert told(kept) == [f"{FILE}: checkpoints 2 to 4 do not follow the one before it"]


def test_a_wrong_signature_is_told(kept: Path) -> None:
    lines = (kept / FILE).read_bytes().splitlines(keepends=True)
    note = msgspec.json.decode(lines[1], type=Line).note
    forged = note.replace("time 2026", "time 2027")
    lines[1] = msgspec.json.encode(Line(forged)) + b"\n"
    (kept / FILE).write_bytes(b"".join(lines))
    problem = verified(kept).problems[0]
    assert (problem.file, problem.record) == (FILE, -1)
    assert problem.why == "checkpoint 2: the signature of `audit.example` is wrong"


def damaged(folder: Path, number: int, line: bytes) -> None:
    """Put *line* where the checkpoint of this number (from 1 on) was."""
    lines = (folder / FILE).read_bytes().splitlines(keepends=True)
    lines[number - 1] = line
    (folder / FILE).write_bytes(b"".join(lines))


@pytest.mark.parametrize("line", [b"no line\n", b"\r\xff\n", b"{}\n", b'{"note":"none"}\n'])
def test_a_damaged_checkpoint_is_named_and_takes_nothing_from_the_others(
    kept: Path, line: bytes
) -> None:
    count = verified(kept).checkpoints
    damaged(kept, 2, line)
    report = verified(kept)
    (problem,) = report.problems
    assert (problem.file, problem.record) == (FILE, -1)
    assert problem.why.startswith("checkpoint 2: this is no")
    assert (report.signed, report.checkpoints) == (40, count - 1)


def test_what_is_signed_behind_a_damaged_line_follows_what_stands_before_it(
    tmp_path: Path,
) -> None:
    one = trail(tmp_path)
    for number in range(3):
        one.append(timed(number))
        one.checkpoint()
    damaged(tmp_path, 3, b"torn\n")
    one.append(timed(3))
    one.close()
    report = verified(tmp_path)
    assert [one.why for one in report.problems] == ["checkpoint 3: this is no checkpoint"]
    assert report.signed == 4


def test_damaged_lines_in_a_row_are_told_at_once(kept: Path) -> None:
    for number in (2, 3, 5):
        damaged(kept, number, b"torn\n")
    assert told(kept) == [
        f"{FILE}: checkpoints 2 to 3: this is no checkpoint",
        f"{FILE}: checkpoint 5: this is no checkpoint",
    ]


def test_cut_checkpoints_do_not_look_fine(kept: Path) -> None:
    lines = (kept / FILE).read_bytes().splitlines(keepends=True)
    (kept / FILE).write_bytes(b"".join(lines[:2]))
    report = verified(kept)
    (problem,) = report.problems
    assert (problem.file, problem.record) == (segment_files(kept)[-1].name, 14)
    assert problem.why.startswith("26 of 40 records of the trail")
    assert (report.unsigned, report.unsigned_newest) == (26, "2026-01-01T00:00:39Z")
    (kept / FILE).unlink()
    report = verified(kept)
    assert (len(report.problems), report.unsigned) == (1, 40)


def test_a_closed_trail_without_times_or_signatures_is_told(tmp_path: Path) -> None:
    filled(tmp_path, 5)
    (tmp_path / FILE).unlink()
    report = verified(tmp_path)
    assert (len(report.problems), report.unsigned, report.unsigned_newest) == (1, 5, "")


def test_what_a_crash_leaves_unsigned_is_told_and_is_no_problem(tmp_path: Path) -> None:
    one = trail(tmp_path)
    for number in range(5):
        one.append(timed(number))
        if number == 2:
            one.checkpoint()
    one._segment.drop()
    report = verified(tmp_path)
    assert (report.problems, report.signed, report.unsigned) == ([], 3, 2)
    assert report.unsigned_newest == "2026-01-01T00:00:04Z"


def test_more_than_a_crash_leaves_unsigned_is_a_problem(tmp_path: Path) -> None:
    one = trail(tmp_path, segment_bytes=1000)
    for number in range(40):
        one.append(timed(number))
    one._segment.drop()
    assert verify_folder(tmp_path, KEYS, patience=39).problems == []
    (problem,) = verify_folder(tmp_path, KEYS, patience=38).problems
    assert problem.why.startswith("40 of 40 records of the trail")


def test_what_was_recorded_just_now_may_be_unsigned(tmp_path: Path) -> None:
    one = trail(tmp_path, segment_bytes=300)
    for number in range(8):
        time = time_of(time_ns() // 1000)
        one.append(f'{{"kind":"decision","time":"{time}","n":{number}}}'.encode())
    assert len(segment_files(tmp_path)) > 1
    report = verified(tmp_path)
    assert (report.problems, report.unsigned) == ([], 0)
    # A process may have closed its trail since the checkpoints were read.
    one.close()
    (tmp_path / FILE).unlink()
    report = verified(tmp_path)
    assert (report.problems, report.unsigned) == ([], 0)


def test_a_cut_tail_is_told(kept: Path) -> None:
    path = segment_files(kept)[-1]
    head, frames = pieces(path)
    path.write_bytes(head + b"".join(frames[:-2]))
    assert any("of the 40 signed records of the trail" in one for one in told(kept))


def test_a_trail_made_anew_with_its_checkpoints_differs_from_a_copy(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    filled(tmp_path / "a", 20)
    copy = list(CheckpointFile(tmp_path / "a").notes())
    name = segment_files(tmp_path / "a")[0].name.partition("-")[0]
    # Who has the key makes all of it anew, without a record, and signs it.
    (tmp_path / "b").mkdir()
    one = trail(tmp_path / "b")
    forged = Segment(tmp_path / "b", msgspec.structs.replace(one._segment.header, trail=name))
    one._segment.drop()
    one._segment.path.unlink()
    one._segment, one.name = forged, name
    for number in range(20):
        one.append(timed(number + 1))
    one.close()
    assert told(tmp_path / "b") == []
    problems = verify_folder(tmp_path / "b", KEYS, copy=copy).problems
    assert any("it vouches for other records than the copy" in one.why for one in problems)
    assert any("is not what was signed" in one.why for one in problems)


def test_a_copy_tells_of_checkpoints_that_were_cut_with_their_records(kept: Path) -> None:
    copy = list(CheckpointFile(kept).notes())
    lines = (kept / FILE).read_bytes().splitlines(keepends=True)
    (kept / FILE).write_bytes(b"".join(lines[:3]))
    size = 21
    for path in segment_files(kept):
        head, frames = pieces(path)
        first = read_header(head)[0].first
        if first >= size:
            path.unlink()
        else:
            path.write_bytes(head + b"".join(frames[: size - first]))
    assert told(kept) == []
    problems = [str(one) for one in verify_folder(kept, KEYS, copy=copy).problems]
    assert sum("the checkpoint of" in one and "is missing" in one for one in problems) == 3
    assert any("of the 40 signed records" in one for one in problems)


def test_a_note_of_a_copy_that_nobody_signed_is_told(kept: Path) -> None:
    stranger = Signer("stranger", SIGNER.private).sign("x\n")
    (problem,) = verify_folder(kept, KEYS, copy=["no note", stranger]).problems[:1]
    assert problem.file == "the copy of the checkpoints"
    assert problem.why == "note 1: this is no signed note"


def test_several_processes_find_the_same(kept: Path) -> None:
    path = second(kept)
    path.write_bytes(path.read_bytes().replace(b"decision", b"decisioN", 1))
    assert verify_folder(kept, KEYS, jobs=2) == verified(kept)


def test_compressed_segments_are_verified_piece_by_piece(kept: Path) -> None:
    for path in segment_files(kept):
        path.with_suffix(COMPRESSED).write_bytes(compressed(path.read_bytes()))
        path.unlink()
    report = verified(kept)
    assert (report.problems, report.records, report.signed) == ([], 40, 40)


def test_what_a_recovery_cut_is_told_and_is_no_problem(tmp_path: Path) -> None:
    one = trail(tmp_path)
    one.append(timed(1))
    one.checkpoint()
    path = one.path
    one._segment.drop()
    with path.open("ab") as file:
        file.write(make_frame(b"", 1, b"half")[0][: OVERHEAD - 5])
    assert recover(path, TIME) is not None
    report = verified(tmp_path)
    assert report.problems == []
    (cut,) = report.cuts
    assert (cut.file, cut.record, cut.time) == (path.with_suffix(CLOSED).name, 1, TIME)
    assert cut.why == f"{OVERHEAD - 5} bytes of a record that a crash left half written were cut"


def test_who_prunes_waits_while_it_is_verified(kept: Path) -> None:
    seen: list[bool] = []

    def told_of(_: int) -> None:
        with tending(kept) as mine:
            seen.append(mine)

    verify_folder(kept, KEYS, told_of)
    assert set(seen) == {False}
    with tending(kept) as mine:
        assert mine


def test_a_folder_that_cannot_be_locked_is_verified_too(kept: Path) -> None:
    (kept / TENDING).unlink(missing_ok=True)
    (kept / TENDING).mkdir()
    assert told(kept) == []


def test_an_open_segment_that_was_only_begun_is_fine(kept: Path) -> None:
    (kept / f"aa-00000000{OPEN}").write_bytes(b'{"format"')
    assert told(kept) == []


def test_segments_of_a_trail_that_goes_on_elsewhere_are_told(kept: Path) -> None:
    first, *_ = segment_files(kept)
    head, frames = pieces(first)
    header = read_header(head)[0]
    number = unpack_from("<IIQ", frames[-1])[2]
    assert header.first <= number
    first.write_bytes(head + b"".join(frames[:-1]))
    problems = [str(one) for one in verified(kept).problems]
    assert f"{second(kept).name}: it does not go on where the segment before it ended" in problems


def test_a_lock_is_given_back(tmp_path: Path) -> None:
    with tending(tmp_path, wait=True) as mine:
        assert mine
    file = os.open(tmp_path / TENDING, os.O_RDWR)
    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(file)
