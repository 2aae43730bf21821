from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from engine.runtime.store import NANO
from engine.state.lmdb import LmdbStore
from tests.state import child
from tests.state.takes import NOW, slot, usd

ROOT = Path(__file__).parents[2]
SMALL = 2**17


def start(
    folder: Path, prefix: str, *, keys: int, tries: int, limit: int
) -> subprocess.Popen[bytes]:
    numbers = [str(keys), str(tries), str(limit)]
    return subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, child.__file__, str(folder), prefix, *numbers],
        stdout=subprocess.PIPE,
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT)},
    )


def read(process: subprocess.Popen[bytes]) -> int:
    """Wait for the end; return how many grants it wrote."""
    written, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    return len(written)


@pytest.mark.slow
def test_processes_together_are_granted_exactly_the_limit(tmp_path: Path) -> None:
    taking = [start(tmp_path, "k", keys=1, tries=1500, limit=2000) for _ in range(2)]
    assert sum(read(process) for process in taking) == 2000


@pytest.mark.slow
def test_processes_together_hold_exactly_the_slots_there_are(tmp_path: Path) -> None:
    taking = [start(tmp_path, "slot", keys=1, tries=1000, limit=1500) for _ in range(2)]
    assert sum(read(process) for process in taking) == 1500


@pytest.mark.slow
def test_slots_of_a_process_that_was_killed_end_by_themselves(tmp_path: Path) -> None:
    victim = start(tmp_path, "slot", keys=1, tries=10**9, limit=100)
    assert victim.stdout is not None
    assert len(victim.stdout.read(100)) == 100
    victim.kill()
    victim.communicate()
    store = LmdbStore(tmp_path, map_size=SMALL)
    held = slot("slot0", limit=100)
    assert not store.take([held], NOW + held.life - 1)[0].granted
    assert store.take([held], NOW + held.life)[0].remaining == 99 * NANO
    store.close()


@pytest.mark.slow
def test_a_killed_process_leaves_an_exact_store_and_stops_nobody(tmp_path: Path) -> None:
    for victim_lives in (1, 150, 400):
        folder = tmp_path / str(victim_lives)
        victim = start(folder, "k", keys=1, tries=10**9, limit=10**9)
        other = start(folder, "k", keys=1, tries=2000, limit=10**9)
        assert victim.stdout is not None
        written = len(victim.stdout.read(victim_lives))
        victim.kill()
        written += len(victim.communicate()[0])
        others = read(other)
        store = LmdbStore(folder, map_size=SMALL)
        taken = 10**9 - 1 - store.peek([usd("k0", limit=10**9)], NOW)[0].remaining
        # At most the one take that it was killed in the middle of saying.
        assert written + others <= taken <= written + others + 1
        assert store.take([usd("k0", limit=10**9)], NOW)[0].granted
        store.close()


@pytest.mark.slow
def test_a_file_that_another_process_grew_is_followed(tmp_path: Path) -> None:
    store = LmdbStore(tmp_path, map_size=SMALL)
    read(start(tmp_path, "a", keys=2000, tries=2000, limit=10))
    assert store.peek([usd("a1999", limit=10)], NOW)[0].remaining == 8
    read(start(tmp_path, "b", keys=4000, tries=4000, limit=10))
    assert store.take([usd("b3999", limit=10)], NOW)[0].remaining == 8
    store.close()
