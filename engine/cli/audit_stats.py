"""``engine audit stats``: an audit trail in, counts out."""

from __future__ import annotations

from collections import Counter

import click
import orjson

from engine.cli.audit_options import for_machines, in_folder, opened, wanted
from engine.cli.audit_text import Wanted, found_in
from engine.language.render import inert
from engine.storage.read import read_folder


@click.command("stats")
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
