from __future__ import annotations

import os
import resource
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from pathlib import Path

import msgspec
import pytest

from engine.service.entries import AdminEntry, ContentEntry, Entry
from engine.service.journal import Journal
from engine.service.record import RecordError


def entry(number: int, **advice: object) -> Entry:
    return Entry(
        time="2026-01-01T00:00:00Z",
        decision_id=f"d{number}",
        revision="abc",
        tenant="north",
        user="u",
        stage="request",
        action="allow",
        effective_action="allow",
        evaluated_in=1,
        advice=advice,
    )


def lines(path: Path) -> list[dict[str, object]]:
    text = path.read_bytes()
    assert text.endswith(b"\n") or not text
    return [msgspec.json.decode(line) for line in text.splitlines()]


def ids(path: Path) -> list[object]:
    return [line.get("decision_id", f"lost {line.get('lost')}") for line in lines(path)]


@contextmanager
def full_disk(size: int) -> Iterator[None]:
    """Let no file grow beyond *size*: as on a full disk, a write is short, the next one fails."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_each_entry_is_one_line_after_those_of_earlier_runs(tmp_path: Path) -> None:
    path = tmp_path / "decisions.jsonl"
    for number in range(3):
        journal = Journal(path, "deny")
        journal.write(entry(number))
        journal.close()
    assert ids(path) == ["d0", "d1", "d2"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_values_that_json_does_not_know_are_written_as_text(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "d", "deny")
    journal.write(entry(1, source=ip_address("10.0.0.1")))
    journal.close()
    assert lines(tmp_path / "d")[0]["advice"] == {"source": "10.0.0.1"}


def test_content_is_for_the_trail_alone(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "d", "deny")
    journal.write(msgspec.structs.replace(entry(1), content=ContentEntry(text="my secret")))
    journal.close()
    [line] = lines(tmp_path / "d")
    assert (line["decision_id"], "content" in line) == ("d1", False)


def test_what_is_no_decision_is_for_the_trail_too(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "d", "deny")
    journal.write(AdminEntry(time="2026-01-01T00:00:00Z", act="started"))
    journal.close()
    assert lines(tmp_path / "d") == []


def test_a_full_disk_denies_and_leaves_whole_lines(tmp_path: Path) -> None:
    path = tmp_path / "d"
    journal = Journal(path, "deny")
    journal.write(entry(0))
    with full_disk(path.stat().st_size + 20), pytest.raises(RecordError, match="File too large"):
        journal.write(entry(1))
    assert ids(path) == ["d0"]
    journal.write(entry(2))
    assert ids(path) == ["d0", "d2"]
    assert journal.dropped == 0
    journal.close()


def test_drop_counts_what_is_lost_and_tells_it_in_the_record(tmp_path: Path) -> None:
    path = tmp_path / "d"
    journal = Journal(path, "drop")
    journal.write(entry(0))
    with full_disk(path.stat().st_size):
        journal.write(entry(1))
        journal.write(entry(2))
    assert journal.dropped == 2
    journal.write(entry(3))
    journal.write(entry(4))
    journal.close()
    assert ids(path) == ["d0", "lost 2", "d3", "d4"]


def test_a_write_that_the_kernel_splits_is_completed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.write
    journal = Journal(tmp_path / "d", "deny")
    monkeypatch.setattr(os, "write", lambda file, data: real(file, data[:7]))
    journal.write(entry(0))
    journal.close()
    assert ids(tmp_path / "d") == ["d0"]


def test_a_line_that_a_crash_cut_short_stands_alone(tmp_path: Path) -> None:
    path = tmp_path / "d"
    path.write_bytes(b'{"decision_id":"d0"}\n{"decisi')
    journal = Journal(path, "deny")
    journal.write(entry(1))
    journal.close()
    rows = path.read_bytes().splitlines()
    assert rows[1] == b'{"decisi'
    assert msgspec.json.decode(rows[2])["decision_id"] == "d1"


def test_reopening_follows_a_rotation(tmp_path: Path) -> None:
    path = tmp_path / "d"
    journal = Journal(path, "deny")
    journal.write(entry(0))
    journal.reopen()
    journal.write(entry(1))
    path.rename(tmp_path / "d.1")
    journal.write(entry(2))
    journal.reopen()
    journal.write(entry(3))
    journal.close()
    assert (ids(tmp_path / "d.1"), ids(path)) == (["d0", "d1", "d2"], ["d3"])


def test_a_rotation_that_fails_goes_on_in_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "d"
    journal = Journal(path, "deny")
    path.rename(tmp_path / "d.1")
    path.mkdir()
    with pytest.raises(RecordError, match="cannot open"):
        journal.reopen()
    journal.write(entry(0))
    journal.close()
    assert ids(tmp_path / "d.1") == ["d0"]


def test_two_writers_of_one_file_are_refused(tmp_path: Path) -> None:
    first = Journal(tmp_path / "d", "deny")
    with pytest.raises(RecordError, match="another process records"):
        Journal(tmp_path / "d", "deny")
    first.close()
    Journal(tmp_path / "d", "deny").close()


def test_a_torn_line_on_a_full_disk_is_told_at_the_start(tmp_path: Path) -> None:
    path = tmp_path / "d"
    path.write_bytes(b"torn")
    with full_disk(4), pytest.raises(RecordError, match="cannot write"):
        Journal(path, "deny")


def test_a_folder_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="No such file"):
        Journal(tmp_path / "gone" / "d", "deny")


def test_a_closed_journal_keeps_nothing_and_can_be_closed_again(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "d", "deny")
    journal.close()
    journal.close()
    with pytest.raises(RecordError, match="Bad file descriptor"):
        journal.write(entry(0))


@pytest.mark.parametrize("kind", ["device", "pipe"])
def test_a_device_or_a_pipe_is_nobodys_own(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "pipe" if kind == "pipe" else Path("/dev/full")
    if kind == "pipe":
        os.mkfifo(path)
    writers = [Journal(path, "deny", shared=shared) for shared in (False, True, False, True)]
    for number, writer in enumerate(writers):
        if kind == "pipe":
            writer.write(entry(number))
        else:
            with pytest.raises(RecordError, match="No space left"):
                writer.write(entry(number))
    if kind == "pipe":
        with path.open("rb", buffering=0) as reader:
            said = [msgspec.json.decode(line) for line in reader.read(100_000).splitlines()]
        assert [one["decision_id"] for one in said] == ["d0", "d1", "d2", "d3"]
    for writer in writers:
        writer.close()


# --- several processes ---------------------------------------------------------------------------


def test_processes_that_share_it_append_whole_lines_in_turn(tmp_path: Path) -> None:
    path = tmp_path / "d"
    children = []
    for number in range(3):
        child = os.fork()
        if child == 0:
            journal = Journal(path, "deny", shared=True)
            for count in range(200):
                journal.write(entry(1000 * number + count, said="x" * 5000))
            os._exit(0)
        children.append(child)
    assert all(os.waitpid(one, 0)[1] == 0 for one in children)
    wanted = {f"d{1000 * number + count}" for number in range(3) for count in range(200)}
    assert set(ids(path)) == wanted
    assert len(ids(path)) == 600


def test_a_piece_that_a_killed_process_left_does_not_spoil_the_next_line(tmp_path: Path) -> None:
    path = tmp_path / "d"
    first, second = (Journal(path, "deny", shared=True) for _ in range(2))
    first.write(entry(1))
    with path.open("ab") as killed:
        killed.write(b'{"time":"2026')
    second.write(entry(2))
    assert path.read_bytes().splitlines()[1] == b'{"time":"2026'
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[::2]))
    assert ids(path) == ["d1", "d2"]
    first.close()
    second.close()


def test_what_processes_share_nobody_has_alone(tmp_path: Path) -> None:
    path = tmp_path / "d"
    shared = Journal(path, "deny", shared=True)
    with pytest.raises(RecordError, match="another process records into"):
        Journal(path, "deny")
    shared.reopen()
    shared.write(entry(1))
    shared.close()
    alone = Journal(path, "deny")
    with pytest.raises(RecordError, match="another process records into"):
        Journal(path, "deny", shared=True)
    alone.close()
    assert ids(path) == ["d1"]


def test_a_short_write_is_taken_back_among_several_too(tmp_path: Path) -> None:
    path = tmp_path / "d"
    journal = Journal(path, "deny", shared=True)
    other = Journal(path, "drop", shared=True)
    journal.write(entry(1))
    with full_disk(path.stat().st_size + 10):
        with pytest.raises(RecordError, match="cannot write"):
            journal.write(entry(2))
        other.write(entry(3))
    other.write(entry(4))
    assert ids(path) == ["d1", "lost 1", "d4"]
    journal.close()
    other.close()
