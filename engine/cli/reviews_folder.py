"""The data folder of a daemon in, its reviews out: for the commands of ``engine reviews``."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import click

from engine.cli.bundle import leave
from engine.cli.main import EXIT_FINDINGS
from engine.daemon.places import REVIEWS
from engine.language.render import inert
from engine.service.keys import KeyFileError, derive_key, load_key
from engine.service.reviews import SEALED
from engine.storage.reviews import NoReview, Refused, Review, ReviewsUnavailable
from engine.storage.reviews_sqlite import SqliteReviews

in_folder = click.option(
    "--data",
    "folder",
    default="data",
    show_default=True,
    metavar="FOLDER",
    help="The daemon's data folder.",
)
with_trail = click.option(
    "--trail",
    metavar="FOLDER",
    help="The folder of the audit trail; `audit` in the data folder else.",
)
for_machines = click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
KEY_VARIABLE = "ENGINE_SECRET_KEY_FILE"
PATIENCE = 10.0
"""Seconds that are waited for other processes."""


class Held(Protocol):
    """What reviews are looked up in."""

    def begin_with(self, text: str, most: int) -> tuple[str, ...]:
        """Return up to *most* ids that begin with *text*."""
        ...

    def find(self, review_id: str, now: int, /) -> Review:
        """Return a review as it stands. Raises NoReview."""
        ...


def whole_id(store: Held, beginning: str, now: int) -> str:
    """Return the id that begins with *beginning*. Raises NoReview, and Refused for several."""
    found = store.begin_with(beginning, 2)
    if not found:
        raise NoReview(f"there is no review `{beginning}`")
    if len(found) > 1 and beginning not in found:
        raise Refused(f"several reviews begin with `{beginning}`")
    return store.find(found[0], now).question.review_id


def key_in(folder: Path) -> bytes:
    """Return the key of the reviews in *folder*. Raises KeyFileError."""
    path = Path(os.environ.get(KEY_VARIABLE) or folder / "secret.key")
    if not path.exists():
        raise KeyFileError(
            f"the reviews are sealed with the daemon's secret, and {path} is not there; name the "
            f"file in {KEY_VARIABLE}"
        )
    return derive_key(load_key(path), SEALED)


@contextmanager
def opened(folder: str) -> Iterator[tuple[SqliteReviews, int]]:
    """Open the reviews in *folder*; exit with a sentence when something is refused."""
    path = Path(folder) / REVIEWS
    if not path.exists():
        leave(
            f"there are no reviews in {folder}: a daemon makes {REVIEWS} there; see `reviews.store`"
        )
    try:
        store = SqliteReviews(path, PATIENCE, key_in(Path(folder)))
        try:
            yield store, time.time_ns()
        finally:
            store.close()
    except (KeyFileError, ReviewsUnavailable) as error:
        leave(inert(str(error)))
    except (NoReview, Refused) as error:
        click.echo(f"engine: {inert(str(error))}", err=True)
        sys.exit(EXIT_FINDINGS)
