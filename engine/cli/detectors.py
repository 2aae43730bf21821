"""``engine detectors``: which detectors there are, what one looks for, and how well they do."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import orjson
from rich.console import Console
from rich.progress import Progress

from engine.cli.bundle import leave, show_refusal
from engine.cli.detectors_text import (
    describe_entity,
    describe_evaluation,
    entity_json,
    evaluation_json,
)
from engine.cli.in_process import RECIPE
from engine.cli.main import EXIT_FINE
from engine.cli.output_file import no_stdout
from engine.content.entities import ENTITIES, expand
from engine.content.injection import score_injection
from engine.content.scan import Scanner, build_scanner
from engine.language.diagnostics import did_you_mean
from engine.language.render import inert
from engine.service.bundles import load_folder
from engine.service.compiled import PolicyError
from engine.verify.detecting import Evaluation, evaluate, wanted_entities
from engine.verify.rows import Half, Row, RowError, read_rows

EPILOG = """\
\b
Examples:
  engine detectors list                   every built-in entity, in one line each
  engine detectors list secret            those of one namespace
  engine detectors show pii.iban          what it looks for, and what it asks of a match
  engine detectors eval rows.jsonl        precision and recall on labelled rows
"""

EVAL_EPILOG = """\
\b
Rows are JSON lines, plain or gzip; offsets count Unicode code points:
  {"id": "1", "text": "...", "spans": [{"start": 3, "end": 9, "type": "pii.email"}]}
  {"id": "2", "text": "...", "contains": true, "type": "pii.phone"}
  {"id": "3", "text": "...", "label": 1, "kind": "indirect"}

\b
Examples:
  engine detectors eval rows.jsonl.gz
  engine detectors eval *.jsonl --half held          the rows that nothing was tuned on
  engine detectors eval rows.jsonl --curves          by threshold, as text
  engine detectors eval rows.jsonl --png curve.png   the same as a picture
  engine detectors eval rows.jsonl --policies policies --entities acme.any

Exit codes: 0 scored, 2 a file cannot be read or holds no labelled rows.
"""


@click.group("detectors", epilog=EPILOG)
def command() -> None:
    """Show the detectors of entities, and score them on labelled rows."""


@command.command("list")
@click.argument("namespace", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print the list as JSON.")
def list_detectors(namespace: str | None, *, as_json: bool) -> None:
    """List the built-in entities, or those of one NAMESPACE such as pii."""
    names = sorted(ENTITIES if namespace is None else named(namespace))
    if as_json:
        click.echo(orjson.dumps([{"name": one, "doc": ENTITIES[one].doc} for one in names]))
        return
    width = max(map(len, names))
    for one in names:
        click.echo(f"{one:<{width}}  {ENTITIES[one].doc}")


@command.command("show")
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def show_detector(name: str, *, as_json: bool) -> None:
    """Show what the entity NAME looks for, and what it asks of a match."""
    for one in sorted(named(name)):
        entity = ENTITIES[one]
        click.echo(orjson.dumps(entity_json(entity)) if as_json else describe_entity(entity))


def named(name: str) -> frozenset[str]:
    """Return the built-in entities that *name* stands for; leave when there is none."""
    found = expand(name) or expand(f"{name}.any")
    if not found:
        hint = did_you_mean(name, ENTITIES)
        leave(f"there is no entity `{inert(name)}`" + (f"; {hint}" if hint else ""))
    return found


@command.command("eval", epilog=EVAL_EPILOG)
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option(
    "--half",
    type=click.Choice(["all", "tune", "held"]),
    default="all",
    help="All rows, or one of two halves chosen by a hash.",
)
@click.option(
    "--entities",
    "asked",
    multiple=True,
    metavar="NAME",
    help="What to look for; by default the namespaces that the rows speak of.",
)
@click.option("--policies", metavar="FOLDER", help="Look for the entities of these policies too.")
@click.option(
    "--threshold",
    type=click.FloatRange(0, 1),
    default=0.8,
    show_default=True,
    help="From which injection score on a text counts as an attack.",
)
@click.option("--curves", is_flag=True, help="Show the figures for every threshold.")
@click.option(
    "--png",
    type=click.Path(path_type=Path),
    callback=no_stdout,
    metavar="FILE",
    help="Draw the curves into FILE.",
)
@click.option("--json", "as_json", is_flag=True, help="Print all figures as JSON.")
def evaluate_rows(
    files: tuple[str, ...],
    *,
    half: Half,
    asked: tuple[str, ...],
    policies: str | None,
    threshold: float,
    curves: bool,
    png: Path | None,
    as_json: bool,
) -> None:  # fmt: skip
    """Score the detectors on labelled rows: precision, recall, F1, F2, false alarms."""
    rows = list(read_all(files, half))
    if not rows:
        leave("there are no rows" + ("" if half == "all" else f" in the half `{half}`"))
    scanner = scanner_of(policies)
    entities = asked_entities(asked, scanner) or wanted_entities(rows, scanner.entities)
    made = Evaluation()
    with progressing(rows, "scoring") as each:
        evaluate(each, entities, scanner.scan, score_injection, made)
    if png is not None:
        draw(made, png)
    if as_json:
        click.echo(orjson.dumps(evaluation_json(made, threshold)))
    else:
        click.echo("\n".join(describe_evaluation(made, threshold, curves=curves)))
    sys.exit(EXIT_FINE)


def read_all(files: tuple[str, ...], half: Half) -> Iterator[Row]:
    """Yield the rows of *files*; leave at the first that is none."""
    try:
        for file in files:
            yield from read_rows(Path(file), half)
    except RowError as error:
        leave(inert(str(error)))


def scanner_of(folder: str | None) -> Scanner:
    """Return a scanner of the built-in entities and those of the policies in *folder*."""
    if folder is None:
        return build_scanner((), {})
    root = Path(folder)
    try:
        scanner = load_folder(root, RECIPE).senses.scanner
    except PolicyError as problem:
        show_refusal(root, problem.diagnostics, problem.texts)
    assert isinstance(scanner, Scanner)
    return scanner


def asked_entities(names: tuple[str, ...], scanner: Scanner) -> frozenset[str]:
    """Return the entities that *names* stand for; leave when one stands for nothing."""
    found: set[str] = set()
    for name in (one.strip() for given in names for one in given.split(",")):
        meant = expand(name, scanner.entities) or expand(f"{name}.any", scanner.entities)
        if not meant:
            hint = did_you_mean(name, scanner.entities)
            leave(f"there is no entity `{inert(name)}`" + (f"; {hint}" if hint else ""))
        found |= meant
    return frozenset(found)


@contextmanager
def progressing(rows: list[Row], doing: str) -> Iterator[Iterator[Row]]:
    """Give the *rows* one by one; on a terminal a bar on standard error follows them."""
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        yield iter(bar.track(rows, description=doing))


def draw(made: Evaluation, file: Path) -> None:
    """Draw the curves into *file*; leave when that cannot be done."""
    try:
        # Drawing takes an extra, and a second to import.
        chart = importlib.import_module("engine.cli.chart")
    except ImportError:
        leave("--png needs the extra `charts`: pip install 'pol-engine[charts]'")
    try:
        chart.draw_curves(made, file)
    except OSError as error:
        leave(f"cannot write {file}: {error.strerror}")
    except ValueError as error:
        leave(f"cannot write {file}: {error}")
