"""A Valkey or Redis server for tests, and a store in it that is asked at a test's instants."""

from __future__ import annotations

import asyncio
import atexit
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from time import monotonic, sleep

from engine.runtime.store import Level, Noted, Settled, StoreUnavailable, Take, Taker
from engine.state.remote import Asker, Op
from engine.state.valkey import Valkey
from tests.ports import free_port

PROGRAM = next(filter(None, map(shutil.which, ("valkey-server", "redis-server"))), None)
MISSING = "there is no valkey-server or redis-server; apt-get install redis-server"


class Server:
    """A server process on a socket and a port of its own, with nothing on the disk."""

    def __init__(self, *options: str) -> None:
        assert PROGRAM is not None
        self.folder = Path(tempfile.mkdtemp())
        self.options = options
        self.port = free_port()
        self.socket = self.folder / "s"
        self.url = f"unix://{self.socket}"
        self.address = f"redis://127.0.0.1:{self.port}"
        self.start()

    def start(self) -> None:
        places = ("--port", str(self.port), "--unixsocket", str(self.socket))
        kept = ("--save", "", "--dir", str(self.folder), "--bind", "127.0.0.1")
        self.process = subprocess.Popen(  # noqa: S603 - our own arguments
            [str(PROGRAM), *places, *kept, *self.options],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        ends = monotonic() + 60
        while monotonic() < ends:
            with suppress(OSError), socket.socket(socket.AF_UNIX) as tried:
                tried.settimeout(1)
                tried.connect(str(self.socket))
                tried.sendall(b"PING\r\n")
                if tried.recv(5):
                    return
            sleep(0.005)
        self.kill()
        raise AssertionError("the server does not start")

    def freeze(self) -> None:
        os.kill(self.process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self.process.pid, signal.SIGCONT)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        if self.process.poll() is None:
            self.thaw()
            self.kill()
        shutil.rmtree(self.folder)

    def do(self, *command: str | bytes | int) -> bytes:
        """Send one command past the engine; return what is answered, as it is written."""
        parts = [one if isinstance(one, bytes) else str(one).encode() for one in command]
        packed = b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%b\r\n" % (len(p), p) for p in parts)
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(60)
            line.connect(str(self.socket))
            line.sendall(packed)
            return line.recv(2**20)


@cache
def shared() -> Server:
    """The server that all tests of a process share."""
    made = Server()
    atexit.register(made.stop)
    return made


class ValkeyStore(Asker):
    """A store in a server, asked one question after another, at whatever instant."""

    def __init__(self, url: str, prefix: str = "t:") -> None:
        self._loop = asyncio.new_event_loop()
        self._far = Valkey(url, prefix=prefix, timeout=60, clock=True)
        self._now = 0

    def _ask(self, method: str, *arguments: object) -> object:
        running = self._far.run([Op(method, arguments)], self._now)
        (answer,) = self._loop.run_until_complete(running)
        if isinstance(answer, StoreUnavailable):
            raise answer
        return answer

    def close(self) -> None:
        self._loop.run_until_complete(self._far.close())
        self._loop.close()

    def instant(self, now: int) -> int:
        return now

    def spare(self) -> Taker | None:
        return None

    def take(
        self, takes: Sequence[Take], now: int, *, reservation: str = "", hold: int = 0
    ) -> tuple[Level, ...]:
        self._now = now
        return super().take(takes, now, reservation=reservation, hold=hold)

    def peek(self, takes: Sequence[Take], now: int) -> tuple[Level, ...]:
        self._now = now
        return super().peek(takes, now)

    def settle(self, reservation: str, amounts: Mapping[str, int], now: int) -> Settled | None:
        self._now = now
        return super().settle(reservation, amounts, now)

    def count(self, meter: str, key: str, window: int, now: int) -> int:
        self._now = now
        return super().count(meter, key, window, now)

    def record(self, meter: str, key: str, window: int, now: int) -> None:
        self._now = now
        super().record(meter, key, window, now)

    def labels(self, tenant: str, session: str, now: int) -> frozenset[str]:
        self._now = now
        return super().labels(tenant, session, now)

    def label(self, tenant: str, session: str, label: str, until: int | None, now: int) -> None:
        self._now = now
        super().label(tenant, session, label, until, now)

    def remember(self, tenant: str, session: str, sealed: Mapping[str, bytes], now: int) -> None:
        self._now = now
        super().remember(tenant, session, sealed, now)

    def recall(
        self, tenant: str, session: str, digits: Iterable[str], now: int
    ) -> dict[str, bytes]:
        self._now = now
        return super().recall(tenant, session, digits, now)

    def note(
        self,
        tenant: str,
        session: str,
        source: str,
        prints: frozenset[int],
        until: int | None,
        now: int,
    ) -> None:
        self._now = now
        super().note(tenant, session, source, prints, until, now)

    def noted(self, tenant: str, session: str, prints: frozenset[int], now: int) -> Noted:
        self._now = now
        return super().noted(tenant, session, prints, now)

    def turn(self, tenant: str, session: str, now: int, *, advance: bool) -> int:
        self._now = now
        there = super().turn(tenant, session, now, advance=advance)
        return super().turn(tenant, session, now, advance=False) if advance else there
