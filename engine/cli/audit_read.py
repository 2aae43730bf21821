"""``engine audit tail|query|show``: an audit trail in, the records that are wanted out."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path

import click
import msgspec
from watchfiles import watch

from engine.cli.audit_content import hide, reveal
from engine.cli.audit_options import (
    MOST,
    for_machines,
    in_folder,
    opened,
    progress,
    wanted,
    wanted_of,
)
from engine.cli.audit_text import describe
from engine.cli.main import EXIT_FINDINGS, EXIT_FINE
from engine.cli.output_file import printing
from engine.language.render import inert
from engine.sinks.forms_taken import encode
from engine.storage.follow import Missed, Next, NotThere, Place, follow, list_trails
from engine.storage.query import find
from engine.storage.read import Kept
from engine.storage.wanted import Found, Wanted, fields_of

_STEP = 50
"""Milliseconds to wait for more once something has changed."""
_LOOK = 500
"""Milliseconds between two looks where nothing is told of changes."""


class Troubles:
    """Sentences about what cannot be read, each said once on standard error."""

    def __init__(self) -> None:
        self.said: set[str] = set()

    def __call__(self, sentence: str) -> None:
        """Say *sentence*."""
        if sentence not in self.said:
            self.said.add(sentence)
            click.echo(f"engine: {inert(sentence)}", err=True)

    def code(self, *, found: bool) -> int:
        """Return the exit code."""
        return EXIT_FINE if found and not self.said else EXIT_FINDINGS


TAIL_EPILOG = """\
\b
Examples:
  engine audit tail
  engine audit tail -n 50 --tenant north
  engine audit tail -f --action deny          the newest denials, then those that come
  engine audit tail -f -n 0 --json | jq .     only what comes, as it is kept

Exit codes: 0 fine, 2 the folder cannot be read.
"""
QUERY_EPILOG = """\
\b
Examples:
  engine audit query --tenant north --action deny --since 2h
  engine audit query --rule assistant.chat.secrets --since 2026-03 --until 2026-04
  engine audit query --session s-81 --json
  engine audit query --user u-4711 --newest -n 20
  engine audit query --kind admin                 who has done what beside deciding?

All that is given must fit. Closed segments are asked by their indexes, so that millions of records
take a moment.

Exit codes: 0 fine, 1 nothing was found, or a part of the trail cannot be read (what can is shown),
2 none of it can.
"""
SHOW_EPILOG = """\
\b
Examples:
  engine audit show 01a22158-1221-7c12-8b0c-c2dcb1c2e947
  engine audit show 01a22158-1221-7c12-8b0c-c2dcb1c2e947 --content
  engine audit show 01a22158-1221-7c12-8b0c-c2dcb1c2e947 --json | jq .reasons

