"""Lines of a file, whole whatever happened."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import msgspec
import pytest

from engine.sinks.file import NAME, FileSink
from engine.sinks.sink import TAKEN, Away
from tests.sinks.shipping_made import batch


def numbers(folder: Path) -> list[int]:
    lines = b"".join(
        one.read_bytes()
        for one in sorted(folder.iterdir(), key=lambda one: (one.name == NAME, one))
    )
    return [msgspec.json.decode(line)["sequence"] for line in lines.splitlines()]


def test_batches_are_appended(tmp_path: Path) -> None:
    sink = FileSink(tmp_path / "copy", 2**20)
    assert asyncio.run(sink.send(batch(3))) == TAKEN
    asyncio.run(sink.send(batch(2, 3)))
    asyncio.run(sink.close())
    assert numbers(tmp_path / "copy") == [0, 1, 2, 3, 4]
    assert (tmp_path / "copy" / NAME).stat().st_mode & 0o777 == 0o600


def test_it_is_rotated_by_size_and_loses_nothing(tmp_path: Path) -> None:
    sink = FileSink(tmp_path, 500)
    for number in range(10):
        asyncio.run(sink.send(batch(2, 2 * number)))
    assert len(list(tmp_path.iterdir())) > 3
    assert numbers(tmp_path) == list(range(20))
    assert all(one.stat().st_size <= 500 for one in tmp_path.iterdir())


def test_what_a_crash_left_half_written_is_cut_at_the_last_line(tmp_path: Path) -> None:
    asyncio.run(FileSink(tmp_path, 2**20).send(batch(3)))
    path = tmp_path / NAME
    whole = path.read_bytes()
    last = whole.rindex(b"\n", 0, len(whole) - 1) + 1
    for size in range(last, len(whole)):
        path.write_bytes(whole[:size])
        asyncio.run(FileSink(tmp_path, 2**20).send(batch(1, 9)))
        assert numbers(tmp_path) == [0, 1, 9]


def test_a_file_without_a_whole_line_begins_anew(tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(b"x" * 200_000)
    asyncio.run(FileSink(tmp_path, 2**20).send(batch(1)))
    assert numbers(tmp_path) == [0]


def test_a_disk_that_is_full_keeps_nothing_of_the_batch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sink = FileSink(tmp_path, 2**20)
    asyncio.run(sink.send(batch(1)))
    real = os.write
    calls = iter([10])

    def short(file: int, data: bytes) -> int:
        for most in calls:
            return real(file, data[:most])
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(os, "write", short)
    with pytest.raises(Away, match="No space left"):
        asyncio.run(sink.send(batch(2, 1)))
    monkeypatch.undo()
    assert numbers(tmp_path) == [0]
    asyncio.run(sink.send(batch(2, 1)))
    assert numbers(tmp_path) == [0, 1, 2]


def test_what_could_not_be_synced_is_not_there_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sink = FileSink(tmp_path, 2**20)
    asyncio.run(sink.send(batch(1)))

    def broken(_file: int) -> None:
        raise OSError(5, os.strerror(5))

    monkeypatch.setattr(os, "fdatasync", broken)
    for _ in range(3):
        with pytest.raises(Away, match="Input/output error"):
            asyncio.run(sink.send(batch(2, 1)))
        assert numbers(tmp_path) == [0]
    monkeypatch.undo()
    asyncio.run(sink.send(batch(2, 1)))
    assert numbers(tmp_path) == [0, 1, 2]


def test_a_disk_that_is_broken_altogether_is_away_and_cuts_no_more_than_it_must(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sink = FileSink(tmp_path, 2**20)
    asyncio.run(sink.send(batch(3)))
    asyncio.run(sink.close())

    def broken(*_: object) -> bytes:
        raise OSError(5, os.strerror(5))

    for name in ("pread", "write"):
        monkeypatch.setattr(os, name, broken)
        monkeypatch.setattr(os, "ftruncate", broken)
        with pytest.raises(Away, match="Input/output error"):
            asyncio.run(sink.send(batch(1, 3)))
        monkeypatch.undo()
    asyncio.run(sink.send(batch(1, 3)))
    assert numbers(tmp_path) == [0, 1, 2, 3]


@pytest.mark.parametrize("gone", ["deleted", "moved"])
def test_nothing_is_written_to_a_file_that_is_not_there_any_more(tmp_path: Path, gone: str) -> None:
    sink = FileSink(tmp_path / "copy", 2**20)
    asyncio.run(sink.send(batch(1)))
    path = tmp_path / "copy" / NAME
    if gone == "deleted":
        path.unlink()
    else:
        path.rename(tmp_path / "moved.jsonl")
    asyncio.run(sink.send(batch(2, 1)))
    assert numbers(tmp_path / "copy") == [1, 2]
    asyncio.run(sink.close())


def test_a_folder_that_cannot_be_written_is_away(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Away, match="cannot write to"):
        asyncio.run(FileSink(tmp_path / "file" / "copy", 2**20).send(batch(1)))
