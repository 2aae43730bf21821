"""``engine reviews overturn``: a denial that was wrong in; a label in the audit trail out."""

from __future__ import annotations

import getpass
import sys
import time
from pathlib import Path

import click

from engine.cli.bundle import leave
from engine.cli.main import EXIT_ERROR, EXIT_FINDINGS
from engine.cli.reviews_folder import in_folder, with_trail
from engine.language.render import inert
from engine.service.acts import keep_apart
from engine.service.labels import NoLabel, label_of
from engine.service.record import RecordError
from engine.service.times import iso_time
from engine.storage.header import NoSegment
from engine.storage.reviews import MOST_NOTE, Refused
from engine.storage.reviews_acts import check_name, check_text


@click.command("overturn")
@click.argument("decision_id")
@in_folder
@with_trail
@click.option(
    "--as", "who", default=getpass.getuser, metavar="NAME", help="Who says so; else the user."
)
@click.option("--note", required=True, metavar="TEXT", help="Why it was wrong; no content in it.")
def overturn(decision_id: str, folder: str, trail: str | None, *, who: str, note: str) -> None:
    """Say that a past denial was wrong.

    Nothing that was decided changes: it is a label, recorded in the audit trail, that `stats`
    counts for the rules that denied. The decision's id is in the gateway's log, and in `engine
    audit query`.
    """
    place = Path(trail) if trail else Path(folder) / "audit"
    try:
        check_name(who)
        check_text("the note", note, MOST_NOTE)
        line = label_of(place, decision_id, who, note, iso_time(time.time_ns()))
        kept = keep_apart(place, Path(folder), line)
    except (NoLabel, Refused) as error:
        click.echo(f"engine: {inert(str(error))}", err=True)
        sys.exit(EXIT_FINDINGS)
    except (NoSegment, RecordError) as error:
        leave(inert(str(error)))
    except OSError as error:
        leave(f"cannot read {inert(str(place))}: {error.strerror}")
    if not kept:
        click.echo(f"engine: there is no audit trail in {inert(str(place))}", err=True)
        sys.exit(EXIT_ERROR)
    rules = line.what["rules"]
    assert isinstance(rules, list)
    click.echo(inert(f"{decision_id} is overturned: a label of {', '.join(map(str, rules))}"))
