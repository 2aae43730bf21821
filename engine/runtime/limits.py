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
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Literal, cast

from engine.language.functions import Unknowable, count_tokens
from engine.language.program import Throttle
from engine.runtime.combine import Contribution, fail
from engine.runtime.decision import ThrottleState
from engine.runtime.doubt import overridden
from engine.runtime.evidence import Evidence
from engine.runtime.record import Record
from engine.runtime.store import NANO, REQUESTS, Level, Store, StoreUnavailable, Take, Taker
from engine.runtime.throttle import FOREVER, ImpossibleAmount

HOLD = 3600 * NANO
"""How long a reservation waits for the real usage."""

NO_TIME = timedelta(0)
BACK_OFF = timedelta(seconds=1)
"""What a caller is told to wait when the store is away."""


WhenAway = Literal["throttle", "deny", "allow", "local"]
"""What a throttle does while the store is away; see the module."""

Ready = tuple[Contribution, Take]
"""A throttle rule that matched, and what it takes."""


@dataclass(slots=True)
class Limits:
    """What came of the throttles: who refuses, what else follows from failures, the tightest state.

    *asked* says that the throttles were looked at at all.
    """

    refused: list[Contribution] = field(default_factory=list)
    others: list[Contribution] = field(default_factory=list)
    asked: bool = False
    state: ThrottleState | None = None
    reserved: bool = False
    """Whether something was taken that waits to be settled."""
    degraded: str = ""
    """Why limits were not held as they are written, though they did not restrict; else empty."""

    @property
    def hinders(self) -> bool:
        """Whether the request does not pass, so that nothing may be taken."""
        return bool(self.refused) or any(one.action == "deny" for one in self.others)


@dataclass(frozen=True, slots=True)
class Desk:
    """What taking needs: the store, the instant, and whether anything is really taken."""

    record: Record
    evidence: Evidence
    store: Store
    decision_id: str
    consume: bool
    away: WhenAway = "throttle"
    """What rules do that do not say it, while the store is away."""
    shadow: bool = False


def take_limits(contributions: Sequence[Contribution], desk: Desk) -> Limits:
    """Return what the throttle rules of *contributions* say, taking their units if none refuses."""
    made = Limits(asked=True)
    ready: list[Ready] = []
    now = desk.store.instant(desk.evidence.now_ns)
    for one in contributions:
        try:
            ready.append((one, make_take(one, desk, now)))
        except Unknowable as unknown:
            _failed(one, unknown.what, made)
        except ImpossibleAmount as impossible:
            _failed(one, str(impossible), made)
    if not ready:
        return made
    try:
        _take(ready, desk, desk.store, made, now)
    except StoreUnavailable as away:
        _without(ready, desk, f"the state store ({away})", made, now)
    return made


def _take(ready: Sequence[Ready], desk: Desk, store: Taker, made: Limits, now: int) -> None:
    """Take from *store*, or only look when something denies already. Raises StoreUnavailable."""
    takes = [take for _, take in ready]
    if desk.consume and not made.hinders:
        # Hot path: lists take half the time of generators.
        corrected = [take for take in takes if take.unit != REQUESTS]
        reservation = desk.decision_id if corrected else ""
        levels = store.take(takes, now, reservation=reservation, hold=HOLD)
    else:
        reservation = ""
        levels = store.peek(takes, now)
    refused = [one for (one, _), level in zip(ready, levels, strict=True) if not level.granted]
    made.refused += refused
    made.reserved = made.reserved or bool(reservation and not refused)
    made.state = tightest(list(zip(takes, levels, strict=True)))


def _without(ready: Sequence[Ready], desk: Desk, failure: str, made: Limits, now: int) -> None:
    """Do what the rules, or else the engine's settings, say for when the store is away."""
    spare = desk.store.spare()
    here: list[Ready] = []
    for one, take in ready:
        match one.rule.on_state_failure or (None if one.rule.on_failure else desk.away):
            case "allow":
                made.degraded = f"{failure}: `{one.rule.name}` was not counted"
                continue
            case "deny":
                made.others.append(fail(one, "deny", failure))
            case "local" if spare is not None:
                here.append((one, take))
                continue
            case _:
                _failed(one, failure, made)
        made.state = made.state or away_state(take)
    if here and spare is not None:
        made.degraded = f"{failure}: `{here[0][0].rule.name}` was counted by one process alone"
        told = made.state
        _take(here, desk, spare, made, now)
        made.state = told or made.state


def _failed(contribution: Contribution, failure: str, made: Limits) -> None:
    result = overridden(contribution, contribution.rule.on_failure, failure)
    if result is not None:
        (made.refused if result.action == "throttle" else made.others).append(result)


def make_take(contribution: Contribution, desk: Desk, now: int) -> Take:
    """Return what the rule takes for this request at *now*.

    Raises Unknowable and ImpossibleAmount.
    """
    throttle = cast("Throttle", contribution.rule.action)
    assert contribution.buckets is not None, "throttle rules have buckets"
    prepared = contribution.buckets[desk.shadow]
    attribute = desk.evidence.attribute
    values = [attribute(key.path) for key in throttle.keys]
    return prepared.take(values, amount_of(throttle.unit, desk), now)


def amount_of(unit: str, desk: Desk) -> Decimal | float:
    """Return how much of *unit* the request uses, known or estimated."""
    usage = desk.record.usage
    match unit:
        case "requests" | "concurrent":
            return 1
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
    return billionths - billionths % NANO if unit in {REQUESTS, "tokens"} else billionths


def tightest(taken: Sequence[tuple[Take, Level]]) -> ThrottleState:
    """Return the state to show: the refused limit with the longest wait, else the fullest one."""
    refused = [one for one in taken if not one[1].granted]
    if refused:
        take, level = min(refused, key=lambda one: (-_wait(*one), one[0].rule))
    elif len(taken) == 1:
        take, level = taken[0]
    else:
        take, level = min(
            taken, key=lambda one: (one[1].remaining / (one[0].limit or 1), one[0].rule)
        )
    period = take.window if take.window is not None else take.closes - take.opens
    return ThrottleState(
        rule=take.rule,
        unit=take.unit,
        limit=units(take.limit),
        remaining=units(whole(take.unit, level.remaining)),
        retry_after=_duration(_wait(take, level)) if refused else NO_TIME,
        key=take.key,
        reset=_duration(level.reset) if level.reset >= 0 else None,
        window=None if take.life else _period(period),
    )


def _wait(take: Take, level: Level) -> int:
    """Return ns to wait. What can never fit waits a year: longer than anything that can."""
    return level.retry_after if level.retry_after >= 0 else max(NEVER, take.window or 0)


def _duration(nanoseconds: int) -> timedelta:
    """Return *nanoseconds* in whole microseconds, rounded up; 292 years at most."""
    return timedelta(0, 0, -(-min(nanoseconds, FOREVER) // 1000))


_period = lru_cache(maxsize=1024)(_duration)
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
