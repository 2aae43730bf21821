"""Calls of a daemon from one event loop: connections are chosen, calls made again where they may."""

from __future__ import annotations

import asyncio
from functools import partial
from itertools import cycle

from pol_client import connect
from pol_client._lean.calls import Undecided, Unary, resolver
from pol_client._lean.deadlines import Deadlines
from pol_client._lean.dial import read_address
from pol_client._lean.head import call_block, timeout_field
from pol_client._lean.link import Link
from pol_client._lean.peer import Peer
from pol_client.errors import DeadlineExceeded, NoDecision, Unavailable

BLOCKS = 256
"""So many field blocks are remembered: callers with a few timeouts and a token have few."""
AGAIN_SECONDS = 0.05
"""Until a call is made again that was refused twice."""


class LeanTransport:
    """Calls over connections of our own. Belongs to the loop of its first call."""

    def __init__(self, connection: connect.Connection, connections: int) -> None:
        """Prepare so many *connections*. Raises ValueError for an address that is none."""
        if connections < 1:
            raise ValueError("connections must be at least 1")
        self._connection = connection
        self._count = connections
        self._target = read_address(connection.address)
        self._scheme = b"http" if connection.tls is None else b"https"
        self._blocks: dict[tuple[object, ...], bytes] = {}
        self._links: list[Link] = []
        self._closed = False

    async def unary(self, method: connect.Method, message: bytes, seconds: float) -> bytes:
        """Return the answer. Raises NoDecision."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        block = self.block(method.path, seconds)
        tries = 0
        while True:
            link = self.link()
            peer = link.peer
            if peer is None or not peer.open or peer.crowded:
                peer = await link.wait(deadline, patient=self._connection.wait_for_ready)
            try:
                return await self._once(link, peer, block, message, deadline)
            except Undecided:
                tries += 1
                if loop.time() + AGAIN_SECONDS >= deadline:
                    raise
            if tries > 1:
                await asyncio.sleep(AGAIN_SECONDS)

    async def _once(
        self, link: Link, peer: Peer, block: bytes, message: bytes, deadline: float
    ) -> bytes:
        future: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        heard = peer.heard
        call = peer.begin(partial(Unary, done=resolver(future)), block, message)
        self._deadlines.add(deadline, future)
        try:
            return await future
        except DeadlineExceeded:
            peer.drop(call)
            link.doubt(peer, heard)
            raise
        except asyncio.CancelledError:
            peer.drop(call)
            raise

    def block(self, path: str, seconds: float | None) -> bytes:
        """Return the fields of a call."""
        pairs = self._connection.headers()
        timeout = b"" if seconds is None else timeout_field(seconds)
        key = (path, timeout, pairs)
        made = self._blocks.get(key)
        if made is None:
            if len(self._blocks) >= BLOCKS:
                self._blocks.clear()
            made = call_block(self._scheme, self._target.authority, path, pairs) + timeout
            self._blocks[key] = made
        return made

    def link(self) -> Link:
        """Return the connection with the fewest calls; of several the next in turn."""
        if not self._links:
            self._make()
        if self._count == 1:
            return self._links[0]
        return min((next(self._turns) for _ in self._links), key=_calls_of)

    def _make(self) -> None:
        if self._closed:
            raise Unavailable("UNAVAILABLE", "the client was closed")
        self._deadlines = Deadlines()
        self._links = [
            Link(self._target, self._connection.tls, self._deadlines) for _ in range(self._count)
        ]
        self._turns = cycle(self._links)

    async def close(self) -> None:
        """Close the connections; calls that run fail with Unavailable."""
        self._closed = True
        links, self._links = self._links, []
        for link in links:
            link.close(NoDecision("CANCELLED", "the client was closed"))
        if links:
            self._deadlines.close()


def _calls_of(link: Link) -> int:
    return 0 if link.peer is None else len(link.peer.streams)
