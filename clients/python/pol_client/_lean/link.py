"""A connection to a daemon that is made when it is needed, and again whenever it was lost."""

from __future__ import annotations

import asyncio
import random
import ssl
from typing import Protocol

from pol_client._lean.deadlines import Deadlines
from pol_client._lean.dial import Target, dial, not_verified
from pol_client._lean.forking import give_up
from pol_client._lean.peer import Peer
from pol_client.connect import AWAY, CLOSED, REFUSED, Tls, in_vain
from pol_client.errors import NoDecision, Unavailable

FIRST_PAUSE, MOST_PAUSE = 0.05, 1.0
"""Seconds between two tries to connect: a daemon restarts in well under a second."""
GROWTH = 1.6
JITTER = 0.2
"""How much more or less, so that a thousand clients do not come back at once."""
GREETING_SECONDS = 10.0
"""How long a connection may take until the daemon has spoken."""
SILENCE_SECONDS = 2.0
"""How long a daemon may take to answer a PING when a call got no answer in time."""


class Others(Protocol):
    """The other connections of a client."""

    def takes(self, link: Link, peer: Peer) -> bool:
        """Return whether *peer* is a connection that *link* is to have."""
        ...

    def tries(self, peer: Peer) -> int:
        """Return how many connections may be opened for a better one than *peer*."""
        ...

    def met(self, link: Link, peer: Peer) -> None:
        """Hear that *link* is connected."""
        ...

    def gone(self, link: Link) -> None:
        """Hear that *link* has lost its connection."""
        ...


