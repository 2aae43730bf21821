"""The door of one process, and what goes on beside it: tidying, signals, draining."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from typing import Any

import engine
from engine.daemon.certificates import certificates_of
from engine.daemon.line import Shown
from engine.daemon.logs import SELDOM_SECONDS, Log, Seldom, kind_of
from engine.daemon.settings_grpc import bounds_of
from engine.daemon.signals import done_before, hear
from engine.daemon.start import Parts
from engine.daemon.state_watch import watch_state
from engine.doors.grpc.addresses import path_of
from engine.doors.grpc.certificates import TlsError
from engine.doors.grpc.listener import Listener, Tls
from engine.doors.grpc.server import ALONE, Door, Worker
from engine.doors.grpc.service import Reload, Service
from engine.runtime.store import StoreUnavailable
from engine.service.audit import Audit
from engine.service.reviews import Reviews
from engine.state.remote_store import RemoteStore

SWITCH_SECONDS = 0.0002
"""How long a thread that loads policies or writes metrics may hold the interpreter while a decision
waits; Python's own default is 25 times as long."""

CERTIFICATE_SECONDS = 5.0
"""How often it is looked whether the files of the certificate have changed."""

REVIEW_SECONDS = 1.0
"""How often reviews are looked after."""

CONNECT_SECONDS = 1.0
"""For so long it is waited for connections with a state server before anybody is let in."""

SWEEP_SECONDS = 5.0
SWEEP_ENTRIES = 200
"""How often, and how much at once, the store forgets what no longer matters."""


