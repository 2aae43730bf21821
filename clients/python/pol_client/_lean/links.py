"""All connections of a client: those it was told to have, and one for each worker of a daemon.

Workers of a daemon share a port, and the kernel chooses one for each connection: whoever has one
connection has one worker. Each worker says which of how many it is (`WORKER`). Then connections are
opened, and those closed again that lead where others do, until there is one to each; tries are
bounded, and what cannot be had is not needed. A worker that ends takes its connection with it, and
one to the worker that replaces it is looked for when there is work again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from pol_client._lean.deadlines import Deadlines
from pol_client._lean.dial import Target
from pol_client._lean.forking import watch
from pol_client._lean.link import Link
from pol_client._lean.peer import Peer
from pol_client.connect import Tls
from pol_client.errors import NoDecision, Unavailable

TRIES = 8
"""Connections opened in search of a worker, for each that there is: one of two is found in all but
one of 65,000 searches."""
MOST_WORKERS = 256
"""So many are looked for at most."""
FIRST_PAUSE, LAST_PAUSE = 0.25, 30.0
"""Seconds after a search in vain until the next, which double."""
SEARCH_SECONDS = 10.0
"""What a search may take."""


class Links:
    """The connections. Belongs to one event loop."""

    def __init__(
        self,
        targets: Sequence[Target],
        tls: Tls | None,
        deadlines: Deadlines,
        *,
        search: bool,
    ) -> None:
        """Have one connection to each of the *targets*; *search* for other workers behind them."""
        self._tls = tls
        self._deadlines = deadlines
        self._search = search
        """Whether there is to be a connection to each worker."""
        self._targets = targets
        self._told = [Link(target, tls, deadlines, self) for target in targets]
        self.all = [*self._told]
        """Those that calls may go over. The ones that a search has found come last."""
        self._workers = 1
        """How many there are behind each port."""
        self._lacking = False
        """Whether there is a worker that no connection leads to."""
        self._left: list[Link] = []
        """Those that take no calls any more; what runs on them may end."""
        self._searching: asyncio.Task[None] | None = None
        self._not_before = 0.0
        self._pause = FIRST_PAUSE
        self._next = 0
        self._closed = False
        self.loop = asyncio.get_running_loop()
        """The one that they belong to."""
        watch(self)

    def usable(self) -> list[Link]:
        """Return all connections; begin to look for those that are missing."""
        if self._lacking and self._searching is None and self.loop.time() >= self._not_before:
            self._searching = self.loop.create_task(self._look())
        return self.all

    def least(self) -> Link:
        """Return the connection with the fewest calls; of several the next in turn."""
        links = self.usable()
        if len(links) == 1:
            return links[0]
        self._next = (self._next + 1) % len(links)
        turns = links[self._next :] + links[: self._next]
        opened = [one for one in turns if one.peer is not None and one.peer.open]
        if len(opened) < len(turns):  # A call has no need to wait for it.
            for one in turns:
                one.warm()
        return min(opened or turns, key=calls_of)

    def close(self, failure: NoDecision) -> None:
        """Close all."""
        self._closed = True
        if self._searching is not None:
            self._searching.cancel()
        for link in (*self.all, *self._left):
            link.close(failure)
        self.all = []

    def forked(self) -> None:
        """Give all sockets up: they are another process's."""
        for link in (*self.all, *self._left):
            link.forked()

    # What connections ask.

    def takes(self, link: Link, peer: Peer) -> bool:
        """Return whether *peer* leads to a worker that has not more connections than others."""
        if not self._search or peer.workers == 1 or link.elsewhere:
            return True
        share = -(-max(len(self._told), peer.workers) // peer.workers)
        return sum([same_worker(one, link, peer) for one in self.all]) < share

    def tries(self, peer: Peer) -> int:
        """Return how many connections may be opened for another worker than that of *peer*."""
        return TRIES * min(peer.workers, MOST_WORKERS)

    def met(self, link: Link, peer: Peer) -> None:
        """Hear that *link* is connected."""
        if self._search and link in self._told and not link.elsewhere:
            self._workers = min(peer.workers, MOST_WORKERS)
            self._review()

    def gone(self, link: Link) -> None:
        """Hear that *link* has lost its connection. One that was searched for is given up."""
        self._left = [one for one in self._left if one.busy]
        if link not in self._told and link in self.all:
            self._leave(link)
        if not self._closed:
            self._review()

    def _review(self) -> None:
        """See whether a connection is missing, or not needed."""
        seen: set[int] = set()
        for link in [*self.all]:
            peer = link.peer
            if peer is None or link.elsewhere:
                continue
            if peer.worker in seen and link not in self._told:
                self._leave(link)
                link.retire()
            seen.add(peer.worker)
        lacking = self._workers > 1 and len(seen) < self._workers
        if lacking and not self._lacking:
            self._not_before, self._pause = 0.0, FIRST_PAUSE
        self._lacking = lacking

    def _leave(self, link: Link) -> None:
        self.all.remove(link)
        self._left.append(link)

    async def _look(self) -> None:
        """Open what is missing, if it can be found."""
        try:
            while self._lacking:
                if not await self._found():
                    break
        except NoDecision:
            pass
        finally:
            self._searching = None
        if self._lacking:
            self._not_before = self.loop.time() + self._pause
            self._pause = min(self._pause * 2, LAST_PAUSE)

    async def _found(self) -> bool:
        """Open one more; return whether it leads to another worker. Raises NoDecision."""
        link = Link(self._targets[0], self._tls, self._deadlines, self)
        try:
            peer = await link.wait(self.loop.time() + SEARCH_SECONDS, patient=False)
        except BaseException:
            link.close(Unavailable("UNAVAILABLE", "it is not needed"))
            raise
        if not self.takes(link, peer):
            link.retire()
            return False
        self.all.append(link)
        self._review()
        return True


def calls_of(link: Link) -> int:
    """Return how many calls run on a connection."""
    return 0 if link.peer is None else len(link.peer.streams)


def same_worker(one: Link, link: Link, peer: Peer) -> bool:
    """Return whether *one* is another connection than *link*, and to the same worker as *peer*."""
    other = one.peer
    return one is not link and other is not None and other.open and other.worker == peer.worker
