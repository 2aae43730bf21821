"""What a decision asks of a store that is away from here, one question after another, as data.

Deciding is a plain function and never waits. So a decision is tried with a `Replay` in the place of
the store: what it asks and is not answered yet stops the try (`Unfetched`), is sent in one call
(`Far.run`), and the decision is tried again with the answers::

    decide(…, replay)  --Unfetched-->  await far.run(replay.due)  -->  decide(…, replay)

What only puts (labels, meter events) does not stop a try: it goes along with the next question, or
on its own at the end. Answers are told apart by what was asked, so a try may take another way than
the one before; what was asked twice was answered once, which takes nothing twice.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple, Protocol, cast

import msgspec

from engine.runtime.store import Level, Noted, Settled, StoreUnavailable, Take, Taker


class Op(msgspec.Struct, frozen=True):
    """One call of a store's *method*: its *arguments* in order, without ``now``, hashable.

    Sets come sorted and mappings as sorted pairs; ends of labels and fingerprints as ns from now.
    """

    method: str
    arguments: tuple[object, ...]


class Stale:
    """The answer to a take whose calendar period the store's clock is not in: ask again."""


STALE: Final = Stale()

PUTS = frozenset({"record", "label", "remember", "note", "advance"})
"""Methods whose answer nobody waits for, unless it is that they failed."""


ASKED_BY_CONDITIONS = frozenset({"count", "labels", "turn"})
"""Methods that conditions ask, of which it is known beforehand what they would ask."""


class PartAway(StoreUnavailable):
    """What was asked lies in a part of the store that is away; other parts are there."""


class Unfetched(Exception):
    """There is no decision before the store has answered what is due, last *method*."""

    def __init__(self, method: str) -> None:
        super().__init__(f"`{method}` is not answered yet")
        self.method = method


class Health(NamedTuple):
    """How a connection fares: whether its breaker is *closed*, and what it has counted."""

    closed: bool
    calls: int = 0
    failures: int = 0
    """Calls that were not answered, time-outs among them."""
    timeouts: int = 0
    reconnects: int = 0


class Far(Protocol):
    """A connection with a store that is away from here. For one event loop."""

    @property
    def offset(self) -> int:
        """By how many ns the store's clock is ahead of this machine's, as last learnt."""
        ...

    @property
    def evicts(self) -> str:
        """By which policy the store forgets what is kept when it is full; empty for none."""
        ...

    @property
    def lacking(self) -> str:
        """Why a part of the store is away, as last met, while others are there; empty for none."""
        ...

    async def connect(self) -> None:
        """Connect before anybody asks, if that can be."""
        ...

    async def run(self, ops: Sequence[Op], now: int) -> list[object]:
        """Do all *ops* in one step and return their answers, or raise StoreUnavailable.

        The answers are those of the store's methods; `STALE` where that says so. A refusal by
        what one of the ops met is an answer too: a StoreUnavailable in its place. Cancelling it
        does not stop what was sent.
        """
        ...

    def health(self) -> Health:
        """Return how the connection fares."""
        ...

    async def close(self) -> None:
        """Give back what is held ahead, and disconnect."""
        ...


