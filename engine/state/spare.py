"""A store of this process in; one that is used while the real one is away, and knows what it owes.

What was granted, counted and put here meanwhile is remembered as `Op`s and done to the real store
when that is back (`RemoteStore.reconcile`): its buckets are then charged whether it fits or not,
so that what was granted too much becomes a debt. Until then every process grants up to the whole
limit on its own. What sessions were told apart by before (labels, what they have read) is not
known here, and nothing may pass for want of it. Nor can anybody take from this in the place of the
store: each rule says what it does while that is away, and those that count here ask for `spare`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice

import msgspec

from engine.runtime.store import Level, Noted, Settled, Store, StoreUnavailable, Take
from engine.state.remote import Op

MOST = 100_000
"""So many debts are remembered; what comes beyond is counted in `Spare.lost`."""


AWAY = "it is away"

Name = tuple[str, int]
"""A reservation and which of its debts, from 0 on; or nothing, and a number from 1 on."""


class Counted:
    """Takes from *store*, and has what was taken *owed*; see store.Taker."""

    def __init__(self, store: Store, owed: Callable[..., None]) -> None:
        self._store = store
        self._owed = owed

    def take(
        self, takes: Sequence[Take], now: int, *, reservation: str = "", hold: int = 0
    ) -> tuple[Level, ...]:
        """Take every bucket or none; what was taken is owed."""
        levels = self._store.take(takes, now, reservation=reservation, hold=hold)
        if all(level.granted for level in levels):
            self._owed("owe", tuple(takes), reservation, hold, name=reservation)
        return levels

    def peek(self, takes: Sequence[Take], now: int) -> tuple[Level, ...]:
        """Return what ``take`` would, taking nothing."""
        return self._store.peek(takes, now)


class Spare:
    """See the module and store.Store. Not for several threads at once."""

    def __init__(self, store: Store, most: int = MOST) -> None:
        self._store = store
        self._most = most
        self._debts: dict[Name, Op] = {}
        self._made = 0
        self._counted = Counted(store, self._owe)
        self.lost = 0
        """How many debts there was no room for."""

    @property
    def debts(self) -> int:
        """How many are to be paid."""
        return len(self._debts)

    def owes(self, reservation: str) -> bool:
        """Return whether what was taken for *reservation* is to be paid."""
        return (reservation, 0) in self._debts

    def pop(self, most: int) -> dict[Name, Op]:
        """Return up to *most* debts, the oldest first, and forget them."""
        names = list(islice(self._debts, most))
        return {name: self._debts.pop(name) for name in names}

    def restore(self, debts: Mapping[Name, Op]) -> None:
        """Take back what could not be paid, to the end: what others owe may find its way."""
        self._debts.update(debts)

    def _owe(self, method: str, *arguments: object, name: str = "") -> None:
        if len(self._debts) >= self._most:
            self.lost += 1
            return
        number = 0  # Throttles that are enforced and those in shadow take apart from each other.
        if not name:
            self._made += 1
            number = self._made
        while (name, number) in self._debts:
            number += 1
        self._debts[name, number] = Op(method, arguments)

    # --- the protocol ----------------------------------------------------------------------------

    def instant(self, now: int) -> int:
        """Return the instant of the store here."""
        return self._store.instant(now)

    def take(
        self, takes: Sequence[Take], now: int, *, reservation: str = "", hold: int = 0
    ) -> tuple[Level, ...]:
        """Raise StoreUnavailable: whether what is taken may be counted here is said by rules."""
        del takes, now, reservation, hold
        raise StoreUnavailable(AWAY)

    def peek(self, takes: Sequence[Take], now: int) -> tuple[Level, ...]:
        """Raise StoreUnavailable, as ``take``."""
        del takes, now
        raise StoreUnavailable(AWAY)

    def settle(self, reservation: str, amounts: Mapping[str, int], now: int) -> Settled | None:
        """Correct what was taken here and is still owed; a slot given back is not owed.

        Raises StoreUnavailable for what was taken elsewhere: it must be told again.
        """
        if not self.owes(reservation):
            raise StoreUnavailable(f"{AWAY}; settle again when it is back")
        number = 0
        while (owed := self._debts.pop((reservation, number), None)) is not None:
            takes: tuple[Take, ...] = owed.arguments[0]  # type: ignore[assignment]  # of "owe"
            real = tuple(
                msgspec.structs.replace(one, amount=amounts.get(one.unit, one.amount))
                for one in takes
                if not one.life
            )
            if real:
                self._owe("owe", real, "", 0)
            number += 1
        return self._store.settle(reservation, amounts, now)

    @property
    def lapsed(self) -> int:
        """How many reservations ended here that were not settled."""
        return self._store.lapsed

    def count(self, meter: str, key: str, window: int, now: int) -> int:
        """Return the number of events in the window that were noted here."""
        return self._store.count(meter, key, window, now)

    def record(self, meter: str, key: str, window: int, now: int) -> None:
        """Note one event."""
        self._store.record(meter, key, window, now)
        self._owe("record", meter, key, window)

    def labels(self, tenant: str, session: str, now: int) -> frozenset[str]:
        """Raise StoreUnavailable: a label that is not known here may be there."""
        del tenant, session, now
        raise StoreUnavailable(AWAY)

    def label(self, tenant: str, session: str, label: str, until: int | None, now: int) -> None:
        """Put a label on a session, when the store is back."""
        self._owe("label", tenant, session, label, None if until is None else until - now)

    def remember(self, tenant: str, session: str, sealed: Mapping[str, bytes], now: int) -> None:
        """Keep what placeholders stand for."""
        self._store.remember(tenant, session, sealed, now)
        self._owe("remember", tenant, session, tuple(sorted(sealed.items())))

    def recall(
        self, tenant: str, session: str, digits: Iterable[str], now: int
    ) -> dict[str, bytes]:
        """Return what placeholders stand for that were remembered here."""
        return self._store.recall(tenant, session, digits, now)

    def note(
        self,
        tenant: str,
        session: str,
        source: str,
        prints: frozenset[int],
        until: int | None,
        now: int,
    ) -> None:
        """Remember the fingerprints of a source, when the store is back."""
        life = None if until is None else until - now
        self._owe("note", tenant, session, source, tuple(sorted(prints)), life)

    def noted(self, tenant: str, session: str, prints: frozenset[int], now: int) -> Noted:
        """Raise StoreUnavailable: what was read before is not known here."""
        del tenant, session, prints, now
        raise StoreUnavailable(AWAY)

    def turn(self, tenant: str, session: str, now: int, *, advance: bool) -> int:
        """Return how many turns the session has had here."""
        if advance:
            self._owe("advance", tenant, session)
        return self._store.turn(tenant, session, now, advance=advance)

    def spare(self) -> Counted:
        """Return where to take from for rules that count here."""
        return self._counted

    def sweep(self, now: int, limit: int) -> int:
        """Forget up to *limit* entries that no longer matter."""
        return self._store.sweep(now, limit)

    def close(self) -> None:
        """Release what the store holds."""
        self._store.close()
