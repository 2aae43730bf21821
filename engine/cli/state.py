"""``engine state``: a data folder in; what throttles, meters and sessions it holds out."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

import click
import msgspec
import orjson

from engine.cli.bundle import leave
from engine.cli.main import EXIT_FINDINGS
from engine.cli.output_file import to_file
from engine.cli.state_text import (
    csv_lines,
    describe_overview,
    describe_row,
    describe_top,
    describe_totals,
    overview_json,
    row_json,
    totals,
)
from engine.language.render import inert
from engine.runtime.store import StoreUnavailable
from engine.service.acts import keep_apart, whoami
from engine.service.entries import AdminEntry
from engine.service.record import RecordError
from engine.service.times import iso_time
from engine.state.errors import StateError
from engine.state.inspect import (
    Overview,
    Row,
    Wanted,
    open_existing,
    overview,
    read_rows,
    steady_now,
)
from engine.state.lmdb import LmdbStore

MOST = 1000
"""How many entries are shown to people."""

EPILOG = """\
\b
Examples:
  engine state show                          how much of what lies in ./data
  engine state show --tenant north           the entries of a tenant
  engine state top -n 5                      the most used buckets, the busiest meters
  engine state reset --rule desk.fair_use --dry-run
  engine state export --format csv -o state.csv

The folder may be that of a running daemon. Nothing that is printed is a secret.