class Asker(ABC):
    """A store (see store.Store) that turns each question into an `Op`."""

    @abstractmethod
    def _ask(self, method: str, *arguments: object) -> object:
        """Return the answer of *method*; of one that puts, nobody looks at it."""

    @abstractmethod
    def instant(self, now: int) -> int:
        """Return the instant of the store's clock."""

    @abstractmethod
    def spare(self) -> Taker | None:
        """Return where to count while the store is away."""

    def take(
        self, takes: Sequence[Take], now: int, *, reservation: str = "", hold: int = 0
    ) -> tuple[Level, ...]:
        """Take every bucket or none."""
        del now
        found = self._ask("take", tuple(takes), reservation, hold)
        return cast("tuple[Level, ...]", found)

    def peek(self, takes: Sequence[Take], now: int) -> tuple[Level, ...]:
        """Return what ``take`` would, taking nothing."""
        del now
        return cast("tuple[Level, ...]", self._ask("peek", tuple(takes)))

    def settle(self, reservation: str, amounts: Mapping[str, int], now: int) -> Settled | None:
        """Correct a reservation to the real amounts, once."""
        del now
        found = self._ask("settle", reservation, tuple(sorted(amounts.items())))
        return cast("Settled | None", found)

    @property
    def lapsed(self) -> int:
        """Return 0: what ends is forgotten where it is kept."""
        return 0

    def count(self, meter: str, key: str, window: int, now: int) -> int:
        """Return the number of events in the window."""
        del now
        return cast("int", self._ask("count", meter, key, window))

    def record(self, meter: str, key: str, window: int, now: int) -> None:
        """Note one event."""
        del now
        self._ask("record", meter, key, window)

    def labels(self, tenant: str, session: str, now: int) -> frozenset[str]:
        """Return the labels that have not expired."""
        del now
        return cast("frozenset[str]", self._ask("labels", tenant, session))

    def label(self, tenant: str, session: str, label: str, until: int | None, now: int) -> None:
        """Put a label on a session."""
        self._ask("label", tenant, session, label, None if until is None else until - now)

    def remember(self, tenant: str, session: str, sealed: Mapping[str, bytes], now: int) -> None:
        """Keep what placeholders stand for."""
        del now
        self._ask("remember", tenant, session, tuple(sorted(sealed.items())))

    def recall(
        self, tenant: str, session: str, digits: Iterable[str], now: int
    ) -> dict[str, bytes]:
        """Return what placeholders stand for."""
        del now
        found = self._ask("recall", tenant, session, tuple(sorted(digits)))
        return cast("dict[str, bytes]", found)

    def note(
        self,
        tenant: str,
        session: str,
        source: str,
        prints: frozenset[int],
        until: int | None,
        now: int,
    ) -> None:
        """Remember the fingerprints of a source."""
        life = None if until is None else until - now
        self._ask("note", tenant, session, source, tuple(sorted(prints)), life)

    def noted(self, tenant: str, session: str, prints: frozenset[int], now: int) -> Noted:
        """Return which fingerprints were noted, by source."""
        del now
        return cast("Noted", self._ask("noted", tenant, session, tuple(sorted(prints))))

    def turn(self, tenant: str, session: str, now: int, *, advance: bool) -> int:
        """Return how many turns the session has had; nobody looks at it who makes it *advance*."""
        del now
        if advance:
            self._ask("advance", tenant, session)
            return 0
        return cast("int", self._ask("turn", tenant, session))

    def sweep(self, now: int, limit: int) -> int:
        """Return 0: what ends is forgotten where it is kept."""
        del now, limit
        return 0

    @abstractmethod
    def close(self) -> None:
        """Release what the store holds."""


class Once:
    """Takes from *taker*, and what is asked again not twice: the tries of a decision ask alike."""

    def __init__(self, taker: Taker) -> None:
        self._taker = taker
        self._taken: dict[Op, tuple[Level, ...]] = {}

    def take(
        self, takes: Sequence[Take], now: int, *, reservation: str = "", hold: int = 0
    ) -> tuple[Level, ...]:
        """Take every bucket or none."""
        asked = Op("take", (tuple(takes), reservation, hold))
        found = self._taken.get(asked)
        if found is None:
            found = self._taker.take(takes, now, reservation=reservation, hold=hold)
            self._taken[asked] = found
        return found

    def peek(self, takes: Sequence[Take], now: int) -> tuple[Level, ...]:
        """Return what ``take`` would, taking nothing."""
        return self._taker.peek(takes, now)


class Replay(Asker):
    """A store for the tries of one decision; see the module and store.Store."""

    def __init__(self, offset: int, spare: Taker | None) -> None:
        """Know nothing yet. *offset* is the ns that the store's clock is ahead."""
        self._offset = offset
        self._spare = None if spare is None else Once(spare)
        self._answers: dict[Op, object] = {}
        self.due: dict[Op, None] = {}
        """What was asked and is not answered, in the order of asking."""

    def begin(self) -> None:
        """Begin a try: what is put is due only if this try puts it."""
        self.due = {}

    def learn(self, answers: Sequence[object], offset: int) -> bool:
        """Take in the answers to what is due; False when some must be asked at a new instant.

        By *offset* then: until then the instant stands still, or a take could be asked twice.
        """
        fresh = True
        for op, answer in zip(self.due, answers, strict=True):
            if answer is STALE:
                fresh = False
            else:
                self._answers[op] = answer
        self.due = {}
        if not fresh:
            self._offset = offset
        return fresh

    def fail(self, away: StoreUnavailable) -> None:
        """Let everything that is due be answered by *away*."""
        self._answers.update(dict.fromkeys(self.due, away))
        self.due = {}

    def instant(self, now: int) -> int:
        """Return the instant of the store's clock."""
        return now + self._offset

    def spare(self) -> Taker | None:
        """Return where to count while the store is away."""
        return self._spare

    def close(self) -> None:
        """Do nothing: nothing is held."""

    def _ask(self, method: str, *arguments: object) -> object:
        op = Op(method, arguments)
        try:
            answer = self._answers[op]
        except KeyError:
            self.due[op] = None
            if method in PUTS:
                return None
            raise Unfetched(method) from None
        if isinstance(answer, StoreUnavailable):
            raise StoreUnavailable(str(answer))  # A fresh one: this one's traceback would grow.
        return answer
