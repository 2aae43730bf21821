"""Matched throttle rules in; taken units, or which of them refuse, out.

All buckets of a decision are taken from, or none. What cannot be known (the store is away, an
amount is absent) restricts, unless the rule's ``on_failure`` says otherwise; of the store,
``on_state_failure`` (the rule's, else what the whole engine was set to) says more::

    deny      the rule denies
    allow     the rule counts as not matched
    local     the rule takes from a store that this process has for itself
    throttle  the rule restricts, as above (not written in rules: it is what happens without)
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Literal, cast

from engine.language.functions import Unknowable, count_tokens
from engine.runtime.combine import Contribution, fail
from engine.runtime.decision import ThrottleState
from engine.runtime.doubt import overridden
from engine.runtime.evidence import Evidence
from engine.runtime.record import Record
from engine.runtime.store import (
    CONCURRENT,
    NANO,
    REQUESTS,
    Level,
    Store,
    StoreUnavailable,
    Take,
    Taker,
)
from engine.runtime.throttle import FOREVER, ImpossibleAmount

HOLD = 3600 * NANO
"""How long a reservation waits for the real usage."""

NO_TIME = timedelta(0)
_MICROSECOND = timedelta(microseconds=1)
BACK_OFF = timedelta(seconds=1)
"""What a caller is told to wait when the store is away."""


WhenAway = Literal["throttle", "deny", "allow", "local"]
"""What a throttle does while the store is away; see the module."""

ONE_EACH = frozenset({REQUESTS, CONCURRENT})
"""Units of which every request uses one."""
WHOLE = frozenset({REQUESTS, "tokens"})
"""Units of which a part cannot be used."""


class Limits:
    """What came of the throttles: who refuses, what else follows from failures, the tightest state.

    *asked* says that the throttles were looked at at all, *reserved* that something was taken that
    waits to be settled.
    """

    __slots__ = ("asked", "degraded", "others", "refused", "reserved", "state")

    def __init__(
        self,
        refused: list[Contribution] | None = None,
        others: list[Contribution] | None = None,
        *,
        asked: bool = False,
        reserved: bool = False,
    ) -> None:
        self.refused: list[Contribution] = [] if refused is None else refused
        self.others: list[Contribution] = [] if others is None else others
        self.asked = asked
        self.reserved = reserved
        self.state: ThrottleState | None = None
        self.degraded = ""
        """Why limits were not held as they are written, though they did not restrict; or empty."""

    @property
    def hinders(self) -> bool:
        """Whether the request does not pass, so that nothing may be taken."""
        return bool(self.refused or [one for one in self.others if one.action == "deny"])


class Desk:
    """What taking needs: the store, the instant, and whether anything is really taken."""

    __slots__ = ("away", "consume", "decision_id", "evidence", "record", "shadow", "store")

    def __init__(
        self,
        record: Record,
        evidence: Evidence,
        store: Store,
        decision_id: str,
        *,
        consume: bool,
        away: WhenAway = "throttle",
        shadow: bool = False,
    ) -> None:
        self.record = record
        self.evidence = evidence
        self.store = store
        self.decision_id = decision_id
        self.consume = consume
        self.away: WhenAway = away
        """What rules do that do not say it, while the store is away."""
        self.shadow = shadow

    def turned(self, *, consume: bool, shadow: bool = False) -> Desk:
        """Return the same, but for whether anything is taken and from whose buckets."""
        return Desk(
            self.record,
            self.evidence,
            self.store,
            self.decision_id,
            consume=consume,
            away=self.away,
            shadow=shadow,
        )


def take_limits(contributions: Sequence[Contribution], desk: Desk) -> Limits:
    """Return what the throttle rules of *contributions* say, taking their units if none refuses."""
    # Hot path, as all that it calls until something is refused or fails.
    made = Limits(asked=True)
    ready: list[Contribution] = []
    takes: list[Take] = []
    now = desk.store.instant(desk.evidence.now_ns)
    for one in contributions:
        try:
            takes.append(make_take(one, desk, now))
            ready.append(one)
        except Unknowable as unknown:
            _failed(one, unknown.what, made)
        except ImpossibleAmount as impossible:
            _failed(one, str(impossible), made)
    if not ready:
        return made
    try:
        _take(ready, takes, desk, desk.store, made, now)
    except StoreUnavailable as away:
        _without(ready, takes, desk, f"the state store ({away})", made, now)
    return made


def _take(
    ready: list[Contribution], takes: list[Take], desk: Desk, store: Taker, made: Limits, now: int
) -> None:
    """Take from *store*, or only look when something denies already. Raises StoreUnavailable."""
    reservation = ""
    if desk.consume and not made.hinders:
        for take in takes:
            if take.unit != REQUESTS:
                reservation = desk.decision_id
        levels = store.take(takes, now, reservation=reservation, hold=HOLD)
    else:
        levels = store.peek(takes, now)
    assert len(levels) == len(takes), "a store answers for each take"
    refused = [ready[at] for at, level in enumerate(levels) if not level.granted]
    if refused:
        made.refused += refused
    elif reservation:
        made.reserved = True
    made.state = tightest(takes, levels)


def _without(
    ready: list[Contribution], takes: list[Take], desk: Desk, failure: str, made: Limits, now: int
) -> None:
    """Do what the rules, or else the engine's settings, say for when the store is away."""
    spare = desk.store.spare()
    here: list[Contribution] = []
    from_here: list[Take] = []
    for one, take in zip(ready, takes, strict=True):
        match one.rule.on_state_failure or (None if one.rule.on_failure else desk.away):
            case "allow":
                made.degraded = f"{failure}: `{one.rule.name}` was not counted"
                continue
            case "deny":
                made.others.append(fail(one, "deny", failure))
            case "local" if spare is not None:
                here.append(one)
                from_here.append(take)
                continue
            case _:
                _failed(one, failure, made)
        made.state = made.state or away_state(take)
    if here and spare is not None:
        made.degraded = f"{failure}: `{here[0].rule.name}` was counted by one process alone"
        told = made.state
        _take(here, from_here, desk, spare, made, now)
        made.state = told or made.state


