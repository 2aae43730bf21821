"""A rule's throttle goes in; what to take for the values of its keys, in integers, comes out.

Hot path: a rule is prepared once, when what it brings to an outcome is made.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from operator import attrgetter

from engine.language import program
from engine.runtime import calendar
from engine.runtime.keys import join_key
from engine.runtime.record import ANSWERED, Record
from engine.runtime.store import CONCURRENT, NANO, REQUESTS, Take
from engine.runtime.throttle import FOREVER, ImpossibleAmount

TENANT = "tenant.id"
"""The attribute that tells whose bucket it is."""
MOST = 10**18 * NANO
"""The largest amount, in billionths."""
_LEAST = Decimal("1e-9")
_MICROSECOND = timedelta(microseconds=1)

Values = tuple[object, ...]
"""Of the attributes by which a limit is kept."""


class Prepared:
    """A throttle's figures as integers, and how its keys are read; made by ``prepare``.

    *named* is the unvarying part of its keys, *paths* are the attributes that vary them, and *read*
    reads these from a record: None where some are not in it. *owner* is the place of the tenant
    among them, -1 where it is not there. *reserves* says whether what is taken can be settled.
    """

    __slots__ = (
        "_named",
        "_owner",
        "_period",
        "_zone",
        "burst",
        "life",
        "limit",
        "paths",
        "read",
        "reserves",
        "rule",
        "unit",
        "window",
    )

    def __init__(
        self, throttle: program.Throttle, rule: str, window: int | None, life: int, *, shadow: bool
    ) -> None:
        self.rule = rule
        self.unit = throttle.unit
        self.reserves = throttle.unit != REQUESTS
        self.limit = _figure(throttle.limit, rule)
        self.burst = _figure(throttle.burst, rule)
        self.window = window
        self.life = life
        self.paths: tuple[str, ...] = tuple([key.path for key in throttle.keys])
        self.read = _reader(self.paths)
        self._period: calendar.Period | None = throttle.calendar
        self._zone = throttle.zone
        shape = f"{throttle.calendar} {throttle.zone or 'UTC'}" if throttle.calendar else ""
        named = (rule, throttle.unit, shape)
        self._named: Values = (*named, "shadow") if shadow else named
        self._owner = self.paths.index(TENANT) if TENANT in self.paths else -1

    def take(self, values: Values, amount: Decimal | float, now: int, payer: str = "") -> Take:
        """Return what to take for the key *values*; ImpossibleAmount for an amount that is none.

        *payer* is the tenant whose decision takes it, where it reserves.
        """
        opens = closes = 0
        if self._period is not None:
            opens, closes = calendar.bounds(self._period, self._zone, now)
        return Take(
            self.rule,
            join_key(self._named + values),
            billionths(amount),
            self.limit,
            self.burst,
            self.window,
            opens,
            closes,
            self.unit,
            self.life,
            str(values[self._owner]) if self._owner >= 0 else "",
            payer,
        )


def prepare(throttle: program.Throttle, rule: str, *, shadow: bool = False) -> Prepared:
    """Return the throttle of *rule* ready for use; ValueError for a period or a limit that is none.

    A rule's bucket survives a change of its limit, burst or refill period; another unit, another
    calendar period or zone, and *shadow*, have buckets of their own. The period of slots is the
    longest that one is held.
    """
    window: int | None = None
    life = 0
    if throttle.calendar is None:
        period = 0 if throttle.period is None else throttle.period // _MICROSECOND * 1000
        if period <= 0:
            raise ValueError(f"the period of `{rule}` must be above 0")
        window = min(period, FOREVER)
    if throttle.unit == CONCURRENT:
        if window is None or _figure(throttle.limit, rule) % NANO:
            raise ValueError(f"`{rule}` must limit a whole number of slots, and in no calendar")
        life, window = window, None
    return Prepared(throttle, rule, window, life, shadow=shadow)


def bucket(
    throttle: program.Throttle, rule: str, values: Values, amount: Decimal | float, now: int
) -> Take:
    """Return what *rule* takes now; for the hot path ``prepare`` once and call its ``take``."""
    return prepare(throttle, rule).take(values, amount, now)


def billionths(amount: Decimal | float) -> int:
    """Return *amount* in billionths, rounded up; from 10**18 units on, 10**18 units."""
    if isinstance(amount, int):
        whole = amount * NANO
        if whole < 0:
            raise ImpossibleAmount(f"an amount cannot be negative: {amount}")
        return min(whole, MOST)
    exact = Decimal(amount)
    if not exact.is_finite() or exact < 0:
        raise ImpossibleAmount(f"an amount must be a number of at least 0, not {amount}")
    # Exponents like 1E+999999 and 1E-999999 are answered before they become integers.
    if exact >= MOST // NANO:
        return MOST
    if exact < _LEAST:
        return 1 if exact else 0
    numerator, denominator = exact.as_integer_ratio()
    return -(-numerator * NANO // denominator)


def _reader(paths: tuple[str, ...]) -> Callable[[Record], Values] | None:
    """Return what reads *paths* from a record, in C; None where some are not in it, or none are."""
    if not paths or not ANSWERED.isdisjoint(paths):
        return None
    if len(paths) > 1:
        return attrgetter(*paths)
    one: Callable[[Record], object] = attrgetter(paths[0])
    return lambda record: (one(record),)


def _figure(number: Decimal, rule: str) -> int:
    if not number.is_finite() or number < 0:
        raise ValueError(f"the limit of `{rule}` must be a number of at least 0, not {number}")
    return billionths(number)
