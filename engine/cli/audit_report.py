"""``engine audit report``: an audit trail in, a report about one incident out."""

from __future__ import annotations

import sys
from typing import Any

import click
import msgspec

from engine.cli.audit_options import for_machines, in_folder, opened
from engine.cli.audit_read import Troubles
from engine.cli.audit_verify import with_keys
from engine.cli.bundle import leave
from engine.cli.main import EXIT_FINDINGS
from engine.cli.output_file import STDOUT, printing, whole_file
from engine.cli.report_gather import Asked, incident_in
from engine.cli.report_html import html_of
from engine.cli.report_story import Incident, json_of, report_of
from engine.cli.report_text import text_of
from engine.language.render import inert
from engine.sinks.forms_taken import encode

EPILOG = """\
\b
Examples:
  engine audit report 01a22158-1221-7c12-8b0c-c2dcb1c2e947
  engine audit report 01a22158-1221-7c12-8b0c-c2dcb1c2e947 --html incident.html
  engine audit report --session chat-17 --tenant north --html chat-17.html
  engine audit report --review 8f3a… --json
  engine audit report 01a22158… --html it.html --key "$(cat kept-elsewhere.pub)"

The page is one file without scripts that loads nothing; a browser prints it, or saves it as PDF.
Content is told by its size, unless --content asks for it.

Exit codes: 0 all of it is verified, 1 nothing was found, or something of it is not proven, 2 the
trail cannot be read, or the file cannot be written.
"""


@click.command("report", epilog=EPILOG)
@click.argument("decision", metavar="[DECISION_ID]", required=False)
@click.option("--session", metavar="S", help="All of a session.")
@click.option("--review", metavar="ID", help="All about a review.")
@click.option("--tenant", metavar="T", help="Of a session: the tenant that it is of.")
@in_folder
@with_keys
@click.option(
    "--html", metavar="FILE", help="Write a page that prints well to FILE; `-`: to standard output."
)
@for_machines
@click.option("--content", "openly", is_flag=True, help="Show the content, if it is recorded.")
@click.option(
    "--data", metavar="FOLDER", help="Where its keys are, if it is sealed; else beside the trail."
)
@click.option("--no-verify", is_flag=True, help="Do not verify the trail: quicker, and no proof.")
def report(folder: str, *, html: str | None, as_json: bool, **options: Any) -> None:
    """Tell all that is recorded of a decision, a session or a review, and whether it is proven."""
    asked = Asked(**options)
    if len(asked.named) != 1:
        raise click.UsageError("name one: DECISION_ID, --session or --review")
    if html == STDOUT and as_json:
        raise click.UsageError("--html - and --json would both be printed: name a file for one")
    troubles = Troubles()
    with opened(folder) as path:
        incident = incident_in(path, asked, troubles)
    if incident is None:
        click.echo(f"no such {asked.named[0][0]} is recorded here", err=True)
        sys.exit(EXIT_FINDINGS)
    give(incident, html, as_json=as_json)
    sound = asked.no_verify or incident.sound
    sys.exit(troubles.code(found=sound))


def give(incident: Incident, html: str | None, *, as_json: bool) -> None:
    """Write the page, and print the report where no page was asked for, or JSON was."""
    document = report_of(incident)
    if html is not None and html != STDOUT:
        try:
            with whole_file(html) as file:
                file.write(html_of(document).encode())
        except OSError as error:
            leave(f"cannot write {inert(html)}: {error.strerror or error}")
        click.echo(f"the report is in {inert(html)}", err=True)
    with printing():
        if as_json:
            # Not by a library that knows no number above 64 bits: a record may hold any.
            click.echo(msgspec.json.format(encode(json_of(incident)), indent=2))
        elif html is None:
            click.echo(text_of(document), nl=False)
        elif html == STDOUT:
            click.echo(html_of(document), nl=False)
