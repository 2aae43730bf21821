from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.storage import press as pressing
from engine.storage.header import CLOSED, COMPRESSED, NoSegment
from engine.storage.press import BESIDE, press, press_folder
from engine.storage.read import read_folder
from engine.storage.source import PIECE_BYTES, opened_source
from engine.storage.tending import tending
from tests.storage.made import filled, record, told, trail, verified


class Crash(BaseException):
    """The process ends here."""


def test_closed_segments_are_compressed_and_read_as_before(tmp_path: Path) -> None:
    filled(tmp_path, 200, segment_bytes=4000)
    before = [one.payload for one in read_folder(tmp_path)]
    size = sum(one.stat().st_size for one in tmp_path.glob(f"*{CLOSED}"))
    assert press_folder(tmp_path, most=2) == 2
    assert press_folder(tmp_path) > 2
    assert press_folder(tmp_path) == 0
    assert not list(tmp_path.glob(f"*{CLOSED}"))
    assert sum(one.stat().st_size for one in tmp_path.glob(f"*{COMPRESSED}")) < size
    assert [one.payload for one in read_folder(tmp_path)] == before
    assert (told(tmp_path), verified(tmp_path).signed) == ([], 200)


def test_one_process_at_a_time_compresses(tmp_path: Path) -> None:
    filled(tmp_path, 20)
    with tending(tmp_path) as mine:
        assert mine
        assert press_folder(tmp_path) == 0
    assert press_folder(tmp_path) == 1


STEPS: list[tuple[type | object, str]] = [
    (os, "fsync"),
    (Path, "replace"),
    (pressing, "sync_folder"),
    (pressing, "opened_source"),
    (Path, "unlink"),
]


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize(("where", "name"), STEPS)
def test_a_crash_at_any_step_leaves_everything_readable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: object, name: str, *, after: bool
) -> None:
    filled(tmp_path, 50)
    (path,) = tmp_path.glob(f"*{CLOSED}")
    real: Callable[..., object] = getattr(where, name)

    def crash(*given: object, **named: object) -> object:
        if after:
            real(*given, **named)
        raise Crash

    monkeypatch.setattr(where, name, crash)
    with pytest.raises(Crash):
        press(path)
    monkeypatch.undo()
    assert len(list(read_folder(tmp_path))) == 50
    assert (told(tmp_path), verified(tmp_path).signed) == ([], 50)
    press_folder(tmp_path)
    assert [one.name for one in tmp_path.glob("*.se*")] == [path.name.replace(CLOSED, COMPRESSED)]
    assert (told(tmp_path), verified(tmp_path).signed) == ([], 50)


def test_what_cannot_be_written_or_read_back_leaves_the_segment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(tmp_path, 50)
    (path,) = tmp_path.glob(f"*{CLOSED}")

    def full(_file: int, _data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(OSError, match="No space left"):
        press(path)
    monkeypatch.undo()
    monkeypatch.setattr(pressing, "compressed", lambda *_: b"")
    with pytest.raises(NoSegment, match="not what it was"):
        press(path)
    monkeypatch.undo()
    assert path.exists()
    assert not list(tmp_path.glob(f"*{BESIDE}"))
    assert not list(tmp_path.glob(f"*{COMPRESSED}"))


def test_a_segment_of_several_pieces_is_compressed_piece_by_piece(tmp_path: Path) -> None:
    one = trail(tmp_path, segment_bytes=4 * PIECE_BYTES)
    for number in range(40):
        one.append_all([record(number)] * 800)
    one.close()
    (path,) = tmp_path.glob(f"*{CLOSED}")
    data = path.read_bytes()
    assert len(data) > 2 * PIECE_BYTES
    made = press(path)
    with opened_source(made) as source:
        assert [len(piece) for piece in source.pieces()][:-1] == [PIECE_BYTES] * (
            len(data) // PIECE_BYTES
        )
        assert source.all() == data
    assert (told(tmp_path), verified(tmp_path).records) == ([], 32_000)
