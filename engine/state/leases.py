"""A connection with a store in; one that takes slices of quotas ahead, so that few takes must ask.

A lease is a slice of a bucket, taken in the store and spent here. While it lasts, a decision all of
whose takes are leased is made here, at once; when half of it is spent the next one is fetched
meanwhile. What is not spent goes back when the lease ends, after a second at most, or at close. The
slices grow and shrink with the demand.

The limit is never exceeded. Of a calendar budget no more is spent than was taken from it. Of a
refilling bucket a slice is spent up to *life* later than it was taken, and by then it has begun to
flow back; so whatever is taken may bring a bucket only up to ``burst - limit * life``: a level by
which everything happened up to *life* later is higher by ``limit * life`` at most::

    used(u, t) <= taken(u - life, t)
    level(t) = max over u of used(u, t) - limit * (t - u)
             <= max over u of taken(u - life, t) - limit * (t - u + life) + limit * life

This holds while every engine that uses the store has leases on. What is lost: *life* is chosen so
that a bucket's burst is a twentieth smaller at most (its rate is not), and each process holds at
most a fiftieth of the burst unspent; a process that is killed loses that for good.

A bucket that is empty is remembered as empty until something fits again, for *life* at most. Never
leased are small bursts (below 200) and slots. What will be settled is written down in the store
behind the decision; a process that is killed in between leaves the estimate standing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from itertools import count
from os import urandom
from time import monotonic_ns
from typing import Final, cast

import msgspec

from engine.runtime.store import NANO, REQUESTS, Level, StoreUnavailable, Take
from engine.state.remote import Far, Health, Op

LIFE = NANO
"""The longest that a lease lasts, in ns."""
SMALLEST_BURST = 200 * NANO
LOSS = 20
"""One part in so many of a burst is lost."""
SHARE = 50
"""One part in so many of a burst is the largest slice."""
AT_FIRST = 4
"""So many takes are the first slice."""
HOLD = 5 * NANO
WHOLE: Final = "lease"
PART: Final = "lease of parts"
"""Units under which slices are taken: of what comes in whole numbers, and of the rest."""
_PARTS = frozenset({"usd"})


class Terms(msgspec.Struct, frozen=True):
    """How a bucket is leased: for how long (ns), up to which burst, and how much at most."""

    life: int
    burst: int
    most: int


@dataclass(slots=True)
class Lease:
    """A slice. *spent* of it is spent; *level* is the store's answer when it was taken."""

    name: str
    take: Take
    level: Level
    since: int
    """The bucket's time when it was taken."""
    ends: int
    spent: int = 0

    @property
    def left(self) -> int:
        """How much is not spent."""
        return self.take.amount - self.spent


@dataclass(slots=True)
class Desk:
    """What is known of a bucket. *wanted* is the next slice, in takes; *empty* a refusal."""

    lease: Lease | None = None
    wanted: int = AT_FIRST
    fetching: bool = False
    empty: Level | None = None
    least: int = 0
    """The amount that was refused: no less would be answered."""
    until: int = 0
    """When to ask again what was empty."""


