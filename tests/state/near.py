"""A store in this process that is asked as one that is away from here is, and can go away."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from engine.runtime.memory import MemoryStore
from engine.runtime.store import StoreUnavailable, Take
from engine.state.remote import STALE, Health, Op

NOW = 1_800_000_000_000_000_000


class Shore:
    """What is away: a store, its clock, and whether it can be reached. *calls* are told of."""

    def __init__(self, now: Callable[[], int] = lambda: NOW) -> None:
        self.store = MemoryStore()
        self.now = now
        self.away = ""
        self.broken: frozenset[str] = frozenset()
        self.ahead = 0
        self.calls: list[list[str]] = []
        self.closed = 0
        self.connected = 0
        self.waiting: asyncio.Event | None = None


class NearFar:
    """See ``remote.Far``."""

    def __init__(self, shore: Shore) -> None:
        self._shore = shore
        self.offset = 0
        self.evicts = self.lacking = ""

    async def connect(self) -> None:
        self._shore.connected += 1

    async def run(self, ops: Sequence[Op], now: int) -> list[object]:
        shore = self._shore
        if shore.waiting is not None:
            await shore.waiting.wait()
        await asyncio.sleep(0)
        shore.calls.append([op.method for op in ops])
        if shore.away:
            raise StoreUnavailable(shore.away)
        instant = shore.now() + shore.ahead
        self.offset = instant - now
        return [self._answer(op, instant) for op in ops]

    def health(self) -> Health:
        return Health(not self._shore.away, calls=len(self._shore.calls))

    async def close(self) -> None:
        self._shore.closed += 1

    def _answer(self, op: Op, now: int) -> object:
        if op.method in self._shore.broken:
            return StoreUnavailable(f"{op.method} is broken")
        own = OWN.get(op.method)
        if own is not None:
            return own(self._shore.store, now, *op.arguments)
        return getattr(self._shore.store, op.method)(*op.arguments, now)


def _take(store: MemoryStore, now: int, *arguments: Any) -> object:
    takes, reservation, hold = arguments
    if any(one.window is None and one.closes <= now and not one.life for one in takes):
        return STALE
    return store.take(takes, now, reservation=reservation, hold=hold)


def _owe(store: MemoryStore, now: int, *arguments: Any) -> None:
    """Take where it fits: the store in memory knows no debts."""
    takes: Sequence[Take] = arguments[0]
    for take in takes:
        store.take([take], now)


def _label(store: MemoryStore, now: int, *arguments: Any) -> None:
    tenant, session, label, life = arguments
    store.label(tenant, session, label, life and now + life, now)


def _note(store: MemoryStore, now: int, *arguments: Any) -> None:
    tenant, session, source, prints, life = arguments
    store.note(tenant, session, source, frozenset(prints), life and now + life, now)


OWN: Mapping[str, Callable[..., object]] = {
    "take": _take,
    "owe": _owe,
    "label": _label,
    "note": _note,
    "settle": lambda store, now, one, amounts: store.settle(one, dict(amounts), now),
    "remember": lambda store, now, *to: store.remember(*to[:2], dict(to[2]), now),
    "noted": lambda store, now, *of: store.noted(*of[:2], frozenset(of[2]), now),
    "advance": lambda store, now, *to: store.turn(*to, now, advance=True),
    "turn": lambda store, now, *to: store.turn(*to, now, advance=False),
}
"""What is not asked of the store as it came."""
