"""What a decision has reserved and what its call really used go in; the store is put right.

A settlement that finds nothing (the decision is unknown here, another daemon's, reserved nothing,
was settled already, or is too old) changes nothing. What was taken beside a store that was away is
settled there as long as the store does not know of it.
"""

from __future__ import annotations

from typing import cast

from engine.runtime.store import Settled, Store, StoreUnavailable
from engine.service.usage import Usage, amounts_of
from engine.state.remote import Op
from engine.state.remote_store import RemoteStore


def settle(store: Store, decision_id: str, usage: Usage, now: int) -> Settled | None:
    """Put right what a decision took; return what is known of it, None where there was nothing.

    Blocks while a store that is away from here answers.

    Raises InvalidRequest for figures that are no amounts, and StoreUnavailable.
    """
    amounts = amounts_of(usage)
    unpaid = store.unpaid(decision_id) if isinstance(store, RemoteStore) else None
    if unpaid is not None:
        return unpaid.settle(decision_id, amounts, now)
    try:
        return store.settle(decision_id, amounts, now)
    except StoreUnavailable as away:
        return _settle_beside(store, decision_id, amounts, now, away)


async def settle_far(
    store: RemoteStore, decision_id: str, usage: Usage, now: int
) -> Settled | None:
    """Do what `settle` does, in the event loop."""
    amounts = amounts_of(usage)
    unpaid = store.unpaid(decision_id)
    if unpaid is not None:
        return unpaid.settle(decision_id, amounts, now)
    try:
        (answer,) = await store.run([Op("settle", (decision_id, tuple(sorted(amounts.items()))))])
        if isinstance(answer, StoreUnavailable):
            raise answer
        return cast("Settled | None", answer)
    except StoreUnavailable as away:
        return _settle_beside(store, decision_id, amounts, now, away)


def _settle_beside(
    store: Store, decision_id: str, amounts: dict[str, int], now: int, away: StoreUnavailable
) -> Settled | None:
    """Settle what was taken beside *store* while it is away; raise *away* where nothing is."""
    beside = store.beside if isinstance(store, RemoteStore) else None
    if beside is None:
        raise away
    return beside.settle(decision_id, amounts, now)
