"""``engine scan``: a text in, what the detectors find in it and why out."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator

import click
import msgspec
import orjson

from engine.cli.bundle import leave
from engine.cli.detectors import asked_entities, scanner_of
from engine.cli.main import EXIT_FINDINGS, EXIT_FINE
from engine.cli.scan_text import describe_scan
from engine.content.findings import Finding, Injection
from engine.content.injection import score_injection
from engine.content.scan import Scanner
from engine.language.render import inert

STDIN = "-"
LIKELY = 0.8
"""From this injection score on a text counts as a finding: what the starter packs act on."""
LARGEST = 67_108_864

EPILOG = """\
\b
Examples:
  engine scan letter.txt                     what is in it, underlined and in a list
  echo "call +49 30 901820" | engine scan -
  engine scan letter.txt --entities pii.any,secret.any
  engine scan letter.txt --policies policies the entities of these policies too
  engine scan page.html --as document        a document's instructions weigh more
  engine scan letter.txt --json | jq .findings
  engine scan rows.jsonl --jsonl             rows {"id", "text"} in, a line of findings each out

Offsets count Unicode code points from 0, the end is not included. Nothing is sent anywhere.

Exit codes: 0 nothing found, 1 findings or an injection score of 0.8 and more, 2 input that cannot
be read. With --jsonl 0 once every row is answered.
"""


class Asked(msgspec.Struct, frozen=True):
    """A row of ``--jsonl``."""

    text: str
    id: str | int | None = None


ROLES = ("user", "assistant", "system", "document", "tool_result", "tool_description")


@click.command("scan", epilog=EPILOG)
@click.argument("file", default=STDIN)
@click.option(
    "--entities",
    "asked",
    multiple=True,
    metavar="NAME",
    help="What to look for, such as pii.any; everything by default.",
)
@click.option("--policies", metavar="FOLDER", help="Look for the entities of these policies too.")
@click.option(
    "--as",
    "role",
    type=click.Choice(ROLES),
    default="user",
    show_default=True,
    help="Who says it, for the injection score.",
)
@click.option("--jsonl", is_flag=True, help="Read rows of JSON, write one line for each.")
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
def command(
    file: str,
    *,
    asked: tuple[str, ...],
    policies: str | None,
    role: str,
    jsonl: bool,
    as_json: bool,
) -> None:
    """Show what the detectors find in FILE, - for standard input, and why."""
    if jsonl and as_json:
        leave("--jsonl is JSON already: leave --json out")
    scanner = scanner_of(policies)
    entities = asked_entities(asked, scanner) or scanner.entities
    if jsonl:
        answer_rows(file, scanner, entities, role)
        return
    text = read_text(file)
    found = scanner.scan(text, entities)
    injection = score_injection(text, role)
    if as_json:
        click.echo(orjson.dumps(scan_json(found, injection)))
    else:
        click.echo("\n".join(describe_scan(text, found, injection, color=sys.stdout.isatty())))
    sys.exit(EXIT_FINDINGS if found or injection.score >= LIKELY else EXIT_FINE)


def read_text(file: str) -> str:
    """Return the text of *file*; leave when it cannot be read or is no UTF-8."""
    try:
        with click.open_file(file, "rb") as opened:
            data: bytes = opened.read(LARGEST + 1)
    except (OSError, ValueError) as error:
        leave(f"cannot read {inert(file)}: {getattr(error, 'strerror', None) or error}")
    if len(data) > LARGEST:
        leave(f"{inert(file)} is larger than {LARGEST:,} bytes")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        leave(f"{inert(file)} is no UTF-8: byte {error.start} does not fit")


def answer_rows(file: str, scanner: Scanner, entities: frozenset[str], role: str) -> None:
    """Write a line of findings for every row of *file*; leave at the first that is no row."""
    for row in read_asked(file):
        found = scanner.scan(row.text, entities)
        spans = [
            {"start": one.start, "end": one.end, "type": one.entity, "score": one.score}
            for one in found
        ]
        score = score_injection(row.text, role).score
        line = orjson.dumps({"id": row.id, "spans": spans, "injection": score})
        click.echo(line)


def read_asked(file: str) -> Iterator[Asked]:
    """Yield the rows of *file*, each as soon as it is read."""
    decoder = msgspec.json.Decoder(Asked)
    try:
        with click.open_file(file, "rb") as opened:
            for number, line in enumerate(opened, 1):
                if not line.strip():
                    continue
                try:
                    yield decoder.decode(line)
                except (msgspec.DecodeError, UnicodeDecodeError) as error:
                    leave(f"{inert(file)}:{number}: {error}")
    except (OSError, ValueError) as error:
        leave(f"cannot read {inert(file)}: {getattr(error, 'strerror', None) or error}")


def scan_json(found: Iterable[Finding], injection: Injection) -> dict[str, object]:
    """Return findings and score in JSON-ready values; what was found is not in them."""
    return {
        "findings": [one._asdict() for one in found],
        "injection": {"score": injection.score, "signals": list(injection.signals)},
    }
