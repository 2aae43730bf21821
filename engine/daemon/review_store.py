"""Settings in, the store of reviews out; or one clear sentence about what stands in the way."""

from __future__ import annotations

import importlib
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import cast

from engine.daemon.places import StartError, reviews_path
from engine.daemon.settings import Settings
from engine.daemon.settings_reviews import Reviews as ReviewSettings
from engine.storage.reviews import SECOND, Upkeep
from engine.storage.reviews_kept import KeptReviews
from engine.storage.reviews_sqlite import SqliteReviews

MISSING = (
    'reviews.store = "postgresql" needs a client that is not installed; install it with '
    "`pip install 'pol-engine[postgres]'`"
)
UNSEALED = (
    'reviews.store = "postgresql" with `state = "memory"` needs `secret_key_file`: reviews are '
    "sealed with a secret that lasts, and that all nodes share"
)
DAY = 86_400 * SECOND


def open_store(settings: Settings, data: Path, key: bytes) -> KeptReviews | None:
    """Return the store, sealed with *key*; None where no reviews are kept.

    A database that cannot be reached is one that may be later. Raises StartError and
    ReviewsUnavailable.
    """
    if settings.reviews.store == "postgresql":
        if settings.state == "memory" and not settings.secret_key_file:
            raise StartError(UNSEALED)
        return open_database(settings.reviews, key)
    path = reviews_path(settings, data)
    return None if path is None else SqliteReviews(path, key=key)


def open_database(
    settings: ReviewSettings, key: bytes, *, must_answer: bool = False
) -> KeptReviews:
    """Return the store in the database that *settings* name, sealed with *key*.

    Raises StartError; and ReviewsUnavailable for what waiting will not mend, or if it *must_answer*
    and does not.
    """
    try:
        module = importlib.import_module("engine.storage.reviews_postgres")
        address = importlib.import_module("engine.storage.reviews_postgres_address")
    except ImportError:
        raise StartError(MISSING) from None
    files = (
        readable(name, getattr(settings, name))
        for name in ("ca_file", "certificate_file", "key_file")
    )
    tls = address.Tls(*files)
    try:
        found = address.read_url(url_of(settings), tls)
    except ValueError as error:
        raise StartError(f"`reviews.url` cannot be used: {error}") from None
    store = module.PostgresReviews(found, key, settings.timeout_ms / 1000)
    with ExitStack() as undo:
        undo.callback(store.close)
        if must_answer:
            store.prepare()
        else:
            with suppress(module.ReviewsAway):  # What escalates is denied until it is there.
                store.prepare()
        undo.pop_all()
    return cast("KeptReviews", store)


def url_of(settings: ReviewSettings) -> str:
    """Return the URL of the database. Raises StartError."""
    if not settings.url_file:
        return settings.url
    try:
        return Path(settings.url_file).read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise StartError(f"cannot read `reviews.url_file` {settings.url_file}") from None


def readable(name: str, file: str) -> str:
    """Return the *file* of setting *name*. Raises StartError."""
    if file:
        try:
            Path(file).read_bytes()
        except OSError as error:
            raise StartError(f"cannot read `reviews.{name}` {file}: {error.strerror}") from None
    return file


def upkeep_of(settings: Settings) -> Upkeep:
    """Return how long reviews are kept."""
    chosen = settings.reviews
    return Upkeep(keep=chosen.keep_days * DAY, keep_content=chosen.keep_content_days * DAY)
