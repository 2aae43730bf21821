"""``engine audit export``: an audit trail in, the records that are wanted in another form out."""

from __future__ import annotations

from pathlib import Path

import click

from engine.cli.audit_options import in_folder, opened, wanted
from engine.cli.audit_text import Wanted, csv_lines, found_in
from engine.cli.bundle import leave
from engine.storage.read import read_folder


@click.command("export")
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
