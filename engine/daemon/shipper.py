"""The process beside those that decide: ships the audit trail, and tends what of it is closed.

``python -m engine.daemon.shipper SOCKET DAEMON`` with the descriptor of its end of the line and the
process id of who started it, which it never outlives. It only reads the trail's files, so that no
decision ever waits for it, or for a sink.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import socket
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

import uvloop
from prometheus_client import CollectorRegistry, ProcessCollector

from engine.daemon import line as say
from engine.daemon.folder import lock
from engine.daemon.leash import never_outlive
from engine.daemon.line import Line, LineLost
from engine.daemon.logs import open_log
from engine.daemon.places import EXIT_ERROR, EXIT_FINE
from engine.daemon.settings_sinks import AnySink
from engine.daemon.shipped import Shipped
from engine.daemon.shipper_log import OTHER, Teller
from engine.daemon.shipper_metrics import SinkMetrics
from engine.daemon.shipping import Ground, Route
from engine.daemon.signed import Signed
from engine.daemon.sinks import open_sink
from engine.daemon.sums import families_of
from engine.daemon.tend import tend_often
from engine.service.audit import Audit
from engine.service.entries import GapEntry
from engine.service.times import iso_time
from engine.sinks.cursor import FOLDER, forget_others
from engine.sinks.ship import DEAD, Dead, Pauses, Shipment, Tally
from engine.sinks.sink import Sink, SinkError

LOOK_SECONDS = 1.0
"""How often is looked how far the trails have got, and how the sinks fare."""
AGAIN_SECONDS = 5.0
"""A pause before a route that broke is begun again."""
LOCK = ".lock"
"""Of the one daemon that ships from a folder."""
POLITE = 10
"""How much it steps back behind those who decide on the same core (see ``nice``)."""


class Desk:
    """The routes of a process, and how the daemon's questions are answered by them."""

    def __init__(self, begin: say.Ship) -> None:
        """Make the sinks. Raises SinkError and OSError."""
        settings = begin.settings
        self.settings = settings
        self._log = open_log(settings.log.level, settings.log.format, always={"process": "shipper"})
        self._folder = Path(begin.folder)
        self._key = Path(begin.key)
        self._signed = Signed(self._folder)
        self._ground = Ground(
            self._folder, self._signed, self._record, now, time.monotonic, begin.began
        )
        self._registry = CollectorRegistry()
        self._registry.register(SinkMetrics(lambda: self.routes))
        ProcessCollector(namespace="engine_shipper", registry=self._registry)
        self._stop = asyncio.Event()
        self._hurry = asyncio.Event()
        self.routes = [self._route(one) for one in settings.audit.sinks]
        self._tellers = [
            Teller(one, self._folder, self._log, time.monotonic) for one in self.routes
        ]

    def _route(self, one: AnySink) -> Route:
        dead = Dead(self._folder / FOLDER / f"{one.name}{DEAD}")
        pauses = Pauses(one.retry_seconds, one.retry_most_seconds)
        try:
            sink = open_sink(one)
        except SinkError as error:
            raise SinkError(f"sink `{one.name}`: {error}") from None
        shipment = Shipment(sink, dead, pauses, asyncio.sleep, random.random, Tally())
        return Route(one, shipment, self._ground, Shipped())

    async def answer(self, message: say.Any) -> say.Any:
        """Return the answer to what the daemon asks."""
        match message:
            case say.Count():
                return self.count()
            case say.Ping():
                return say.Alive(self.trouble)
            case say.Reopen():
                return await self._reopen()
            case _:
                return say.Done()

    def count(self) -> say.Counted:
        """Return what was counted."""
        return say.Counted(families_of(self._registry.collect()))

    @property
    def trouble(self) -> str:
        """What does not work, in words; mostly empty."""
        return "; ".join(
            f"sink {one.settings.name}: {one.trouble}" for one in self.routes if one.trouble
        )

    async def _reopen(self) -> say.Done | say.Failed:
        """Make the sinks anew: credentials and certificates may be others by now."""
        made: list[Sink] = []
        try:
            made.extend(open_sink(one.settings) for one in self.routes)
        except SinkError as error:
            return say.Failed(str(error))
        for one, sink in zip(self.routes, made, strict=True):
            old, one.shipment.sink = one.shipment.sink, sink
            await old.close()
        return say.Done()

    async def run(self) -> None:
        """Ship until a signal says stop, and then what there is, for as long as draining takes."""
        loop, settings = asyncio.get_running_loop(), self.settings
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._end)
        shipping = asyncio.create_task(self._ship_alone())
        beside = [
            asyncio.create_task(self._look()),
            asyncio.create_task(
                tend_often(settings.audit, self._key.parent, self._folder, self._log)
            ),
        ]
        await self._stop.wait()
        hurried = asyncio.create_task(self._hurry.wait())
        await asyncio.wait(
            (shipping, hurried),
            timeout=settings.drain_seconds,
            return_when=asyncio.FIRST_COMPLETED,
        )
        for task in (shipping, *beside, hurried):
            task.cancel()
        await asyncio.gather(shipping, *beside, hurried, return_exceptions=True)
        for one in self.routes:
            await one.shipment.sink.close()
        for teller in self._tellers:
            teller.look(last=True)

    def _end(self) -> None:
        """Drain at the first signal, hurry at the second."""
        if self._stop.is_set():
            self._hurry.set()
        self._stop.set()

    async def _ship_alone(self) -> None:
        """Run the routes once no other daemon does: each would send what the other one sends."""
        with ExitStack() as held:
            while why := self._taken(held):
                for one in self.routes:
                    one.shipment.tally.trouble = why
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._stop.wait(), LOOK_SECONDS)
                    return
            for one in self.routes:
                one.shipment.tally.trouble = ""
            names = frozenset(one.settings.name for one in self.routes)
            for name in forget_others(self._folder, names):
                self._log.warning("a sink is not in the settings any more", sink=name)
            await asyncio.gather(*(self._ship(one) for one in self.routes))

    def _taken(self, held: ExitStack) -> str:
        """Lock the folder, for as long as *held* is; return why not, or nothing when it is.

        The kernel gives it back, however this process ends.
        """
        path = self._folder / FOLDER / LOCK
        if not (self.routes or path.parent.exists()):
            return ""
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            file = path.open("wb")
        except OSError as error:
            return f"cannot write {path}: {error.strerror}"
        if lock(file.fileno()):
            held.enter_context(file)
            return ""
        file.close()
        return OTHER

    async def _ship(self, route: Route) -> None:
        """Run *route*; begin again after an error in the code, and let the other sinks go on."""
        while True:
            running = asyncio.create_task(route.run(self._stop))
            try:
                await asyncio.wait({running})
            finally:
                running.cancel()
            error = running.exception()
            if error is None:
                return
            self._log.broken("shipping broke", error)
            route.shipment.tally.trouble = f"an error in the code ({type(error).__name__})"
            await asyncio.sleep(AGAIN_SECONDS)

    async def _look(self) -> None:
        """Follow the checkpoints, and tell the log of how the sinks fare."""
        while True:
            with suppress(OSError):
                self._signed.look()
            for one in self._tellers:
                one.look()
            await asyncio.sleep(LOOK_SECONDS)

    def _record(self, gaps: list[GapEntry]) -> None:
        """Record *gaps* in a trail of their own. Raises RecordError."""
        for gap in gaps:
            self._log.error(
                "a sink does not get records",
                sink=gap.sink,
                trail=gap.trail,
                first=gap.first,
                lost=gap.lost,
                why=gap.why,
            )
        trail = Audit(
            self._folder,
            self._key,
            "deny",
            name=self.settings.audit.name,
            time=now,
        )
        try:
            for gap in gaps:
                trail.write(gap)
            trail.wait()
        finally:
            trail.close()


