"""``engine reviews move``: where reviews are in, and a database; they are in that as well, out."""

from __future__ import annotations

from pathlib import Path

import click

from engine.cli.reviews_file import key_in
from engine.cli.reviews_folder import in_folder, opened
from engine.cli.reviews_settings import open_shared
from engine.daemon.settings_reviews import Reviews as ReviewSettings
from engine.storage.reviews_move import move_all

LONGEST = 60_000
"""Milliseconds that moving may take: all of it is one act."""


@click.command("move")
@in_folder
@click.option(
    "--to",
    "url",
    metavar="URL",
    required=True,
    help="The database, `postgresql://user@host/name`; a password may be in PGPASSWORD.",
)
def move(folder: str, url: str) -> None:
    """Copy the reviews of a data folder, with their history, into a database.

    All of them or none, and the file stays as it is. Stop the daemon before, and set
    `reviews.store` and `reviews.url` after.
    """
    with opened(folder) as (source, _):
        target = open_shared(ReviewSettings(url=url, timeout_ms=LONGEST), key_in(Path(folder)))
        try:
            reviews, deeds = move_all(source, target)
        finally:
            target.close()
    click.echo(f"{reviews:,} reviews and {deeds:,} acts are in {target.name}")
