"""A PostgreSQL server for tests, on a port of its own, run by who may (root may not)."""

from __future__ import annotations

import atexit
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from itertools import count
from pathlib import Path
from time import monotonic, sleep

import psycopg

from tests.ports import free_port

MISSING = "there is no PostgreSQL server that can be run; apt-get install postgresql"
USERS = ("postgres", "nobody")
"""Who runs it where the tests run as root, who may not."""

OPTIONS = ("fsync=off", "max_connections=40", "shared_buffers=16MB")
_numbers = count()


@cache
def programs() -> Path | None:
    """Return the folder of the newest PostgreSQL; None where there is none."""
    known = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    beside = shutil.which("postgres")
    found = [Path(beside).resolve()] if beside else []
    return next((one.parent for one in reversed(known or found)), None)


@cache
def user() -> str | None:
    """Return who runs the server; None for who runs the tests."""
    if os.geteuid() != 0:
        return None
    there = {one.pw_name for one in pwd.getpwall()}
    return next((one for one in USERS if one in there), None)


def give(*paths: Path) -> None:
    """Let who runs the server own *paths*."""
    owner = user()
    for path in paths if owner else ():
        shutil.chown(path, owner or 0)


class Server:
    """A server process and its data."""

    def __init__(self, *settings: str) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="pg-"))
        self.data = self.folder / "data"
        self.port = free_port()
        self.settings = settings
        shutil.copytree(template(), self.data)
        give(self.folder, self.data, *self.data.rglob("*"))
        self.data.chmod(0o700)
        self.start()

    @property
    def url(self) -> str:
        return f"postgresql://reviewer:s3cret@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        settings = [part for one in (*OPTIONS, *self.settings) for part in ("-c", one)]
        places = ["-D", str(self.data), "-k", str(self.folder), "-p", str(self.port)]
        self.process = run("postgres", *places, "-h", "127.0.0.1", *settings)
        ends = monotonic() + 120
        while monotonic() < ends and self.process.poll() is None:
            try:
                psycopg.connect(self.url, connect_timeout=30).close()
            except psycopg.OperationalError:
                sleep(0.01)
            else:
                return
        raise AssertionError("the server does not start")

    def schema(self) -> str:
        """Return the URL of tables of their own."""
        name = f"t{next(_numbers)}_{os.getpid()}"
        self.do(f"CREATE SCHEMA {name}")
        return f"{self.url}?options=-csearch_path%3D{name}"

    def do(self, statement: str) -> None:
        """Do one statement past the engine."""
        with psycopg.connect(self.url, autocommit=True) as line:
            line.execute(statement.encode())

    def tree(self) -> list[int]:
        """Return the processes of the server, the first one first."""
        pid = self.process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text("utf-8")
        return [pid, *map(int, children.split())]

    def send(self, what: signal.Signals) -> list[int]:
        """Send a signal to every process of the server; return which they were."""
        found = self.tree()
        for pid in found:
            with suppress(ProcessLookupError):  # Without the first one they end by themselves.
                os.kill(pid, what)
        return found

    def freeze(self) -> None:
        self.send(signal.SIGSTOP)

    def thaw(self) -> None:
        self.send(signal.SIGCONT)

    def kill(self) -> None:
        """End it as a lack of memory does: nothing is written any more."""
        killed = self.send(signal.SIGKILL)
        self.process.wait()
        while any(map(lives, killed)):  # The next server refuses memory that one of them still has.
            sleep(0.005)
        (self.data / "postmaster.pid").unlink(missing_ok=True)

    def stop(self) -> None:
        if self.process.poll() is None:
            self.thaw()
            self.kill()
        shutil.rmtree(self.folder)


class Standby(Server):
    """One that has what a primary server has, a moment later."""

    def __init__(self, of: Server) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="pg-"))
        self.data = self.folder / "data"
        self.port = free_port()
        self.settings = of.settings
        give(self.folder)
        copied = run("pg_basebackup", "-D", str(self.data), "-R", "-c", "fast", "-d", of.url)
        assert copied.wait() == 0
        self.start()

    def promote(self) -> None:
        """Have it take the place of the primary server."""
        assert run("pg_ctl", "promote", "-w", "-D", str(self.data)).wait() == 0


def lives(pid: int) -> bool:
    """Return whether a process has not given up all that it had."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return False
    return stat.rpartition(b")")[2].split()[0] != b"Z"


@cache
def template() -> Path:
    """Return data of a server as they are at first."""
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    atexit.register(shutil.rmtree, folder)
    give(folder)
    word = folder / "word"
    word.write_text("s3cret", "utf-8")
    word.chmod(0o644)
    data = folder / "data"
    made = run(
        "initdb", "-D", str(data), "-U", "reviewer", "-A", "scram-sha-256", "-N",
        "--no-instructions", "-E", "UTF8", "--locale", "C", f"--pwfile={word}",
    )  # fmt: skip
    assert made.wait() == 0
    return data


@cache
def shared() -> Server:
    """Return the server of this process."""
    server = Server()
    atexit.register(server.stop)
    return server


def run(program: str, *arguments: str) -> subprocess.Popen[bytes]:
    """Start one of PostgreSQL's programs as who may."""
    folder = programs()
    assert folder is not None
    command: Sequence[str] = [str(folder / program), *arguments]
    return subprocess.Popen(  # noqa: S603 - our own arguments
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, user=user(), cwd="/"
    )
