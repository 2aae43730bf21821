"""``engine reviews``: what people must look at in; their answers out, into a data folder."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Callable

import click
import msgspec
import orjson

from engine.cli.bundle import leave
from engine.cli.main import EXIT_FINE
from engine.cli.reviews_folder import for_machines, in_folder, opened, whole_id
from engine.cli.reviews_stats import stats
from engine.cli.reviews_text import deed_json, describe_line, describe_review, review_json
from engine.runtime.decision import Message
from engine.storage.reviews import (
    SECOND,
    Move,
    Review,
    Shown,
    Verb,
    Wanted,
)

EPILOG = """\
\b
Examples:
  engine reviews list                          what waits, the gravest first
  engine reviews show 9f86d081884c7d65         (the beginning of an id is enough)
  engine reviews claim 9f86 --as ann
  engine reviews approve 9f86 --as ann --note "the customer called"
  engine reviews edit 9f86 --as ann --content "a refund of 60"
  engine reviews stats

The folder may be that of a running daemon: gateways that ask again, or wait, have the answer at
once. Whoever may write to the folder may answer; the name that is given is believed and recorded.

Exit codes: 0 fine, 1 there is no such review or the act is refused, 2 there are no reviews or they
cannot be read.
"""

STATES = ("open", "approved", "rejected", "edited", "expired")


def acting(function: Callable[..., None]) -> Callable[..., None]:
    """Add what every act has: the review, who acts, and a note."""
    for decorate in (
        for_machines,
        click.option("--note", default="", metavar="TEXT", help="A sentence for the history."),
        click.option(
            "--as", "who", default=getpass.getuser, metavar="NAME", help="Who acts; else the user."
        ),
        in_folder,
        click.argument("review_id"),
    ):
        function = decorate(function)
    return function


@click.group("reviews", epilog=EPILOG)
def command() -> None:
    """List and answer what policies escalate to people."""


@command.command("list")
@in_folder
@click.option("--queue", default="", metavar="Q")
@click.option("--tenant", default="", metavar="T")
@click.option(
    "--state",
    type=click.Choice([*STATES, "all"]),
    default="open",
    show_default=True,
)
@click.option("-n", "--number", type=click.IntRange(1, 1000), default=100, show_default=True)
@click.option("--after", default="", metavar="TOKEN", help="Go on where a list has ended.")
@for_machines
def list_reviews(
    folder: str, *, queue: str, tenant: str, state: str, number: int, after: str, as_json: bool
) -> None:
    """Show reviews, the gravest first and then the oldest."""
    wanted = msgspec.convert(
        {"queue": queue, "tenant": tenant, "state": "" if state == "all" else state}, Wanted
    )
    with opened(folder) as (store, now):
        page = store.browse(wanted, after, number, now)
    if as_json:
        made = {"reviews": [review_json(one, now) for one in page.reviews], "next": page.token}
        click.echo(orjson.dumps(made))
        return
    for one in page.reviews:
        click.echo(describe_line(one, now))
    if page.token:
        click.echo(f"there are more: --after {page.token}", err=True)
    if not page.reviews:
        click.echo("no such review" if state != "open" else "nothing waits", err=True)


@command.command("show")
@click.argument("review_id")
@in_folder
@for_machines
def show(review_id: str, folder: str, *, as_json: bool) -> None:
    """Show what a review is about and what was done with it."""
    with opened(folder) as (store, now):
        full = whole_id(store, review_id, now)
        review, deeds = store.find(full, now), store.history(full)
    if as_json:
        made = {**review_json(review, now), "history": [deed_json(one) for one in deeds]}
        click.echo(orjson.dumps(made))
        return
    click.echo(describe_review(review, deeds, now))


@command.command("claim")
@acting
@click.option(
    "--minutes", type=click.IntRange(1, 1440), default=15, show_default=True, help="For how long."
)
def claim(review_id: str, *, who: str, note: str, minutes: int, folder: str, as_json: bool) -> None:
    """Keep others away from a review for a while."""
    move = Move(verb="claim", who=who, note=note, lease=minutes * 60 * SECOND)
    do(review_id, move, folder, as_json=as_json)


@command.command("hand-over")
@acting
@click.option("--to", required=True, metavar="NAME", help="Who is to look instead.")
def hand_over(review_id: str, *, who: str, note: str, to: str, folder: str, as_json: bool) -> None:
    """Give a claim to someone else."""
    do(review_id, Move(verb="hand_over", who=who, note=note, to=to), folder, as_json=as_json)


@command.command("edit")
@acting
@click.option("--content", metavar="TEXT", help="The content to release instead; - reads it.")
@click.option("--messages", metavar="JSON", help='The same as [{"role": …, "text": …}, …].')
@click.option("--arguments", metavar="JSON", help="The tool arguments to use instead.")
def edit(
    review_id: str,
    *,
    who: str,
    note: str,
    content: str | None,
    messages: str | None,
    arguments: str | None,
    folder: str,
    as_json: bool,
) -> None:
    """Let something else pass in place of what was asked."""
    if content == "-":
        try:
            content = sys.stdin.buffer.read().decode()
        except UnicodeDecodeError:
            leave("standard input is not UTF-8")
    shown = Shown(
        content=content,
        messages=None if messages is None else read_messages(messages),
        arguments=None if arguments is None else read_json("--arguments", arguments),
    )
    do(review_id, Move(verb="edit", who=who, note=note, shown=shown), folder, as_json=as_json)


def read_messages(text: str) -> tuple[Message, ...]:
    """Return the messages in *text*; exit with code 2 where there are none."""
    try:
        return msgspec.json.decode(text, type=tuple[Message, ...])
    except (msgspec.DecodeError, UnicodeEncodeError) as error:
        leave(f"--messages: {error}")


def read_json(option: str, text: str) -> object:
    """Return the JSON value in *text*; exit with code 2 where there is none."""
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError) as error:
        leave(f"{option}: {error}")


def simple(verb: Verb, help_text: str) -> None:
    """Add the command of an act that has nothing but a note."""

    @command.command(verb, help=help_text)
    @acting
    def act(review_id: str, *, who: str, note: str, folder: str, as_json: bool) -> None:
        do(review_id, Move(verb=verb, who=who, note=note), folder, as_json=as_json)


simple("release", "Give a claim up.")
simple("approve", "Let it pass when it is asked again.")
simple("reject", "Deny it; the note is told to who asked.")
simple("comment", "Write a --note into the history.")
command.add_command(stats)


def do(review_id: str, move: Move, folder: str, *, as_json: bool) -> None:
    """Do it, and show how the review stands then."""
    with opened(folder) as (store, now):
        review: Review = store.act(whole_id(store, review_id, now), move, now)
    if as_json:
        click.echo(orjson.dumps(review_json(review, now)))
    else:
        click.echo(describe_line(review, now))
    sys.exit(EXIT_FINE)
