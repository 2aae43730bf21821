"""What LMDB makes hard: a disk that is really full, a map that two grow, a lock without an end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from engine.runtime.store import Level, StoreUnavailable
from engine.state.environment import MEGABYTE
from engine.state.errors import StateError
from engine.state.lmdb import LmdbStore
from tests.state import stopping
from tests.state.takes import DAY, NOW, requests, usd
from tests.state.test_lmdb import fill
from tests.state.test_processes import ROOT, SMALL, read, start

PATIENCE = 60


@contextmanager
def small_disk(folder: Path, size: int) -> Iterator[None]:
    """Mount a file system of *size* bytes in memory on *folder*, or skip the test."""
    folder.mkdir()
    mounted = mount(folder, f"size={size}")
    if mounted.returncode:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", folder], check=True)  # noqa: S603, S607


def mount(folder: Path, options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder],  # noqa: S607
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a small disk")
def test_a_full_disk_is_an_error_and_never_a_signal(tmp_path: Path) -> None:
    """Without blocks of its own a written page would end the process with SIGBUS."""
    folder = tmp_path / "disk"
    with small_disk(folder, MEGABYTE):
        store = LmdbStore(folder, map_size=SMALL)
        held = fill(store)
        assert held > 1000
        for _ in range(3):
            with pytest.raises(StoreUnavailable, match="No space left"):
                store.take([requests("one more")], NOW)
        assert store.peek([requests(f"{held - 1:08}")], NOW)[0].remaining == 8
        assert store.take([requests("00000000")], NOW)[0].remaining == 8  # What needs no room.
        assert mount(folder, f"remount,size={4 * MEGABYTE}").returncode == 0
        assert store.take([requests("one more")], NOW)[0].granted
        store.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a small disk")
def test_a_file_that_has_filled_its_disk_takes_what_there_is_and_is_emptied(tmp_path: Path) -> None:
    folder = tmp_path / "disk"
    with small_disk(folder, 7 * MEGABYTE // 2):
        store = LmdbStore(folder, map_size=SMALL)
        held = fill(store)
        assert store.size().mapped == 3 * MEGABYTE  # There is no room for twice two.
        forgotten = 0
        while done := store.sweep(NOW + DAY, 100):
            forgotten += done
        assert forgotten == held
        assert store.take([requests("one more")], NOW + DAY)[0].granted
        store.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a small disk")
def test_a_file_that_cannot_grow_leaves_others_what_there_is(tmp_path: Path) -> None:
    """Ext4 takes what there is before it says that there is no room."""
    folder, image = tmp_path / "disk", tmp_path / "image"
    folder.mkdir()
    image.write_bytes(bytes(5 * MEGABYTE + 2**17))  # That is for the lock file.
    for command in (
        ["mkfs.ext4", "-q", "-O", "^has_journal", "-m", "0", str(image)],
        ["mount", "-o", "loop", str(image), str(folder)],
    ):
        try:
            done = subprocess.run(command, capture_output=True, check=False).returncode == 0  # noqa: S603
        except FileNotFoundError:
            done = False
        if not done:
            pytest.skip(f"`{command[0]}` cannot be done here")
    try:
        store = LmdbStore(folder, map_size=SMALL)
        fill(store)
        assert store.path.stat().st_size == store.size().mapped
        there = os.statvfs(folder)
        assert there.f_bavail * there.f_frsize > MEGABYTE // 2
        store.close()
    finally:
        subprocess.run(["umount", "-l", folder], check=True)  # noqa: S603, S607


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a small disk")
def test_a_disk_without_room_for_the_first_blocks_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "disk"
    with small_disk(folder, SMALL), pytest.raises(StateError, match="make room on its disk"):
        LmdbStore(folder, map_size=MEGABYTE)


@pytest.mark.slow
def test_a_map_that_two_processes_grow_at_once_loses_nothing(tmp_path: Path) -> None:
    keys = 6000
    growing = [start(tmp_path, "k", keys=keys, tries=2 * keys, limit=10) for _ in range(2)]
    assert sum(read(one) for one in growing) == 4 * keys
    store = LmdbStore(tmp_path, map_size=SMALL)
    assert store.path.stat().st_size > 4 * SMALL
    left = {store.peek([usd(f"k{n}", limit=10)], NOW)[0].remaining for n in range(keys)}
    # `peek` tells what would be left after one more.
    assert left == {10 - 4 - 1}
    store.close()


@pytest.mark.slow
def test_a_process_that_is_stopped_with_the_lock_stops_others_until_it_is_killed(
    tmp_path: Path,
) -> None:
    """LMDB has no time-out: why the supervisor kills a worker that somebody stopped."""
    stopped = subprocess.Popen(  # noqa: S603  our own program
        [sys.executable, stopping.__file__, str(tmp_path)],
        stdout=subprocess.PIPE,
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT)},
    )
    assert stopped.stdout is not None
    assert stopped.stdout.read(1) == b"."
    assert os.waitid(os.P_PID, stopped.pid, os.WSTOPPED) is not None
    taken: list[Level] = []

    def take() -> None:
        with closing(LmdbStore(tmp_path, map_size=SMALL)) as store:
            taken.extend(store.take([requests("shared")], NOW))

    thread = threading.Thread(target=take)
    thread.start()
    thread.join(0.3)
    assert thread.is_alive()
    stopped.send_signal(signal.SIGKILL)
    thread.join(PATIENCE)
    assert [one.remaining for one in taken] == [8]  # After the first take of the killed process.
    stopped.communicate()