class Server:
    """Serves the gate of *parts* on *addresses*. Make it and run it in one event loop."""

    def __init__(
        self,
        parts: Parts,
        log: Log,
        reload: Reload,
        addresses: Sequence[str],
        *,
        share_port: bool = False,
        worker: Worker = ALONE,
        before: Shown | None = None,
        show: Callable[[Tls], None] | None = None,
    ) -> None:
        self._parts = parts
        self._log = log
        self._stop = asyncio.Event()
        self._hurry = asyncio.Event()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._unsettled = Seldom(log.warning, SELDOM_SECONDS)
        self._notices: dict[str, Seldom] = {}
        self._failures: dict[str, Seldom] = {}
        self._troubles: dict[str, Seldom] = {}
        settings = parts.settings
        parts.metrics.on_failure = self._failed
        if parts.queue.desk is not None and parts.queue.desk.reviewers is not None:
            parts.queue.desk.reviewers.told = lambda why: log.error(
                "the file of reviewers was not taken, the one before holds", why=why
            )
        parts.metrics.on_unknown = self._unknown
        if parts.queue.messenger is not None:
            parts.queue.messenger.troubled = self._untold
        self._show = show
        self._certificates = certificates_of(settings, before)
        if self._certificates is not None:
            self._shows(self._certificates.tls, self._certificates.missed)
        self._warn_of(addresses)
        self.door = Door(
            Service(parts.gate, engine.__version__, reload, parts.queue.desk),
            [Listener(one, self._tls_of(one)) for one in addresses],
            reflect={"loopback": None, "on": True, "off": False}[settings.grpc.reflection],
            share_port=share_port,
            transport=settings.grpc.transport,
            bounds=bounds_of(
                settings.grpc.limits,
                settings.limits.message_bytes,
                settings.grpc.busy_poll_microseconds,
            ),
            worker=worker,
        )

    def _tls_of(self, address: str) -> Tls | None:
        """Return the TLS of *address*: that of the port, for a socket has the file system."""
        if self._certificates is None or path_of(address) is not None:
            return None
        return self._certificates.tls

    def _warn_of(self, addresses: Sequence[str]) -> None:
        """Say so when other machines can ask, and everybody between can read along."""
        for one in addresses:
            if self._certificates is None and not Listener(one).local:
                self._log.warning(
                    "other machines reach this address and nothing is encrypted: set `grpc.tls`, "
                    "unless a mesh does it",
                    address=one,
                )

    def renew(self) -> None:
        """Show the certificate that is in the files now, if that is another one."""
        if self._certificates is None:
            return
        try:
            tls = self._certificates.renewed()
        except TlsError as error:
            self._shows(self._certificates.tls, str(error))
            return
        if tls is not None:
            self.door.renew(tls)
            self._log.info("a new certificate is shown")
            self._shows(tls)

    def _shows(self, tls: Tls, why: str = "") -> None:
        """Tell of a certificate that was taken; or *why* it was not, and *tls* is one before it."""
        if why:
            self._log.error("the certificate was not taken, the one before holds", why=why)
        elif self._show is not None:
            self._show(tls)

    async def done_before_told(self, work: Coroutine[Any, Any, object]) -> bool:
        """Do *work*; give it up, and return False, where a signal says stop before it is done.

        Raises what *work* raises.
        """
        hear(self.end)
        doing = asyncio.ensure_future(work)
        done = await done_before(self._stop, doing)
        if done:
            await doing
        return done

    async def start(self) -> Sequence[str]:
        """Connect with what is away from here, then listen; return where. Raises ListenError.

        Beside others at a start, a connection takes longer than a first decision may wait for it.
        One that is not made in time is made in the background.
        """
        store = self._parts.gate.store
        if isinstance(store, RemoteStore):
            with suppress(TimeoutError):
                async with asyncio.timeout(CONNECT_SECONDS):
                    await store.connect()
        return await self.door.start()

    async def until_told(self) -> None:
        """Tidy up now and then, until SIGTERM, SIGINT or `end` says stop."""
        hear(self.end)
        self.spawn(self._sweep())
        if isinstance(self._parts.gate.store, RemoteStore):
            self.spawn(watch_state(self._parts.gate.store, self._log))
        if self._certificates is not None:
            self.spawn(self._look_at_certificates())
        if self._parts.audit is not None:
            self.spawn(self._sign(self._parts.audit))
        if self._parts.gate.reviews is not None:
            self.spawn(self._tend(self._parts.gate.reviews))
        await self._stop.wait()

    def end(self) -> None:
        """Drain at the first call, hurry at the second."""
        if self._stop.is_set():
            self._hurry.set()
        self._stop.set()

    def spawn(self, work: Coroutine[Any, Any, object]) -> None:
        """Do *work* beside everything else, until the drain; log it if it breaks."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self._log.broken("a task of the daemon broke", error)

    def _failed(self, error: str) -> None:
        """Say so, each error seldom: a full disk fails thousands a second, and may have the log."""
        say = one_of(self._failures, error, self._log.error)
        say("a decision was denied because of an error", error=error)

    def _unknown(self, decision_id: str) -> None:
        """Say so, but no oftener than a caller should be able to make the log grow."""
        self._unsettled(
            "a decision was settled that does not wait for it", decision=decision_id[:64]
        )

    def _untold(self, sink: str, why: str) -> None:
        """Say that people cannot be told of reviews; from the thread of *sink*."""
        say = one_of(self._notices, sink, self._log.warning)
        say("people are not told of reviews: it is tried again", sink=sink, why=why)

    async def _sweep(self) -> None:
        """Let the store forget what no longer matters, a little at a time."""
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            try:
                self._parts.gate.sweep(SWEEP_ENTRIES)
            except StoreUnavailable as error:
                self._log.warning("the state store could not be tidied", why=str(error))

    async def _look_at_certificates(self) -> None:
        """Take a certificate that was renewed."""
        while True:
            await asyncio.sleep(CERTIFICATE_SECONDS)
            self.renew()

    def _troubled(self, why: str) -> None:
        """Say what is wrong with the audit trail, each thing seldom; from any thread."""
        one_of(self._troubles, why, self._log.warning)("the audit trail", why=why)

    async def _sign(self, audit: Audit) -> None:
        """Sign what the audit trail has, and copy each checkpoint to the log: a second place."""
        audit.told = self._troubled
        await asyncio.to_thread(audit.recover)
        while True:
            await asyncio.sleep(self._parts.settings.audit.checkpoint_seconds)
            note = await asyncio.to_thread(audit.tend)
            if note:
                self._log.info("audit checkpoint", note=note)

    async def _tend(self, reviews: Reviews) -> None:
        """End reviews whose time is over, and record what reviewers did, in whichever process."""
        seldom = Seldom(self._log.warning, SELDOM_SECONDS)
        while True:
            await asyncio.sleep(REVIEW_SECONDS)
            why = await reviews.tend_apart()
            if why:
                seldom("what was done with reviews is not recorded yet", why=why)

    async def drain(self) -> None:
        """Take no new calls and let those that run finish; a second signal ends the patience."""
        for task in self._tasks:
            task.cancel()
        drained = asyncio.ensure_future(self.door.drain(self._parts.settings.drain_seconds))
        hurried = asyncio.ensure_future(self._hurry.wait())
        await asyncio.wait((drained, hurried), return_when=asyncio.FIRST_COMPLETED)
        hurried.cancel()
        if not drained.done():
            await self.door.drain(0)
        await drained
        await self._parts.gate.leave()


def one_of(gates: dict[str, Seldom], what: str, say: Callable[..., None]) -> Seldom:
    """Return the gate of *what* among *gates*; of many different things, one for all the others."""
    return gates.setdefault(kind_of(what, gates), Seldom(say, SELDOM_SECONDS))
