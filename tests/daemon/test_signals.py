"""SIGTERM before the daemon serves: it ends then too, as the first process of a container as well.

The kernel passes over a signal that such a process does not handle, as it does where a signal is
ignored, which is what these tests have it do.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.daemon import serve, supervisor
from engine.daemon.fleet import Fleet
from engine.daemon.folder import FILE
from engine.daemon.front import Front
from engine.daemon.places import EXIT_FINE
from engine.daemon.settings import Settings
from engine.daemon.signals import Leaving, ending_at_once, hear
from tests.daemon.running import PATIENCE, ROOT
from tests.daemon.test_serve import (
    process,  # noqa: F401  a fixture that every test uses
    settings,
    until,
)
from tests.service.bundle import write_folder

OPEN = "policy door { default allow }"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_folder(tmp_path / "policies", {"door.pol": OPEN})
    monkeypatch.chdir(tmp_path)
    return tmp_path


async def told_to_end(*_: object) -> None:
    """Send this process the signal while it starts, and go on for as long as a test may take."""
    os.kill(os.getpid(), signal.SIGTERM)
    async with asyncio.timeout(PATIENCE):
        await asyncio.Event().wait()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("what", "workers", "run"), [(Front, 0, serve.serve), (Fleet, 2, supervisor.serve)]
)
def test_a_daemon_that_is_told_to_end_while_it_starts_does_so(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    what: type,
    workers: int,
    run: Callable[[Settings], int],
) -> None:
    monkeypatch.setattr(what, "begin" if what is Fleet else "start", told_to_end)
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        assert run(settings(folder, workers=workers)) == EXIT_FINE
    finally:
        signal.signal(signal.SIGTERM, before)


@pytest.mark.slow
def test_a_daemon_that_waits_for_its_folder_can_be_told_to_end(folder: Path) -> None:
    data = folder / "data"
    data.mkdir()
    with (data / FILE).open("w") as held:  # Nobody's who runs: it is waited for.
        fcntl.flock(held, fcntl.LOCK_EX)
        starting = subprocess.Popen(
            [sys.executable, "-m", "engine", "serve", "policies", "--workers=2", "--metrics="],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            preexec_fn=lambda: signal.signal(signal.SIGTERM, signal.SIG_IGN),  # noqa: PLW1509
        )
        try:
            until(lambda: catches(starting.pid, signal.SIGTERM) or starting.poll() is not None)
            starting.send_signal(signal.SIGTERM)
            assert starting.wait(PATIENCE) == EXIT_FINE
        finally:
            starting.kill()
            starting.wait()


def catches(one: int, number: int) -> bool:
    """Return whether the process *one* handles the signal."""
    status = Path(f"/proc/{one}/status").read_text()
    caught = next(line for line in status.splitlines() if line.startswith("SigCgt:"))
    return bool(int(caught.split()[1], 16) >> (number - 1) & 1)


def test_before_there_is_a_loop_what_is_open_is_closed() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(SystemExit) as ended, ending_at_once():
        os.kill(os.getpid(), signal.SIGTERM)
    assert ended.value.code == EXIT_FINE
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_signal_that_was_swallowed_is_heard_once_there_is_a_loop() -> None:
    ends: list[bool] = []

    async def begin() -> None:
        hear(lambda: ends.append(True))

    with ending_at_once():
        leaving = signal.getsignal(signal.SIGTERM)
        assert isinstance(leaving, Leaving)
        asyncio.run(begin())
        assert not ends
    with ending_at_once():
        with pytest.raises(SystemExit):
            os.kill(os.getpid(), signal.SIGTERM)
        asyncio.run(begin())
    assert ends
