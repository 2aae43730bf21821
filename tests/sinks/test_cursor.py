"""A cursor is what was written, or none."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pytest

from engine.sinks.cursor import (
    Cursor,
    CursorError,
    Place,
    forget_others,
    load_cursor,
    path_of,
    put_aside,
    save_cursor,
)


def made() -> Cursor:
    return Cursor(
        sink="lake", trails={"a": 7, "b": 0}, places={"a": Place(1, 99, "ff")}, shipped=7, run="now"
    )


def test_a_cursor_comes_back_as_it_was_written(tmp_path: Path) -> None:
    path = path_of(tmp_path, "lake")
    save_cursor(path, made())
    found = load_cursor(path, "lake")
    assert (found.trails, found.places, found.shipped) == (made().trails, made().places, 7)
    assert path.stat().st_mode & 0o777 == 0o600


def test_where_none_is_one_begins(tmp_path: Path) -> None:
    assert load_cursor(path_of(tmp_path, "lake"), "lake") == Cursor(sink="lake")


def test_what_others_read_of_it_is_how_much_of_each_trail_was_shipped(tmp_path: Path) -> None:
    path = path_of(tmp_path, "lake")
    save_cursor(path, made())
    assert path == tmp_path / "shipped" / "lake.json"
    assert msgspec.json.decode(path.read_bytes())["trails"] == {"a": 7, "b": 0}


def test_a_changed_byte_is_noticed_wherever_it_is(tmp_path: Path) -> None:
    path = path_of(tmp_path, "lake")
    save_cursor(path, made())
    whole = path.read_bytes()
    for at in range(len(whole)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        with pytest.raises(CursorError):
            load_cursor(path, "lake")


def test_every_cut_is_noticed(tmp_path: Path) -> None:
    path = path_of(tmp_path, "lake")
    save_cursor(path, made())
    whole = path.read_bytes()
    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        with pytest.raises(CursorError):
            load_cursor(path, "lake")


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"format": 2}, "its format is 2"),
        ({"sink": "other"}, "another sink's"),
        ({"trails": {"a": -1}}, "below zero"),
    ],
)
def test_what_cannot_be_is_named(tmp_path: Path, changed: dict[str, object], why: str) -> None:
    path = path_of(tmp_path, "lake")
    cursor = made()
    for name, value in changed.items():
        setattr(cursor, name, value)
    save_cursor(path, cursor)
    with pytest.raises(CursorError, match=why):
        load_cursor(path, "lake")


def test_one_that_cannot_be_read_is_kept_beside(tmp_path: Path) -> None:
    path = path_of(tmp_path, "lake")
    path.parent.mkdir()
    kept = []
    for number in range(3):
        path.write_text(f"bad {number}")
        kept.append(put_aside(path))
    assert [one.read_text() for one in kept] == ["bad 0", "bad 1", "bad 2"]
    assert not path.exists()
    assert forget_others(tmp_path, frozenset()) == []


def test_a_crash_while_it_is_written_leaves_the_one_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = path_of(tmp_path, "lake")
    save_cursor(path, made())

    def fail(_file: int) -> None:
        raise OSError(5, os.strerror(5))

    monkeypatch.setattr(os, "fsync", fail)
    later = made()
    later.trails["a"] = 8
    with pytest.raises(OSError, match="Input/output"):
        save_cursor(path, later)
    assert load_cursor(path, "lake").trails["a"] == 7


def test_sinks_that_are_gone_hold_nothing_back(tmp_path: Path) -> None:
    for name in ("lake", "old"):
        cursor = Cursor(sink=name)
        save_cursor(path_of(tmp_path, name), cursor)
    assert forget_others(tmp_path, frozenset({"lake"})) == ["old"]
    assert [one.name for one in (tmp_path / "shipped").iterdir()] == ["lake.json"]
    assert forget_others(tmp_path / "nowhere", frozenset()) == []
