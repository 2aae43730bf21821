"""``engine audit export``: an audit trail in, the records that are wanted in another form out."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import BinaryIO

import click

from engine.cli.audit_options import in_folder, opened, progress, wanted, wanted_of
from engine.cli.audit_read import Troubles
from engine.cli.bundle import leave
from engine.cli.output_file import STDOUT, printing, to_file, whole_file
from engine.language.render import inert
from engine.sinks.forms import line
from engine.sinks.forms_table import csv_lines
from engine.sinks.forms_taken import Taken
from engine.storage.header import NoSegment
from engine.storage.query import find
from engine.storage.wanted import Found

EPILOG = """\
\b
Examples:
  engine audit export -o decisions.jsonl                    every record, byte by byte as it is kept
  engine audit export --format csv --since 2026-01-01 -o january.csv
  engine audit export --format parquet --kind decision -o decisions.parquet
  engine audit export --format ocsf --action deny | your-siem --import
  engine audit export --format opa --tenant north | jq .result.action
  engine audit export --format cloudevents -o events.jsonl

Every kind of record has a form in every format. A file appears under its name when it is whole;
what was there before stays until then. In CSV a cell that a spreadsheet would take for a formula
has a ' in front. Parquet needs the extra `parquet`.

Exit codes: 0 fine, 1 a part of the trail cannot be read (what can is written, and what cannot is
told), 2 none of it can, or the file cannot be written.
"""

MISSING = (
    "Parquet needs a library that is not installed; install it with "
    "`pip install 'pol-engine[parquet]'`"
)

LINES = {"jsonl": "json", "ocsf": "ocsf", "opa": "opa", "cloudevents": "cloudevents"}
"""Formats that are lines of JSON, with the form of a line."""

FORMATS = ("jsonl", "csv", "parquet", *list(LINES)[1:])

Write = Callable[[Iterable[Taken], BinaryIO], None]


@click.command("export", epilog=EPILOG)
@in_folder
@wanted
@click.option(
    "--format", "form", type=click.Choice(FORMATS), default="jsonl", show_default=True, help="How."
)
@to_file
def export(folder: str, *, form: str, output: str, **chosen: str | None) -> None:
    """Write records in a form that other programs read, the oldest first."""
    write = writer(form)
    if output == STDOUT and form == "parquet" and on_terminal():
        leave("Parquet is not for a terminal: say where to with --output")
    troubles, count = Troubles(), Count()
    with opened(folder) as path, progress(path, "exporting") as read:
        records = count.passing(find(path, wanted_of(chosen), told=troubles, read=read))
        if output == STDOUT:
            print_all(write, records)
        else:
            write_all(write, records, output)
    if output != STDOUT:
        click.echo(f"{count.passed:,} records are in {inert(output)}", err=True)
    sys.exit(troubles.code(found=True))


def on_terminal() -> bool:
    """Return whether what is printed is read by a person."""
    return sys.stdout.isatty()


def writer(form: str) -> Write:
    """Return what writes in the format *form*; exit with code 2 where something is missing."""
    if form == "csv":
        return write_csv
    if form != "parquet":
        return lambda records, file: write_lines(records, file, LINES[form])
    try:
        module = importlib.import_module("engine.sinks.forms_parquet")
    except ImportError:
        leave(MISSING)

    def write_parquet(records: Iterable[Taken], file: BinaryIO) -> None:
        with module.ParquetWriter(file) as table:
            for one in records:
                table.add(one)

    return write_parquet


def write_lines(records: Iterable[Taken], file: BinaryIO, form: str) -> None:
    """Write a line of JSON for every record. Raises OSError."""
    file.writelines(line(form, one) + b"\n" for one in records)


def write_csv(records: Iterable[Taken], file: BinaryIO) -> None:
    """Write a header and a line for every record. Raises OSError."""
    file.writelines(f"{text}\r\n".encode() for text in csv_lines(records))


class Count:
    """How many records have passed."""

    def __init__(self) -> None:
        self.passed = 0

    def passing(self, found: Iterable[Found]) -> Iterator[Taken]:
        """Yield the records in *found*. Raises NoSegment where they cannot be read."""
        try:
            for one in found:
                self.passed += 1
                yield Taken(one.kept.trail, one.kept.sequence, one.kept.payload, one.fields)
        except OSError as error:  # Not to be taken for one of the output's.
            raise NoSegment(str(error)) from None


def print_all(write: Write, records: Iterator[Taken]) -> None:
    """Write to standard output; exit with code 2 when it takes no more, quietly if it is closed."""
    with printing():
        write(records, sys.stdout.buffer)


def write_all(write: Write, records: Iterator[Taken], output: str) -> None:
    """Write to the file *output*; exit with code 2 and leave nothing behind when that fails."""
    try:
        with whole_file(output) as file:
            write(records, file)
    except OSError as error:
        leave(f"cannot write {inert(output)}: {error.strerror or error}")
