"""The machine's clocks go in; instants come out that steps of the wall clock do not move.

Buckets are filled by elapsed time. A wall clock that jumps an hour ahead (NTP after a bad start, an
administrator, a virtual machine that wakes up) would fill them all at once. So time is counted with
Linux's ``CLOCK_BOOTTIME``, which nobody sets, goes on while the machine sleeps, and is the same for
all processes::

    instant = CLOCK_BOOTTIME + offset

The offset is an *anchor* that the processes of a store share and that lies in the store. It is made
from the wall clock by the first process after a boot; never does it let time go back before what
was seen before the boot. The wall clock is then followed slowly, as NTP does, by at most 500
millionths of the elapsed time: a difference of a second is gone after 33 minutes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from struct import Struct
from typing import NamedTuple

from engine.runtime.store import Level, Noted, Settled, Store, Take, Taker
from engine.state.errors import StateError

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_SLOWNESS = 2000
"""Of so many ns that pass, one may be used to follow the wall clock."""
_ANCHOR = Struct("<36sqq")

Change = Callable[[bytes | None], bytes]
Keep = Callable[[Change], bytes]
"""Replaces the kept anchor by what a change makes of it, in one step for all processes."""


class Anchor(NamedTuple):
    """What lies between ``CLOCK_BOOTTIME`` and the instants of one *boot*, in ns."""

    boot: bytes
    offset: int
    seen: int
    """The instant when the anchor was last made or moved: time was at least there."""

    def pack(self) -> bytes:
        """Return the anchor's bytes."""
        return _ANCHOR.pack(*self)


def unpack(kept: bytes) -> Anchor | None:
    """Return the anchor in *kept*; None where there is none that can be read."""
    return Anchor(*_ANCHOR.unpack(kept)) if len(kept) == _ANCHOR.size else None


def anchored(anchor: Anchor | None, boot: bytes, running: int, wall: int) -> Anchor:
    """Return the anchor for a process that starts when *running* ns have passed since *boot*."""
    if anchor is not None and anchor.boot == boot:
        return anchor
    instant = wall if anchor is None else max(wall, anchor.seen)
    return Anchor(boot, instant - running, instant)


def followed(anchor: Anchor, running: int, wall: int) -> Anchor:
    """Return the anchor moved towards the wall clock, by no more than the elapsed time allows."""
    instant = running + anchor.offset
    most = max(0, instant - anchor.seen) // _SLOWNESS
    step = max(-most, min(most, wall - instant))
    return Anchor(anchor.boot, anchor.offset + step, max(anchor.seen, instant + step))


