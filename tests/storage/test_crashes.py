"""What crashes and disks do to a trail."""

from __future__ import annotations

import errno
import fcntl
import os
from pathlib import Path

import pytest

from engine.storage.checkpoints import FILE, CheckpointFile
from engine.storage.frames import Altered, Frame, first_digest, read_frames
from engine.storage.header import CLOSED, OPEN, lost_of, read_header
from engine.storage.read import read_folder
from engine.storage.recovery import recover_signed
from engine.storage.segment import recover
from engine.storage.source import segment_files
from engine.storage.trail import Trail
from tests.storage.made import SIGNER, TIME, record, told, trail, verified
from tests.storage.mounts import told_until_killed


def orphan(folder: Path, count: int = 5) -> tuple[Path, bytes]:
    """Return an open segment whose writer is gone, and its bytes."""
    one = trail(folder)
    for number in range(count):
        one.append(record(number))
    one.checkpoint()
    path = one.path
    one._segment.drop()
    return path, path.read_bytes()


def test_what_a_crash_has_cut_is_closed_at_the_last_whole_record(tmp_path: Path) -> None:
    path, data = orphan(tmp_path)
    _, end = read_header(data)
    whole = 0
    for cut in range(end, len(data) + 1):
        path.write_bytes(data[:cut])
        closed = recover(path, TIME)
        assert closed == path.with_suffix(CLOSED)
        text = closed.read_bytes()
        assert text.count(b'"kind":"cut"') == 1
        found = text.count(b'"kind":"decision"')
        assert found >= whole
        whole = found
        report = verified(tmp_path)
        assert report.records == found
        assert (report.problems == []) == (found == 5)
        closed.unlink()
    assert whole == 5


def test_zeros_and_a_last_record_that_never_came_to_the_disk_are_cut(tmp_path: Path) -> None:
    path, data = orphan(tmp_path)
    path.write_bytes(data + bytes(4096))
    closed = recover(path, TIME)
    assert closed is not None
    assert verified(tmp_path).records == 5
    closed.unlink()
    path.write_bytes(data[:-40] + bytes(40))
    assert recover(path, TIME) is not None
    assert verified(tmp_path).records == 4


def test_a_segment_that_was_only_begun_is_none(tmp_path: Path) -> None:
    path, data = orphan(tmp_path)
    for cut in (0, 7, data.index(b"\n")):
        begun = tmp_path / f"begun{OPEN}"
        begun.write_bytes(data[:cut])
        assert told(tmp_path) == []
        assert len(list(read_folder(tmp_path))) == 5
        assert recover(begun, TIME) is None
        assert not begun.exists()
    assert path.exists()


def test_what_somebody_has_changed_is_not_recovered(tmp_path: Path) -> None:
    path, data = orphan(tmp_path)
    path.write_bytes(data.replace(b'"number":1', b'"number":7'))
    with pytest.raises(Altered):
        recover(path, TIME)
    assert path.exists()


def test_a_segment_that_is_written_is_left_alone(tmp_path: Path) -> None:
    one = trail(tmp_path)
    one.append(record(1))
    assert recover(one.path, TIME) is None
    assert recover(tmp_path / "gone.open", TIME) is None
    one.close()


def test_whoever_recovers_later_finds_nothing_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, _ = orphan(tmp_path)
    monkeypatch.setattr(fcntl, "flock", lambda *_: path.unlink())
    assert recover(path, TIME) is None


def test_a_recovery_for_which_there_is_no_room_cuts_and_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, data = orphan(tmp_path)
    write = os.write
    monkeypatch.setattr(os, "write", lambda file, data: write(file, data[:9]))
    with pytest.raises(OSError, match="No space left"):
        recover(path, TIME)
    monkeypatch.undo()
    assert path.read_bytes() == data
    assert recover(path, TIME) is not None


WRITER = """
import sys
from pathlib import Path
from tests.storage.made import record, trail
one = trail(Path(sys.argv[1]), segment_bytes=4000)
number = 0
while True:
    one.append(record(number))
    print(number, flush=True)
    number += 1
    if number % 50 == 0:
        one.checkpoint()
"""


@pytest.mark.slow
@pytest.mark.parametrize("rounds", [6])
def test_no_record_that_was_answered_is_lost_when_its_process_is_killed(
    tmp_path: Path, rounds: int
) -> None:
    for number in range(rounds):
        folder = tmp_path / str(number)
        folder.mkdir()
        answered = told_until_killed(WRITER, folder, 300 + 97 * number)
        for path in sorted(folder.glob(f"*{OPEN}")):
            assert recover_signed(path, SIGNER, TIME) is not None
            assert not path.exists()
        report = verified(folder)
        assert (report.problems, report.unsigned) == ([], 0)
        assert report.records > answered


