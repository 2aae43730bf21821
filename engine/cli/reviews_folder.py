"""The data folder of a daemon in, its reviews out: for the commands of ``engine reviews``."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol, TypeVar

import click

from engine.cli.bundle import leave
from engine.cli.main import EXIT_FINDINGS
from engine.daemon.config import load_settings
from engine.daemon.options import ConfigError
from engine.daemon.places import REVIEWS, StartError, key_file
from engine.daemon.review_store import open_database
from engine.daemon.settings_reviews import Reviews as ReviewSettings
from engine.language.render import inert
from engine.service.keys import KeyFileError, derive_key, load_key
from engine.service.reviews import SEALED
from engine.storage.reviews import NoReview, Refused, Review, ReviewsUnavailable
from engine.storage.reviews_kept import KeptReviews
from engine.storage.reviews_sqlite import SqliteReviews

Command = TypeVar("Command", bound=Callable[..., Any])

CHOSEN = "engine.reviews"
"""Under this name a command's context has what `--config` or `--store` says."""


def keep(context: click.Context, parameter: click.Parameter, value: str | None) -> None:
    """Remember an option for `opened`: so that commands need not hand it on."""
    if value:
        context.meta[f"{CHOSEN}.{parameter.name}"] = value


def in_folder(function: Command) -> Command:
    """Add the options that say where the reviews are; *function* is given the ``folder``."""
    for decorate in (
        click.option(
            "--store",
            metavar="URL",
            envvar="ENGINE_REVIEWS_URL",
            expose_value=False,
            callback=keep,
            help="The database that several nodes share, `postgresql://…`, instead of the folder's "
            "file; better in the variable ENGINE_REVIEWS_URL, which nobody else sees.",
        ),
        click.option(
            "--config",
            metavar="FILE",
            type=click.Path(exists=True, dir_okay=False),
            expose_value=False,
            callback=keep,
            help="Find the reviews where the daemon with this `engine.toml` has them.",
        ),
        click.option(
            "--data",
            "folder",
            default="data",
            show_default=True,
            metavar="FOLDER",
            help="The daemon's data folder.",
        ),
    ):
        function = decorate(function)
    return function


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


def open_chosen(folder: str) -> KeptReviews:
    """Return the store that the command line names.

    Raises StartError, ConfigError, KeyFileError and ReviewsUnavailable.
    """
    chosen = click.get_current_context().meta
    file, url = chosen.get(f"{CHOSEN}.config"), chosen.get(f"{CHOSEN}.store")
    data = Path(folder)
    if file is not None:
        settings = load_settings(Path(file), os.environ, {})
        data = Path(settings.data)
        if settings.reviews.store == "postgresql":
            key = derive_key(load_key(key_file(settings, data)), SEALED)
            return open_database(settings.reviews, key, must_answer=True)
    elif url is not None:
        return open_database(ReviewSettings(url=url), key_in(data), must_answer=True)
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


@contextmanager
def opened(folder: str) -> Iterator[tuple[KeptReviews, int]]:
    """Open the reviews in *folder*, or where `--config` or `--store` says.

    Exits with a sentence when something is refused.
    """
    try:
        store = open_chosen(folder)
        try:
            yield store, time.time_ns()
        finally:
            store.close()
    except (ConfigError, KeyFileError, ReviewsUnavailable, StartError) as error:
        leave(inert(str(error)))
    except (NoReview, Refused) as error:
        click.echo(f"engine: {inert(str(error))}", err=True)
        sys.exit(EXIT_FINDINGS)