Exit codes: 0 fine, 1 there was nothing to reset or it was not confirmed, 2 there is no state or it
cannot be read.
"""

in_folder = click.option(
    "--data",
    "folder",
    default="data",
    show_default=True,
    metavar="FOLDER",
    help="The daemon's data folder.",
)
by_tenant = click.option(
    "--tenant",
    metavar="T",
    help="Its sessions, and buckets and meters with T among the values of their keys.",
)
by_rule = click.option("--rule", metavar="R", help="The buckets of a rule, or a meter by its name.")
for_machines = click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")


@click.group("state", epilog=EPILOG)
def command() -> None:
    """Show, export or reset the throttles, meters and sessions of a data folder."""


@command.command("show")
@in_folder
@by_tenant
@by_rule
@for_machines
def show_state(folder: str, *, tenant: str | None, rule: str | None, as_json: bool) -> None:
    """Show what lies there; with --tenant or --rule the entries themselves."""
    wanted = Wanted(rule=rule, tenant=tenant)
    with opened(folder) as (store, now):
        if rule is None and tenant is None:
            show_overview(overview(store, now), as_json=as_json)
            return
        rows = filter(wanted.fits, read_rows(store, now))
        if as_json:
            write_array(row_json(row) for row in rows)
            return
        shown = 0
        for row in islice(rows, MOST):
            click.echo(describe_row(row, now))
            shown += 1
        if not shown:
            click.echo("no entries")
        elif next(rows, None) is not None:
            click.echo("and more; `engine state export` has all")


def show_overview(found: Overview, *, as_json: bool) -> None:
    """Print an overview."""
    if as_json:
        click.echo(orjson.dumps(overview_json(found)))
    else:
        click.echo("\n".join(describe_overview(found)))


@command.command("top")
@in_folder
@click.option(
    "--by",
    type=click.Choice(["used", "tenant"]),
    default="used",
    show_default=True,
    help="The most used buckets; or sums by the first value of their keys.",
)
@click.option("-n", "--number", type=click.IntRange(1, 10_000), default=20, show_default=True)
@for_machines
def show_top(folder: str, *, by: str, number: int, as_json: bool) -> None:
    """Show the most used buckets and the busiest meters."""
    with opened(folder) as (store, now):
        if by == "tenant":
            sums = totals(read_rows(store, now))[:number]
            text = "\n".join(describe_totals(sums))
            click.echo(orjson.dumps([one._asdict() for one in sums]) if as_json else text)
            return
        buckets, meters = most(store, now, number)
    if as_json:
        made = {"buckets": list(map(row_json, buckets)), "meters": list(map(row_json, meters))}
        click.echo(orjson.dumps(made))
    else:
        click.echo("\n".join(describe_top(buckets, meters, now)))


def most(store: LmdbStore, now: int, number: int) -> tuple[list[Row], list[Row]]:
    """Return the *number* most used buckets of each unit and the busiest meters."""
    found: dict[tuple[str, str], list[Row]] = {}
    for row in read_rows(store, now):
        if row.kind in ("bucket", "meter"):
            rows = found.setdefault((row.kind, row.unit), [])
            rows.append(row)
            if len(rows) > 2 * number + 1000:
                rows.sort(key=busyness, reverse=True)
                del rows[number:]
    best = {key: sorted(rows, key=busyness, reverse=True)[:number] for key, rows in found.items()}
    buckets = [row for key in sorted(best) if key[0] == "bucket" for row in best[key]]
    return buckets, best.get(("meter", ""), [])


def busyness(row: Row) -> float:
    """Return what a bucket or a meter is ranked by, among those of its unit."""
    return row.used or row.count


@command.command("reset")
@in_folder
@by_rule
@by_tenant
@click.option("--key", metavar="KEY", help="One bucket or meter, by its key as `export` has it.")
@click.option(
    "--session", nargs=2, metavar="TENANT SESSION", help="A session and all that is kept of it."
)
@click.option("--all", "everything", is_flag=True, help="Everything.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--dry-run", is_flag=True, help="Only say what would be forgotten.")
@click.option(
    "--trail", metavar="FOLDER", help="Where this is recorded; `audit` in the data folder else."
)
def reset_state(  # noqa: PLR0913  one for each option
    folder: str,
    *,
    trail: str | None,
    rule: str | None,
    tenant: str | None,
    key: str | None,
    session: tuple[str, str] | None,
    everything: bool,
    yes: bool,
    dry_run: bool,
) -> None:
    """Forget buckets, meters or sessions, in one transaction; they begin anew."""
    wanted = Wanted(rule=rule, tenant=tenant, key=key, session=session)
    named = wanted != Wanted()
    if named == everything:
        leave("name what to reset: --rule, --tenant, --key or --session; or --all alone")
    with opened(folder) as (store, now):
        places: list[bytes] = []
        counts: dict[str, int] = {}
        for row in read_rows(store, now):
            if wanted.fits(row):
                places.append(row.place)
                counts[row.kind] = counts.get(row.kind, 0) + 1
        if not places:
            click.echo("nothing there to forget")
            sys.exit(EXIT_FINDINGS)
        told = ", ".join(f"{number:,} {kind}" for kind, number in sorted(counts.items()))
        if dry_run:
            click.echo(f"would forget {told}")
            return
        if not yes and not confirmed(told):
            click.echo("nothing was forgotten")
            sys.exit(EXIT_FINDINGS)
        done = store.forget(places, steady_now(store))
        click.echo(f"forgot {done:,} of {len(places):,}: {told}")
    record_reset(Path(folder), trail, wanted, done)


def record_reset(data: Path, trail: str | None, wanted: Wanted, done: int) -> None:
    """Record that *done* entries were forgotten, where a trail is kept; leave if that fails."""
    what = {
        name: value for name, value in msgspec.structs.asdict(wanted).items() if value is not None
    }
    line = AdminEntry(
        time=iso_time(time.time_ns()),
        act="state_reset",
        who=whoami(),
        what={**what, "forgotten": done},
    )
    try:
        keep_apart(Path(trail) if trail else data / "audit", data, line)
    except RecordError as error:
        leave(f"it is not recorded: {inert(str(error))}")


def confirmed(told: str) -> bool:
    """Return whether the person at the terminal wants *told* forgotten; no answer is a no."""
    try:
        return click.confirm(f"forget {told}?")
    except click.Abort:
        click.echo()
        return False


@command.command("export")
@in_folder
@click.option(
    "--format", "form", type=click.Choice(["jsonl", "csv"]), default="jsonl", show_default=True
)
@to_file
def export_state(folder: str, *, form: str, output: str) -> None:
    """Write every entry as a row for machines."""
    with opened(folder) as (store, now):
        rows = map(row_json, read_rows(store, now))
        lines = csv_lines(rows) if form == "csv" else (orjson.dumps(row).decode() for row in rows)
        try:
            with click.open_file(output, "w", encoding="utf-8") as file:
                for line in lines:
                    file.write(f"{line}\n")
        except BrokenPipeError:
            raise
        except (OSError, ValueError) as error:
            leave(f"cannot write {inert(output)}: {getattr(error, 'strerror', None) or error}")


def write_array(rows: Iterator[dict[str, object]]) -> None:
    """Print *rows* as one JSON array, each as soon as it is read."""
    before = "["
    for row in rows:
        click.echo(f"{before}{orjson.dumps(row).decode()}", nl=False)
        before = ",\n"
    click.echo("[]" if before == "[" else "]")


@contextmanager
def opened(folder: str) -> Iterator[tuple[LmdbStore, int]]:
    """Give the store in *folder* and its instant; leave with a sentence when there is none."""
    close: Callable[[], None] | None = None
    try:
        store = open_existing(Path(folder))
        close = store.close
        yield store, steady_now(store)
    except (StateError, StoreUnavailable) as error:
        leave(inert(str(error)))
    finally:
        if close is not None:
            close()
