"""Trails that somebody has changed who may write into their folder: told, and no reader's end."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from msgspec.structs import replace

from engine.storage import source as module
from engine.storage.checkpoints import FILE, CheckpointFile
from engine.storage.examine import Signed, examine
from engine.storage.frames import first_digest, make_frame, make_frames, read_frames
from engine.storage.header import CLOSED, OPEN, Header, read_header
from engine.storage.query import find
from engine.storage.read import read_folder
from engine.storage.source import segment_files, size_of
from engine.storage.tally import count
from engine.storage.verify import verify_folder
from engine.storage.wanted import Wanted, fields_of
from tests.storage.made import SIGNER, TIME, filled, record, told, trail, verified

DEEP = b'{"kind":"decision","x":' + b"[" * 100_000


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """A trail of 95 signed records in five segments."""
    filled(tmp_path, 95, segment_bytes=2000)
    assert told(tmp_path) == []
    return tmp_path


@pytest.mark.parametrize("begun", [b"", b'{"format":1'])
def test_an_empty_file_in_the_place_of_a_segment_does_not_stand_for_it(
    kept: Path, begun: bytes
) -> None:
    paths = segment_files(kept)
    for path in paths[1:3]:
        path.unlink()
        path.with_suffix(OPEN).write_bytes(begun)
    assert told(kept) == [f"{paths[3].name}: segments 1 to 2 are missing before it"]


@pytest.mark.parametrize("changed", [0, 2, 4])
def test_a_first_line_that_was_changed_with_all_that_follows_from_it_is_told(
    kept: Path, changed: int
) -> None:
    previous = ""
    for path in segment_files(kept):
        data = path.read_bytes()
        header, end = read_header(data)
        opened = "2020-01-01T00:00:00Z" if header.number == changed else header.opened
        made = replace(header, opened=opened, previous=previous or header.previous)
        frames, _, last = make_frames(
            first_digest(made.line),
            header.first,
            [one.payload for one in read_frames(data, end, first_digest(data[:end]), header.first)],
        )
        path.write_bytes(made.line + b"".join(frames))
        previous = last.hex()
    # What was signed last was signed in the last segment.
    last_file = segment_files(kept)[-1].name
    (told_last,) = [one for one in told(kept) if one.startswith(last_file)]
    assert "its first line, or one before it, is not what was signed" in told_last


def test_a_segment_that_was_signed_while_it_was_empty_may_have_been_begun_anew(kept: Path) -> None:
    path = segment_files(kept)[1]
    header, _ = read_header(path.read_bytes())
    empty = Signed(header.first, b"", TIME, header.number, b"of another first line")
    assert examine(path, [empty]).problems == []


def test_a_number_far_behind_the_others_is_told_at_once(kept: Path) -> None:
    number = 10**15
    header = Header(trail="f00d", number=number, first=0, previous="", opened=TIME)
    frame, _, _ = make_frame(first_digest(header.line), 0, record(0))
    path = kept / f"{header.name}{CLOSED}"
    path.write_bytes(header.line + frame)
    assert f"{path.name}: segments 0 to {number - 1} are missing before it" in told(kept)


def test_what_is_nested_without_end_among_the_checkpoints_is_told_and_signing_goes_on(
    kept: Path,
) -> None:
    path = kept / FILE
    with path.open("ab") as file:
        file.write(DEEP + b"\n")
    number = path.read_bytes().count(b"\n")
    assert told(kept) == [f"{FILE}: checkpoint {number}: this is no checkpoint"]
    one = trail(kept)
    one.append(record(0))
    assert one.checkpoint()
    one.close()
    assert len([note for note in CheckpointFile(kept).lines() if note is not None]) >= number
    assert told(kept) == [f"{FILE}: checkpoint {number}: this is no checkpoint"]


def test_a_record_that_is_nested_without_end_has_no_fields_and_ends_nobody(tmp_path: Path) -> None:
    one = trail(tmp_path)
    one.append(DEEP)
    one.append(record(1))
    one.checkpoint()
    assert [kept.sequence for kept in read_folder(tmp_path)] == [0, 1]
    one.close()
    assert fields_of(DEEP) == {}
    assert len(list(find(tmp_path, Wanted(kind="decision")))) == 1
    assert count(tmp_path, Wanted()).records == 2
    assert verified(tmp_path).problems == []


def test_a_copy_of_a_segment_under_another_name_is_read_too(kept: Path) -> None:
    first = segment_files(kept)[0]
    shutil.copy(first, kept / f"copy-00000000{CLOSED}")
    records = [one.sequence for one in read_folder(kept)]
    assert len(records) > 95
    assert records[:4] == [0, 0, 1, 1]


def test_what_cannot_be_opened_is_told_and_the_others_are_read(kept: Path) -> None:
    first = segment_files(kept)[0]
    first.unlink()
    first.symlink_to(first.name)  # It leads to itself.
    assert size_of(first) == 0
    wholly, chosen, counted = list[str](), list[str](), list[str]()
    lacking = len(list(read_folder(kept, wholly.append)))
    assert 0 < lacking < 95
    assert len(list(find(kept, Wanted(kind="decision"), told=chosen.append))) == lacking
    assert count(kept, Wanted(), told=counted.append).records == lacking
    for said in (wholly, chosen, counted):
        assert len(said) == 1
        assert said[0].startswith(f"{first.name} cannot be read: ")
    for path in segment_files(kept)[1:]:
        path.unlink()
    with pytest.raises(OSError, match="symbolic links"):
        list(read_folder(kept, wholly.append))
    assert first.name in verify_folder(kept, [SIGNER.verifier]).problems[0].file


def test_a_file_that_would_fill_the_memory_is_told(
    kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_MOST_BYTES", 10_000)
    last = segment_files(kept)[-1]
    with last.open("r+b") as file:
        file.truncate(20_000)
    assert f"{last.name}: record " in told(kept)[0]
    assert "it has over 10000 bytes" in told(kept)[0]