Exit codes: 0 fine, 1 there is no such record, or a part of the trail cannot be read, 2 none of it
can.
"""


@click.command("tail", epilog=TAIL_EPILOG)
@in_folder
@wanted
@click.option("-n", "--number", type=click.IntRange(0, 100_000), default=10, show_default=True)
@click.option("-f", "--follow", "on", is_flag=True, help="Go on with what comes, until Ctrl-C.")
@for_machines
def tail(folder: str, *, number: int, on: bool, as_json: bool, **chosen: str | None) -> None:
    """Show the newest records."""
    choice = wanted_of(chosen)
    with opened(folder) as path:
        places = _ends(path) if on else {}
        newest = list(islice(find(path, choice, newest=True, told=Troubles()), number))
        seen = {(one.kept.trail, one.kept.sequence) for one in newest}
        if show(reversed(newest), as_json=as_json) and on:
            with suppress(KeyboardInterrupt):
                for one in _following(path, choice, places):
                    new = (one.kept.trail, one.kept.sequence) not in seen
                    if new and not show([one], as_json=as_json):
                        break


def _ends(folder: Path) -> dict[str, Place]:
    """Return where each trail ends now."""
    places: dict[str, Place] = {}
    for trail, segments in list_trails(folder).items():
        last = Place(segment=max(segments))
        for one in _behind(folder, trail, last, segments, Troubles()):
            last = one.place
        places[trail] = last
    return places


def _behind(
    folder: Path, trail: str, place: Place, segments: dict[int, Path], troubles: Troubles
) -> Iterator[Next | Missed]:
    try:
        yield from follow(folder, trail, place, segments)
    except NotThere as error:
        troubles(f"the trail {trail} cannot be followed: {error}")


def _following(folder: Path, choice: Wanted, places: dict[str, Place]) -> Iterator[Found]:
    """Yield the records that are *choice* and come behind *places*, for ever."""
    troubles = Troubles()
    for _ in watch(folder, step=_STEP, yield_on_timeout=True, rust_timeout=_LOOK):
        for trail, segments in list_trails(folder).items():
            place = places.get(trail, Place())
            for one in _behind(folder, trail, place, segments, troubles):
                places[trail] = one.place
                if isinstance(one, Missed):
                    troubles(f"{one.lost} records of {trail} cannot be read: {one.why}")
                    continue
                fields = fields_of(one.payload)
                time = fields.get("time")
                found = Found(Kept(str(time or ""), trail, one.sequence, one.payload), fields)
                if choice.fits(found):
                    yield found


@click.command("query", epilog=QUERY_EPILOG)
@in_folder
@wanted
@click.option(
    "-n", "--number", "--limit", type=click.IntRange(1, MOST), default=1000, show_default=True
)
@click.option("--newest", is_flag=True, help="The newest first, and of more than -n these.")
@for_machines
def query(folder: str, *, number: int, newest: bool, as_json: bool, **chosen: str | None) -> None:
    """Show the records that fit all that is given, the oldest first."""
    troubles = Troubles()
    with opened(folder) as path, progress(path, "searching") as read:
        some = find(path, wanted_of(chosen), newest=newest, told=troubles, read=read)
        found = list(islice(some, number))
        more = next(some, None) is not None
    if not found and not troubles.said:
        click.echo("nothing that is recorded here fits", err=True)
    if more:
        click.echo(f"these are the first {number:,}; more of them fit: see -n, or export", err=True)
    show(found, as_json=as_json)
    sys.exit(troubles.code(found=bool(found)))


@click.command("show", epilog=SHOW_EPILOG)
@in_folder
@click.argument("identity", metavar="ID")
@click.option("--content", "openly", is_flag=True, help="Show the content, if it is recorded.")
@click.option(
    "--data", metavar="FOLDER", help="Where its keys are, if it is sealed; else beside the trail."
)
@for_machines
def show_one(folder: str, *, identity: str, openly: bool, data: str | None, as_json: bool) -> None:
    """Show all that is recorded of a decision: its settlement and its review too.

    ID is that of a decision, of a request or of a review.
    """
    home = Path(data) if data else Path(folder).parent
    troubles = Troubles()
    with opened(folder) as path:
        found = story_of(path, identity, troubles)
    with printing():
        for one in found:
            text = whole(one, home, openly=openly, as_json=as_json)
            click.echo(text.encode() if as_json else text)  # JSON is UTF-8 on any terminal.
    if not found:
        click.echo("no such decision is recorded here", err=True)
    sys.exit(troubles.code(found=bool(found)))


def whole(one: Found, home: Path, *, openly: bool, as_json: bool) -> str:
    """Return all fields of a record, with its content where that is *openly* asked for."""
    fields = reveal(one.fields, home) if openly else hide(one.fields)
    if as_json:
        text = one.kept.payload if fields is one.fields else encode(fields)
        return text.decode(errors="replace")
    made = {"trail": one.kept.trail, "sequence": one.kept.sequence, **fields}
    text = msgspec.json.format(encode(made), indent=2)
    return "\n".join(inert(line) for line in text.decode().split("\n"))


def story_of(folder: Path, identity: str, troubles: Troubles) -> list[Found]:
    """Return all records of the decision, request or review *identity*, by time."""
    if not identity:  # As of a variable that is not set: nothing has that name.
        return []
    asked = [Wanted(decision=identity), Wanted(request=identity), Wanted(review=identity)]
    first = [one for choice in asked for one in find(folder, choice, told=troubles)]
    # A review may be shared by other decisions: of these only what was done with it is wanted.
    more = [Wanted(decision=name) for name in sorted({one.text("decision_id") for one in first})]
    reviews = sorted({one.text("review_id") for one in first})
    more += [Wanted(review=name, kind="review") for name in reviews]
    rest = [
        one
        for choice in more
        if choice.decision or choice.review
        for one in find(folder, choice, told=troubles)
    ]
    found = {(one.kept.trail, one.kept.sequence): one for one in (*first, *rest)}
    return sorted(found.values(), key=lambda one: (one.kept.time, one.kept.trail, one.kept[2]))


def show(found: Iterable[Found], *, as_json: bool) -> bool:
    """Print records, one a line; return whether there is anybody who reads them."""
    with printing():
        for one in found:
            if as_json:  # Which is UTF-8 on any terminal.
                text = one.kept.payload.decode(errors="replace")
                sys.stdout.buffer.write(f"{text}\n".encode())
            else:
                sys.stdout.write(f"{describe(one)}\n")
        sys.stdout.flush()
        return True
    return False
