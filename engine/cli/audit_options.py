"""Options of ``engine audit`` that several of its verbs have, and the folder they are about."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from engine.cli.bundle import leave
from engine.language.render import inert
from engine.storage.segment import NoSegment

in_folder = click.option(
    "--folder",
    default="data/audit",
    show_default=True,
    metavar="FOLDER",
    help="The folder of the trail.",
)
for_machines = click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")


def wanted(function: Callable[..., None]) -> Callable[..., None]:
    """Add the options that choose records."""
    for option in reversed(
        (
            click.option("--tenant", metavar="T"),
            click.option("--user", metavar="U"),
            click.option("--rule", metavar="R", help="A deciding rule, by its full name."),
            click.option("--action", metavar="A", help="The effective action: allow, deny …"),
            click.option("--session", metavar="S"),
            click.option("--kind", metavar="K", help="decision, gap, cut …"),
            click.option("--since", metavar="TIME", help="RFC 3339, or its beginning: a date."),
            click.option("--until", metavar="TIME", help="Before this time."),
        )
    ):
        function = option(function)
    return function


@contextmanager
def opened(folder: str) -> Iterator[Path]:
    """Give the folder as a path; exit with code 2 when it cannot be read."""
    path = Path(folder)
    if not path.is_dir():
        leave(f"there is no audit trail in {inert(folder)}")
    try:
        yield path
    except (OSError, NoSegment) as error:
        raise click.UsageError(
            f"the audit trail in {inert(folder)} cannot be read: {error}"
        ) from None
