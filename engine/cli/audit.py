"""``engine audit``: an audit trail in; what is recorded, and whether it is whole, out."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

import click
import msgspec
import orjson
from rich.console import Console
from rich.progress import Progress

from engine.cli.audit_text import Found, Wanted, csv_lines, describe, found_in
from engine.cli.bundle import leave
from engine.cli.main import EXIT_FINDINGS, EXIT_FINE
from engine.language.render import inert
from engine.service.audit import PUBLIC
from engine.storage.notes import NoteError, Verifier, read_verifier
from engine.storage.read import read_folder
from engine.storage.segment import NoSegment
from engine.storage.verify import Report, segment_files, verify_folder

EPILOG = """\
\b
Examples:
  engine audit verify                          is data/audit whole, and signed?
  engine audit verify --key "$(cat audit.pub)" with a key kept elsewhere: the one that counts
  engine audit tail -n 20
  engine audit query --tenant north --action deny --since 2026-01-01
  engine audit show 01a22158-1221-7c12-8b0c-c2dcb1c2e947
  engine audit export --format csv -o decisions.csv

A trail is kept where `audit.folder` is set. The folder may be that of a running daemon.

Exit codes: 0 fine, 1 something was changed or is missing, or nothing was found, 2 the folder cannot
be read.
"""

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


@click.group("audit", epilog=EPILOG)
def command() -> None:
    """Verify, search or export an audit trail."""


@command.command("verify")
@in_folder
@click.option("--key", "keys", multiple=True, metavar="NAME+HASH+KEY", help="Who may have signed.")
@for_machines
def verify(folder: str, *, keys: tuple[str, ...], as_json: bool) -> None:
    """Find the first record of each trail that was changed, moved or taken out.

    Without --key the key that lies in the folder is believed: then whoever could change the records
    could sign them too. Keep the key elsewhere.
    """
    with opened(folder) as path:
        verifiers = read_keys(path, keys)
        total = sum(one.stat().st_size for one in segment_files(path))
        console = Console(stderr=True)
        with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
            task = progress.add_task("verifying", total=total)
            report = verify_folder(path, verifiers, lambda read: progress.advance(task, read))
    if as_json:
        click.echo(orjson.dumps(msgspec.to_builtins(report)))
    else:
        click.echo(text_of(report, verifiers))
    sys.exit(EXIT_FINDINGS if report.problems else EXIT_FINE)


def text_of(report: Report, verifiers: list[Verifier]) -> str:
    """Return a report for people."""
    lines = [inert(str(one)) for one in report.problems]
    signed = f"{report.signed:,} of them signed by " + " or ".join(one.name for one in verifiers)
    lines.append(
        f"{report.records:,} records in {report.segments:,} segments of {report.trails:,} trails, "
        f"{signed}; {report.checkpoints:,} checkpoints"
    )
    lines.append("nothing is wrong" if not report.problems else "this trail was changed")
    return "\n".join(lines)


def read_keys(folder: Path, keys: tuple[str, ...]) -> list[Verifier]:
    """Return the keys that may have signed; exit with code 2 where there is none."""
    try:
        if keys:
            return [read_verifier(one) for one in keys]
        return [read_verifier((folder / PUBLIC).read_text())]
    except (OSError, UnicodeDecodeError, NoteError) as error:
        leave(f"no key: {error}; give one with --key")


@command.command("tail")
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


@command.command("query")
@in_folder
@wanted
@click.option("-n", "--number", type=click.IntRange(1), default=1000, show_default=True)
@for_machines
def query(folder: str, *, number: int, as_json: bool, **chosen: str | None) -> None:
    """Show the records that fit all that is given, the oldest first."""
    with opened(folder) as path:
        shown = show(islice(found_in(read_folder(path), Wanted(**chosen)), number), as_json=as_json)
    sys.exit(EXIT_FINE if shown else EXIT_FINDINGS)


@command.command("show")
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


@command.command("stats")
@in_folder
@wanted
@for_machines
def stats(folder: str, *, as_json: bool, **chosen: str | None) -> None:
    """Count the records by action, tenant and deciding rule."""
    counts: dict[str, Counter[str]] = {"action": Counter(), "tenant": Counter(), "rule": Counter()}
    with opened(folder) as path:
        for one in found_in(read_folder(path), Wanted(**chosen)):
            counts["action"][one.text("effective_action")] += 1
            counts["tenant"][one.text("tenant")] += 1
            counts["rule"].update(one.rules)
    if as_json:
        click.echo(
            orjson.dumps({name: dict(count.most_common()) for name, count in counts.items()})
        )
        return
    for name, count in counts.items():
        click.echo(f"by {name}:")
        for value, number in count.most_common(20):
            click.echo(f"  {number:>10,}  {inert(value) or '(none)'}")


@command.command("export")
@in_folder
@wanted
@click.option("--format", "form", type=click.Choice(["jsonl", "csv"]), default="jsonl")
@click.option("-o", "--output", type=click.Path(dir_okay=False), help="A file; else it is printed.")
def export(folder: str, *, form: str, output: str | None, **chosen: str | None) -> None:
    """Write records as JSON lines or CSV, the oldest first."""
    with opened(folder) as path:
        found = found_in(read_folder(path), Wanted(**chosen))
        lines = csv_lines(found) if form == "csv" else (one.kept.payload.decode() for one in found)
        if output is None:
            for line in lines:
                click.echo(line)
            return
        try:
            with Path(output).open("w", encoding="utf-8", newline="") as file:
                file.writelines(f"{line}\n" for line in lines)
        except OSError as error:
            leave(f"cannot write {output}: {error.strerror}")


def show(found: Iterator[Found], *, as_json: bool) -> int:
    """Print records, one a line; return how many there were."""
    count = 0
    for one in found:
        count += 1
        sys.stdout.write(one.kept.payload.decode() if as_json else describe(one))
        sys.stdout.write("\n")
    return count


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
