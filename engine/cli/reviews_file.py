"""The data folder of a daemon in; its key, and the store of reviews in it, out."""

from __future__ import annotations

import os
from pathlib import Path

from engine.cli.bundle import leave
from engine.service.keys import KeyFileError, derive_key, load_key
from engine.storage.reviews_kept import KeptReviews
from engine.storage.reviews_rows import SEALED
from engine.storage.reviews_sqlite import SqliteReviews

REVIEWS = "reviews.db"
"""As `engine.daemon.places` says, which takes long to import."""

KEY_VARIABLE = "ENGINE_SECRET_KEY_FILE"
PATIENCE = 10.0
"""Seconds that are waited for other processes."""


def open_file(data: Path) -> KeptReviews:
    """Return the store in the folder *data*; exit where there is none.

    Raises KeyFileError and ReviewsUnavailable.
    """
    if not (data / REVIEWS).exists():
        leave(
            f"there are no reviews in {data}: a daemon makes {REVIEWS} there; see `reviews.store`"
        )
    return SqliteReviews(data / REVIEWS, PATIENCE, key_in(data))


def key_in(folder: Path) -> bytes:
    """Return the key of the reviews in *folder*. Raises KeyFileError."""
    path = Path(os.environ.get(KEY_VARIABLE) or folder / "secret.key")
    if not path.exists():
        raise KeyFileError(
            f"the reviews are sealed with the daemon's secret, and {path} is not there; name the "
            f"file in {KEY_VARIABLE}"
        )
    return derive_key(load_key(path), SEALED)
