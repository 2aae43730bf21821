"""What the runtime asks of a state store: buckets, meters and session labels, and when it is away.

One call takes all buckets of a decision or none. Backends live in ``engine.state``; ``memory`` beside
this file keeps everything in dictionaries for tests and is the model the backends are held against.
Times are integers in nanoseconds since the Unix epoch; amounts are integers in billionths of a unit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

NANO = 1_000_000_000
"""Billionths in one unit: 1 request, 1 token, 1 usd."""


class StoreUnavailable(Exception):
    """The store cannot answer. What needed it is unknowable; restricting rules then count as matched."""


@dataclass(frozen=True, slots=True)
class Take:
    """One bucket to take from. *window* is the refill period in ns, or for a calendar budget None with
    *opens*/*closes* as the current period's bounds."""

    rule: str
    key: str
    amount: int
    limit: int
    burst: int
    window: int | None
    opens: int = 0
    closes: int = 0


@dataclass(frozen=True, slots=True)
class Level:
    """A bucket after (or, when refused, before) taking: what remains, and when the amount would fit."""

    granted: bool
    remaining: int
    retry_after: int
    """Nanoseconds; 0 when granted, -1 when the amount can never fit."""


@dataclass(frozen=True, slots=True)
class Charge:
    """A correction of a bucket that was taken from: *delta* may be negative (a refund)."""

    take: Take
    delta: int


class Store(Protocol):
    """See the module. Every method may raise StoreUnavailable."""

    def take(
        self, takes: Sequence[Take], now: int, *, reservation: str = "", hold: int = 0
    ) -> tuple[Level, ...]:
        """Take every bucket or none; return one Level for each.

        With *reservation* (a decision id) the takes are remembered for *hold* ns so that ``settle`` can correct them.
        """
        ...

    def peek(self, takes: Sequence[Take], now: int) -> tuple[Level, ...]:
        """Return what ``take`` would, taking nothing."""
        ...

    def settle(self, reservation: str, amounts: Mapping[str, int], now: int) -> bool:
        """Correct the reserved takes to the real *amounts* by unit-key; return False when unknown or settled already.

        The key of *amounts* is ``Take.rule``. Idempotent: a second call changes nothing and returns False.
        """
        ...

    def count(self, meter: str, key: str, window: int, now: int) -> int:
        """Return how many events *meter* has seen for *key* in the last *window* ns."""
        ...

    def record(self, meter: str, key: str, window: int, now: int) -> None:
        """Note one event."""
        ...

    def labels(self, tenant: str, session: str, now: int) -> frozenset[str]:
        """Return the labels on a session that have not expired."""
        ...

    def label(self, tenant: str, session: str, label: str, until: int | None, now: int) -> None:
        """Put a label on a session, until a time or for the store's default session life (None)."""
        ...

    def close(self) -> None:
        """Release what the store holds."""
        ...
