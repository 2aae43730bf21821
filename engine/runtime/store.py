"""What the runtime asks of a state store: buckets, meters, sessions, and when it is away.

One call takes all buckets of a decision or none. Backends live in ``engine.state``; ``memory``
beside this file keeps everything in dictionaries for tests and is the model the backends are held
against. Times are integers in nanoseconds since the Unix epoch; amounts are integers in billionths
of a unit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

import msgspec

NANO = 1_000_000_000
"""Billionths in one unit: 1 request, 1 token, 1 usd."""

REQUESTS = "requests"
"""The unit that is never corrected: a request stays a request."""

CONCURRENT = "concurrent"
"""The unit of slots: a request in one is under way."""

NOTHING = b""
"""What digits stand for that two values share."""

MOST_PRINTS = 65_536
"""So many fingerprints are kept of one source in one session."""
USER = ""
"""The source of the fingerprints of what the user said; the others are named as labels are."""


class StoreUnavailable(Exception):
    """The store cannot answer. What needed it is unknowable: restricting rules count as matched."""


class Take(msgspec.Struct, frozen=True, gc=False):
    """One bucket to take from; ``prepare`` makes them.

    *key* names the bucket and alone identifies it. *window* is the period in ns over which *limit*
    flows back, up to *burst*; or None for a calendar budget of *limit* with *opens*/*closes* as
    the bounds of the period that *now* is in.

    With a *life* (ns) it is a slot of *limit* slots (``NANO`` each, as is *amount*; *window* is
    None, *opens* and *closes* are 0). Its reservation holds it until that is settled, or for its
    life; without a reservation it is held for its life.
    """

    rule: str
    key: str
    amount: int
    limit: int
    burst: int
    window: int | None
    opens: int = 0
    closes: int = 0
    unit: str = REQUESTS
    life: int = 0
    tenant: str = ""
    """The tenant whose bucket it is alone; empty for one that tenants share."""
    payer: str = ""
    """The tenant whose decision takes, where the take can be settled; else empty."""


class Settled(NamedTuple):
    """What is known of a decision that was settled."""

    tenant: str
    """Whose it was; empty where that was not written down."""


class Level(msgspec.Struct, frozen=True, gc=False):
    """One bucket's answer. All buckets of a call were taken if every one is *granted*, else none.

    *granted* says whether this bucket had room. *remaining* (never below 0) is what is left after
    the take, or without it when nothing was taken.
    """

    granted: bool
    remaining: int
    retry_after: int
    """Nanoseconds until the amount fits; 0 when granted, -1 when it can never fit.

    Of slots: until enough of them end by themselves, should nobody settle before.
    """
    reset: int = 0
    """Nanoseconds until the bucket is full again, or a budget's period closes; -1 for never.

    Of slots: until the first of those that are held ends by itself.
    """


class Noted(msgspec.Struct, frozen=True):
    """Which fingerprints were noted for a session: *seen*, by source.

    Every source that has not ended is in it, also one of which none was seen. A source in *full*
    has had more than are kept: any other may have been among them.
    """

    seen: Mapping[str, frozenset[int]]
    full: frozenset[str]


class Taker(Protocol):
    """What buckets can be taken from: a part of `Store`."""

    def take(
        self, takes: Sequence[Take], now: int, *, reservation: str = "", hold: int = 0
    ) -> tuple[Level, ...]:
        """Take every bucket or none; return one Level for each."""
        ...

    def peek(self, takes: Sequence[Take], now: int) -> tuple[Level, ...]:
        """Return what ``take`` would, taking nothing."""
        ...


class Store(Protocol):
    """See the module. Every method may raise StoreUnavailable."""

    def instant(self, now: int) -> int:
        """Return the instant that the store lives by when it is *now* for who asks."""
        ...

    def take(
        self, takes: Sequence[Take], now: int, *, reservation: str = "", hold: int = 0
    ) -> tuple[Level, ...]:
        """Take every bucket or none; return one Level for each.

        With *reservation* (a decision id, unguessable or prefixed with its owner) the takes in
        units other than requests are remembered for *hold* ns, or for the longest *life* among
        them, so that ``settle`` can correct them. What the reservation has taken before is kept
        beside it; but of one bucket it remembers the newest take alone, and holds one slot.
        """
        ...

    def peek(self, takes: Sequence[Take], now: int) -> tuple[Level, ...]:
        """Return what ``take`` would, taking nothing."""
        ...

    def settle(self, reservation: str, amounts: Mapping[str, int], now: int) -> Settled | None:
        """Correct the reserved takes to the real *amounts* by unit (``tokens``, ``usd`` …).

        A unit that *amounts* does not name keeps its estimate; slots are given back whatever it
        names. Too much taken flows back, too little becomes a debt that later takes wait for.
        Idempotent: returns None, changing nothing, when the reservation is unknown, expired or
        settled already. A negative amount raises ``throttle.ImpossibleAmount``, a ValueError.
        """
        ...

    @property
    def lapsed(self) -> int:
        """How many reservations this process has seen end that were not settled, since it began.

        0 where they are forgotten by themselves.
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
        """Put a label on a session, until a time or for the store's default session life (None).

        A label that is there already keeps the later of the two ends.
        """
        ...

    def remember(self, tenant: str, session: str, sealed: Mapping[str, bytes], now: int) -> None:
        """Keep what placeholders of a session stand for, by their digits, for the session's life.

        It may be a sixteenth of that life less.

        Digits that already stand for something else stand for nothing from then on: `NOTHING`.
        """
        ...

    def recall(
        self, tenant: str, session: str, digits: Iterable[str], now: int
    ) -> dict[str, bytes]:
        """Return what those of *digits* stand for that were remembered and have not expired."""
        ...

    def note(
        self,
        tenant: str,
        session: str,
        source: str,
        prints: frozenset[int],
        until: int | None,
        now: int,
    ) -> None:
        """Remember fingerprints (48 bits) of a session's *source*, which is `USER` or a label.

        All of a source end together, at the latest *until* that it was given; None stands for the
        session's life, of which a sixteenth may be missing. At most `MOST_PRINTS` are kept: a call
        that would go beyond adds none and makes the source full, until it ends.
        """
        ...

    def noted(self, tenant: str, session: str, prints: frozenset[int], now: int) -> Noted:
        """Return which of *prints* were noted, by the sources that have not ended."""
        ...

    def turn(self, tenant: str, session: str, now: int, *, advance: bool) -> int:
        """Return how many turns the session has had within its life; *advance* adds one first.

        Every advance begins the session's life anew.
        """
        ...

    def spare(self) -> Taker | None:
        """Return where to take from while this store is away; None where there is nothing else."""
        ...

    def sweep(self, now: int, limit: int) -> int:
        """Forget up to *limit* entries that no longer matter; return how many. For idle moments."""
        ...

    def close(self) -> None:
        """Release what the store holds."""
        ...
