"""``engine audit hold|release|holds|prune``: what must stay in a trail, and what need not."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import click
import msgspec
import orjson

from engine.cli.audit_options import for_machines, in_folder, opened, with_key
from engine.cli.audit_signing import opener, who
from engine.cli.bundle import leave
from engine.cli.main import EXIT_FINDINGS, EXIT_FINE
from engine.daemon.config import load_settings
from engine.daemon.options import ConfigError
from engine.daemon.retention import rules_of
from engine.language.render import inert
from engine.service.retention import Forgotten, checked_holds, hold, prune, release
from engine.storage.holds import Hold
from engine.storage.moment import time_of
from engine.storage.retention import Rules

HOLD_EPILOG = """\
\b
Examples:
  engine audit hold north --reason "case 17/2026"
  engine audit hold --session s-81 --reason "complaint of 3 March"
  engine audit hold --decision 01a22158-1221-7c12-8b0c-c2dcb1c2e947 --reason "incident 4"
  engine audit holds
  engine audit release 9f3a01c2 --reason "case 17/2026 is closed"

What is held is never forgotten, whatever the settings say. The hold, and its release, are records
of the trail themselves. A hold of a session or a decision holds its settlements and reviews too.
"""
PRUNE_EPILOG = """\
\b
Examples:
  engine audit prune --dry-run                    what would go, by engine.toml?
  engine audit prune
  engine audit prune --keep-days 365 --tenant north=30

The rules are those of `audit.keep_days`, `audit.keep_megabytes` and [audit.tenants.NAME] in the
settings; the daemon does the same every `audit.prune_minutes`. Only closed segments are touched. A
record that goes leaves its digest, so that all that stays can still be verified; a segment of which
nothing stays goes altogether. What will go is signed into the trail before it does.

