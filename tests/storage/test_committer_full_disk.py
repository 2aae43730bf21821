"""A real disk that is full, and what becomes of records then."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from engine.storage.committer import Committer
from engine.storage.durability import OnFull, Way
from engine.storage.trail import Trail
from tests.storage.committed import kept, made, whole
from tests.storage.made import SIGNER, TIME, record, verified
from tests.storage.mounts import disk


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A disk of half a megabyte."""
    with disk(tmp_path / "small", 512) as place:
        yield place


def fill(one: Committer, place: Path) -> int:
    """Put records until there is no room for one; return how many went."""
    ballast = place / "ballast"
    ballast.write_bytes(bytes(300_000))
    number = 0
    while not (one.stuck or one.tally.dropped):
        try:
            one.put(record(number))
        except OSError:
            break
        number += 1
    return number


@pytest.mark.parametrize("on_full", ["deny", "drop", "block"])
@pytest.mark.parametrize("synced", [False, True])
def test_a_full_disk_is_survived(small: Path, on_full: OnFull, *, synced: bool) -> None:
    folder = small / "audit"
    folder.mkdir()
    durability: Callable[[], Way] = lambda: Way(  # noqa: E731
        durability="synced" if synced else "written", on_full=on_full, patience=60
    )
    one = made(folder, durability())
    last = fill(one, small)
    (small / "ballast").unlink()
    one.put(record(1_000_000))
    assert one.wait() == ""
    one.close()
    found = kept(folder)
    numbers = [each for each in found if isinstance(each, int)]
    gaps = [each for each in found if not isinstance(each, int)]
    assert numbers[-1] == 1_000_000
    assert numbers[:-1] == list(range(len(numbers) - 1))
    assert len(numbers) - 1 + one.tally.dropped == last
    wanted = {"deny": [(0, 1, 0)], "drop": [(1, 0, 0)], "block": []}
    assert gaps == wanted[on_full]
    whole(folder)
    assert verified(folder).signed == len(found)


def test_zeros_that_are_written_ahead_keep_no_disk_full(small: Path) -> None:
    one = Trail(small, SIGNER, time=lambda: TIME, careful=True)
    one.append_all([record(number) for number in range(2000)])
    one.sync()
    assert one.short
    one.fill()
    (small / "ballast").write_bytes(bytes(300_000))
    one.append(record(2000))
    one.sync()
    assert one.path.stat().st_size == one._segment.size
    one.close()
    assert kept(small) == list(range(2001))
    (small / "ballast").unlink()
    whole(small)
