"""``engine audit sinks``: a trail's folder in; how far each sink has got, and how it fares, out."""

from __future__ import annotations

import sys
from pathlib import Path

import click
import msgspec
import orjson
from rich.console import Console
from rich.table import Table

from engine.cli.audit_options import for_machines, in_folder, opened
from engine.cli.main import EXIT_FINDINGS, EXIT_FINE
from engine.daemon.signed import Signed
from engine.language.render import inert
from engine.sinks.cursor import ENDING, FOLDER, CursorError, load_cursor
from engine.sinks.ship import DEAD
from engine.sinks.status import read_status

EPILOG = """\
\b
Examples:
  engine audit sinks                           where is each sink, and what stands in its way?
  engine audit sinks --json                    for machines

Dead letters, which a sink will never take, lie in shipped/NAME.dead.jsonl beside the trail, each
with the reason.

Exit codes: 0 every sink takes what it is sent, 1 one does not, 2 the folder cannot be read.
"""


class Row(msgspec.Struct, kw_only=True):
    """What is told of a sink."""

    sink: str
    lag: int = 0
    """Signed records that it does not have."""
    shipped: int = 0
    left_out: int = 0
    dead: int = 0
    missed: int = 0
    last: str = ""
    trouble: str = ""
    retries: int = 0
    failures: int = 0
    trails: dict[str, int] = {}
    dead_letters: str = ""
    """The file, where there is one."""


@click.command("sinks", epilog=EPILOG)
@in_folder
@for_machines
def sinks(folder: str, *, as_json: bool) -> None:
    """Show how far the trail is shipped.

    Lag is in records that are signed already; what a crash or a deletion has kept from a sink is
    `missed`, and recorded in the trail itself (`engine audit query --kind gap`).
    """
    with opened(folder) as path:
        signed = Signed(path)
        signed.look()
        names = sorted(one.stem for one in (path / FOLDER).glob(f"*{ENDING}"))
        rows = [row_of(path, name, signed) for name in names]
    if as_json:
        click.echo(orjson.dumps(msgspec.to_builtins(rows)))
    elif rows:
        Console().print(table_of(rows))
        for row in rows:
            if row.trouble:
                click.echo(f"{inert(row.sink)}: {inert(row.trouble)}")
            if row.dead:
                click.echo(f"{inert(row.sink)}: {refused(row)}")
    else:
        click.echo("nothing is shipped from here")
    sys.exit(EXIT_FINDINGS if any(row.trouble for row in rows) else EXIT_FINE)


def row_of(folder: Path, name: str, signed: Signed) -> Row:
    """Return what there is to tell of the sink *name*."""
    letters = folder / FOLDER / f"{name}{DEAD}"
    dead = str(letters) if letters.exists() else ""
    try:
        cursor = load_cursor(folder / FOLDER / f"{name}{ENDING}", name)
    except CursorError as error:
        return Row(sink=name, trouble=f"the cursor cannot be read: {error}", dead_letters=dead)
    status = read_status(folder, name)
    return Row(
        sink=name,
        lag=signed.behind(cursor.trails),
        shipped=cursor.shipped,
        left_out=cursor.left_out,
        dead=cursor.dead,
        missed=cursor.missed,
        last=cursor.last,
        trouble=status.trouble,
        retries=status.retries,
        failures=status.failures,
        trails=cursor.trails,
        dead_letters=dead,
    )


def refused(row: Row) -> str:
    """Return what became of the records that the sink will never take."""
    where = row.dead_letters or "a file that is gone"
    return f"refused for good: {row.dead:,}; they and the reasons are in {where}"


def table_of(rows: list[Row]) -> Table:
    """Return *rows* for people."""
    table = Table("sink", box=None)
    for name in ("lag", "shipped", "left out", "dead", "missed"):
        table.add_column(name, justify="right")
    table.add_column("last success")
    table.add_column("takes")
    for row in rows:
        numbers = (row.lag, row.shipped, row.left_out, row.dead, row.missed)
        told = [f"{one:,}" for one in numbers]
        table.add_row(inert(row.sink), *told, row.last or "never", "no" if row.trouble else "yes")
    return table