@lru_cache(maxsize=4096)
def terms_of(take: Take) -> Terms | None:
    """Return how the bucket of *take* is leased, by its figures alone; None for not at all."""
    if take.life or not take.limit or take.burst < SMALLEST_BURST:
        return None
    if take.window is None:
        return Terms(LIFE, take.burst, take.burst // SHARE)
    life = min(LIFE, take.burst * take.window // (LOSS * take.limit))
    burst = take.burst + -take.limit * life // take.window
    return Terms(life, burst, take.burst // SHARE) if life else None


class Leases:
    """See the module and remote.Far. For one event loop."""

    def __init__(
        self,
        far: Far,
        *,
        clock: Callable[[], int] = monotonic_ns,
    ) -> None:
        self._far = far
        self._clock = clock
        self._desks: dict[str, Desk] = {}
        self._ended: list[Lease] = []
        self._names = (f"lease:{urandom(8).hex()}:{number}" for number in count())
        self._tasks: set[asyncio.Task[None]] = set()
        self._sweeper: asyncio.TimerHandle | None = None
        self.local = 0
        """How many decisions were made here."""

    @property
    def offset(self) -> int:
        """By how many ns the store's clock is ahead; see remote.Far."""
        return self._far.offset

    @property
    def evicts(self) -> str:
        """By which policy the store forgets; see remote.Far."""
        return self._far.evicts

    @property
    def lacking(self) -> str:
        """Why a part of the store is away, as last met; empty for none."""
        return self._far.lacking

    def health(self) -> Health:
        """Return how the connection fares."""
        return self._far.health()

    async def connect(self) -> None:
        """Connect before anybody asks, if that can be."""
        await self._far.connect()

    async def run(self, ops: Sequence[Op], now: int) -> list[object]:
        """Do all *ops* and return their answers, here where that can be; see remote.Far."""
        if len(ops) == 1 and ops[0].method == "take":
            found = self._here(ops[0])
            if found is not None:
                self.local += 1
                return [found]
        answers = await self._far.run([_within(op) for op in ops], now)
        for op, answer in zip(ops, answers, strict=True):
            if op.method == "take" and isinstance(answer, tuple):
                self._learn(op, answer)
        return answers

    async def close(self) -> None:
        """Give back what is not spent, and disconnect."""
        if self._sweeper is not None:
            self._sweeper.cancel()
        await asyncio.gather(*self._tasks)
        for desk in self._desks.values():
            self._drop(desk)
        await self._give_back()
        await self._far.close()

    # --- deciding here ---------------------------------------------------------------------------

    def _here(self, op: Op) -> tuple[Level, ...] | None:
        """Return the answer to a take; None where the store must be asked."""
        takes = cast("tuple[Take, ...]", op.arguments[0])
        now = self._clock()
        refused = False
        leases: list[Lease] = []
        levels: list[Level] = []
        for take in takes:
            desk = self._desks.get(take.key)
            if desk is None:
                return None
            if desk.empty is not None and now < desk.until and take.amount >= desk.least:
                refused = True
                levels.append(_later(desk.empty, desk.until - now))
                continue
            lease = desk.lease
            if lease is None or lease.ends <= now or not _fits(lease, take, leases):
                return None
            leases.append(lease)
            levels.append(_spent(lease, 0 if refused else take.amount))
        if refused:
            return tuple(levels)
        held: list[tuple[Take, int]] = []
        for take, lease in zip(takes, leases, strict=True):
            lease.spent += take.amount
            if 2 * lease.left < lease.take.amount:
                self._fetch(take)
            if take.unit != REQUESTS:
                held.append((take, lease.since))
        if held and op.arguments[1]:
            self._begin(self._tell(Op("reserve", (tuple(held), *op.arguments[1:]))))
        return tuple(levels)

    def _learn(self, op: Op, levels: Sequence[Level]) -> None:
        """Take in what the store has answered to a take."""
        now = self._clock()
        for take, level in zip(cast("tuple[Take, ...]", op.arguments[0]), levels, strict=True):
            terms = terms_of(take)
            if terms is None:
                continue
            desk, met = self._desks.get(take.key), True
            if desk is None:  # Who is met once need not be met again.
                desk = self._desks[take.key] = Desk()
                met = False
            if level.granted:
                desk.empty = None
                if met:
                    self._fetch(take)
            elif level.retry_after > 0:
                wait = min(level.retry_after, terms.life)
                desk.empty, desk.least, desk.until = level, take.amount, now + wait
        self._watch()

    # --- slices ----------------------------------------------------------------------------------

    def _fetch(self, take: Take) -> None:
        """Begin to fetch the next slice of the bucket of *take*, if nobody does."""
        desk, terms = self._desks[take.key], terms_of(take)
        if desk.fetching or terms is None or not take.amount:
            return
        amount = min(desk.wanted * take.amount, terms.most)
        if take.unit not in _PARTS:
            amount -= amount % NANO
        if amount < 2 * take.amount:
            return
        desk.fetching = True
        self._begin(self._take_ahead(desk, take, terms, amount))

    def _begin(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _take_ahead(self, desk: Desk, take: Take, terms: Terms, amount: int) -> None:
        unit = PART if take.unit in _PARTS else WHOLE
        wanted = msgspec.structs.replace(take, amount=amount, burst=terms.burst, unit=unit)
        name, began = next(self._names), self._clock()
        ops = [Op("take", ((wanted,), name, HOLD)), Op("held", (name, wanted)), *self._returns()]
        try:
            (answer, since, *_) = await self._far.run(ops, began)
        except StoreUnavailable:
            answer = since = None
        finally:
            desk.fetching = False
        granted = isinstance(answer, tuple) and answer[0].granted
        if not granted or not isinstance(since, int):
            # Another process has it, or the store is away; what is left is asked for one by one.
            desk.wanted = max(AT_FIRST, desk.wanted // 2)
            return
        before = desk.lease
        if before is not None and before.ends > began and amount < terms.most // 2:
            desk.wanted *= 2
        self._drop(desk)
        desk.lease = Lease(name, wanted, cast("tuple[Level]", answer)[0], since, began + terms.life)
        self._watch()

    def _drop(self, desk: Desk) -> None:
        """Let the lease of *desk* end."""
        if desk.lease is not None and desk.lease.left:
            self._ended.append(desk.lease)
        desk.lease = None

    def _returns(self) -> list[Op]:
        """Return the ops that give back what ended leases have left."""
        ended, self._ended = self._ended, []
        return [Op("settle", (one.name, ((one.take.unit, one.spent),))) for one in ended]

    async def _give_back(self) -> None:
        # What cannot be given back counts as spent: the store forgets the reservation by itself.
        await self._tell(*self._returns())

    async def _tell(self, *ops: Op) -> None:
        """Do *ops*, if the store is there."""
        if ops:
            with suppress(StoreUnavailable):
                await self._far.run(ops, self._clock())

    # --- time ------------------------------------------------------------------------------------

    def _watch(self) -> None:
        """See to it that leases end when nobody asks any more."""
        if self._sweeper is None and self._desks:
            loop = asyncio.get_running_loop()
            self._sweeper = loop.call_later(LIFE / NANO / 4, self._sweep)

    def _sweep(self) -> None:
        """End the leases that are over, and forget the buckets about which nothing is known."""
        self._sweeper, now = None, self._clock()
        for key, desk in list(self._desks.items()):
            if desk.lease is not None and desk.lease.ends <= now:
                if 2 * desk.lease.left > desk.lease.take.amount:
                    desk.wanted = max(AT_FIRST, desk.wanted // 2)
                self._drop(desk)
            idle = desk.lease is None and not desk.fetching
            if idle and desk.until <= now:
                del self._desks[key]
        if self._ended:
            self._begin(self._give_back())
        self._watch()


def _within(op: Op) -> Op:
    """Return *op* with the bursts that leave room for slices that are spent later."""
    if op.method not in {"take", "peek"}:
        return op
    takes, *rest = op.arguments
    return Op(op.method, (tuple(map(_narrowed, cast("tuple[Take, ...]", takes))), *rest))


@lru_cache(maxsize=4096)
def _narrowed(take: Take) -> Take:
    terms = terms_of(take)
    return take if terms is None else msgspec.structs.replace(take, burst=terms.burst)


def _fits(lease: Lease, take: Take, before: Sequence[Lease]) -> bool:
    """Return whether *take* fits into what is left; a lease that is met twice is asked for."""
    if lease.left < take.amount or lease in before:
        return False
    return take.window is not None or take.opens == lease.take.opens


def _spent(lease: Lease, amount: int) -> Level:
    level = lease.level
    return Level(True, level.remaining + lease.left - amount, 0, level.reset)  # noqa: FBT003 - hot


def _later(level: Level, wait: int) -> Level:
    return msgspec.structs.replace(level, retry_after=wait)
