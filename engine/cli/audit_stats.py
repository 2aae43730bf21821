"""``engine audit stats``: an audit trail in, counts out."""

from __future__ import annotations

import sys

import click
import orjson

from engine.cli.audit_options import for_machines, in_folder, opened, progress, wanted, wanted_of
from engine.cli.audit_read import Troubles
from engine.cli.output_file import printing
from engine.language.render import inert
from engine.storage.tally import COUNTED, Tally, count

NAMES = {"effective_action": "action"}
SHARES = (0.5, 0.9, 0.99)
TOP = 20


EPILOG = """\
\b
Examples:
  engine audit stats --since 7d
  engine audit stats --tenant north --kind decision
  engine audit stats --action deny --since 2026-03-01 --until 2026-03-02
  engine audit stats --json | jq .rule

Exit codes: 0 fine, 1 a part of the trail cannot be read (what can is counted), 2 none of it can.
"""


@click.command("stats", epilog=EPILOG)
@in_folder
@wanted
@click.option("--scan", is_flag=True, help="Read every record; without, indexes are believed.")
@for_machines
def stats(folder: str, *, scan: bool, as_json: bool, **chosen: str | None) -> None:
    """Count records by action, deciding rule, tenant and hour; how long did decisions take?"""
    troubles = Troubles()
    with opened(folder) as path, progress(path, "counting") as read:
        tally = count(path, wanted_of(chosen), scan=scan, told=troubles, read=read)
    with printing():
        if as_json:
            click.echo(orjson.dumps(table_of(tally)))
        else:
            click.echo("\n".join(text_of(tally)))
    sys.exit(troubles.code(found=True))


def table_of(tally: Tally) -> dict[str, object]:
    """Return a tally for machines: counts by name, and nanoseconds."""
    counts = {NAMES.get(name, name): dict(tally.counts[name].most_common()) for name in COUNTED}
    took = {f"p{share * 100:g}": tally.part(share) for share in SHARES}
    hours = dict(sorted(tally.hours.items()))
    return {"records": tally.records, **counts, "hour": hours, "evaluated_in": took}


def text_of(tally: Tally) -> list[str]:
    """Return the lines of a tally for people."""
    lines = [f"{tally.records:,} records"]
    for name in COUNTED:
        lines.append(f"by {NAMES.get(name, name)}:")
        for value, number in tally.counts[name].most_common(TOP):
            lines.append(f"  {number:>10,}  {inert(value) or '(none)'}")
        if len(tally.counts[name]) > TOP:
            lines.append(f"              and {len(tally.counts[name]) - TOP:,} more")
    lines.append("by hour:")
    lines += [
        f"  {number:>10,}  {hour or '(none)'}" for hour, number in sorted(tally.hours.items())
    ]
    if tally.took:
        shares = ", ".join(f"p{share * 100:g} {tally.part(share) / 1000:,.0f}" for share in SHARES)
        lines.append(f"microseconds a decision took: {shares}")
    return lines
