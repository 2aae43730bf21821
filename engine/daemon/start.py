"""Settings in, the daemon's parts out; or one clear sentence about what stands in the way."""

from __future__ import annotations

import secrets
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from engine.classifiers.hub import Hub
from engine.daemon.counts import Metrics
from engine.daemon.notify_file import NotifyError
from engine.daemon.places import (
    StartError,
    cache_folder,
    key_file,
    make_data_folder,
    own_folders,
    record_path,
)
from engine.daemon.review_queue import Queue, open_queue
from engine.daemon.settings import Settings
from engine.daemon.state import open_state
from engine.daemon.telling import telling_of
from engine.runtime.store import StoreUnavailable
from engine.service.audit import KEY, Audit
from engine.service.bundles import Recipe
from engine.service.cache import CacheFolderError, FolderCache, open_cache
from engine.service.gate import Gate
from engine.service.journal import Journal
from engine.service.keys import KEY_BYTES, KeyFileError, derive_key, load_key
from engine.service.lookout import Lookout
from engine.service.nets import FinderError, require_finder
from engine.service.record import Both, NoRecorder, Recorder, RecordError
from engine.service.reviewers import ReviewersError
from engine.service.taking import GateTaker
from engine.service.times import iso_time
from engine.service.vault import VaultError
from engine.state.errors import StateError
from engine.storage.durability import Way
from engine.storage.notices import SpoolError
from engine.storage.reviews import ReviewsUnavailable
from engine.storage.trail import MEGABYTE

REFUSALS = (
    CacheFolderError,
    FinderError,
    KeyFileError,
    NotifyError,
    RecordError,
    ReviewersError,
    ReviewsUnavailable,
    SpoolError,
    StateError,
    StoreUnavailable,
    VaultError,
)
"""What a part raises that cannot be made, with a sentence about the remedy."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What the daemon is put together from. ``release`` closes all of it."""

    settings: Settings
    root: Path
    gate: Gate
    cache: FolderCache
    taker: GateTaker
    metrics: Metrics
    classifiers: Hub
    own_folders: frozenset[Path]
    """Where the daemon itself writes: a change there is no change of policies."""
    recorded: Path | None
    """Where decisions are recorded; None for nowhere."""
    audit: Audit | None
    queue: Queue
    release: Callable[[], None]


def assemble(settings: Settings, *, shared: bool = False) -> Parts:
    """Return the parts, with folders, files and keys made where they are missing.

    *shared*: other processes of the same daemon have the same files. Raises StartError.
    """
    with ExitStack() as stack:
        try:
            return put_together(settings, stack, shared=shared)
        except REFUSALS as error:
            raise StartError(str(error)) from None


def put_together(settings: Settings, stack: ExitStack, *, shared: bool) -> Parts:
    """Return the parts; what must be closed is on *stack* until all of them are there."""
    require_finder(settings.scanner)
    data = open_data(settings, stack)
    cache = open_cache(cache_folder(settings, data))
    secret = secrets.token_bytes(KEY_BYTES)
    if settings.state != "memory" or settings.secret_key_file:
        secret = load_key(key_file(settings, data))
    recorded = record_path(settings, data)
    recorder: Recorder = NoRecorder()
    if recorded is not None:
        recorder = Journal(recorded, settings.record.on_failure, shared=shared)
    stack.callback(recorder.close)
    audit = open_audit(settings, data)
    if audit is not None:
        stack.callback(audit.close)
        recorder = audit if recorded is None else Both(audit, recorder)
    queue = open_queue(settings, data, secret, recorder, stack)
    store = open_state(settings, data, secret)
    stack.callback(store.close)
    metrics = Metrics()
    classifiers = Hub(derive_key(secret, "classifiers"))
    stack.callback(classifiers.close)
    lookout = Lookout(settings.limits.long_threads, settings.limits.long_waiting)
    stack.callback(lookout.close)
    gate = Gate(
        store,
        recorder,
        secret=secret,
        observer=metrics,
        classifiers=classifiers,
        lookout=lookout,
        reviews=queue.reviews,
        telling=telling_of(settings, data, secret),
    )
    root = Path(settings.policies).absolute()
    return Parts(
        settings=settings,
        root=root,
        gate=gate,
        cache=cache,
        taker=GateTaker(gate, root, cache, recipe_of(settings, secret)),
        metrics=metrics,
        classifiers=classifiers,
        own_folders=own_folders(data, cache.folder),
        recorded=recorded,
        audit=audit,
        queue=queue,
        release=stack.pop_all().close,
    )


def open_data(settings: Settings, stack: ExitStack) -> Path:
    """Return the data folder; one that *stack* removes where nothing is kept. Raises StartError."""
    if settings.state == "memory":
        return Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="engine-")))
    data = Path(settings.data).absolute()
    make_data_folder(data)
    return data


def open_audit(settings: Settings, data: Path) -> Audit | None:
    """Return the audit trail of this process; None where none is kept. Raises RecordError."""
    chosen = settings.audit
    folder = Path(chosen.folder)
    if not chosen.folder or (settings.state == "memory" and not folder.is_absolute()):
        return None
    return Audit(
        data / folder,
        data / KEY,
        way_of(settings),
        name=chosen.name,
        time=lambda: iso_time(time.time_ns()),
        segment_bytes=chosen.segment_megabytes * MEGABYTE,
        segment_seconds=chosen.segment_minutes * 60,
    )


def way_of(settings: Settings) -> Way:
    """Return how safe records are to be."""
    chosen = settings.audit
    return Way(
        durability=chosen.durability,
        on_full=chosen.on_full,
        patience=chosen.patience_ms / 1000,
        most_bytes=chosen.spool_megabytes * MEGABYTE,
    )


def recipe_of(settings: Settings, secret: bytes) -> Recipe:
    """Return what linking policies needs."""
    limits = settings.limits
    return Recipe(
        secret,
        content_characters=limits.content_characters,
        on_content_too_large=limits.on_content_too_large,
        long_characters=limits.long_characters,
        stream_hold_characters=limits.stream_hold_characters,
        remembered_bytes=limits.remembered_bytes,
        on_state_failure=settings.on_state_failure,
        prepare=True,
        finder=settings.scanner,
    )
