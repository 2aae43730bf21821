from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from engine.state.lmdb import LmdbStore
from tests.state import child_sessions
from tests.state.takes import NOW

ROOT = Path(__file__).parents[2]


def start(folder: Path, turns: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, child_sessions.__file__, str(folder), str(turns)],
        stdout=subprocess.PIPE,
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT)},
    )


@pytest.mark.slow
@pytest.mark.parametrize("lives", [1, 40, 300])
def test_what_a_killed_process_kept_of_a_session_is_there(tmp_path: Path, lives: int) -> None:
    victim = start(tmp_path, 10**9)
    assert victim.stdout is not None
    told = len(victim.stdout.read(lives))
    victim.kill()
    told += len(victim.communicate()[0])
    store = LmdbStore(tmp_path, map_size=2**20)
    # At most the one turn more that it was killed in the middle of.
    assert told <= store.turn("north", "s", NOW, advance=False) <= told + 1
    assert store.labels("north", "s", NOW) == {"untrusted"}
    asked = frozenset(kind * 10**6 + number for kind in range(3) for number in range(told + 2))
    found = store.noted("north", "s", asked, NOW)
    numbers = {one % 10**6 for one in found.seen["untrusted"]}
    assert not found.full
    assert set(range(told)) <= numbers <= set(range(told + 2))
    assert len(found.seen["untrusted"]) == 3 * len(numbers)
    store.close()


@pytest.mark.slow
def test_processes_together_lose_nothing_of_a_session(tmp_path: Path) -> None:
    running = [start(tmp_path, 300) for _ in range(2)]
    for process in running:
        process.communicate(timeout=60)
    store = LmdbStore(tmp_path, map_size=2**20)
    assert store.turn("north", "s", NOW, advance=False) == 600
    asked = frozenset(kind * 10**6 + number for kind in range(3) for number in range(400))
    assert len(store.noted("north", "s", asked, NOW).seen["untrusted"]) == 900
    store.close()
