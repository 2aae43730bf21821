"""A Valkey or Redis server, or a cluster of them, in; a store that many engines share comes out.

All that a decision asks is one script call (``valkey*.lua``), which the server does in one step, by
its own clock. Entries end by themselves: nothing is swept. What is sent is told in ``valkey_wire``,
how the connection is kept in ``valkey_line``, and what a cluster changes in ``valkey_cluster``.

The server's clock must not be set by leaps: to who counts by it, a leap ahead is time that passed.
"""

from __future__ import annotations

from collections.abc import Sequence
from time import time_ns
from typing import cast

from engine.runtime.memory import SESSION_LIFE
from engine.state.remote import Health, Op
from engine.state.valkey_address import Address, Tls, read_url
from engine.state.valkey_cluster import Answers, Cluster
from engine.state.valkey_line import Line
from engine.state.valkey_script import (
    GREETING,
    Elsewhere,
    Ready,
    evaluate,
    evicts,
    is_cluster,
    make_ready,
    objection,
    often,
)
from engine.state.valkey_wire import Manner, Writer

TIMEOUT = 0.02
"""Seconds without an answer after which a server counts as away."""


class Valkey:
    """A connection for one event loop; see remote.Far.

    *url* is `redis://`, `rediss://` or `unix://`, with user, password and database as it may be;
    ValueError where it is none. *clock* is for tests: with it, what `run` is told as *now* is the
    time, in ns.
    """

    def __init__(
        self,
        url: str,
        *,
        prefix: str = "pol:",
        timeout: float = TIMEOUT,
        session_life: int = SESSION_LIFE,
        tls: Tls | None = None,
        clock: bool = False,
    ) -> None:
        self._clock = clock
        self._manner = Manner(prefix, session_life, 1 if clock else 1000, clock)
        self._timeout = timeout
        self._address = read_url(url, tls)
        self._first = self._line(self._address)
        self._cluster: Cluster | None = None
        self._alone: bool | None = None
        """Whether the server says that it is in no cluster; None before it was asked."""
        self.offset = 0
        """By how many ns the server's clock is ahead of this machine's, as last learnt."""

    async def connect(self) -> None:
        """Connect before anybody asks, if that can be."""
        await self._first.connect()
        if not self._first.greeted or not await is_cluster(self._first):
            return
        if self._cluster is None:
            self._cluster = self._cluster_of(self._first)
        await self._cluster.connect()

    async def run(self, ops: Sequence[Op], now: int) -> list[object]:
        """Do all *ops* in one step and return their answers; see remote.Far."""
        began = time_ns()
        asked = now if self._clock else 0
        instant, answers = await self._spread(ops, asked)
        if instant and not self._clock:
            self.offset = instant * self._manner.tick - (began + time_ns()) // 2
        return answers

    def health(self) -> Health:
        """Return how the connections fare."""
        tallies = [line.tally for line in self._lines]
        return Health(
            closed=all(line.state == "closed" for line in self._lines),
            calls=sum(one.calls for one in tallies),
            failures=sum(one.failures for one in tallies),
            timeouts=sum(one.timeouts for one in tallies),
            reconnects=sum(one.reconnects for one in tallies),
        )

    @property
    def evicts(self) -> str:
        """By which policy a server forgets what is kept when it is full; empty for none."""
        return next(filter(None, map(evicts, self._lines)), "")

    @property
    def lacking(self) -> str:
        """Why a node of a cluster is away, as last met; empty for none."""
        return "" if self._cluster is None else self._cluster.lacking

    @property
    def states(self) -> dict[str, str]:
        """Whether the breaker of each connection is `closed`, `half-open` or `open`."""
        return {line.place: line.state for line in self._lines}

    async def close(self) -> None:
        """Disconnect."""
        await self._first.close()
        if self._cluster is not None:
            await self._cluster.close()

    @property
    def _lines(self) -> Sequence[Line]:
        others = self._cluster.lines if self._cluster is not None else ()
        return (self._first, *(line for line in others if line is not self._first))

    async def _spread(self, ops: Sequence[Op], now: int) -> Answers:
        if self._alone is None:
            self._alone = not await is_cluster(self._first)
        if self._alone and self._cluster is None:
            ready = self._ready(ops, now)
            call = ready.call
            try:
                reply = await evaluate(self._first, ready)
            except Elsewhere:
                pass
            else:
                instant = int(cast("int | bytes", reply[0]))
                pairs = zip(call.readers, reply[1:], strict=True)
                return instant, [read(answer, instant) for read, answer in pairs]
        if self._cluster is None:
            self._cluster = self._cluster_of(self._first)
        return await self._cluster.run(ops, now)

    def _ready(self, ops: Sequence[Op], now: int) -> Ready:
        # Hot path: a take of requests is the same again and again, and costs a look-up then.
        if not now and len(ops) == 1 and _is_plain(ops[0]):
            return often(ops[0], self._manner)
        return make_ready(Writer(self._manner).call(ops, now))

    def _cluster_of(self, first: Line) -> Cluster:
        return Cluster(first, self._address.host, self._beside, self._manner)

    def _beside(self, host: str, port: int) -> Line:
        address = self._address.beside(host, port)
        if str(address) == str(self._address):
            return self._first
        return self._line(address)

    def _line(self, address: Address) -> Line:
        return Line(address, timeout=self._timeout, greeting=GREETING, objection=objection)


def _is_plain(op: Op) -> bool:
    return op.method == "take" and len(op.arguments) > 1 and not op.arguments[1]
