"""Settings in, workers that decide until they are told to stop; the exit code out.

The supervisor decides nothing and never loads gRPC. It keeps the port for its workers, compiles
the policies once for all, replaces workers that die or hang, passes signals on, and answers who
watches the daemon. 0 after a drain, 1 when the first policies do not check, 2 when something else
stands in the way, 70 when it breaks itself.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Coroutine, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from engine.daemon.chronicle import Chronicle, written_apart
from engine.daemon.completeness import Completeness
from engine.daemon.expiry import Expiry, certificate_files
from engine.daemon.fleet import Fleet
from engine.daemon.folder import hold_folder
from engine.daemon.front import Front, FrontWatch
from engine.daemon.http import WatchServer
from engine.daemon.logs import Log, open_log
from engine.daemon.member import WorkerError
from engine.daemon.options import parse_address
from engine.daemon.places import (
    EXIT_BROKEN,
    EXIT_ERROR,
    EXIT_FINE,
    StartError,
    announce,
    cache_folder,
    grpc_addresses,
    key_file,
    make_data_folder,
    open_many_files,
    own_folders,
    print_error,
    record_path,
    show_pages,
    tell_refusal,
)
from engine.daemon.settings import Settings
from engine.daemon.signals import done_before, hear
from engine.daemon.watching import watch_folder
from engine.doors.grpc.addresses import ListenError, refuse_taken, reserve_port
from engine.language.diagnostics import Diagnostic
from engine.service.cache import CacheFolderError, FolderCache, open_cache
from engine.service.compiler import Outcome
from engine.service.journal import open_file
from engine.service.keys import KeyFileError, load_key
from engine.service.record import RecordError
from engine.service.reload import Attempt, Reloader, ReloadError, compile_apart, look_apart
from engine.service.shelf import FolderShelf
from engine.service.times import iso_time
from engine.sources import is_compiled


@dataclass(frozen=True, slots=True)
class Ground:
    """What the workers will stand on: everything that must be there before the first of them."""

    settings: Settings
    data: Path
    cache: FolderCache
    recorded: Path | None
    addresses: tuple[str, ...]
    kept: tuple[int, ...]
    """Descriptors that the workers inherit."""

    @property
    def root(self) -> Path:
        """The folder of the policies."""
        return Path(self.settings.policies).absolute()


def serve(settings: Settings) -> int:
    """Run the daemon and return its exit code."""
    log = open_log(settings.log.level, settings.log.format)
    with ExitStack() as stack:
        try:
            ground = prepare(settings, stack)
        except (CacheFolderError, KeyFileError, ListenError, RecordError, StartError) as error:
            print_error(str(error))
            return EXIT_ERROR
        return asyncio.run(run(ground, log))


def prepare(settings: Settings, stack: ExitStack) -> Ground:
    """Make and hold what all workers need; *stack* gives it back."""
    open_many_files()
    if settings.state == "memory":
        raise StartError(
            "workers cannot share what is kept in memory; keep the state in a data folder, or "
            "serve from one process with `workers = 0`"
        )
    data = Path(settings.data).absolute()
    make_data_folder(data)
    held = hold_folder(data)
    stack.callback(os.close, held)
    cache = open_cache(cache_folder(settings, data))
    load_key(key_file(settings, data))
    recorded = record_path(settings, data)
    if recorded is not None:
        os.close(open_file(recorded))  # Nobody else has it.
    return Ground(settings, data, cache, recorded, tuple(take_addresses(settings, stack)), (held,))


def take_addresses(settings: Settings, stack: ExitStack) -> Sequence[str]:
    """Return where to serve, with the port that was given; *stack* gives the port back."""
    taken = []
    for one in grpc_addresses(settings):
        refuse_taken(one)
        address = parse_address(one)
        if address is not None:
            kept = reserve_port(address.host, address.port)
            stack.callback(kept.close)
            taken.append(f"{one.rpartition(':')[0]}:{kept.getsockname()[1]}")
        else:
            taken.append(one)
    return taken


async def run(ground: Ground, log: Log) -> int:
    """Make the supervisor in the loop that will run it, and run it."""
    return await Supervisor(ground, log).run()


class Supervisor:
    """Starts the fleet, brings it what changes, and ends it."""

    def __init__(self, ground: Ground, log: Log) -> None:
        self._ground = ground
        self._log = log
        self._stop = asyncio.Event()
        self._code = EXIT_FINE
        self._tasks: set[asyncio.Task[object]] = set()
        settings = ground.settings
        shelf = FolderShelf(ground.cache, ground.root)
        self._fleet = Fleet(settings, shelf, ground.addresses, ground.kept, log, self._reload)
        write = written_apart(settings, ground.data)
        self._chronicle = Chronicle(write, log)
        self._reloader = Reloader(
            self._fleet,
            ground.root,
            ground.cache,
            settings.scanner,
            patience=float(settings.reload.timeout_seconds),
            told=self._told,
            record=self._reloaded,
        )
        self._front = Front(settings, ground.data, ground.kept, log, iso_time(time.time_ns()))
        self._expiry = Expiry(certificate_files(settings))
        self._fleet.registry.register(self._expiry)
        self._fleet.registry.register(self._front.sums)
        self._fleet.registry.register(
            Completeness(lambda: chain(self._fleet.counted(), self._front.sums.collect()))
        )
        self._pages = WatchServer(FrontWatch(self._fleet, self._front))

    async def run(self) -> int:
        """Start, serve until a signal says stop, drain."""
        hear(self._end)
        starting = asyncio.ensure_future(self._start())
        if not await done_before(self._stop, starting):
            await self._fleet.kill()
            await self._front.kill()
            return EXIT_FINE
        try:
            code = await starting
        except (WorkerError, StartError) as error:
            print_error(str(error))
            code = error.code if isinstance(error, WorkerError) else EXIT_ERROR
        if code != EXIT_FINE:
            await self._fleet.kill()
            await self._front.kill()
            return code
        await self._stop.wait()
        self._log.info("draining", seconds=self._ground.settings.drain_seconds)
        self._pages.draining = True
        for task in self._tasks:
            task.cancel()
        await self._fleet.drain()
        await self._front.drain()
        await self._pages.stop()
        self._chronicle.ended()
        self._log.info("stopped")
        return self._code

    async def _start(self) -> int:
        """Compile, start all workers and listen; return `EXIT_FINE` when they serve.

        Raises WorkerError and StartError.
        """
        ground, settings = self._ground, self._ground.settings
        beginning = asyncio.ensure_future(self._fleet.begin())
        try:
            outcome = await self._first(beginning)
            refusal, revision = outcome.text if outcome.diagnostics else "", outcome.revision
            diagnostics = outcome.diagnostics
        except ReloadError as error:
            refusal, revision, diagnostics = str(error), "", error.diagnostics
        except asyncio.CancelledError:  # Told to end; nobody asks any more how they began.
            beginning.cancel()
            raise
        if refusal and not settings.wait_for_bundle:
            beginning.cancel()
            return tell_refusal(ground.root, refusal, diagnostics)
        await beginning
        await self._front.start()
        await self._fleet.serve(revision, refusal)
        addresses = [*self._fleet.addresses, *await show_pages(self._pages, settings)]
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, self._hang_up)
        self._spawn(self._fleet.watch())
        self._spawn(self._front.watch())
        self._spawn(self._expiry.watch(self._log))
        if settings.reload.watch:
            ignored = own_folders(ground.data, ground.cache.folder)
            debounce = settings.reload.debounce_ms
            self._spawn(watch_folder(self._reloader, debounce, ignored, self._log))
        self._announce(addresses, refusal)
        self._chronicle.began(self._fleet.revision, *self._fleet.extent, settings.workers)
        return EXIT_FINE

    async def _first(self, beginning: Awaitable[None]) -> Outcome:
        """Return what the folder holds compiled: from the cache, if workers can load it, else anew.

        Raises ReloadError, and WorkerError as *beginning* does.
        """
        ground, patience = self._ground, self._ground.settings.reload.timeout_seconds
        known = await look_apart(ground.root, ground.cache, patience)
        if known:
            await beginning
            if await self._fleet.load(known):
                return Outcome(revision=known)
        return await compile_apart(
            ground.root, ground.cache.folder, patience, ground.settings.scanner
        )

    def _announce(self, addresses: Sequence[str], refusal: str) -> None:
        ground, fleet = self._ground, self._fleet
        announce(addresses, fleet.revision, *fleet.extent)
        if refusal:
            self._log.warning("waiting for policies", folder=str(ground.root), why=refusal)
        self._log.info(
            "ready",
            addresses=list(addresses),
            revision=fleet.revision,
            policies=str(ground.root),
            record=str(ground.recorded) if ground.recorded else "none",
            workers=ground.settings.workers,
            compiled=is_compiled(),
        )

    def _spawn(self, work: Coroutine[Any, Any, object]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[object]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self._log.broken("a task of the supervisor broke", error)
            self._code = EXIT_BROKEN
            self._stop.set()

    def _end(self) -> None:
        """Drain at the first signal, hurry at the second."""
        if self._stop.is_set():
            self._fleet.hurry()
            self._front.hurry()
        self._stop.set()

    def _hang_up(self) -> None:
        """Reopen the record, so that it can be rotated, and reload the policies."""
        self._spawn(self._reopen_and_reload())

    async def _reopen_and_reload(self) -> None:
        await self._fleet.reopen()
        await self._front.reopen()
        await self._reload()

    async def _reload(self) -> Sequence[Diagnostic]:
        """Reload; return why the policies were refused, or nothing when they are served now."""
        try:
            await self._reloader.reload()
        except ReloadError as error:
            return error.diagnostics
        return ()

    def _reloaded(self, attempt: Attempt) -> None:
        self._chronicle.reloaded(attempt, *self._fleet.extent)

    def _told(self, problem: str | None) -> None:
        """Count and log the outcome of a reload."""
        fleet = self._fleet
        fleet.reloads["ok" if problem is None else "failed"] += 1
        if problem is None and fleet.attended:
            self._log.info("policies loaded", revision=fleet.revision, rules=fleet.extent[1])
        elif problem is None:
            self._log.warning("policies compiled, but no worker serves", revision=fleet.revision)
        else:
            self._log.error("policies refused", why=problem, revision=fleet.revision)