Exit codes: 0 fine, 1 something stands in the way, 2 nothing was done.
"""


@click.command("hold", epilog=HOLD_EPILOG)
@in_folder
@with_key
@click.argument("tenant", default="")
@click.option("--session", default="", metavar="S", help="Hold a session instead of a tenant.")
@click.option("--decision", default="", metavar="ID", help="Hold a decision instead.")
@click.option("--reason", required=True, metavar="TEXT", help="Why; it is recorded.")
def hold_one(
    folder: str,
    *,
    key_file: str | None,
    tenant: str,
    session: str,
    decision: str,
    reason: str,
) -> None:
    """Keep all records of a TENANT, a session or a decision from being forgotten."""
    if sum(map(bool, (tenant, session, decision))) != 1:
        raise click.UsageError("a hold is for one thing: a TENANT, --session or --decision")
    with opened(folder) as path:
        asked = Hold(
            id="",
            tenant=tenant,
            session=session,
            decision=decision,
            since=time_of(time.time_ns() // 1000),
            who=who(),
            reason=reason,
        )
        made = hold(path, asked, opener(path, key_file))
    click.echo(f"{made.id}  {inert(made.what)} is held")


@click.command("release")
@in_folder
@with_key
@click.argument("identity", metavar="ID")
@click.option("--reason", required=True, metavar="TEXT", help="Why; it is recorded.")
def release_one(folder: str, *, key_file: str | None, identity: str, reason: str) -> None:
    """Release the hold ID, as `holds` lists it."""
    with opened(folder) as path:
        now = time.time_ns() // 1000
        signed = opener(path, key_file)
        found = release(path, identity, signed, who=who(), reason=reason, now=now)
    if found is None:
        click.echo(f"engine: there is no hold {inert(identity)}", err=True)
        sys.exit(EXIT_FINDINGS)
    click.echo(f"{inert(identity)}  is released")


@click.command("holds")
@in_folder
@for_machines
def list_holds(folder: str, *, as_json: bool) -> None:
    """List what is held."""
    with opened(folder) as path:
        holds = checked_holds(path)
    if as_json:
        click.echo(orjson.dumps(msgspec.to_builtins(holds)))
        return
    for one in holds:
        by = f" by {one.who}" if one.who else ""
        click.echo(inert(f"{one.id}  {one.what}  since {one.since}{by}: {one.reason}"))
    if not holds:
        click.echo("nothing is held", err=True)


@click.command("prune", epilog=PRUNE_EPILOG)
@in_folder
@with_key
@click.option("--config", metavar="FILE", help="Settings; engine.toml is read when it is there.")
@click.option("--keep-days", type=click.IntRange(0), metavar="N", help="Instead of the settings'.")
@click.option("--keep-megabytes", type=click.IntRange(0), metavar="N", help="Likewise.")
@click.option(
    "--tenant", "tenants", multiple=True, metavar="NAME=DAYS", help="Likewise, for a tenant."
)
@click.option("--dry-run", is_flag=True, help="Only say what would go.")
@for_machines
def prune_now(
    folder: str,
    *,
    key_file: str | None,
    config: str | None,
    keep_days: int | None,
    keep_megabytes: int | None,
    tenants: tuple[str, ...],
    dry_run: bool,
    as_json: bool,
) -> None:
    """Forget the records that need not be kept."""
    rules = chosen_rules(config, keep_days, keep_megabytes, tenants)
    with opened(folder) as path:
        signed = opener(path, key_file)
        found = prune(path, rules, time.time_ns() // 1000, signed, who=who(), dry=dry_run)
    if as_json:
        click.echo(orjson.dumps(table_of(found)))
    else:
        click.echo("\n".join(text_of(found, rules, dry=dry_run)))
    for sentence in found.told:
        click.echo(f"engine: {inert(sentence)}", err=True)
    sys.exit(EXIT_FINDINGS if found.told or found.busy else EXIT_FINE)


def chosen_rules(
    config: str | None, days: int | None, megabytes: int | None, tenants: tuple[str, ...]
) -> Rules:
    """Return the rules of the settings with what the flags say instead; exit with code 2."""
    file = Path(config or "engine.toml")
    flags = {}
    if days is not None:
        flags["audit.keep_days"] = str(days)
    if megabytes is not None:
        flags["audit.keep_megabytes"] = str(megabytes)
    try:
        settings = load_settings(file if config or file.exists() else None, os.environ, flags)
        rules = rules_of(settings.audit)
        for text in tenants:
            name, equals, number = text.rpartition("=")
            if not equals or not number.isdecimal():
                leave(f"--tenant must be NAME=DAYS, not {inert(text)}")
            keep = msgspec.structs.replace(rules.of(name), days=int(number))
            rules = msgspec.structs.replace(rules, tenants={**rules.tenants, name: keep})
    except ConfigError as error:
        leave(inert(str(error)))
    return rules


def table_of(found: Forgotten) -> dict[str, object]:
    """Return what was forgotten, for machines."""
    return {
        "busy": found.busy,
        "records": found.records,
        "bytes": found.bytes,
        "checkpoints": found.checkpoints,
        "segments": [{**one.told, "tenants": dict(one.tenants)} for one in found.due],
        "told": found.told,
    }


def text_of(found: Forgotten, rules: Rules, *, dry: bool) -> list[str]:
    """Return what was forgotten, for people."""
    if found.busy:
        return ["another process is at it"]
    if not rules.any:
        return ["everything is kept for ever: `audit.keep_days` and `audit.keep_megabytes` are 0"]
    lines = [
        f"{one.name}: {len(one.rows):,} of {one.records:,} records ({one.by_age:,} by age, "
        f"{one.by_size:,} by size){', and so the segment' if one.ends else ''}"
        for one in found.due
    ]
    verb = "would be" if dry else "were"
    lines.append(
        f"{found.records:,} records of {found.bytes:,} bytes {verb} forgotten, {found.segments:,} "
        "segments altogether"
    )
    if found.checkpoints:
        lines.append(f"{found.checkpoints:,} checkpoints went that signed nothing else")
    return lines
