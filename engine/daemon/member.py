"""A worker as its supervisor sees it: a process, a line to it, and how it fares.

Workers are fresh interpreters in a session of their own: what a terminal sends to the supervisor's
group is the supervisor's to pass on. They inherit the lock of the data folder, so that nobody
takes the folder over before the last of them is gone.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from engine.daemon import line as say
from engine.daemon.line import Answer, Line, LineLost

PACKAGE_PARENT = Path(__file__).parents[2]
"""Where a worker finds this package, wherever it is started."""

WORKER = "engine.daemon.worker"

LEAVE_SECONDS = 5.0
"""How long a process that closed its line may take to end: where others want the machine, that is
seconds, and who is killed meanwhile is told of as if somebody else had done it."""

QUIET_GRPC = {"GRPC_ENABLE_FORK_SUPPORT": "0", "GRPC_VERBOSITY": "NONE"}

Told = TypeVar("Told", bound=say.Message)


class WorkerError(Exception):
    """A worker does not do what it must. *code* is what the daemon exits with, should it be new."""

    def __init__(self, why: str, code: int = 2) -> None:
        super().__init__(why)
        self.code = code


class Member:
    """One process. Make it with `spawn_member`."""

    def __init__(self, number: int, process: subprocess.Popen[bytes], name: str = "") -> None:
        self.number = number
        self.name = name or f"worker {number}"
        self.process = process
        self.revision = ""
        self.serving = False
        self._since: float | None = None
        """When it began to serve."""
        self.gone = asyncio.Event()
        self.silent = 0
        """Looks at it in a row during which it owed an answer."""
        self.stopped = 0
        """Looks at it in a row that found it stopped."""
        self.trouble = ""
        self.policies = 0
        self.rules = 0
        self._line: Line | None = None
        self._hearing: asyncio.Task[None] | None = None
        self._pinging: asyncio.Task[None] | None = None
        self._loaded = ""

    async def connect(self, end: socket.socket, answer: Answer) -> None:
        """Begin to watch the process, and to talk over *end*."""
        loop = asyncio.get_running_loop()
        handle = os.pidfd_open(self.process.pid)

        def ended() -> None:
            loop.remove_reader(handle)
            os.close(handle)
            self.process.wait()
            self.serving = False
            if self._line is not None:
                self._line.close()
            self.gone.set()

        loop.add_reader(handle, ended)
        reader, writer = await asyncio.open_connection(sock=end)
        self._line = Line(reader, writer, answer)
        self._hearing = loop.create_task(self._line.run())

    async def ask(self, message: say.Any, wanted: type[Told], patience: float) -> Told:
        """Return the answer. Raises WorkerError when there is none within *patience* seconds."""
        assert self._line is not None
        try:
            async with asyncio.timeout(patience):
                found = await self._line.ask(message, wanted)
        except TimeoutError:
            raise WorkerError(f"{self.name} did not answer in {patience:g} s") from None
        except LineLost:
            await self._leave()
            raise WorkerError(f"{self.name} ended: {self.ending}") from None
        if isinstance(found, say.Failed):
            raise WorkerError(found.why, found.code)
        return found

    async def load(self, revision: str, patience: float) -> None:
        """Have it load *revision* and keep it ready. Raises WorkerError."""
        if self._loaded != revision:
            found = await self.ask(say.Load(revision), say.Loaded, patience)
            self._loaded = revision
            self.policies, self.rules = found.policies, found.rules

    async def decide_by(self, revision: str, patience: float) -> None:
        """Have it decide by *revision*. Raises WorkerError."""
        if self.revision != revision:
            await self.load(revision, patience)
            await self.ask(say.Commit(), say.Done, patience)
            self.revision = revision

    def serve(self) -> None:
        """Note that it serves from now on, unless it is gone already."""
        self.serving = not self.gone.is_set()
        self._since = time.monotonic()

    def ping(self, patience: float) -> None:
        """Ask for a sign of life, unless one is still owed; count the looks since then."""
        if self._pinging is not None and not self._pinging.done():
            self.silent += 1
            return
        self.silent = 0
        self._pinging = asyncio.get_running_loop().create_task(self._ping(patience))

    async def _ping(self, patience: float) -> None:
        with suppress(WorkerError):
            self.trouble = (await self.ask(say.Ping(), say.Alive, patience)).trouble

    def is_stopped(self) -> bool:
        """Return whether somebody stopped the process (SIGSTOP)."""
        try:
            stat = Path(f"/proc/{self.process.pid}/stat").read_bytes()
        except OSError:
            return False
        return stat.rpartition(b")")[2].split()[0] == b"T"

    def send(self, number: int) -> None:
        """Send it a signal; nothing when it is gone."""
        if self.process.poll() is None:
            self.process.send_signal(number)

    async def _leave(self) -> None:
        """Return when it has ended, as it does by itself once its line is closed; else kill it."""
        with suppress(TimeoutError):
            async with asyncio.timeout(LEAVE_SECONDS):
                await self.gone.wait()
        await self.kill()

    async def kill(self) -> None:
        """End it at once."""
        self.send(signal.SIGKILL)
        await self.gone.wait()

    @property
    def served(self) -> float:
        """Seconds since it began to serve; 0 if it never did."""
        return 0.0 if self._since is None else time.monotonic() - self._since

    @property
    def ending(self) -> str:
        """How it ended, in words."""
        code = self.process.returncode
        return f"signal {-code}" if code < 0 else f"exit code {code}"


def spawn_member(
    number: int, kept: tuple[int, ...], module: str = WORKER, name: str = ""
) -> tuple[Member, socket.socket]:
    """Start worker *number*, which inherits the descriptors *kept*; return our end of the line too.

    *module* and *name* are those of another process than a worker.

    From the main thread, as the kernel ends a worker with the thread that started it. Raises
    WorkerError.
    """
    try:
        ours, its = socket.socketpair()
    except OSError as error:
        raise WorkerError(f"{name or 'a worker'} cannot be started: {error.strerror}") from None
    with its:
        paths = [str(PACKAGE_PARENT), *filter(None, [os.environ.get("PYTHONPATH")])]
        command = [sys.executable, "-P", "-m", module]
        try:
            process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                [*command, str(its.fileno()), str(os.getpid())],
                stdin=subprocess.DEVNULL,
                stdout=sys.stderr.fileno(),
                pass_fds=(its.fileno(), *kept),
                start_new_session=True,
                env={**QUIET_GRPC, **os.environ, "PYTHONPATH": os.pathsep.join(paths)},
            )
        except OSError as error:
            ours.close()
            raise WorkerError(f"{name or 'a worker'} cannot be started: {error.strerror}") from None
    return Member(number, process, name), ours
