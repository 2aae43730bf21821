"""Calls of a daemon from one event loop: which connection, and what may be tried again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Sequence
from functools import partial

from pol_client import connect
from pol_client._lean.blocking import Wire
from pol_client._lean.calls import Unary, Undecided, resolver
from pol_client._lean.coalescer import Carrier, Coalescer, Pairs, belongs
from pol_client._lean.deadlines import Deadlines
from pol_client._lean.dial import read_address
from pol_client._lean.head import Timeouts, call_block, metadata_block
from pol_client._lean.link import Link
from pol_client._lean.links import Links
from pol_client._lean.peer import Peer
from pol_client._lean.streams import Expiry, LeanStream, Streamed
from pol_client.errors import DeadlineExceeded, NoDecision, Unavailable
from pol_client.reading import read_answer
from pol_client.results import Decision

BLOCKS = 256
"""So many field blocks are remembered: callers with a few timeouts and a token have few."""
AGAIN_SECONDS = 0.05
"""Until a call is made again that was refused twice."""


class LeanTransport(Carrier):
    """Calls over connections of our own. Belongs to the loop of its first call."""

    def __init__(self, connection: connect.Connection) -> None:
        """Prepare connections. Raises ValueError for settings and addresses that are none."""
        super().__init__(patient=connection.wait_for_ready)
        more = connection.more
        if "options" in more:
            raise ValueError('options are for transport="grpcio"')
        self._connection = connection
        self._count = at_least_one("connections", more.get("connections", 1))
        self._in_flight = at_least_one("in_flight", more.get("in_flight", 1_024))
        self._waiting = at_least_one("waiting", more.get("waiting", 65_536))
        self._coalesce = more.get("coalesce", True)
        self._coalescer: Coalescer | None = None
        self._targets = [read_address(one) for one in addresses_of(connection.address)]
        self._turn = 0
        self._scheme = b"http" if connection.tls is None else b"https"
        self._proper: set[Pairs] = set()
        self._fixed: Pairs | None = None
        """The metadata of all calls, once it is known to be proper, where it is always the same."""
        self._blocks: dict[tuple[object, ...], bytes] = {}
        self._timeouts = Timeouts()
        self._links: Links | None = None
        self._closed = False

    async def unary(
        self, method: connect.Method, message: bytes, seconds: float, pairs: Pairs | None = None
    ) -> bytes:
        """Return the answer. Raises NoDecision; RuntimeError in another loop than the first.

        *pairs* is the metadata, where whoever asks has had it made.
        """
        belongs(self._opened().loop)
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        block = self.block(method.path, seconds, self.pairs() if pairs is None else pairs)
        tries = 0
        while True:
            link = self._opened().least()
            peer = link.peer
            if peer is None or not peer.open or peer.crowded:
                peer = await link.wait(deadline, patient=self.patient)
            try:
                return await self._once(link, peer, block, message, deadline)
            except Undecided:
                tries += 1
                if loop.time() + AGAIN_SECONDS >= deadline:
                    raise
            if tries > 1:
                await asyncio.sleep(AGAIN_SECONDS)

    def decide(self, message: bytes, seconds: float) -> Awaitable[Decision]:
        """Return the decision, through a call that others may share. Raises NoDecision."""
        if not self._coalesce:
            return self._decide_alone(message, seconds)
        if self._coalescer is None:
            self._coalescer = self.coalescer()
        return self._coalescer.ask(message, seconds)

    async def _decide_alone(self, message: bytes, seconds: float) -> Decision:
        return read_answer(await self.unary(connect.DECIDE, message, seconds))

    def stream(self, path: str, seconds: float, pairs: Pairs | None = None) -> LeanStream:
        """Begin a call with many messages; *pairs* as for `unary`."""
        block = self.block(path, seconds, self.pairs() if pairs is None else pairs)
        until = time.monotonic() + seconds

        async def begin() -> Streamed:
            deadline = asyncio.get_running_loop().time() + until - time.monotonic()
            belongs(self._opened().loop)
            peer = await self._opened().least().wait(deadline, patient=self.patient)
            call = peer.start(Streamed, block, None)
            self.deadlines().add(deadline, Expiry(call))
            return call

        return LeanStream(begin)

    def coalescer(self) -> Coalescer:
        """Return what puts decisions together, in this loop."""
        return Coalescer(self, self._in_flight, self._waiting)

    def pipe(self) -> LeanPipe:
        """Return what takes many decisions at once."""
        return LeanPipe(self)

    async def _once(
        self, link: Link, peer: Peer, block: bytes, message: bytes, deadline: float
    ) -> bytes:
        future: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        heard = peer.heard
        call = peer.start(partial(Unary, done=resolver(future)), block, message)
        due = self._deadlines.add(deadline, future)
        try:
            return await future
        except DeadlineExceeded:
            peer.drop(call)
            link.doubt(peer, heard)
            raise
        except asyncio.CancelledError:
            peer.drop(call)
            raise
        finally:
            due.over = True

    def wire(self, deadline: float) -> Wire:
        """Return a connection for one thread. Raises OSError, ValueError and NoDecision."""
        self._turn = (self._turn + 1) % len(self._targets)
        return Wire(self._targets[self._turn - 1], self._connection.tls, deadline)

    def pairs(self) -> Pairs:
        """Return the metadata of a call that is made now. Raises InvalidRequest."""
        if self._fixed is not None:  # Hot path.
            return self._fixed
        pairs = self._connection.headers()
        if pairs not in self._proper:
            metadata_block(pairs)  # Who asks is told at once what cannot be sent.
            if len(self._proper) >= BLOCKS:
                self._proper.clear()
            self._proper.add(pairs)
        if self._connection.steady:
            self._fixed = pairs
        return pairs

    def block(self, path: str, seconds: float, pairs: Pairs) -> bytes:
        """Return the fields of a call that may take so many *seconds*."""
        timeout = self._timeouts.field(seconds)
        key = (path, timeout, pairs)
        made = self._blocks.get(key)
        if made is None:
            if len(self._blocks) >= BLOCKS:
                self._blocks.clear()
            metadata = metadata_block(pairs)
            made = call_block(self._scheme, self._targets[0].authority, path) + metadata + timeout
            self._blocks[key] = made
        return made

    def deadlines(self) -> Deadlines:
        """Return what fails that is not done in time."""
        self._opened()
        return self._deadlines

    def links(self) -> list[Link]:
        """Return all connections."""
        return self._opened().usable()

    def _opened(self) -> Links:
        if self._links is None:
            if self._closed:
                raise Unavailable("UNAVAILABLE", connect.CLOSED)
            self._deadlines = Deadlines()
            more = self._connection.more
            self._links = Links(
                self._targets * self._count,
                self._connection.tls,
                self._deadlines,
                search=more.get("workers", True),
            )
        return self._links

    async def close(self) -> None:
        """Close the connections; calls that run fail with Unavailable."""
        self._closed = True
        links, self._links = self._links, None
        if links is not None:
            links.close(NoDecision("CANCELLED", connect.CLOSED))
        if self._coalescer is not None:
            await self._coalescer.close()
        if links is not None:
            self._deadlines.close()


class LeanPipe:
    """Many decisions at once, put together apart from the client's others."""

    def __init__(self, transport: LeanTransport) -> None:
        self._transport = transport
        self._coalescer: Coalescer | None = None
        self._closed = False

    def ask(self, message: bytes, seconds: float) -> Awaitable[Decision]:
        """Return the decision. Raises NoDecision."""
        if self._closed:
            raise Unavailable("UNAVAILABLE", "the pipeline was closed")
        if self._coalescer is None:
            self._coalescer = self._transport.coalescer()
        return self._coalescer.ask(message, seconds)

    async def close(self) -> None:
        """Fail what is under way, and take no more."""
        self._closed = True
        if self._coalescer is not None:
            await self._coalescer.close()


def addresses_of(address: str | Sequence[str]) -> Sequence[str]:
    """Return one address or several; raise ValueError for none."""
    found = (address,) if isinstance(address, str) else tuple(address)
    if not found:
        raise ValueError("there is no address")
    return found


def at_least_one(name: str, value: int) -> int:
    """Return *value*; raise ValueError where it is none."""
    if value < 1:
        raise ValueError(f"{name} must be at least 1")
    return value
