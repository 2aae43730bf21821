"""Few files may be open, or no more: what the daemon says of that, and what goes on without."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from engine.daemon.places import EXIT_ERROR, LEAST_FILES
from tests.daemon.running import PATIENCE, ROOT, daemon, decide
from tests.daemon.test_serve import until
from tests.daemon.test_workers import OPEN, SHUT, told
from tests.service.bundle import write_folder

pytestmark = pytest.mark.slow

QUIET = ("--listen=127.0.0.1:0", "--metrics=", "--log-format=json", "--set=reload.debounce_ms=20")
WORKERS = pytest.mark.parametrize("workers", ["0", "1"])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_folder(tmp_path / "policies", {"door.pol": OPEN})
    return tmp_path


@WORKERS
@pytest.mark.parametrize("most", [12, 20, LEAST_FILES - 1])
def test_a_daemon_that_may_have_too_few_files_says_so_and_does_not_start(
    folder: Path, workers: str, most: int
) -> None:
    def few() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))

    done = subprocess.run(  # noqa: S603  our own interpreter
        [sys.executable, "-m", "engine", "serve", "policies", "--workers", workers, *QUIET],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        preexec_fn=few,
    )
    assert (done.returncode, done.stdout) == (EXIT_ERROR, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"engine: at most {most} files may be open, and the daemon needs ")
    assert "ulimit" in line


@WORKERS
def test_it_has_as_many_files_as_it_may_allow_itself(folder: Path, workers: str) -> None:
    def few() -> None:
        most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (12, most))

    with daemon(folder, "--workers", workers, *QUIET, before=few) as running:
        assert decide(running.address).action == "allow"
        soft, hard = resource.prlimit(running.process.pid, resource.RLIMIT_NOFILE)
        assert soft == hard


@WORKERS
def test_a_folder_that_cannot_be_watched_for_a_while_is_followed_again(
    folder: Path, workers: str
) -> None:
    with daemon(folder, "--workers", workers, *QUIET) as running:
        write_folder(folder / "policies", {"door.pol": f"{OPEN} # again"})
        until(lambda: told(running, "policies loaded"))  # What that imports is here by now.
        before = resource.prlimit(running.process.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(running.process.pid, resource.RLIMIT_NOFILE, (3, before[1]))
        (folder / "policies").rename(folder / "old")
        write_folder(folder / "policies", {"door.pol": SHUT})
        until(lambda: "are not noticed" in running.log())
        resource.prlimit(running.process.pid, resource.RLIMIT_NOFILE, before)
        until(lambda: len(told(running, "policies loaded")) == 2)
        assert decide(running.address).action == "deny"
        write_folder(folder / "policies", {"door.pol": OPEN})
        until(lambda: len(told(running, "policies loaded")) == 3)
        assert running.stop(signal.SIGTERM) == 0
