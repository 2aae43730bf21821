"""``engine audit erase``: a tenant in; its recorded content unreadable for good."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import click

from engine.cli.bundle import leave
from engine.cli.main import EXIT_ERROR, EXIT_FINDINGS
from engine.language.render import inert
from engine.service.acts import keep_apart, whoami
from engine.service.entries import AdminEntry
from engine.service.record import RecordError
from engine.service.retention import checked_holds
from engine.service.times import iso_time
from engine.service.vault import FOLDER, erase, key_path
from engine.storage.header import NoSegment
from engine.storage.holds import Hold, HoldsError
from engine.storage.query import find
from engine.storage.wanted import Wanted

EPILOG = """\
\b
Examples:
  engine audit erase north            asks first
  engine audit erase north --yes --data /var/lib/engine

The records stay, so that the trail can still be verified: who asked, what was decided, and why. The
content in them was sealed under a key of the tenant's own (`audit.encrypt`), and that is taken
away: nobody can read it any more, here or in any copy of the trail. A daemon may be running; what
it records of the tenant from then on is sealed under a new key. Content that was recorded while
`audit.encrypt` was off is not sealed, and stays. Copies of the key folder, as in backups of the
data folder, must be deleted too.

What is under a legal hold (`engine audit hold`) is not erased.

Exit codes: 0 erased, 1 there is no key, it is held, or was not confirmed, 2 it could not be erased,
or not be recorded.
"""


@click.command("erase", epilog=EPILOG)
@click.argument("tenant")
@click.option(
    "--data",
    default="data",
    show_default=True,
    metavar="FOLDER",
    help="The daemon's data folder.",
)
@click.option(
    "--folder", metavar="FOLDER", help="The folder of the trail; `audit` in the data folder else."
)
@click.option("--yes", is_flag=True, help="Do not ask.")
def command(tenant: str, *, data: str, folder: str | None, yes: bool) -> None:
    """Make the recorded content of TENANT unreadable, for good."""
    home = Path(data)
    keys, shown = home / FOLDER, inert(tenant)
    trail = Path(folder) if folder else home / "audit"
    held = held_for(trail, tenant)
    if held is not None:
        why = f"{inert(held.what)} is held ({inert(held.reason)}): release the hold {held.id} first"
        click.echo(f"nothing was erased: {why}")
        sys.exit(EXIT_FINDINGS)
    if not key_path(keys, tenant).exists():
        erase_key(keys, tenant)  # What a process that was killed may have left of one.
        click.echo(f"there is no key of {shown} in {inert(str(keys))}: nothing to erase")
        sys.exit(EXIT_FINDINGS)
    if not yes and not confirmed(shown):
        click.echo("nothing was erased")
        sys.exit(EXIT_FINDINGS)
    key = erase_key(keys, tenant)
    click.echo(f"the key of {shown} is erased: what was sealed under it cannot be read any more")
    what: dict[str, object] = {"tenant": tenant, "key": key or ""}
    line = AdminEntry(time=iso_time(time.time_ns()), act="erased", who=whoami(), what=what)
    try:
        kept = keep_apart(trail, home, line)
    except RecordError as error:
        click.echo(f"engine: it is not recorded: {inert(str(error))}", err=True)
        sys.exit(EXIT_ERROR)
    place = inert(str(trail))
    click.echo(f"this is recorded in {place}" if kept else f"there is no trail in {place}")


def confirmed(tenant: str) -> bool:
    """Return whether the person at the terminal wants it; no answer is a no."""
    try:
        return click.confirm(f"make all sealed content of {tenant} unreadable for good?")
    except click.Abort:
        click.echo()
        return False


def held_for(trail: Path, tenant: str) -> Hold | None:
    """Return a legal hold of *tenant*, or of something that is recorded of it; leave if unknown."""
    try:
        for hold in checked_holds(trail) if trail.is_dir() else ():
            if hold.tenant == tenant:
                return hold
            held = Wanted(
                tenant=tenant, session=hold.session or None, decision=hold.decision or None
            )
            if not hold.tenant and any(find(trail, held, told=unknown)):
                return hold
    except (HoldsError, NoSegment, OSError) as error:
        unknown(str(error))
    return None


def unknown(why: str) -> None:
    """Leave, since nobody can say that nothing is held."""
    leave(f"whether something is held cannot be known: {inert(why)}")


def erase_key(keys: Path, tenant: str) -> str | None:
    """Erase a key and return its id; leave with a sentence when that fails."""
    try:
        return erase(keys, tenant)
    except OSError as error:
        leave(f"the key of {inert(tenant)} could not be erased in {keys}: {error.strerror}")
