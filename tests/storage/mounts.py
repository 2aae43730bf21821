"""Small disks, and writers that are killed, for tests."""

from __future__ import annotations

import fcntl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from engine.storage.header import OPEN

ROOT = Path(__file__).parents[2]


@contextmanager
def disk(place: Path, kilobytes: int) -> Iterator[Path]:
    """Mount a disk of so many kilobytes."""
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(place)]
    try:
        mounted = subprocess.run(mount, capture_output=True, check=False).returncode == 0  # noqa: S603
    except FileNotFoundError:
        mounted = False
    if not mounted:
        pytest.skip("no file system can be mounted here: that needs root")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)  # noqa: S603, S607


def told_until_killed(writer: str, folder: Path, lines: int) -> int:
    """Run *writer*, which writes to *folder* and prints numbers, and kill it behind so many.

    Return the last number that it has printed whole. The kernel has let go of its segments then.
    """
    with subprocess.Popen(  # noqa: S603 - our own interpreter and text
        [sys.executable, "-c", writer, folder], stdout=subprocess.PIPE, cwd=ROOT
    ) as running:
        assert running.stdout is not None
        told = [running.stdout.readline() for _ in range(lines)]
        running.kill()
        told += running.stdout.read().splitlines(keepends=True)
    for path in folder.glob(f"*{OPEN}"):
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX)  # A sync that it has begun holds the file longer.
    return max(int(line) for line in told if line.endswith(b"\n"))
