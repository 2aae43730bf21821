"""What a worker does: it decides, and answers what the supervisor asks (see `worker`)."""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
from collections.abc import Sequence
from contextlib import ExitStack, suppress

import uvloop

from engine.daemon import line as say
from engine.daemon.audit_metrics import trouble_with
from engine.daemon.line import Line, LineLost
from engine.daemon.logs import open_log
from engine.daemon.metrics import make_registry
from engine.daemon.places import EXIT_ERROR, EXIT_FINE, StartError
from engine.daemon.server import SWITCH_SECONDS, Server
from engine.daemon.start import assemble
from engine.daemon.state_metrics import strangers_of, trouble_of
from engine.daemon.sums import families_of
from engine.doors.grpc.addresses import ListenError
from engine.doors.grpc.listener import Tls
from engine.language.diagnostics import Diagnostic
from engine.runtime.policyset import PolicySet
from engine.service.record import RecordError
from engine.service.taking import settle_heap


class Desk:
    """A worker's gate and server, and how the supervisor's questions are answered by them."""

    def __init__(self, begin: say.Begin, line: Line, stack: ExitStack) -> None:
        """Make everything but the policies. Raises StartError."""
        settings = begin.settings
        self._log = open_log(
            settings.log.level, settings.log.format, always={"worker": begin.number}
        )
        self._line = line
        self._parts = assemble(settings, shared=True)
        stack.callback(self._parts.release)
        parts = self._parts
        self._taker = parts.taker
        self._registry = make_registry(
            parts.metrics,
            parts.gate,
            parts.classifiers.tally,
            parts.queue.metrics,
            parts.audit,
        )
        self._ready: PolicySet | None = None
        self._showing: set[asyncio.Task[None]] = set()
        self.server = Server(
            parts,
            self._log,
            self._reload,
            begin.addresses,
            share_port=True,
            worker=(begin.number, settings.workers),
            before=begin.shown,
            show=self._show,
        )

    async def answer(self, message: say.Any) -> say.Any:
        """Return the answer to what the supervisor asks."""
        match message:
            case say.Load(revision):
                return await self._load(revision)
            case say.Commit():
                return await self._commit()
            case say.Listen():
                return await self._listen()
            case say.Refuse(why):
                self._parts.gate.refuse(why)
            case say.Confirm():
                self._parts.gate.confirm()
            case say.Reopen():
                return self._reopen()
            case say.Count():
                return await self.count()
            case say.Ping():
                store = self._parts.gate.store
                return say.Alive(
                    trouble_of(store) or trouble_with(self._parts.audit) or strangers_of(store)
                )
            case _:  # No supervisor asks anything else.
                pass
        return say.Done()

    async def count(self) -> say.Counted:
        """Return what was counted; in a thread, so that no decision waits."""
        return say.Counted(await asyncio.to_thread(lambda: families_of(self._registry.collect())))

    def reload_all(self) -> None:
        """Have the policies reloaded in all workers: this one got SIGHUP."""
        self.server.spawn(self._reload())

    def _show(self, tls: Tls) -> None:
        """Have the supervisor keep what the port shows, for a worker in this one's place."""
        shown = say.Shown(tls.certificate, tls.key, tls.client_roots)
        task = asyncio.get_running_loop().create_task(self._tell(shown))
        self._showing.add(task)
        task.add_done_callback(self._showing.discard)

    async def _tell(self, shown: say.Shown) -> None:
        with suppress(LineLost):  # Who has none ends by itself.
            await self._line.ask(shown, say.Done)

    async def _load(self, revision: str) -> say.Loaded | say.Failed:
        policies = await self._taker.load(revision)
        if policies is None:
            return say.Failed(self._taker.missing)
        self._ready = policies
        return say.Loaded(len(policies.policies), len(policies.rules))

    async def _commit(self) -> say.Done:
        policies, self._ready = self._ready, None
        if policies is not None:
            await self._taker.swap(policies)
            await self.server.door.show_serving()
        return say.Done()

    async def _listen(self) -> say.Done | say.Failed:
        settle_heap()
        try:
            await self.server.start()
        except ListenError as error:
            return say.Failed(str(error), EXIT_ERROR)
        return say.Done()

    def _reopen(self) -> say.Done | say.Failed:
        self.server.renew()
        try:
            self._parts.gate.recorder.reopen()
        except RecordError as error:
            return say.Failed(str(error))
        return say.Done()

    async def _reload(self) -> Sequence[Diagnostic]:
        """Ask the supervisor for a reload of all workers; return why it was refused."""
        found = await self._line.ask(say.Reload(), say.Reloaded)
        return found.diagnostics if isinstance(found, say.Reloaded) else ()


class Worker:
    """Makes the desk when the supervisor says so, and keeps it until it is told to end."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._line: Line | None = None
        self._desk: Desk | None = None
        self._begun = asyncio.Event()

    async def run(self, end: socket.socket) -> int:
        """Work until a signal ends it, or the supervisor is gone; return the exit code."""
        reader, writer = await asyncio.open_connection(sock=end)
        self._line = Line(reader, writer, self._answer)
        hearing = asyncio.ensure_future(self._line.run())
        begun = asyncio.ensure_future(self._begun.wait())
        await asyncio.wait((hearing, begun), return_when=asyncio.FIRST_COMPLETED)
        if self._desk is None:
            return EXIT_ERROR
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, self._desk.reload_all)
        told = asyncio.ensure_future(self._desk.server.until_told())
        await asyncio.wait((hearing, told), return_when=asyncio.FIRST_COMPLETED)
        if hearing.done():
            return EXIT_ERROR
        await self._desk.server.drain()
        with suppress(LineLost):
            await self._line.ask(await self._desk.count(), say.Done)
        return EXIT_FINE

    async def _answer(self, message: say.Any) -> say.Any:
        if self._desk is not None:
            return await self._desk.answer(message)
        if self._line is None or not isinstance(message, say.Begin):
            return say.Failed("nothing was begun")
        try:
            self._desk = Desk(message, self._line, self._stack)
        except StartError as error:
            return say.Failed(str(error), EXIT_ERROR)
        self._begun.set()
        return say.Done()


def work(end: int) -> int:
    """Work at the *end* of the line to the supervisor; return the exit code."""
    sys.setswitchinterval(SWITCH_SECONDS)
    with ExitStack() as stack:
        return uvloop.run(run(socket.socket(fileno=end), stack))


async def run(end: socket.socket, stack: ExitStack) -> int:
    """Make the worker in the loop that will run it, and run it."""
    return await Worker(stack).run(end)
