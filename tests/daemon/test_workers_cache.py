"""What is left of a daemon whose folder of compiled policies is emptied under it."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path

import pytest

from tests.daemon.running import daemon, decide
from tests.daemon.test_serve import until
from tests.daemon.test_workers import BROKEN, OPEN, SHUT, TWO, both, children, told, write
from tests.service.bundle import write_folder

pytestmark = pytest.mark.slow

ASKED = (*TWO, "--set=reload.watch=false")
"""Whoever begins to watch looks whether the cache knows what the folder holds, and compiles."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_folder(tmp_path / "policies", {"door.pol": SHUT})
    return tmp_path


def test_a_worker_is_replaced_although_the_cache_is_gone(folder: Path) -> None:
    with daemon(folder, *ASKED, f"--socket={folder}/s") as running:
        shutil.rmtree(folder / "data" / "cache")
        for again in (1, 2):
            os.kill(children(running.process.pid)[0], signal.SIGKILL)
            until(lambda: len(told(running, "a worker serves again")) == again)  # noqa: B023
            assert [decide(one).action for one in both(folder)] == ["deny"] * 2
        assert len(told(running, "compiling again")) == 1
        assert not told(running, "a worker does not start")


def test_it_waits_where_what_the_folder_holds_by_now_does_not_check(folder: Path) -> None:
    with daemon(folder, *ASKED, f"--socket={folder}/s") as running:
        write(folder, BROKEN)
        running.send(signal.SIGHUP)
        until(lambda: told(running, "policies refused"))
        shutil.rmtree(folder / "data" / "cache")
        os.kill(children(running.process.pid)[0], signal.SIGKILL)
        until(lambda: told(running, "a worker does not start"))
        assert "deny" in {decide(running.address).action for _ in range(8)}
        write(folder, OPEN)
        running.send(signal.SIGHUP)
        until(lambda: told(running, "a worker serves again"))
        until(lambda: [decide(one).action for one in both(folder)] == ["allow"] * 2)
