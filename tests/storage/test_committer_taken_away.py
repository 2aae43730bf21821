"""A segment that is deleted or moved away while it is written: that is noticed and told."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from time import monotonic

import pytest

from engine.storage.committer import Committer
from engine.storage.durability import Durability, Way
from engine.storage.header import OPEN
from tests.storage.committed import kept, made
from tests.storage.disks import HeldDisk
from tests.storage.made import record

WAYS: tuple[Durability, ...] = ("written", "synced", "spool")


def put(one: Committer, *numbers: int) -> None:
    """Put records, and wait until they are as safe as was chosen."""
    for number in numbers:
        one.put(record(number))
        assert one.wait() == ""
    until(lambda: not one.waiting)


def until(holds: Callable[[], bool]) -> None:
    ends = monotonic() + 60
    while not holds():
        assert monotonic() < ends


def tend(one: Committer) -> None:
    with suppress(OSError):  # It cannot be signed.
        one.tend()


@pytest.mark.parametrize("durability", WAYS)
def test_a_folder_that_is_deleted_is_noticed_before_the_segment_is_full(
    tmp_path: Path, durability: Durability
) -> None:
    folder, said = tmp_path / "audit", list[str]()
    folder.mkdir()
    one = made(folder, Way(durability=durability, patience=60), said)
    put(one, 0, 1, 2)
    tend(one)
    assert said == []
    shutil.rmtree(folder)
    tend(one)
    assert said[0].endswith("deleted or moved away, with 3 records; what comes goes to a new one")
    until(lambda: one.stuck)
    if durability != "spool":
        with pytest.raises(OSError, match="No such file"):
            one.put(record(3))
    folder.mkdir()
    tend(one)
    until(lambda: not one.stuck)
    put(one, 4)
    one.close()
    denied = 0 if durability == "spool" else 1
    assert kept(folder) == [(0, denied, 3), 4]
    assert said[-1] == "there is room again"


@pytest.mark.parametrize("durability", WAYS)
def test_what_was_moved_away_goes_on_where_it_is_looked_for(
    tmp_path: Path, durability: Durability
) -> None:
    folder, moved = tmp_path / "audit", tmp_path / "moved"
    folder.mkdir()
    one = made(folder, Way(durability=durability, patience=60))
    put(one, 0, 1)
    folder.rename(moved)
    folder.mkdir()
    tend(one)
    put(one, 2)
    one.close()
    assert kept(moved) == [0, 1]
    assert kept(folder) == [(0, 0, 2), 2]


def test_an_empty_segment_that_is_deleted_is_made_anew(tmp_path: Path) -> None:
    one = made(tmp_path, Way())
    for path in tmp_path.glob(f"*{OPEN}"):
        path.unlink()
    tend(one)
    put(one, 0)
    one.close()
    assert kept(tmp_path) == [(0, 0, 0), 0]
    tend(one)


def test_what_is_not_on_the_disk_yet_is_appended_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = made(tmp_path, Way(durability="synced", patience=60))
    disk = HeldDisk(monkeypatch)
    one.put(record(0))
    told = one.waited()
    assert told is not None
    assert disk.reached.wait(60)
    for path in tmp_path.glob(f"*{OPEN}"):
        path.unlink()
    one.tend()
    disk.go_on.set()
    assert one.block(told) == ""
    one.close()
    assert [each for each in kept(tmp_path) if isinstance(each, int)] == [0]