@pytest.mark.parametrize("name", ["fdatasync", "write"])
def test_a_crash_of_who_recovers_before_all_is_signed_leaves_it_to_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    one = trail(tmp_path)
    for number in range(5):
        one.append(record(number))
    one._segment.drop()
    with one.path.open("ab") as file:
        file.write(b"torn")
    call = getattr(os, name)

    def crash(file: int, *data: bytes) -> object:
        if CheckpointFile(tmp_path).path.exists():  # It is at the signature.
            raise KeyboardInterrupt
        return call(file, *data)

    with monkeypatch.context() as patch:
        patch.setattr(os, name, crash)
        with pytest.raises(KeyboardInterrupt):
            recover_signed(one.path, SIGNER, TIME)
    assert one.path.exists()
    assert recover_signed(one.path, SIGNER, TIME) == one.path.with_suffix(CLOSED)
    report = verified(tmp_path)
    assert (report.problems, report.records, report.signed, report.unsigned) == ([], 5, 5, 0)
    cuts = [lost_of(frame) for frame in frames_of(one.path.with_suffix(CLOSED))]
    assert cuts == [0, 0, 0, 0, 0, 4]


def frames_of(path: Path) -> list[Frame]:
    data = path.read_bytes()
    header, end = read_header(data)
    return list(read_frames(data, end, first_digest(data[:end]), header.first))


def test_what_was_not_even_begun_leaves_the_trail_signed(tmp_path: Path) -> None:
    one = trail(tmp_path)
    for number in range(5):
        one.append(record(number))
    path = one.path
    one._segment.close()
    following = path.with_name(f"{one.name}-00000001{OPEN}")
    following.write_bytes(b'{"format":1,"tra')
    assert recover_signed(following, SIGNER, TIME) == path.with_suffix(CLOSED)
    assert not following.exists()
    report = verified(tmp_path)
    assert (report.problems, report.signed, report.unsigned) == ([], 5, 0)
    assert recover_signed(following, SIGNER, TIME) is not None  # Once more does no harm.
    assert verified(tmp_path).problems == []


def test_what_somebody_writes_or_was_the_first_is_left(tmp_path: Path) -> None:
    one = trail(tmp_path)
    one.append(record(0))
    assert recover_signed(one.path, SIGNER, TIME) is None
    first = tmp_path / f"{'ab' * 8}-00000000{OPEN}"
    first.write_bytes(b"{")
    assert recover_signed(first, SIGNER, TIME) is None
    assert not first.exists()
    one.close()


# --- disks ---------------------------------------------------------------------------------------


def test_a_disk_that_is_full_keeps_nothing_of_a_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = trail(tmp_path)
    one.append(record(0))
    write = os.write

    def full(file: int, data: bytes) -> int:
        if len(data) < 20:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(file, data[: len(data) - 10])

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(OSError, match="No space left"):
        one.append(record(1))
    monkeypatch.undo()
    one.append(record(2))
    one.close()
    assert (told(tmp_path), verified(tmp_path).records) == ([], 2)


def test_a_short_write_is_gone_on_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = trail(tmp_path)
    write = os.write
    monkeypatch.setattr(os, "write", lambda file, data: write(file, data[:7]))
    one.append(record(1))
    monkeypatch.undo()
    one.close()
    assert (told(tmp_path), verified(tmp_path).records) == ([], 1)


def test_after_a_failed_sync_a_new_segment_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = trail(tmp_path)
    one.append(record(0))

    def fails(_file: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fdatasync", fails)
    with pytest.raises(OSError, match="Input/output error"):
        one.sync()
    monkeypatch.undo()
    with pytest.raises(OSError, match="cannot be brought to the disk"):
        one._segment.append(record(9))
    one.append(record(1))
    one.close()
    paths = segment_files(tmp_path)
    assert [one.name.endswith(OPEN) for one in paths] == [True, False]
    assert recover(paths[0], TIME) is not None
    assert (told(tmp_path), verified(tmp_path).records) == ([], 2)


def test_a_careful_trail_goes_on_when_what_the_disk_may_not_have_is_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = Trail(tmp_path, SIGNER, time=lambda: TIME, careful=True)
    one.append(record(0))
    one.sync()
    one.append(record(1))

    def fails(_file: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fdatasync", fails)
        with pytest.raises(OSError, match="Input/output error"):
            one.sync()
    with pytest.raises(OSError, match="cannot be brought to the disk"):
        one.append(record(2))
    one.rewind()
    one.append_all([record(1), record(2)])
    one.close()
    for path in tmp_path.glob(f"*{OPEN}"):
        assert recover(path, TIME) is not None
    assert (told(tmp_path), verified(tmp_path).records) == ([], 3)


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        trail(tmp_path / "gone")


def test_a_segment_whose_header_cannot_be_written_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_file: int, _data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(OSError, match="No space left"):
        trail(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_checkpoint_that_cannot_be_written_whole_leaves_the_file_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one: Trail = trail(tmp_path)
    one.append(record(0))
    write = os.write
    monkeypatch.setattr(os, "write", lambda file, data: write(file, data[:-5]))
    with pytest.raises(OSError, match="No space left"):
        one.checkpoint()
    monkeypatch.undo()
    assert (tmp_path / FILE).read_bytes() == b""
    one.close()
    assert verified(tmp_path).signed == 1


def test_a_pipe_in_the_place_of_a_segment_is_not_waited_for(tmp_path: Path) -> None:
    pipe = tmp_path / f"{'ab' * 8}-00000000{OPEN}"
    os.mkfifo(pipe)
    with pytest.raises(OSError, match="no regular file"):
        recover_signed(pipe, SIGNER, TIME)
    assert pipe.is_fifo()
