"""Matched throttle rules in; taken units, or which of them refuse, out.

All buckets of a decision are taken from, or none. What cannot be known (the store is away, an
amount is absent) restricts, unless the rule's ``on_failure`` says otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import cast

from engine.language.functions import Unknowable, count_tokens
from engine.language.program import Throttle
from engine.runtime.combine import Contribution
from engine.runtime.decision import ThrottleState
from engine.runtime.doubt import overridden
from engine.runtime.evidence import Evidence
from engine.runtime.record import Record, read_attribute
from engine.runtime.store import NANO, REQUESTS, Level, Store, StoreUnavailable, Take
from engine.runtime.throttle import ImpossibleAmount

HOLD = 3600 * NANO
"""How long a reservation waits for the real usage."""

BACK_OFF = timedelta(seconds=1)
"""What a caller is told to wait when the store is away."""


@dataclass(slots=True)
class Limits:
    """What came of the throttles: who refuses, what else follows from failures, the tightest state.

    *asked* says that the throttles were looked at at all.
    """

    refused: list[Contribution] = field(default_factory=list)
    others: list[Contribution] = field(default_factory=list)
    asked: bool = False
    state: ThrottleState | None = None


@dataclass(frozen=True, slots=True)
class Desk:
    """What taking needs: the store, the instant, and whether anything is really taken."""

    record: Record
    evidence: Evidence
    store: Store
    decision_id: str
    consume: bool
    shadow: bool = False


def take_limits(contributions: Sequence[Contribution], desk: Desk) -> Limits:
    """Return what the throttle rules of *contributions* say, taking their units if none refuses."""
    made = Limits(asked=True)
    ready: list[tuple[Contribution, Take]] = []
    for one in contributions:
        try:
            ready.append((one, make_take(one, desk)))
        except Unknowable as unknown:
            _failed(one, unknown.what, made)
        except ImpossibleAmount as impossible:
            _failed(one, str(impossible), made)
    blocked = made.refused or any(one.action == "deny" for one in made.others)
    if not ready:
        return made
    takes = [take for _, take in ready]
    now = desk.store.instant(desk.evidence.now_ns)
    try:
        if desk.consume and not blocked:
            corrected = any(take.unit != REQUESTS for take in takes)
            reservation = desk.decision_id if corrected else ""
            levels = desk.store.take(takes, now, reservation=reservation, hold=HOLD)
        else:
            levels = desk.store.peek(takes, now)
    except StoreUnavailable as away:
        for one, take in ready:
            _failed(one, f"the state store ({away})", made)
            made.state = made.state or away_state(take)
        return made
    for (one, _), level in zip(ready, levels, strict=True):
        if not level.granted:
            made.refused.append(one)
    made.state = tightest(list(zip(takes, levels, strict=True)))
    return made


def _failed(contribution: Contribution, failure: str, made: Limits) -> None:
    result = overridden(contribution, contribution.rule.on_failure, failure)
    if result is not None:
        (made.refused if result.action == "throttle" else made.others).append(result)


def make_take(contribution: Contribution, desk: Desk) -> Take:
    """Return what the rule takes for this request. Raises Unknowable and ImpossibleAmount."""
    throttle = cast("Throttle", contribution.rule.action)
    assert contribution.buckets is not None, "throttle rules have buckets"
    prepared = contribution.buckets[desk.shadow]
    values = [desk.evidence.attribute(key.path) for key in throttle.keys]
    now = desk.store.instant(desk.evidence.now_ns)
    return prepared.take(values, amount_of(throttle.unit, desk), now)


def amount_of(unit: str, desk: Desk) -> Decimal | float:
    """Return how much of *unit* the request uses, known or estimated."""
    usage = desk.record.usage
    match unit:
        case "requests":
            return 1
        case "tokens":
            if usage.input_tokens is None and usage.output_tokens is None:
                return count_tokens(desk.evidence.content())
            return int((usage.input_tokens or 0) + (usage.output_tokens or 0))
        case "usd":
            return cast("Decimal", usage.cost_usd or Decimal(0))
        case path:
            value = read_attribute(desk.record, path)
            if value is None:
                raise Unknowable(f"{path} (it is absent)")
            return cast("Decimal | float", value)


def units(billionths: int) -> Decimal:
    """Return billionths of a unit as units, without needless zeros."""
    whole, rest = divmod(billionths, NANO)
    return Decimal(billionths).scaleb(-9).normalize() if rest else Decimal(whole)


def whole(unit: str, billionths: int) -> int:
    """Return what is left in whole requests or tokens: a part of one cannot be used."""
    return billionths - billionths % NANO if unit in {REQUESTS, "tokens"} else billionths


def tightest(taken: Sequence[tuple[Take, Level]]) -> ThrottleState:
    """Return the state to show: the refused limit with the longest wait, else the fullest one."""
    refused = [(take, level) for take, level in taken if not level.granted]
    if refused:
        take, level = min(refused, key=lambda one: (-_wait(*one), one[0].rule))
    else:
        take, level = min(
            taken, key=lambda one: (one[1].remaining / (one[0].limit or 1), one[0].rule)
        )
    microseconds = -(-_wait(take, level) // 1000) if refused else 0
    return ThrottleState(
        rule=take.rule,
        unit=take.unit,
        limit=units(take.limit),
        remaining=units(whole(take.unit, level.remaining)),
        retry_after=timedelta(microseconds=microseconds),
        key=take.key,
    )


def _wait(take: Take, level: Level) -> int:
    """Return ns to wait. What can never fit waits a year: longer than anything that can."""
    return level.retry_after if level.retry_after >= 0 else max(NEVER, take.window or 0)


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
