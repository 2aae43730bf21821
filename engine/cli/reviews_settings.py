"""A daemon's settings, or a database's address, in; the store of reviews there out."""

from __future__ import annotations

import os
from pathlib import Path

from engine.cli.bundle import leave
from engine.cli.reviews_file import open_file
from engine.daemon.config import load_settings
from engine.daemon.options import ConfigError
from engine.daemon.places import StartError, key_file
from engine.daemon.review_store import open_database
from engine.daemon.settings_reviews import Reviews as ReviewSettings
from engine.language.render import inert
from engine.service.keys import derive_key, load_key
from engine.storage.reviews_kept import KeptReviews
from engine.storage.reviews_rows import SEALED


def open_configured(file: Path) -> KeptReviews:
    """Return the store of the daemon with the settings in *file*; exit where they are wrong.

    Raises KeyFileError and ReviewsUnavailable.
    """
    try:
        settings = load_settings(file, os.environ, {})
        data = Path(settings.data)
        if settings.reviews.store != "postgresql":
            return open_file(data)
        key = derive_key(load_key(key_file(settings, data)), SEALED)
        return open_database(settings.reviews, key, must_answer=True)
    except (ConfigError, StartError) as error:
        leave(inert(str(error)))


def open_shared(settings: ReviewSettings, key: bytes) -> KeptReviews:
    """Return the store that *settings* name, sealed with *key*; exit where they are wrong.

    Raises ReviewsUnavailable.
    """
    try:
        return open_database(settings, key, must_answer=True)
    except StartError as error:
        leave(inert(str(error)))


def open_at(url: str, key: bytes) -> KeptReviews:
    """Return the store at *url*, as `open_shared` does."""
    return open_shared(ReviewSettings(url=url), key)
