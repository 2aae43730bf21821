"""``engine audit verify``: a trail and known keys in; whether it is whole, or what is not, out."""

from __future__ import annotations

import sys
from pathlib import Path

import click
import msgspec
import orjson
from rich.console import Console
from rich.progress import Progress

from engine.cli.audit_options import for_machines, in_folder, opened
from engine.cli.bundle import leave
from engine.cli.main import EXIT_FINDINGS, EXIT_FINE
from engine.language.render import inert
from engine.service.audit import PUBLIC
from engine.storage.notes import NoteError, Verifier, read_verifier
from engine.storage.source import segment_files
from engine.storage.verify import Report, verify_folder


@click.command("verify")
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