def running_time() -> int:
    """Return the ns since the machine was started, sleep included."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


def boot_id() -> bytes:
    """Return what names this boot of the machine; raise StateError where the kernel has none."""
    try:
        return BOOT_ID.read_bytes().strip().ljust(36)[:36]
    except OSError as problem:
        raise StateError(
            f"the machine's boot cannot be told from others: {BOOT_ID}: {problem.strerror}; "
            "mount /proc, or keep no state with --memory"
        ) from problem


def keep_here() -> Keep:
    """Return what keeps an anchor for this process alone."""
    kept: bytes | None = None

    def keep(change: Change) -> bytes:
        nonlocal kept
        kept = change(kept)
        return kept

    return keep


class SteadyClock:
    """Instants in ns since the Unix epoch that all processes of a store share."""

    def __init__(
        self,
        keep: Keep,
        *,
        boot: bytes | None = None,
        running: Callable[[], int] = running_time,
        wall: Callable[[], int] = time.time_ns,
    ) -> None:
        """Take or make the anchor that *keep* keeps. Raises StateError and what *keep* raises."""
        self._keep = keep
        self._boot = boot_id() if boot is None else boot
        self._running = running
        self._wall = wall
        self._offset = self._anchor().offset

    def now(self) -> int:
        """Return the instant."""
        return self._running() + self._offset

    def follow(self) -> None:
        """Move a little towards the wall clock. For idle moments, in every process."""
        running, wall = self._running(), self._wall()
        self._offset = self._anchor(lambda anchor: followed(anchor, running, wall)).offset

    def ahead(self) -> int:
        """Return by how many ns these instants are ahead of the wall clock."""
        return self.now() - self._wall()

    def _anchor(self, move: Callable[[Anchor], Anchor] = lambda anchor: anchor) -> Anchor:
        running, wall = self._running(), self._wall()

        def change(kept: bytes | None) -> bytes:
            before = unpack(kept) if kept else None
            return move(anchored(before, self._boot, running, wall)).pack()

        return Anchor(*_ANCHOR.unpack(self._keep(change)))


class SteadyStore:
    """A store whose entries live by a steady clock, whatever instant it is asked at.

    See store.Store. Days and months of budgets begin by this clock too (see ``instant``).
    """

    def __init__(self, store: Store, clock: SteadyClock, spare: Taker | None = None) -> None:
        """*spare* is where to take from while *store* is away; None for what that says itself."""
        self._store = store
        self._spare = spare
        self.clock = clock

    def instant(self, now: int) -> int:
        """Return the instant of the steady clock."""
        del now
        return self.clock.now()

    def take(
        self, takes: Sequence[Take], now: int, *, reservation: str = "", hold: int = 0
    ) -> tuple[Level, ...]:
        """Take every bucket or none."""
        del now
        return self._store.take(takes, self.clock.now(), reservation=reservation, hold=hold)

    def peek(self, takes: Sequence[Take], now: int) -> tuple[Level, ...]:
        """Return what ``take`` would, taking nothing."""
        del now
        return self._store.peek(takes, self.clock.now())

    def settle(self, reservation: str, amounts: Mapping[str, int], now: int) -> Settled | None:
        """Correct a reservation to the real amounts, once."""
        del now
        return self._store.settle(reservation, amounts, self.clock.now())

    @property
    def lapsed(self) -> int:
        """How many reservations were seen to end that were not settled."""
        return self._store.lapsed

    def count(self, meter: str, key: str, window: int, now: int) -> int:
        """Return the number of events in the window."""
        del now
        return self._store.count(meter, key, window, self.clock.now())

    def record(self, meter: str, key: str, window: int, now: int) -> None:
        """Note one event."""
        del now
        self._store.record(meter, key, window, self.clock.now())

    def labels(self, tenant: str, session: str, now: int) -> frozenset[str]:
        """Return the labels that have not expired."""
        del now
        return self._store.labels(tenant, session, self.clock.now())

    def label(self, tenant: str, session: str, label: str, until: int | None, now: int) -> None:
        """Put a label on a session, for as long as *until* is away from *now*."""
        instant = self.clock.now()
        ends = None if until is None else until - now + instant
        self._store.label(tenant, session, label, ends, instant)

    def remember(self, tenant: str, session: str, sealed: Mapping[str, bytes], now: int) -> None:
        """Keep what placeholders stand for."""
        del now
        self._store.remember(tenant, session, sealed, self.clock.now())

    def recall(
        self, tenant: str, session: str, digits: Iterable[str], now: int
    ) -> dict[str, bytes]:
        """Return what placeholders stand for."""
        del now
        return self._store.recall(tenant, session, digits, self.clock.now())

    def note(
        self,
        tenant: str,
        session: str,
        source: str,
        prints: frozenset[int],
        until: int | None,
        now: int,
    ) -> None:
        """Remember the fingerprints of a source, for as long as *until* is away from *now*."""
        instant = self.clock.now()
        ends = None if until is None else until - now + instant
        self._store.note(tenant, session, source, prints, ends, instant)

    def noted(self, tenant: str, session: str, prints: frozenset[int], now: int) -> Noted:
        """Return which fingerprints were noted, by source."""
        del now
        return self._store.noted(tenant, session, prints, self.clock.now())

    def turn(self, tenant: str, session: str, now: int, *, advance: bool) -> int:
        """Return how many turns the session has had; *advance* adds one first."""
        del now
        return self._store.turn(tenant, session, self.clock.now(), advance=advance)

    def spare(self) -> Taker | None:
        """Return where to take from while the store is away."""
        return self._store.spare() if self._spare is None else self._spare

    def sweep(self, now: int, limit: int) -> int:
        """Forget up to *limit* entries that have expired, and follow the wall clock a little."""
        del now
        self.clock.follow()
        return self._store.sweep(self.clock.now(), limit)

    def close(self) -> None:
        """Release what the store holds."""
        self._store.close()
