"""Settings in, a running daemon until it is told to stop; its exit code out.

0 after a drain, 1 when the first policies do not check, 2 when something else stands in the way.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Any

import uvloop

import engine
from engine.daemon.http import WatchServer
from engine.daemon.logs import Log, open_log
from engine.daemon.metrics import make_registry
from engine.daemon.options import parse_address
from engine.daemon.settings import Settings
from engine.daemon.start import Parts, StartError, assemble, warm_up
from engine.doors.grpc.addresses import ListenError
from engine.doors.grpc.listener import Listener
from engine.doors.grpc.server import Door
from engine.doors.grpc.service import Service
from engine.language.diagnostics import Diagnostic
from engine.runtime.store import StoreUnavailable
from engine.service.bundles import load_folder
from engine.service.compiled import PolicyError
from engine.service.record import RecordError
from engine.service.reload import Reloader, ReloadError
from engine.service.taking import GateTaker

EXIT_FINE = 0
EXIT_POLICIES = 1
EXIT_ERROR = 2

SWITCH_SECONDS = 0.0005
"""How long a thread that loads policies or writes metrics may hold the interpreter while a decision
waits; Python's own default is ten times as long."""

SWEEP_SECONDS = 5.0
SWEEP_ENTRIES = 200
"""How often, and how much at once, the store forgets what no longer matters."""


def serve(settings: Settings) -> int:
    """Run the daemon and return its exit code."""
    log = open_log(settings.log.level, settings.log.format)
    sys.setswitchinterval(SWITCH_SECONDS)
    try:
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
        policies = load_folder(parts.root, parts.recipe, parts.cache)
        warm_up(policies)
        parts.gate.swap(policies)
    except PolicyError as error:
        if not settings.wait_for_bundle:
            print_error(
                f"{error}\nthe policies in {parts.root} do not check, so the daemon does not start"
            )
            return EXIT_POLICIES
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


def print_error(text: str) -> None:
    """Write *text* for people to standard error."""
    sys.stderr.write(f"engine: {text}\n")


class Daemon:
    """The running daemon. Make it and run it in one event loop."""

    def __init__(self, parts: Parts, log: Log) -> None:
        self._parts = parts
        self._log = log
        self._stop = asyncio.Event()
        self._hurry = asyncio.Event()
        self._tasks: set[asyncio.Task[Any]] = set()
        settings = parts.settings
        self._reloader = Reloader(
            GateTaker(parts.gate, parts.root, parts.cache, parts.recipe),
            parts.root,
            parts.cache,
            parts.recipe.finder,
            patience=float(settings.reload.timeout_seconds),
            told=self._told,
        )
        parts.metrics.on_failure = self._failed
        self._door = Door(
            Service(parts.gate, engine.__version__, self._reload),
            listeners(settings),
            reflect={"loopback": None, "on": True, "off": False}[settings.grpc.reflection],
            message_bytes=settings.limits.message_bytes,
        )
        registry = make_registry(parts.metrics, parts.gate, parts.classifiers.tally)
        self._pages = WatchServer(parts.gate, registry)

    async def run(self) -> int:
        """Listen, serve until a signal says stop, drain. Raises ListenError or StartError."""
        addresses = await self._listen()
        self._announce(addresses)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._end)
        loop.add_signal_handler(signal.SIGHUP, self._hang_up)
        self._spawn(self._sweep())
        reload = self._parts.settings.reload
        if reload.watch:
            self._spawn(self._reloader.watch(reload.debounce_ms, self._parts.own_folders))
        await self._stop.wait()
        await self._drain()
        return EXIT_FINE

    async def _listen(self) -> Sequence[str]:
        settings = self._parts.settings
        addresses = list(await self._door.start())
        address = parse_address(settings.metrics.listen)
        if address is not None:
            try:
                taken = await self._pages.start(address)
            except OSError as error:
                await self._door.drain(0)
                raise StartError(
                    f"cannot serve metrics on {address}: {error.strerror}; choose another address "
                    'with `metrics.listen`, or "" for none'
                ) from None
            addresses.append(f"http://{taken}/metrics")
        return addresses

    def _announce(self, addresses: Sequence[str]) -> None:
        status = self._parts.gate.status()
        where = ", ".join(addresses)
        if status.serving:
            count = "1 policy" if status.policies == 1 else f"{status.policies} policies"
            rules = "1 rule" if status.rules == 1 else f"{status.rules} rules"
            what = f"{count}, {rules}, revision {status.revision}"
        else:
            what = "no policies yet (UNAVAILABLE until they check)"
        sys.stdout.write(f"engine {engine.__version__} serves {where}: {what}\n")
        sys.stdout.flush()
        recorded = self._parts.recorded
        self._log.info(
            "ready",
            addresses=list(addresses),
            revision=status.revision,
            policies=str(self._parts.root),
            record=str(recorded) if recorded else "none",
        )

    def _spawn(self, work: Coroutine[Any, Any, object]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self._log.broken("a task of the daemon broke", error)

    def _end(self) -> None:
        """Drain at the first signal, hurry at the second."""
        if self._stop.is_set():
            self._hurry.set()
        self._stop.set()

    def _hang_up(self) -> None:
        """Reopen the record, so that it can be rotated, and reload the policies."""
        try:
            self._parts.gate.recorder.reopen()
        except RecordError as error:
            self._log.error("the record was not reopened", why=str(error))
        self._spawn(self._reload())

    async def _reload(self) -> Sequence[Diagnostic]:
        """Reload; return why the policies were refused, or nothing when they are served now."""
        try:
            await self._reloader.reload()
        except ReloadError as error:
            return error.diagnostics
        return ()

    def _told(self, problem: str | None) -> None:
        """Count and log the outcome of a reload, and tell health checks."""
        self._parts.metrics.reloads["ok" if problem is None else "failed"] += 1
        status = self._parts.gate.status()
        if problem is None:
            self._log.info("policies loaded", revision=status.revision, rules=status.rules)
        else:
            self._log.error("policies refused", why=problem, revision=status.revision)
        self._spawn(self._door.show_serving())

    def _failed(self, error: str) -> None:
        self._log.error("a decision was denied because of an error", error=error)

    async def _sweep(self) -> None:
        """Let the store forget what no longer matters, a little at a time."""
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            try:
                self._parts.gate.sweep(SWEEP_ENTRIES)
            except StoreUnavailable as error:
                self._log.warning("the state store could not be tidied", why=str(error))

    async def _drain(self) -> None:
        """Take no new calls and let those that run finish; a second signal ends the patience."""
        grace = self._parts.settings.drain_seconds
        self._log.info("draining", seconds=grace)
        self._pages.draining = True
        for task in self._tasks:
            task.cancel()
        drained = asyncio.ensure_future(self._door.drain(grace))
        hurried = asyncio.ensure_future(self._hurry.wait())
        await asyncio.wait((drained, hurried), return_when=asyncio.FIRST_COMPLETED)
        hurried.cancel()
        if not drained.done():
            await self._door.drain(0)
        await drained
        await self._pages.stop()
        self._log.info("stopped")


def listeners(settings: Settings) -> list[Listener]:
    """Return where the gRPC door listens. Raises StartError when that is nowhere."""
    found = []
    if settings.grpc.listen:
        found.append(Listener(settings.grpc.listen))
    if settings.grpc.socket:
        found.append(Listener(f"unix://{Path(settings.grpc.socket).absolute()}"))
    if not found:
        raise StartError("there is nowhere to listen; set `grpc.listen` or `grpc.socket`")
    return found
