"""Loads in, what many rounds of them come to out.

Contenders take turns: a round asks each of them once before the next begins, so that other work on
the machine falls on all alike. A figure is the median over the rounds that had the machine for
themselves, or over all where none had, and says which. What had not is asked again, some times:
that looks at the machine alone, never at what came out. Servers and generator run before all others
of their cores, where that is permitted (`bench.load.ahead`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from statistics import median
from time import sleep

from msgspec import structs

from bench.goals import Row
from bench.load.ahead import LONGEST, PAUSE, ahead
from bench.load.ask import Generator, LoadError
from bench.load.daemons import Running
from bench.load.machine import QUIET, SLOW, STOLEN, rss_mb, watch
from bench.load.pace import Pace
from bench.load.spec import Load, Loaded

AT_MOST = 64
"""HTTP/1.1 connections of an open loop: so many may be in flight."""
FLYING = 256
"""Calls that an open loop has in flight at most: grpcio cancels some of a thousand. What is due
then waits in the generator, and is charged for it."""
OPEN_WARM = 0.12
TRIES = 3
"""So often at most one round asks the same, until nobody disturbs it."""
PIECE = 2048
"""Bytes of answers that the generator reads before it goes on: about ten. With all of them at once
server and generator would wait for each other in turns."""


@dataclass(frozen=True, slots=True)
class Shot:
    """One load, once."""

    told: Loaded
    cpu_us: float
    """Of the server, for each decision."""
    foreign: float
    """Cores that others had meanwhile, and"""
    stolen: float
    """that the hypervisor kept to itself."""
    slow: float
    """The share of the time in which the core of the servers ran slowly (see `bench.load.pace`)."""
    ahead: bool
    """Whether server and generator ran before others."""
    rate: float
    """What an open loop was to ask."""
    number: int
    """Of its round."""

    @property
    def calm(self) -> bool:
        """Return whether nobody else had much of the machine."""
        return self.foreign < QUIET and self.stolen < STOLEN and self.slow < SLOW


@dataclass(slots=True)
class Figure:
    """All rounds of one load."""

    shots: list[Shot] = field(default_factory=list)

    @property
    def best(self) -> list[Shot]:
        """Return the undisturbed rounds, or all where there is none."""
        return [one for one in self.shots if one.calm] or self.shots

    def typical(self, pick: Callable[[Shot], float]) -> float:
        """Return the median of what *pick* takes from each round."""
        return float(median(pick(one) for one in self.best))

    @property
    def per_second(self) -> float:
        """Return the decisions a second."""
        return self.typical(lambda one: one.told.per_second)

    @property
    def p50(self) -> float:
        """Return the median latency in us."""
        return self.typical(lambda one: one.told.p50)

    @property
    def p99(self) -> float:
        """Return the 99th percentile in us."""
        return self.typical(lambda one: one.told.p99)

    @property
    def p999(self) -> float:
        """Return the 99.9th percentile in us."""
        return self.typical(lambda one: one.told.p999)

    @property
    def cpu_us(self) -> float:
        """Return the least CPU time of the server, which other work can only raise."""
        return min(one.cpu_us for one in self.shots)

    @property
    def own_us(self) -> float:
        """Return what a call costs the generator at least."""
        return min(one.told.own_us for one in self.shots)

    @property
    def quiet(self) -> str:
        """Return how many rounds were undisturbed."""
        calm = sum(one.calm for one in self.shots)
        if calm:
            return f"{calm} of {len(self.shots)}"
        others = self.typical(lambda one: one.foreign)
        stolen = self.typical(lambda one: one.stolen)
        more = f", {stolen:.2f} were stolen" if stolen >= STOLEN else ""
        slow = self.typical(lambda one: one.slow)
        more += f", slow for {slow:.0%}" if slow >= SLOW else ""
        return f"none; others had {others:.2f} cores{more}"

    def row(self, size: int = 1) -> Row:
        """Return the columns that every table has; a call holds *size* decisions."""
        return {
            "decisions/s": round(self.per_second * size),
            "p50 us": round(self.p50),
            "p99 us": round(self.p99),
            "p99.9 us": round(self.p999),
            "server CPU us": round(self.cpu_us / size, 1),
            "quiet rounds": self.quiet,
        }

    def noise(self) -> Row:
        """Return the columns that tell what the machine did to the generator of an open loop."""
        if not self.shots[0].rate:
            return {"generator held, ms": None, "of the tail, %": None}
        return {
            "generator held, ms": round(self.typical(lambda one: one.told.held_ms), 2),
            "of the tail, %": round(100 * self.typical(lambda one: one.told.tail_held), 1),
        }


def ratio(one: Figure, two: Figure, pick: Callable[[Shot], float]) -> float:
    """Return the median ratio of the two within a round; of undisturbed rounds if there are any."""
    pairs = [
        (here, there)
        for here in one.shots
        for there in two.shots
        if here.number == there.number and pick(there)
    ]
    calm = [each for each in pairs if all(shot.calm for shot in each)]
    return float(median(pick(here) / pick(there) for here, there in calm or pairs))


def rate_of(shot: Shot) -> float:
    """Return the decisions a second."""
    return shot.told.per_second


def p50_of(shot: Shot) -> float:
    """Return the median latency."""
    return shot.told.p50


def p99_of(shot: Shot) -> float:
    """Return the 99th percentile."""
    return shot.told.p99


@dataclass(frozen=True, slots=True)
class Contender:
    """A server, and how it is asked."""

    name: str
    server: Running
    load: Load
    """With its address, bodies and proofs."""
    size: int = 1
    """Decisions in a call."""

    def closed(self, flying: int, seconds: float) -> Load:
        """Return a closed loop."""
        many = flying if self.load.kind == "http1" else self.load.connections
        return structs.replace(
            self.load,
            flying=flying,
            connections=many,
            seconds=seconds,
            piece=self._piece,
            ahead=seconds + self.load.warm <= LONGEST,
        )

    @property
    def _piece(self) -> int:
        return PIECE if self.size == 1 else 0

    def opened(self, rate: float, seconds: float, seed: int) -> Load:
        """Return an open loop, no longer than it may be ahead of others."""
        many = AT_MOST if self.load.kind == "http1" else self.load.connections
        return structs.replace(
            self.load,
            rate=rate,
            flying=FLYING,
            connections=many,
            seconds=min(seconds, LONGEST - OPEN_WARM),
            warm=OPEN_WARM,
            seed=seed,
            piece=self._piece,
            ahead=True,
        )


class Board:
    """Asks, and keeps the figures by name and by what was asked."""

    def __init__(self, generator: Generator, pace: Pace) -> None:
        self.generator = generator
        self.pace = pace
        self.figures: dict[tuple[str, str], Figure] = {}
        self.resident: dict[str, float] = {}
        """The memory of each server in MB, when it was asked last."""

    def shoot(self, one: Contender, what: str, load: Load, number: int) -> None:
        """Ask *one*, as *what* in the round of that *number*; again where others disturbed it."""
        shot = self._shot(one, what, load, number)
        for _ in range(TRIES - 1):
            if shot.calm:
                break
            shot = self._shot(one, what, load, number)
        self.figures.setdefault((one.name, what), Figure()).shots.append(shot)
        self.resident[one.name] = rss_mb(one.server.pid)

    def _shot(self, one: Contender, what: str, load: Load, number: int) -> Shot:
        """Return what *one* made of it, once."""
        with ExitStack() as stack:
            used = stack.enter_context(watch(one.server.pid))
            paced = stack.enter_context(self.pace.watch())
            first = load.ahead and stack.enter_context(ahead(one.server.pid))
            try:
                told = self.generator.measure(load)
            except LoadError as problem:
                msg = f"{one.name}, {what}: {problem}"
                raise LoadError(msg) from problem
        if first:
            sleep(PAUSE)
        return Shot(
            told,
            used.server_us / told.asked,
            used.foreign,
            used.stolen,
            paced.slow,
            first and told.ahead,
            load.rate,
            number,
        )

    def closed(
        self, contenders: Sequence[Contender], flying: Sequence[int], rounds: int, seconds: float
    ) -> None:
        """Ask all in turns, with so many in flight."""
        for number in range(rounds):
            for many in flying:
                for one in contenders:
                    load = one.closed(many, seconds)
                    self.shoot(one, in_flight(many), load, number)

    def top(self, name: str) -> Figure:
        """Return the closed loop in which *name* answered the most."""
        found = [
            figure
            for (other, _), figure in self.figures.items()
            if other == name and not figure.shots[0].rate
        ]
        return max(found, key=lambda one: one.per_second)


def in_flight(many: int) -> str:
    """Return what a closed loop is called."""
    return f"{many} in flight"
