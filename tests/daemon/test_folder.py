from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from engine.daemon import folder as module
from engine.daemon.folder import FILE, hold_folder
from engine.daemon.places import StartError

HOLDER = """
import fcntl, os, sys
file = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT)
os.write(file, sys.argv[2].encode())
fcntl.flock(file, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.read()
"""


def hold_elsewhere(folder: Path, wrote: str) -> subprocess.Popen[str]:
    """Return a process that has the lock, in a file that says *wrote* has."""
    process = subprocess.Popen(  # noqa: S603  our own interpreter
        [sys.executable, "-c", HOLDER, str(folder / FILE), wrote],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


@pytest.mark.slow
def test_a_folder_has_one_holder_and_says_which(tmp_path: Path) -> None:
    with hold_elsewhere(tmp_path, str(os.getpid())) as other:
        told = rf"another daemon with workers has .*\(process {os.getpid()}\)"
        with pytest.raises(StartError, match=told):
            hold_folder(tmp_path)
        other.communicate()
    held = hold_folder(tmp_path)
    assert (tmp_path / FILE).read_text() == f"{os.getpid()}\n"
    os.close(held)


@pytest.mark.slow
def test_workers_of_a_supervisor_that_is_gone_are_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    with hold_elsewhere(tmp_path, str(gone.pid)) as worker:

        def end(_seconds: float) -> None:
            worker.communicate()

        monkeypatch.setattr(module.time, "sleep", end)  # type: ignore[attr-defined]
        os.close(hold_folder(tmp_path))


@pytest.mark.slow
def test_they_are_not_waited_for_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE", 0.05)
    with hold_elsewhere(tmp_path, "no number") as worker:
        with pytest.raises(StartError, match="another daemon with workers"):
            hold_folder(tmp_path)
        worker.communicate()


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(StartError, match="No such file"):
        hold_folder(tmp_path / "gone")


def test_a_folder_without_room_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    with pytest.raises(StartError, match="No space left on device; make room on its disk"):
        hold_folder(tmp_path)
    monkeypatch.undo()
    os.close(hold_folder(tmp_path))
