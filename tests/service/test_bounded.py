from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from engine.service.bounded import within

LEAVES = """
import asyncio, pathlib, sys
from engine.service.bounded import within
try:
    asyncio.run(within(0.05, pathlib.Path(sys.argv[1]).read_bytes))
except TimeoutError:
    print("left")
"""


def test_what_the_work_comes_to_is_returned() -> None:
    assert asyncio.run(within(60, lambda: 7)) == 7


def test_what_the_work_raises_is_raised(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError):
        asyncio.run(within(60, tmp_path.read_bytes))


def test_who_waits_for_what_breaks_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[object] = []
    monkeypatch.setattr(threading, "excepthook", lambda found: told.append(found.exc_type))
    with pytest.raises(RuntimeError):
        asyncio.run(within(60, lambda: 1 // 0))
    while not told:
        time.sleep(0.01)
    assert told == [ZeroDivisionError]


def test_who_waits_is_told_and_what_comes_later_is_nobodys(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[bytes] = []

    async def both() -> None:
        with pytest.raises(TimeoutError):
            await within(0.01, lambda: read.append(pipe.read_bytes()))
        pipe.write_bytes(b"late")  # Opened only when somebody reads.
        async with asyncio.timeout(60):
            while not read:  # noqa: ASYNC110 - the one who reads is a thread
                await asyncio.sleep(0.01)

    asyncio.run(both())
    assert read == [b"late"]


def test_a_process_ends_though_a_thread_of_it_never_does(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    done = subprocess.run(  # noqa: S603  our own interpreter
        [sys.executable, "-c", LEAVES, str(pipe)],
        capture_output=True,
        check=True,
        timeout=60,
        cwd=Path(__file__).parents[2],
    )
    assert (done.stdout, done.stderr) == (b"left\n", b"")
