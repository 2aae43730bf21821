"""The data folder of a daemon in, its reviews out: for the commands of ``engine reviews``."""

from __future__ import annotations

import importlib
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol, TypeVar

import click

from engine.cli.bundle import leave
from engine.cli.main import EXIT_FINDINGS
from engine.cli.reviews_file import key_in, open_file
from engine.language.render import inert
from engine.service.keys import KeyFileError
from engine.storage.reviews import NoReview, Refused, Review, ReviewsUnavailable
from engine.storage.reviews_kept import KeptReviews

Command = TypeVar("Command", bound=Callable[..., Any])

SETTINGS = "engine.cli.reviews_settings"
"""They take long to import, and mostly none are named."""

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
    """Return the store that the command line names; exit where settings are wrong.

    Raises KeyFileError and ReviewsUnavailable.
    """
    chosen = click.get_current_context().meta
    file, url = chosen.get(f"{CHOSEN}.config"), chosen.get(f"{CHOSEN}.store")
    if file is None and url is None:
        return open_file(Path(folder))
    settings = importlib.import_module(SETTINGS)
    made: KeptReviews = (
        settings.open_at(url, key_in(Path(folder)))
        if file is None
        else settings.open_configured(Path(file))
    )
    return made


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
    except (KeyFileError, ReviewsUnavailable) as error:
        leave(inert(str(error)))
    except (NoReview, Refused) as error:
        click.echo(f"engine: {inert(str(error))}", err=True)
        sys.exit(EXIT_FINDINGS)
