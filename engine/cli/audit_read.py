"""``engine audit tail|query|show``: an audit trail in, the records that are wanted out."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import islice

import click
import orjson

from engine.cli.audit_options import for_machines, in_folder, opened, wanted
from engine.cli.audit_text import Found, Wanted, describe, found_in
from engine.cli.main import EXIT_FINDINGS, EXIT_FINE
from engine.storage.read import read_folder


@click.command("tail")
@in_folder
@click.option("-n", "--number", type=click.IntRange(1, 100_000), default=10, show_default=True)
@for_machines
def tail(folder: str, *, number: int, as_json: bool) -> None:
    """Show the newest records."""
    with opened(folder) as path:
        newest: list[Found] = []
        for one in found_in(read_folder(path), Wanted()):
            newest.append(one)
            del newest[:-number]
    show(iter(newest), as_json=as_json)


@click.command("query")
@in_folder
@wanted
@click.option("-n", "--number", type=click.IntRange(1), default=1000, show_default=True)
@for_machines
def query(folder: str, *, number: int, as_json: bool, **chosen: str | None) -> None:
    """Show the records that fit all that is given, the oldest first."""
    with opened(folder) as path:
        shown = show(islice(found_in(read_folder(path), Wanted(**chosen)), number), as_json=as_json)
    sys.exit(EXIT_FINE if shown else EXIT_FINDINGS)


@click.command("show")
@in_folder
@click.argument("decision_id")
def show_one(folder: str, *, decision_id: str) -> None:
    """Show all that is recorded of a decision."""
    with opened(folder) as path:
        found = [
            one
            for one in found_in(read_folder(path), Wanted())
            if one.fields.get("decision_id") == decision_id
        ]
    for one in found:
        made = {"trail": one.kept.trail, "sequence": one.kept.sequence, **one.fields}
        click.echo(orjson.dumps(made, option=orjson.OPT_INDENT_2))
    if not found:
        click.echo("no such decision is recorded here", err=True)
    sys.exit(EXIT_FINE if found else EXIT_FINDINGS)


def show(found: Iterator[Found], *, as_json: bool) -> int:
    """Print records, one a line; return how many there were."""
    count = 0
    for one in found:
        count += 1
        sys.stdout.write(one.kept.payload.decode() if as_json else describe(one))
        sys.stdout.write("\n")
    return count
