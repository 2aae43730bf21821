"""A Valkey or Redis server in; a store comes out that all engines that use it share.

All that a decision asks is one script call (``valkey.lua``), which the server does in one step, by
its own clock. Entries end by themselves: nothing is swept. What goes over the connection is said in
``valkey_wire``, how it is kept in ``valkey_line``.

The server's clock must not be set by leaps: to who counts by it, a leap ahead is time that passed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import sha1
from pathlib import Path
from time import time_ns
from typing import Any, cast

from redis.asyncio.connection import AbstractConnection, Connection, parse_url
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ResponseError

from engine.runtime.memory import SESSION_LIFE
from engine.runtime.store import StoreUnavailable
from engine.state.remote import Health, Op
from engine.state.valkey_line import Command, Line
from engine.state.valkey_wire import Call, Manner, Writer

PARTS = ("valkey_numbers.lua", "valkey_buckets.lua", "valkey_takes.lua", "valkey.lua")
_HERE = Path(__file__).parent
SCRIPT = "\n".join((_HERE / name).read_text() for name in PARTS)
SHA = sha1(SCRIPT.encode(), usedforsecurity=False).hexdigest()
TIMEOUT = 0.02
"""Seconds without an answer after which a server counts as away."""


class Valkey:
    """A connection for one event loop; see remote.Far.

    *clock* is for tests: with it, what `run` is told as *now* is the time, in ns.
    """

    def __init__(
        self,
        url: str,
        *,
        prefix: str = "pol:",
        timeout: float = TIMEOUT,
        session_life: int = SESSION_LIFE,
        clock: bool = False,
    ) -> None:
        self._clock = clock
        self._manner = Manner(prefix, session_life, 1 if clock else 1000, clock)
        make, place = connector(url)
        self._line = Line(make, place, timeout=timeout, greeting=[("SCRIPT", "LOAD", SCRIPT)])
        self.offset = 0

    async def run(self, ops: Sequence[Op], now: int) -> list[object]:
        """Do all *ops* in one step and return their answers; see remote.Far."""
        call = Writer(self._manner).call(ops, now if self._clock else 0)
        began = time_ns()
        reply = await self._evaluate(call)
        instant = int(cast("int | bytes", reply[0]))
        if not self._clock:
            self.offset = instant * self._manner.tick - (began + time_ns()) // 2
        answers = zip(call.readers, reply[1:], strict=True)
        return [read(answer, instant) for read, answer in answers]

    def health(self) -> Health:
        """Return how the connection fares."""
        tally = self._line.tally
        closed = self._line.state == "closed"
        return Health(closed, tally.calls, tally.failures, tally.timeouts, tally.reconnects)

    async def close(self) -> None:
        """Disconnect."""
        await self._line.close()

    async def _evaluate(self, call: Call) -> Sequence[object]:
        command: Command = ("EVALSHA", SHA, len(call.keys), *call.keys, call.request)
        reply = await self._line.ask(command)
        if isinstance(reply, ResponseError):
            raise StoreUnavailable(f"the store refuses: {reply}")
        assert isinstance(reply, list)
        return reply


def connector(url: str) -> tuple[Callable[[], AbstractConnection], str]:
    """Return what makes a connection for *url*, and how the server is called in messages."""
    told: dict[str, Any] = dict(parse_url(url))
    kind = told.pop("connection_class", Connection)
    place = told.get("path") or f"{told.get('host', 'localhost')}:{told.get('port', 6379)}"

    def make() -> AbstractConnection:
        made: AbstractConnection = kind(
            **told,
            socket_timeout=None,
            socket_connect_timeout=None,
            retry=Retry(NoBackoff(), 0),
            protocol=2,
        )
        return made

    return make, f"the store at {place}"
