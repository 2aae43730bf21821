"""Settings in, the process beside those that decide out: started, watched and begun again.

It ships the audit trail and tends what of it is closed (see `shipper`). When it dies nothing is
lost and no decision waits: the trail is what it goes on from.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from prometheus_client.metrics_core import GaugeMetricFamily, Metric

from engine.daemon import line as say
from engine.daemon.http import Watched
from engine.daemon.logs import Log
from engine.daemon.member import Member, WorkerError, spawn_member
from engine.daemon.places import StartError, trail_folder
from engine.daemon.settings import Settings
from engine.daemon.sums import Sums, families_of
from engine.daemon.tend import has_work
from engine.service.audit import KEY

MODULE = "engine.daemon.shipper"
NAME = "the shipper"
SHIPPER = "shipper"

START_SECONDS = 60.0
ANSWER_SECONDS = 10.0
COUNT_SECONDS = 2.0
MARGIN_SECONDS = 4.0
"""How much longer than `drain_seconds` it may take to end: it closes connections then."""
LOOK_SECONDS = 5.0
MOST_SILENT = 12
"""Looks in a row without an answer before it is killed: a minute."""
LONG_LIFE = 10.0
FIRST_PAUSE = 0.1
LAST_PAUSE = 10.0


class Front:
    """Owns the process. Used in one event loop; *kept* are descriptors that it inherits."""

    def __init__(
        self, settings: Settings, data: Path, kept: tuple[int, ...], log: Log, began: str
    ) -> None:
        self._settings = settings
        self._folder = trail_folder(settings, data)
        self._key = data / KEY
        self._kept = kept
        self._log = log
        self._began = began
        self._member: Member | None = None
        self.deaths = 0
        self.sums = Sums()
        """What the processes have counted; a collector."""
        self._pause = FIRST_PAUSE

    def _wanted(self) -> bool:
        if self._folder is None:
            return False
        return bool(self._settings.audit.sinks) or has_work(self._settings.audit, self._folder)

    async def start(self) -> None:
        """Start the process if there are sinks. Raises StartError when they cannot be made."""
        if self._settings.audit.sinks and self._folder is not None:
            try:
                await self._begin(self._folder)
            except WorkerError as error:
                raise StartError(f"the audit trail cannot be shipped: {error}") from None

    async def watch(self) -> None:
        """Start the process when there is work for it, and again when it dies. For ever."""
        while True:
            if self._member is None or self._member.gone.is_set():
                if self._member is not None:
                    await self._mourn(self._member)
                # Of many segments, looking takes a while, and decisions may share this loop.
                if self._folder is not None and await asyncio.to_thread(self._wanted):
                    try:
                        await self._begin(self._folder)
                    except WorkerError as error:
                        self._log.error("the shipper was not started", why=str(error))
                        await self._wait_longer()
            await self._rest()

    async def _rest(self) -> None:
        """Wait until it is time for another look, or the process is gone."""
        member = self._member
        if member is None:
            await asyncio.sleep(LOOK_SECONDS)
            return
        member.ping(MOST_SILENT * LOOK_SECONDS * 2)
        if member.silent >= MOST_SILENT:
            self._log.error("the shipper does not answer, and is killed")
            member.send(signal.SIGKILL)
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                await member.gone.wait()
        except TimeoutError:
            pass

    async def _mourn(self, member: Member) -> None:
        self._member = None
        self.deaths += 1
        self.sums.end(SHIPPER)
        self._log.error("the shipper died", how=member.ending)
        if member.served >= LONG_LIFE:
            self._pause = FIRST_PAUSE
        await self._wait_longer()

    async def _wait_longer(self) -> None:
        await asyncio.sleep(self._pause)
        self._pause = min(LAST_PAUSE, self._pause * 2)

    async def _begin(self, folder: Path) -> None:
        """Start the process. Raises WorkerError."""
        member, end = spawn_member(0, self._kept, MODULE, NAME)
        # Known from here on: a drain may come while it starts.
        self._member = member
        await member.connect(end, nothing)
        ship = say.Ship(self._settings, str(folder), str(self._key), self._began)
        try:
            await member.ask(ship, say.Done, START_SECONDS)
        except WorkerError:
            await member.kill()
            self._member = None
            raise
        member.serve()

    async def count(self) -> None:
        """Ask the process what it has counted; keep what it said last when it does not answer."""
        member = self._member
        if member is None or member.gone.is_set():
            return
        with suppress(WorkerError):
            found = await member.ask(say.Count(), say.Counted, COUNT_SECONDS)
            self.sums.hear(SHIPPER, (*found.families, *families_of(self._own())))

    def _own(self) -> Iterator[Metric]:
        yield GaugeMetricFamily(
            "engine_shipper_deaths", "How often the process that ships died.", self.deaths
        )

    @property
    def trouble(self) -> str:
        """What does not work, in words; mostly empty."""
        return "" if self._member is None else self._member.trouble

    async def reopen(self) -> None:
        """Have it read credentials and certificates anew."""
        if self._member is None or self._member.gone.is_set():
            return
        try:
            await self._member.ask(say.Reopen(), say.Done, ANSWER_SECONDS)
        except WorkerError as error:
            self._log.error("the sinks go on with what they had", why=str(error))

    async def drain(self) -> None:
        """Let it ship what there is, and end it; kill it when that takes too long."""
        member = self._member
        if member is None or member.gone.is_set():
            return
        member.send(signal.SIGTERM)
        try:
            async with asyncio.timeout(self._settings.drain_seconds + MARGIN_SECONDS):
                await member.gone.wait()
        except TimeoutError:
            self._log.error("the shipper did not end, and is killed")
            await member.kill()

    def hurry(self) -> None:
        """End the patience of a drain."""
        if self._member is not None:
            self._member.send(signal.SIGTERM)

    async def kill(self) -> None:
        """End it at once."""
        if self._member is not None:
            await self._member.kill()


class FrontWatch:
    """The daemon as the pages see it, with what it ships. See http.Watched."""

    def __init__(self, watched: Watched, front: Front) -> None:
        self._watched = watched
        self._front = front

    async def metrics(self) -> bytes:
        """Return all metrics in Prometheus' text format."""
        await self._front.count()
        return await self._watched.metrics()

    def readiness(self) -> tuple[bool, str]:
        """Return what the daemon says. A sink that is away is no reason not to."""
        ready, told = self._watched.readiness()
        trouble = self._front.trouble
        return ready, f"{told}; behind: {trouble}" if ready and trouble else told


async def nothing(message: say.Any) -> say.Any:
    """Answer what nobody asks."""
    del message
    return say.Done()
