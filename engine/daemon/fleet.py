"""All workers together: started, watched and replaced; one place to bring policies to.

A reload goes in two steps: every worker loads the new policies, and only when all of them could
does any decide by them. Who watches sees one daemon: counters are added up.

A worker that answers nothing is killed and replaced. One that somebody stopped (SIGSTOP) is so
soon, because it may hold the state's lock, which all others then wait for; what they owe meanwhile
is not held against them.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable, Iterator, Sequence

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.exposition import generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric

from engine.daemon import line as say
from engine.daemon.flush import flush_often, state_file
from engine.daemon.logs import Log
from engine.daemon.member import Member, WorkerError, spawn_member
from engine.daemon.places import state_folder
from engine.daemon.settings import Settings
from engine.daemon.sums import Sums, families_of
from engine.doors.grpc.addresses import UNIX
from engine.language.diagnostics import Diagnostic
from engine.service.shelf import FolderShelf, keep_served
from engine.state.mapped import files_of, taken_away

START_SECONDS = 60.0
"""How long a worker may take to make what is not policies."""
ANSWER_SECONDS = 10.0
"""How long it may take to do what is done at once."""
COUNT_SECONDS = 2.0
MARGIN_SECONDS = 5.0
"""How much longer than `drain_seconds` a worker may take to end: calls may take all of those, and
to close what it wrote to, count and leave takes seconds where others want the machine."""

LOOK_SECONDS = 0.5
MOST_STOPPED = 2
"""Looks in a row that find a worker stopped before it is killed."""
MOST_SILENT = 20
"""Looks in a row without an answer before a worker is killed: 10 s."""

LONG_LIFE = 10.0
"""A worker that served so many seconds is replaced at once; others after pauses that double."""
FIRST_PAUSE = 0.1
LAST_PAUSE = 10.0

SUPERVISOR = "supervisor"


class Fleet:
    """The workers. See reload.Taker and http.Watched."""

    def __init__(
        self,
        settings: Settings,
        shelf: FolderShelf,
        addresses: tuple[str, ...],
        kept: tuple[int, ...],
        log: Log,
        reload: Callable[[], Awaitable[Sequence[Diagnostic]]],
    ) -> None:
        """Workers serve *addresses* and inherit the descriptors *kept*.

        *reload* reloads for a worker that was asked to.
        """
        self._settings = settings
        self._shelf = shelf
        self._addresses = addresses
        self._kept = kept
        self._log = log
        self._reload = reload
        self._members: dict[int, Member] = {}
        self._revision = ""
        self._refusal = ""
        self._state: tuple[tuple[int, int], ...] = ()
        """What the first workers keep the state in."""
        self._shown: say.Shown | None = None
        """The newest certificate that a worker could use."""
        self._telling: set[asyncio.Task[None]] = set()
        self._patience: asyncio.Timeout | None = None
        """Of a drain."""
        self._load_seconds = float(settings.reload.timeout_seconds)
        self.reloads = {"ok": 0, "failed": 0}
        self.deaths = 0
        self._sums = Sums()
        self._process = CollectorRegistry()
        ProcessCollector(registry=self._process)
        self.registry = CollectorRegistry()
        """Of what the page of metrics shows."""
        self.registry.register(self._sums)

    # --- the first start, and the end ------------------------------------------------------------

    async def begin(self) -> None:
        """Start all workers without policies. Raises WorkerError."""
        await asyncio.gather(*(self._begin(number) for number in range(self._settings.workers)))
        self._state = self._state_files()

    async def load(self, revision: str) -> bool:
        """Have all that began load *revision*; return whether they could."""
        loads = (one.load(revision, self._load_seconds) for one in self._members.values())
        found = await asyncio.gather(*loads, return_exceptions=True)
        return not any(isinstance(one, WorkerError) for one in found)

    async def serve(self, revision: str, refusal: str) -> None:
        """Have all that began decide by *revision*, or wait for policies. Raises WorkerError."""
        if revision:
            keep_served(self._shelf)
        self._revision, self._refusal = revision, refusal
        await asyncio.gather(*(self._open(one) for one in self._members.values()))

    async def drain(self) -> None:
        """End all workers; kill those that take too long."""
        self._end_all()
        looking = asyncio.get_running_loop().create_task(self._look_for_stopped())
        try:
            async with asyncio.timeout(
                self._settings.drain_seconds + MARGIN_SECONDS
            ) as self._patience:
                await asyncio.gather(*(one.gone.wait() for one in self._members.values()))
        except TimeoutError:
            self._log.error("a worker that did not end was killed")
        finally:
            looking.cancel()
        await self.kill()

    async def _look_for_stopped(self) -> None:
        """Kill those that are stopped: they never end, and the others may wait for their locks."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            self._kill_stopped()

    def hurry(self) -> None:
        """End the patience of a drain."""
        self._end_all()
        if self._patience is not None:
            self._patience.reschedule(asyncio.get_running_loop().time() + MARGIN_SECONDS)

    def _end_all(self) -> None:
        for one in self._members.values():
            one.send(signal.SIGTERM)

    async def kill(self) -> None:
        """End all workers at once."""
        await asyncio.gather(*(one.kill() for one in self._members.values()))

    # --- what decides ----------------------------------------------------------------------------

    @property
    def revision(self) -> str:
        """What decides now; empty for nothing."""
        return self._revision

    @property
    def extent(self) -> tuple[int, int]:
        """How many policies and rules there are."""
        for one in self._serving():
            return one.policies, one.rules
        return 0, 0

    @property
    def attended(self) -> bool:
        """Whether any worker serves; if none does, nobody knows how many rules there are."""
        return any(True for _ in self._serving())

    async def take(self, revision: str) -> str:
        """Have all decide by *revision*; return why not, or nothing when they do."""
        members = list(self._serving())
        loads = (one.load(revision, self._load_seconds) for one in members)
        for one, problem in zip(
            members, await asyncio.gather(*loads, return_exceptions=True), strict=True
        ):
            if isinstance(problem, WorkerError) and not one.gone.is_set():
                return str(problem)
            if isinstance(problem, BaseException) and not isinstance(problem, WorkerError):
                raise problem
        keep_served(self._shelf)
        # Invariant: a worker that comes up from now on is brought to this one before it serves.
        self._revision = revision
        await asyncio.gather(*(self._follow(one) for one in self._serving()))
        return ""

    async def _follow(self, member: Member) -> None:
        try:
            await member.decide_by(self._revision, self._load_seconds)
        except WorkerError as error:
            self._log.error("a worker did not follow", worker=member.number, why=str(error))
            await member.kill()

    def refuse(self, why: str) -> None:
        """Note that the newest policies were not taken over."""
        self._refusal = why
        self._tell(say.Refuse(why))

    def confirm(self) -> None:
        """Note that the policies that decide are the newest."""
        self._refusal = ""
        self._tell(say.Confirm())

    def _tell(self, message: say.Any) -> None:
        task = asyncio.get_running_loop().create_task(self._tell_all(message))
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)

    async def _tell_all(self, message: say.Any) -> None:
        asked = (one.ask(message, say.Done, ANSWER_SECONDS) for one in self._serving())
        for problem in await asyncio.gather(*asked, return_exceptions=True):
            if isinstance(problem, WorkerError):
                self._log.warning("a worker was not reached", why=str(problem))

    async def reopen(self) -> None:
        """Have all workers open the record anew."""
        for one in list(self._serving()):
            try:
                await one.ask(say.Reopen(), say.Done, ANSWER_SECONDS)
            except WorkerError as error:
                self._log.error("the record was not reopened", worker=one.number, why=str(error))

    # --- one worker ------------------------------------------------------------------------------

    def addresses_of(self, number: int) -> tuple[str, ...]:
        """Return where worker *number* serves: the port is shared, a Unix socket cannot be.

        The first worker has the socket of the settings, the others have its path with ``.1`` …
        """
        if number == 0:
            return self._addresses
        return tuple(f"{one}.{number}" if one.startswith(UNIX) else one for one in self._addresses)

    @property
    def addresses(self) -> tuple[str, ...]:
        """Everywhere where there is a worker."""
        numbers = range(self._settings.workers)
        return tuple(dict.fromkeys(one for each in numbers for one in self.addresses_of(each)))

    def _serving(self) -> Iterator[Member]:
        return (one for one in list(self._members.values()) if one.serving)

    async def _begin(self, number: int) -> Member:
        """Start worker *number* without policies. Raises WorkerError."""

        async def answer(message: say.Any) -> say.Any:
            match message:
                case say.Reload():
                    return say.Reloaded(tuple(await self._reload()))
                case say.Counted(families):  # Its last words.
                    self._sums.hear(str(number), families)
                case say.Shown():
                    self._shown = message
                case _:
                    pass
            return say.Done()

        member, end = spawn_member(number, self._kept)
        self._members[number] = member
        await member.connect(end, answer)
        begin = say.Begin(self._settings, number, self.addresses_of(number), self._shown)
        await member.ask(begin, say.Done, START_SECONDS)
        return member

    async def _open(self, member: Member) -> None:
        """Bring *member* to what decides now, and have it serve. Raises WorkerError."""
        await self._catch_up(member)
        if self._refusal:
            await member.ask(say.Refuse(self._refusal), say.Done, ANSWER_SECONDS)
        await member.ask(say.Listen(), say.Done, ANSWER_SECONDS)
        await self._catch_up(member)
        member.serve()

    async def _catch_up(self, member: Member) -> None:
        while member.revision != self._revision:
            await member.decide_by(self._revision, self._load_seconds)

    async def _supply(self, member: Member) -> None:
        """Catch up; where the cache has lost what all decide by, have it compiled again before.

        Else whoever empties a folder that is called a cache would have the fleet die out, one by
        one. Raises WorkerError.
        """
        try:
            await self._catch_up(member)
        except WorkerError as error:
            if member.gone.is_set():
                raise
            self._log.warning("compiling again", worker=member.number, why=str(error))
            await self._reload()
            await self._catch_up(member)

    def _state_files(self) -> tuple[tuple[int, int], ...]:
        folder = state_folder(self._settings)
        return () if folder is None else files_of(state_file(folder))

    def _check_state(self) -> None:
        """Raise WorkerError where a new worker would have a state of its own beside the others'."""
        folder = state_folder(self._settings)
        if folder is not None and self._state_files() != self._state:
            raise WorkerError(taken_away(state_file(folder)))

    async def _keep(self, number: int) -> None:
        """Replace worker *number* whenever it dies."""
        quick = 0
        last: Member | None = None
        while True:
            member = self._members[number]
            await member.gone.wait()
            again, last = member is last, member  # Again: in its place none could be started.
            quick = 0 if member.served > LONG_LIFE and not again else quick + 1
            pause = min(FIRST_PAUSE * 2 ** (quick - 1), LAST_PAUSE) if quick else 0.0
            if not again:
                self.deaths += 1
                self._sums.end(str(number))
                self._log.error(
                    "a worker died",
                    worker=number,
                    process=member.process.pid,
                    how=member.ending,
                    restart_in=pause,
                )
            await asyncio.sleep(pause)
            try:
                self._check_state()
                fresh = await self._begin(number)
                await self._supply(fresh)
                await self._open(fresh)
            except WorkerError as error:
                self._log.error("a worker does not start", worker=number, why=str(error))
                await self._members[number].kill()
            else:
                self._log.info(
                    "a worker serves again",
                    worker=number,
                    process=fresh.process.pid,
                    revision=fresh.revision,
                    rules=fresh.rules,
                )

    # --- watching --------------------------------------------------------------------------------

    async def watch(self) -> None:
        """Replace workers that die, kill those that hang, write the state to the disk."""
        folder, seconds = state_folder(self._settings), self._settings.sync_seconds
        async with asyncio.TaskGroup() as group:
            for number in list(self._members):
                group.create_task(self._keep(number))
            group.create_task(flush_often(folder, seconds, self._log))
            while True:
                await asyncio.sleep(LOOK_SECONDS)
                self.look()

    def look(self) -> None:
        """Look at every worker once."""
        if self._kill_stopped():
            return
        for one in self._serving():
            one.ping(MOST_SILENT * LOOK_SECONDS * 2)
            if one.silent >= MOST_SILENT:
                self._log.error("a worker that does not answer is killed", worker=one.number)
                one.send(signal.SIGKILL)

    def _kill_stopped(self) -> bool:
        """Kill those that are stopped for long; return whether any is stopped."""
        members = [one for one in self._members.values() if not one.gone.is_set()]
        stopped = [one for one in members if one.is_stopped()]
        for one in members:
            one.stopped = one.stopped + 1 if one in stopped else 0
            if one.stopped >= MOST_STOPPED:
                self._log.error("a worker that was stopped is killed", worker=one.number)
                one.send(signal.SIGKILL)
        return bool(stopped)

    def readiness(self) -> tuple[bool, str]:
        """Return whether decisions are made, and by what; else why not."""
        serving = list(self._serving())
        if not self._revision:
            return False, "no policies were loaded yet"
        trouble = next((f"; degraded: {one.trouble}" for one in serving if one.trouble), "")
        workers = f"{len(serving)} of {self._settings.workers} workers"
        return bool(serving), f"serving {self._revision} by {workers}{trouble}"

    async def metrics(self) -> bytes:
        """Return all workers' metrics, added up, in Prometheus' text format."""
        members = list(self._serving())
        asked = (one.ask(say.Count(), say.Counted, COUNT_SECONDS) for one in members)
        answers = await asyncio.gather(*asked, return_exceptions=True)
        for one, found in zip(members, answers, strict=True):
            if isinstance(found, say.Counted) and not one.gone.is_set():
                self._sums.hear(str(one.number), found.families)
        own = [*self._process.collect(), *self._own()]
        self._sums.hear(SUPERVISOR, families_of(own))
        return generate_latest(self.registry)

    def counted(self) -> Iterator[Metric]:
        """Yield what all workers have counted, as of the last time they were asked."""
        return self._sums.collect()

    def _own(self) -> Iterator[Metric]:
        serving = sum(1 for _ in self._serving())
        yield GaugeMetricFamily(
            "engine_workers", "Workers that there should be.", self._settings.workers
        )
        yield GaugeMetricFamily("engine_workers_serving", "Workers that serve.", serving)
        yield CounterMetricFamily("engine_worker_deaths", "Workers that died.", self.deaths)
        reloads = CounterMetricFamily("engine_reloads", "Reloads by outcome.", labels=("outcome",))
        for outcome, count in self.reloads.items():
            reloads.add_metric([outcome], count)
        yield reloads
