"""Settings in, a running daemon until it is told to stop; its exit code out.

0 after a drain, 1 when the first policies do not check, 2 when something else stands in the way.
"""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from collections.abc import Sequence
from itertools import chain
from pathlib import Path

import uvloop

from engine.daemon.chronicle import Chronicle
from engine.daemon.completeness import Completeness
from engine.daemon.expiry import Expiry, certificate_files
from engine.daemon.flush import flush_often
from engine.daemon.front import Front, FrontWatch
from engine.daemon.http import WatchServer
from engine.daemon.logs import Log, open_log
from engine.daemon.metrics import GateWatch, MetricsCounts, make_registry
from engine.daemon.places import (
    EXIT_ERROR,
    EXIT_FINE,
    StartError,
    announce,
    grpc_addresses,
    open_many_files,
    print_error,
    show_pages,
    state_folder,
    tell_refusal,
)
from engine.daemon.server import SWITCH_SECONDS, Server
from engine.daemon.settings import Settings
from engine.daemon.start import Parts, assemble
from engine.daemon.watching import watch_folder
from engine.doors.grpc.addresses import ListenError
from engine.language.diagnostics import Diagnostic
from engine.service.compiled import PolicyError, compile_folder
from engine.service.record import RecordError
from engine.service.reload import Attempt, Reloader, ReloadError
from engine.service.taking import settle_heap
from engine.service.times import iso_time
from engine.sources import is_compiled


def serve(settings: Settings) -> int:
    """Run the daemon and return its exit code."""
    log = open_log(settings.log.level, settings.log.format)
    sys.setswitchinterval(SWITCH_SECONDS)
    try:
        open_many_files()
        parts = assemble(settings)
    except StartError as error:
        print_error(str(error))
        return EXIT_ERROR
    try:
        return start(parts, log)
    finally:
        parts.release()


def start(parts: Parts, log: Log) -> int:
    """Load the first policies, then run until told to stop."""
    settings = parts.settings
    try:
        parts.taker.begin(compile_folder(parts.root, parts.cache))
    except PolicyError as error:
        if not settings.wait_for_bundle:
            return tell_refusal(parts.root, str(error), error.diagnostics)
        parts.gate.refuse(str(error))
        log.warning("waiting for policies", folder=str(parts.root), why=str(error))
    try:
        return uvloop.run(run(parts, log))
    except (ListenError, StartError) as error:
        print_error(str(error))
        return EXIT_ERROR


async def run(parts: Parts, log: Log) -> int:
    """Make the daemon in the loop that will run it, and run it."""
    return await Daemon(parts, log).run()


class Daemon:
    """The running daemon. Make it and run it in one event loop."""

    def __init__(self, parts: Parts, log: Log) -> None:
        self._parts = parts
        self._log = log
        settings = parts.settings
        self._chronicle = Chronicle(parts.gate.recorder.write, log)
        self._reloader = Reloader(
            parts.taker,
            parts.root,
            parts.cache,
            settings.scanner,
            patience=float(settings.reload.timeout_seconds),
            told=self._told,
            record=self._reloaded,
        )
        self._server = Server(parts, log, self._reload, grpc_addresses(settings))
        counts = MetricsCounts(parts.metrics)
        registry = make_registry(
            parts.metrics,
            parts.gate,
            parts.classifiers.tally,
            parts.queue.metrics,
            parts.audit,
        )
        data = Path(settings.data).absolute()
        self._front = Front(settings, data, (), log, iso_time(time.time_ns()))
        self._expiry = Expiry(certificate_files(settings))
        registry.register(self._expiry)
        registry.register(self._front.sums)
        registry.register(Completeness(lambda: chain(counts.collect(), self._front.sums.collect())))
        self._pages = WatchServer(
            FrontWatch(GateWatch(parts.gate, registry, parts.audit), self._front)
        )

    async def run(self) -> int:
        """Listen, serve until a signal says stop, drain. Raises ListenError or StartError."""
        if not await self._server.done_before_told(self._front.start()):
            await self._front.kill()
            return EXIT_FINE
        try:
            addresses = await self._listen()
        except (ListenError, StartError):
            await self._front.kill()
            raise
        # Before anybody hears that it is ready: until then the signal would end the process.
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, self._hang_up)
        self._announce(addresses)
        status = self._parts.gate.status()
        self._chronicle.began(status.revision, status.policies, status.rules, 0)
        settings = self._parts.settings
        if settings.reload.watch:
            debounce, ignored = settings.reload.debounce_ms, self._parts.own_folders
            self._server.spawn(watch_folder(self._reloader, debounce, ignored, self._log))
        self._server.spawn(flush_often(state_folder(settings), settings.sync_seconds, self._log))
        self._server.spawn(self._front.watch())
        self._server.spawn(self._expiry.watch(self._log))
        await self._server.until_told()
        self._log.info("draining", seconds=settings.drain_seconds)
        self._pages.draining = True
        await self._server.drain()
        await self._front.drain()
        await self._pages.stop()
        self._chronicle.ended()
        self._log.info("stopped")
        return EXIT_FINE

    async def _listen(self) -> Sequence[str]:
        settle_heap()
        addresses = list(await self._server.start())
        try:
            addresses += await show_pages(self._pages, self._parts.settings)
        except StartError:
            await self._server.door.drain(0)
            raise
        return addresses

    def _announce(self, addresses: Sequence[str]) -> None:
        status = self._parts.gate.status()
        announce(addresses, status.revision, status.policies, status.rules)
        recorded = self._parts.recorded
        self._log.info(
            "ready",
            addresses=list(addresses),
            revision=status.revision,
            policies=str(self._parts.root),
            record=str(recorded) if recorded else "none",
            compiled=is_compiled(),
        )

    def _hang_up(self) -> None:
        """Reopen the record, so that it can be rotated, and reload the policies."""
        self._server.renew()
        try:
            self._parts.gate.recorder.reopen()
        except RecordError as error:
            self._log.error("the record was not reopened", why=str(error))
        self._server.spawn(self._front.reopen())
        self._server.spawn(self._reload())

    async def _reload(self) -> Sequence[Diagnostic]:
        """Reload; return why the policies were refused, or nothing when they are served now."""
        try:
            await self._reloader.reload()
        except ReloadError as error:
            return error.diagnostics
        return ()

    def _reloaded(self, attempt: Attempt) -> None:
        status = self._parts.gate.status()
        self._chronicle.reloaded(attempt, status.policies, status.rules)

    def _told(self, problem: str | None) -> None:
        """Count and log the outcome of a reload, and tell health checks."""
        self._parts.metrics.reloads["ok" if problem is None else "failed"] += 1
        status = self._parts.gate.status()
        if problem is None:
            self._log.info("policies loaded", revision=status.revision, rules=status.rules)
        else:
            self._log.error("policies refused", why=problem, revision=status.revision)
        self._server.spawn(self._server.door.show_serving())
