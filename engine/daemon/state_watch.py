"""A state store that is away from here in; that it cannot be used, and that it can again, told out.

Decisions tell it too, but only those that ask the store: a daemon that nobody asks yet, or whose
callers ask for what needs no state, would say for hours that all is well.
"""

from __future__ import annotations

import asyncio

from engine.daemon.logs import Log
from engine.state.remote_store import RemoteStore

LOOK_SECONDS = 1.0
"""Between two looks."""


async def watch_state(store: RemoteStore, log: Log) -> None:
    """Look at *store* now and then, for ever. Said is what two looks in a row have found."""
    told, before, evicts, forgot = False, "", "", 0
    strangers: frozenset[str] = frozenset()
    # With the machine as busy as it is at a start, that takes longer than a decision may wait.
    await store.connect()
    while True:
        await store.look()
        why = store.trouble or store.lacking
        if why and before and not told:
            log.warning("the state server cannot be used: see `on_state_failure`", why=why)
            told = True
        elif told and not why:
            log.info("the state server can be used again")
            told = False
        before = why
        if store.forgot > forgot:
            forgot = store.forgot
            log.warning(
                "the state server has lost what limits have counted, and they are granted anew: "
                "see its persistence (`appendonly yes`), and who empties it"
            )
        if store.evicts and store.evicts != evicts:
            evicts = store.evicts
            log.warning(
                "the state server may forget what limits have counted: set `maxmemory-policy` to "
                "`noeviction` in it",
                policy=evicts,
            )
        strangers = tell_strangers(store, log, strangers)
        await asyncio.sleep(LOOK_SECONDS)


def tell_strangers(store: RemoteStore, log: Log, before: frozenset[str]) -> frozenset[str]:
    """Say so where others use *store* by another secret; return whose, *before* as told last."""
    now = store.strangers
    if now - before:
        log.warning(
            "daemons with another `secret.key` use this state server: what either keeps of "
            "sessions the other cannot read, so that placeholders stay and arguments count as "
            "tainted; give all of them the same file (`secret_key_file`)",
            ours=store.mark,
            others=", ".join(sorted(now)),
        )
    elif before and not now:
        log.info("all daemons that use this state server have the same `secret.key`")
    return now
