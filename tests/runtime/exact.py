"""Slow and exact: throttles that remember everything that ever happened, in fractions."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from fractions import Fraction


@dataclass
class ExactRefill:
    """A bucket whose whole history is replayed for every question."""

    limit: int
    window: int
    burst: int
    clock: int | None = None
    takes: list[tuple[int, int]] = field(default_factory=list)

    def moment(self, now: int) -> int:
        """The bucket's time, which never goes back."""
        return now if self.clock is None else max(now, self.clock)

    def level(self, now: int) -> Fraction:
        """What is used of the burst."""
        level, last = Fraction(0), 0
        for at, amount in self.takes:
            level = max(Fraction(0), level - self._leak(at - last)) + amount
            last = at
        return max(Fraction(0), level - self._leak(self.moment(now) - last))

    def left(self, now: int) -> int:
        return max(0, math.floor(self.burst - self.level(now)))

    def fits(self, amount: int, now: int) -> bool:
        level = self.level(now)
        return level + amount <= self.burst if amount else level < self.burst

    def take(self, amount: int, now: int) -> int:
        """Take, and return the take's number."""
        self.clock = self.moment(now)
        self.takes.append((self.clock, amount))
        return len(self.takes) - 1

    def correct(self, number: int, amount: int, now: int) -> None:
        """Let it have been *amount* all along."""
        self.clock = self.moment(now)
        self.takes[number] = (self.takes[number][0], amount)

    def sweep(self, now: int) -> None:
        """If by *now* it is empty, its time is at least when it became so."""
        if self.clock is None:
            return
        level = self.level(self.clock)
        if level and not self.limit:
            return
        empty = self.clock + (math.ceil(level * self.window / self.limit) if level else 0)
        if empty <= now:
            self.clock = empty

    def _leak(self, passed: int) -> Fraction:
        return Fraction(self.limit * passed, self.window)


@dataclass
class ExactBudget:
    """A budget that remembers the takes of every period."""

    limit: int
    length: int
    clock: int | None = None
    takes: list[tuple[int, int]] = field(default_factory=list)
    swept: bool = False
    """Whether a sweep came since the last take: there is nothing left to forget."""

    def period(self, now: int) -> int:
        return (now if self.clock is None else max(now, self.clock)) // self.length

    def left(self, now: int) -> int:
        used = sum(amount for period, amount in self.takes if period == self.period(now))
        return max(0, self.limit - used)

    def fits(self, amount: int, now: int) -> bool:
        used = sum(amount for period, amount in self.takes if period == self.period(now))
        return used + amount <= self.limit if amount else used < self.limit

    def take(self, amount: int, now: int) -> int:
        self.clock = self.period(now) * self.length
        self.swept = False
        self.takes.append((self.period(now), amount))
        return len(self.takes) - 1

    def correct(self, number: int, amount: int, _now: int) -> None:
        self.takes[number] = (self.takes[number][0], amount)

    def sweep(self, now: int) -> None:
        if self.clock is not None and not self.swept and self.clock + self.length <= now:
            self.clock += self.length
            self.swept = True


@dataclass
class ExactSlots:
    """Slots that remember who has ever held one, and until when."""

    limit: int
    life: int
    clock: int | None = None
    holders: dict[str, int] = field(default_factory=dict)

    def moment(self, now: int) -> int:
        return now if self.clock is None else max(now, self.clock)

    def held(self, now: int, besides: str = "") -> list[int]:
        """The ends of the slots that are held, by others than *besides*."""
        moment = self.moment(now)
        ends = (end for who, end in self.holders.items() if who != besides)
        return sorted(end for end in ends if end > moment)

    def left(self, now: int, besides: str = "") -> int:
        return max(0, self.limit - len(self.held(now, besides)))

    def take(self, who: str, now: int) -> None:
        self.clock = self.moment(now)
        self.holders[who] = self.clock + self.life

    def free(self, who: str, now: int, *, known: bool = True) -> None:
        """Let *who* have settled. What has ended by *now* stays ended.

        Where it is not *known* whether a store still has these slots, its time may not have moved.
        """
        self.holders.pop(who, None)
        if known or self.held(now):
            self.clock = self.moment(now)
        else:
            self.holders.clear()

    def sweep(self, now: int) -> None:
        """If by *now* all are free they stay so, however the clock goes back."""
        if not self.held(now):
            self.holders.clear()
