"""Settings in; the store that the daemon remembers throttles, budgets and sessions in out."""

from __future__ import annotations

import importlib
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import cast

from engine.daemon.places import StartError
from engine.daemon.settings import Settings
from engine.daemon.settings import Valkey as ValkeySettings
from engine.runtime.memory import MemoryStore
from engine.runtime.store import Store
from engine.service.keys import derive_key
from engine.state.clock import SteadyClock, SteadyStore, keep_here
from engine.state.leases import Leases
from engine.state.lmdb import LmdbStore
from engine.state.remote import Far
from engine.state.remote_store import Connect, RemoteStore
from engine.state.spare import Spare

MISSING = (
    'state = "valkey" needs a client that is not installed; install it with '
    "`pip install 'pol-engine[valkey]'`"
)


TLS_FILES = ("ca_file", "certificate_file", "key_file")


MARK = "state mark"
"""What the key is for of which the beginning tells all who share a state server whose secret it is.
"""


def open_state(settings: Settings, data: Path, secret: bytes) -> Store:
    """Return the store: in the folder *data*, in memory, or away from here.

    What is here has a clock that nobody sets. Raises StartError, StateError and StoreUnavailable.
    """
    if settings.state == "valkey":
        spare = Spare(store_here())
        mark = derive_key(secret, MARK)[:6].hex()
        return RemoteStore(connector(settings.valkey), spare, local=settings.local, mark=mark)
    if settings.state == "memory":
        return store_here()
    store = LmdbStore(data / "state")
    with ExitStack() as undo:
        undo.callback(store.close)
        steady = SteadyStore(store, SteadyClock(store.anchor), store_here())
        undo.pop_all()
    return steady


def store_here() -> SteadyStore:
    """Return a store in memory."""
    return SteadyStore(MemoryStore(), SteadyClock(keep_here()))


def connector(settings: ValkeySettings) -> Connect:
    """Return what connects with the server. Raises StartError."""
    try:
        module = importlib.import_module("engine.state.valkey")
    except ImportError:
        raise StartError(MISSING) from None
    secured = settings.url.startswith("rediss://")
    named = [one for one in TLS_FILES if getattr(settings, one)]
    if named and not secured:
        raise StartError(
            f"`valkey.{named[0]}` is of TLS, and `valkey.url` does not begin with rediss://"
        )
    if bool(settings.certificate_file) != bool(settings.key_file):
        raise StartError("`valkey.certificate_file` and `valkey.key_file` belong together")
    tls = module.Tls(*(readable(name, getattr(settings, name)) for name in TLS_FILES))
    connect = partial(
        module.Valkey,
        settings.url,
        prefix=settings.prefix,
        timeout=settings.timeout_ms / 1000,
        tls=tls if secured else None,
    )
    try:
        connect()
    except ValueError as error:
        raise StartError(f"`valkey.url` cannot be used: {error}") from None
    if settings.leases:
        return lambda: Leases(cast("Far", connect()))
    return cast("Connect", connect)


def readable(name: str, file: str) -> str | None:
    """Return the *file* of setting *name*, None for no name. Raises StartError."""
    if not file:
        return None
    try:
        Path(file).read_bytes()
    except OSError as error:
        raise StartError(f"cannot read `valkey.{name}` {file}: {error.strerror}") from None
    return file
