"""The TypeScript client: its own tests against real daemons, and its types.

Skipped without Node and npm. What npm installs comes into ``clients/typescript/node_modules`` as
the committed lock file says, without running anybody's install scripts.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
CLIENT = ROOT / "clients/typescript"
SECONDS = 900  # for one command: it takes a minute


def missing() -> str:
    """Return why the tests cannot run here; empty when they can."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        return "the TypeScript client is tested with node >= 18 and npm, which are not here"
    said = subprocess.run(  # noqa: S603 - what the path names node
        [node, "--version"], capture_output=True, text=True, check=True
    ).stdout
    found = re.match(r"v(\d+)", said)
    if found is None or int(found[1]) < 18:
        return f"the TypeScript client is tested with node >= 18, here is {said.strip()}"
    return ""


WHY_NOT = missing()
pytestmark = [pytest.mark.slow, pytest.mark.skipif(WHY_NOT != "", reason=WHY_NOT)]


def run(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Run *command* in the client's folder; return what it said, also where it does not end."""
    with (
        subprocess.Popen(  # noqa: S603 - every command is ours
            [shutil.which(command[0]) or command[0], *command[1:]],
            cwd=CLIENT,
            env={**os.environ, "POL_ENGINE": str(Path(sys.executable).with_name("engine"))},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        ) as process
    ):
        try:
            out, err = process.communicate(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            ps = ["ps", "-s", str(process.pid), "-o", "pid,ppid,stat,wchan,etime,time,args"]
            there = subprocess.run(ps, capture_output=True, text=True, check=False).stdout  # noqa: S603
            os.killpg(process.pid, signal.SIGKILL)  # with the daemons that it started
            out, err = process.communicate()
            pytest.fail(f"no end after {SECONDS} s\n{out}\n{err}\n{there}")
    return subprocess.CompletedProcess(command, process.returncode, out, err)


@pytest.fixture(scope="module")
def built() -> None:
    """Install what the lock file names, unless that is there, and build the client."""
    # Several workers of the test run may come here at once: the first installs and builds.
    with (CLIENT / "tsconfig.json").open(encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        stale = older(CLIENT / "node_modules/.package-lock.json", [CLIENT / "package-lock.json"])
        if stale and run(["npm", "ci", "--ignore-scripts"]).returncode:
            pytest.skip("npm cannot install what the TypeScript client needs")
        if older(CLIENT / "dist/index.js", [*CLIENT.glob("src/*"), *CLIENT.glob("*.json")]):
            done = run(["npm", "run", "build"])
            assert done.returncode == 0, done.stdout + done.stderr


def older(made: Path, sources: Iterable[Path]) -> bool:
    """Return whether *made* is missing or older than one of its *sources*."""
    return not made.exists() or any(
        made.stat().st_mtime < source.stat().st_mtime for source in sources
    )


@pytest.mark.usefixtures("built")
def test_its_own_tests_pass() -> None:
    files = sorted(str(path.relative_to(CLIENT)) for path in CLIENT.glob("test/*.test.mjs"))
    done = run(["node", "--test", "--test-reporter", "tap", *files])
    assert done.returncode == 0, done.stdout + done.stderr
    assert "\n# fail 0\n" in done.stdout


@pytest.mark.usefixtures("built")
def test_its_types_hold() -> None:
    done = run(["npm", "run", "--silent", "check"])
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.usefixtures("built")
def test_a_package_holds_what_it_needs_and_nothing_else() -> None:
    done = run(["npm", "pack", "--dry-run", "--json", "--ignore-scripts"])
    assert done.returncode == 0, done.stderr
    paths = set(re.findall(r'"path": "([^"]+)"', done.stdout))
    wanted = {"package.json", "README.md", "LICENSE", "index.mjs", "index.d.mts", "dist/index.js"}
    assert wanted <= paths
    assert not {one for one in paths if one.startswith(("src/", "test/", "node_modules/"))}


def test_the_lock_file_names_no_host() -> None:
    assert '"resolved"' not in (CLIENT / "package-lock.json").read_text(encoding="utf-8")