class Shipper:
    """Makes the desk when the daemon says so, and keeps it until it is told to end."""

    def __init__(self) -> None:
        self._desk: Desk | None = None
        self._begun = asyncio.Event()

    async def run(self, end: socket.socket) -> int:
        """Work until a signal ends it, or the daemon is gone; return the exit code."""
        reader, writer = await asyncio.open_connection(sock=end)
        line = Line(reader, writer, self._answer)
        hearing = asyncio.ensure_future(line.run())
        begun = asyncio.ensure_future(self._begun.wait())
        await asyncio.wait((hearing, begun), return_when=asyncio.FIRST_COMPLETED)
        if self._desk is None:
            return EXIT_ERROR
        running = asyncio.ensure_future(self._desk.run())
        await asyncio.wait((hearing, running), return_when=asyncio.FIRST_COMPLETED)
        if not running.done():
            running.cancel()
            return EXIT_ERROR
        running.result()
        with suppress(LineLost):
            await line.ask(self._desk.count(), say.Done)
        return EXIT_FINE

    async def _answer(self, message: say.Any) -> say.Any:
        if self._desk is not None:
            return await self._desk.answer(message)
        if not isinstance(message, say.Ship):
            return say.Failed("nothing was begun")
        try:
            self._desk = Desk(message)
        except (SinkError, OSError) as error:
            return say.Failed(str(error), EXIT_ERROR)
        self._begun.set()
        return say.Done()


def now() -> str:
    """Return now as RFC 3339."""
    return iso_time(time.time_ns())


def main(arguments: Sequence[str]) -> int:
    """Run the shipper that the command line describes; return its exit code."""
    end, daemon = (int(one) for one in arguments)
    never_outlive(daemon)
    os.nice(POLITE)
    return uvloop.run(work(socket.socket(fileno=end)))


async def work(end: socket.socket) -> int:
    """Make the shipper in the loop that will run it, and run it."""
    return await Shipper().run(end)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