def _failed(contribution: Contribution, failure: str, made: Limits) -> None:
    result = overridden(contribution, contribution.rule.on_failure, failure)
    if result is not None:
        (made.refused if result.action == "throttle" else made.others).append(result)


def make_take(contribution: Contribution, desk: Desk, now: int) -> Take:
    """Return what the rule takes for this request at *now*.

    Raises Unknowable and ImpossibleAmount.
    """
    assert contribution.buckets is not None, "throttle rules have buckets"
    prepared = contribution.buckets[1 if desk.shadow else 0]
    if prepared.read is not None:
        values = prepared.read(desk.record)
    else:
        values = tuple([desk.evidence.attribute(path) for path in prepared.paths])
    payer = desk.record.tenant.id if prepared.reserves else ""
    return prepared.take(values, amount_of(prepared.unit, desk), now, payer)


def amount_of(unit: str, desk: Desk) -> Decimal | float:
    """Return how much of *unit* the request uses, known or estimated."""
    if unit in ONE_EACH:
        return 1
    usage = desk.record.usage
    match unit:
        case "tokens":
            if usage.input_tokens is None and usage.output_tokens is None:
                return count_tokens(desk.evidence.content())
            return int((usage.input_tokens or 0) + (usage.output_tokens or 0))
        case "usd":
            return cast("Decimal", usage.cost_usd or Decimal(0))
        case path:
            value = desk.evidence.attribute(path)
            if value is None:
                raise Unknowable(f"{path} (it is absent)")
            return cast("Decimal | float", value)


@lru_cache(maxsize=4096)
def units(billionths: int) -> Decimal:
    """Return billionths of a unit as units, without needless zeros."""
    whole, rest = divmod(billionths, NANO)
    return Decimal(billionths).scaleb(-9).normalize() if rest else Decimal(whole)


def whole(unit: str, billionths: int) -> int:
    """Return what is left in whole requests or tokens: a part of one cannot be used."""
    return billionths - billionths % NANO if unit in WHOLE else billionths


def tightest(takes: Sequence[Take], levels: Sequence[Level]) -> ThrottleState:
    """Return the state to show: the refused limit with the longest wait, else the fullest one.

    Where several are, the first by the rule's name.
    """
    place, wait, full = 0, -1, 0.0
    for at, level in enumerate(levels):
        take = takes[at]
        if not level.granted:
            longer = _wait(take, level)
            if longer > wait or (longer == wait and take.rule < takes[place].rule):
                place, wait = at, longer
        elif wait < 0:
            fuller = level.remaining / (take.limit or 1)
            if at == 0 or fuller < full or (fuller == full and take.rule < takes[place].rule):
                place, full = at, fuller
    take, level = takes[place], levels[place]
    return ThrottleState(
        rule=take.rule,
        unit=take.unit,
        limit=units(take.limit),
        remaining=units(whole(take.unit, level.remaining)),
        retry_after=NO_TIME if wait < 0 else _duration(wait),
        key=take.key,
        reset=_duration(level.reset) if level.reset >= 0 else None,
        window=None if take.life else _period(take),
    )


def _period(take: Take) -> timedelta:
    return _spell(take.closes - take.opens if take.window is None else take.window)


def _wait(take: Take, level: Level) -> int:
    """Return ns to wait. What can never fit waits a year: longer than anything that can."""
    return level.retry_after if level.retry_after >= 0 else max(NEVER, take.window or 0)


def _duration(nanoseconds: int) -> timedelta:
    """Return *nanoseconds* in whole microseconds, rounded up; 292 years at most."""
    return _MICROSECOND * -(-min(nanoseconds, FOREVER) // 1000)


_spell = lru_cache(maxsize=1024)(_duration)
"""The same for the periods of limits, of which there are few."""


NEVER = 365 * 86_400 * NANO


def away_state(take: Take) -> ThrottleState:
    """Return the state of a bucket that nobody can look at."""
    return ThrottleState(
        rule=take.rule,
        unit=take.unit,
        limit=units(take.limit),
        remaining=Decimal(0),
        retry_after=BACK_OFF,
        key=take.key,
    )