class Link:
    """One connection at a time. Belongs to one event loop."""

    def __init__(
        self, target: Target, tls: Tls | None, deadlines: Deadlines, others: Others
    ) -> None:
        self._target = target
        self._others = others
        self._tls = tls
        self._deadlines = deadlines
        self.peer: Peer | None = None
        """The connection that takes calls, if there is one."""
        self._peers: set[Peer] = set()
        """All that are not closed: some only finish what runs on them."""
        self._trying: asyncio.Task[None] | None = None
        self._waiting: dict[asyncio.Future[None], bool] = {}
        """Who waits for a connection, and whether that outlives a failure."""
        self._closed = False
        self._not_before = 0.0
        self._loop = asyncio.get_running_loop()
        self._random = random.Random()  # noqa: S311 - jitter is no secret

    @property
    def connecting(self) -> bool:
        """Whether it is being connected."""
        return self._trying is not None

    @property
    def busy(self) -> bool:
        """Whether something still runs on a connection."""
        return bool(self._peers)

    @property
    def elsewhere(self) -> bool:
        """Whether it leads to a socket, which each worker has of its own."""
        return bool(self._target.path)

    def warm(self) -> None:
        """Have it connected, if it is not, and if that has not just failed."""
        ready = self.peer is not None or self._trying is not None or self._closed
        if not ready and self._loop.time() >= self._not_before:
            self._not_before = self._loop.time() + MOST_PAUSE
            future: asyncio.Future[None] = self._loop.create_future()
            future.add_done_callback(self._nobody)
            self._waiting[future] = False
            self._trying = self._loop.create_task(self._connect())

    def _nobody(self, future: asyncio.Future[None]) -> None:
        """Hear how it went, in place of a call."""
        self._waiting.pop(future, None)
        if not future.cancelled():
            future.exception()

    async def wait(self, deadline: float, *, patient: bool) -> Peer:
        """Return a connection with room for a call. Raises NoDecision."""
        while True:
            if self._closed:
                raise Unavailable("UNAVAILABLE", CLOSED)
            peer = self.peer
            if peer is not None and peer.open:
                if not peer.crowded:
                    return peer
                future = peer.room()
            else:
                peer = None
                future = self._loop.create_future()
                self._waiting[future] = patient
                if self._trying is None:
                    self._trying = self._loop.create_task(self._connect())
            self._deadlines.add(deadline, future)
            try:
                await future
            except asyncio.CancelledError:
                if peer is not None:  # Who had just been let in lets the next one in instead.
                    peer.left()
                raise
            finally:
                self._waiting.pop(future, None)

    def doubt(self, peer: Peer, heard: int) -> None:
        """End *peer* unless it is alive: a call got no answer, and since *heard* nothing came."""
        if peer.heard == heard and not peer.doubted:
            peer.doubted = True
            peer.probe()
            self._loop.call_later(SILENCE_SECONDS, self._judge, peer, heard)

    def close(self, failure: NoDecision) -> None:
        """End it."""
        self._closed = True
        if self._trying is not None:
            self._trying.cancel()
        self._tell(failure, all_of_them=True)
        for peer in tuple(self._peers):
            peer.abort(failure)

    def forked(self) -> None:
        """Give the sockets up: they are another process's."""
        for peer in self._peers:
            give_up(peer.place())

    def retire(self) -> None:
        """End it once nothing runs on it any more."""
        self._closed = True
        peer, self.peer = self.peer, None
        if peer is not None:
            peer.leave(Unavailable("UNAVAILABLE", "the connection is not needed"))

    def _judge(self, peer: Peer, heard: int) -> None:
        peer.doubted = False
        if peer.heard == heard:
            peer.abort(Unavailable("UNAVAILABLE", "the daemon is silent"))

    async def _connect(self) -> None:
        """Try until there is a connection, or nobody waits for one."""
        pause = FIRST_PAUSE
        try:
            while self._waiting:
                try:
                    peer = await self._chosen()
                except (OSError, TimeoutError, ValueError, ssl.SSLError) as error:
                    why = type(error).__name__ if isinstance(error, ValueError) else str(error)
                    failure: NoDecision = Unavailable("UNAVAILABLE", f"cannot connect: {why}")
                    failure = not_verified(error) or failure
                except NoDecision as error:
                    hint = REFUSED if self._tls is not None and error.message == AWAY else ""
                    failure = Unavailable("UNAVAILABLE", error.message + hint)
                else:
                    if peer.open:
                        self.peer = peer
                        self._deadlines.trouble = ""
                        self._others.met(self, peer)
                        self._tell(None, all_of_them=True)
                        return
                    # Who is going hangs up while it greets: it is not asked without a pause.
                    failure = Unavailable("UNAVAILABLE", "the daemon takes no calls")
                self._deadlines.trouble = failure.message
                hopeless = in_vain(failure)
                self._tell(failure, all_of_them=hopeless)
                if hopeless:
                    return
                if self._waiting:
                    await asyncio.sleep(pause * self._random.uniform(1 - JITTER, 1 + JITTER))
                    pause = min(pause * GROWTH, MOST_PAUSE)
        finally:
            self._trying = None

    async def _chosen(self) -> Peer:
        """Return a connection to a worker that the others do not lead to, if it is found soon."""
        peer = await self._greeted()
        for _ in range(self._others.tries(peer)):
            if self._others.takes(self, peer):
                break
            try:
                another = await self._greeted()
            except (OSError, TimeoutError, NoDecision):
                break  # As good as it gets.
            except BaseException:
                peer.abort()
                raise
            peer.leave(Unavailable("UNAVAILABLE", "it leads where another does"))
            peer = another
        return peer

    async def _greeted(self) -> Peer:
        """Return a connection on which the daemon has spoken."""
        greeting: asyncio.Future[None] = self._loop.create_future()

        def ready() -> None:
            if not greeting.done():
                greeting.set_result(None)

        def lost(failure: NoDecision) -> None:
            if self.peer is peer:
                self.peer = None
                self._others.gone(self)
            if not greeting.done():
                greeting.set_exception(failure)

        peer = Peer(ready, lost, self._peers.discard, self._loop)
        try:
            async with asyncio.timeout(GREETING_SECONDS):
                await dial(self._target, self._tls, lambda: peer)
                self._peers.add(peer)
                await greeting
        except BaseException:
            peer.abort()
            if not greeting.cancel() and not greeting.cancelled():
                greeting.exception()  # Whoever waited was told.
            raise
        return peer

    def _tell(self, failure: NoDecision | None, *, all_of_them: bool) -> None:
        """Let those go on who wait for a connection: all, or only the impatient."""
        for future, patient in tuple(self._waiting.items()):
            if (all_of_them or not patient) and not future.done():
                if failure is None:
                    future.set_result(None)
                else:
                    future.set_exception(failure)
