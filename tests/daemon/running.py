"""Daemons for tests: one in this process, so that its code is measured, or one of its own."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc

from engine.daemon.serve import serve
from engine.daemon.settings import Settings
from engine.doors.grpc.caller import ask
from engine.runtime.decision import Decision
from engine.runtime.request import Request

ROOT = Path(__file__).parents[2]
PATIENCE = 180
"""Seconds after which a test says that something never came: more than a daemon waits itself."""
ADDRESS = re.compile(r"serves ([^,\s]+?)[,:]? ")


def decide(address: str, content: str = "hello", user: str = "u1") -> Decision:
    """Return the decision of the daemon at *address*."""
    request = Request(tenant={"id": "north"}, user={"id": user}, stage="request", content=content)
    return ask(address, request, PATIENCE)


def serve_here(
    settings: Settings, work: Callable[[], None], run: Callable[[Settings], int] = serve
) -> int:
    """Serve in this process, do *work* in a thread meanwhile, stop by SIGTERM; return the code.

    *run* serves: from one process, or from workers.
    *settings* must listen on a Unix socket, by which the thread knows that the daemon is ready.
    """
    problems: list[BaseException] = []

    def drive() -> None:
        try:
            with grpc.insecure_channel(f"unix://{settings.grpc.socket}") as channel:
                grpc.channel_ready_future(channel).result(timeout=PATIENCE)
            work()
        except BaseException as error:  # noqa: BLE001  told in the test's own thread
            problems.append(error)
        os.kill(os.getpid(), signal.SIGTERM)

    thread = threading.Thread(target=drive)
    # Were the daemon not there to take it, the signal would end the tests.
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    thread.start()
    try:
        code = run(settings)
    finally:
        thread.join()
        signal.signal(signal.SIGTERM, before)
    if problems:
        raise problems[0]
    return code


class Told:
    """What a daemon in this process wrote to its log so far; see the fixture `told`."""

    def all(self) -> list[dict[str, object]]:
        """Return its whole lines.

        pytest's `readouterr` would empty the file: what is written meanwhile would be lost.
        """
        lines = os.pread(2, 1 << 26, 0).splitlines(keepends=True)
        return [json.loads(one) for one in lines if one[:1] == b"{" and one[-1:] == b"\n"]

    def of(self, event: str) -> list[dict[str, object]]:
        """Return those of an event."""
        return [one for one in self.all() if one["event"] == event]

    def has(self, event: str, times: int = 1) -> bool:
        """Return whether it was told so often."""
        return len(self.of(event)) >= times


@dataclass(slots=True)
class Running:
    """A daemon in a process of its own."""

    process: subprocess.Popen[str]
    address: str
    errors: Path

    def send(self, number: int) -> None:
        """Send it a signal."""
        self.process.send_signal(number)

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send it a signal and return its exit code."""
        self.process.send_signal(number)
        return self.process.wait(PATIENCE)

    def log(self) -> str:
        """Return what it wrote to standard error so far."""
        return self.errors.read_text()


@contextmanager
def daemon(
    folder: Path, *arguments: str, before: Callable[[], None] | None = None
) -> Iterator[Running]:
    """Start ``engine serve`` in *folder* and yield it when it is ready; kill it at the end.

    *before* is done in its process, before anything else.
    """
    errors = folder / "errors.txt"
    with errors.open("a") as file:
        process = subprocess.Popen(  # noqa: S603  our own interpreter
            [sys.executable, "-m", "engine", "serve", "policies", *arguments],
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=file,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            preexec_fn=before,  # noqa: PLW1509  there is one thread that forks
        )
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        found = ADDRESS.search(line)
        assert found, f"the daemon did not start: {line}{errors.read_text()}"
        yield Running(process, found[1], errors)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def refused(folder: Path, *arguments: str) -> tuple[int, str]:
    """Return exit code and error text of an ``engine serve`` that must not start."""
    done = subprocess.run(  # noqa: S603  our own interpreter
        [sys.executable, "-m", "engine", "serve", "policies", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    return done.returncode, done.stderr
