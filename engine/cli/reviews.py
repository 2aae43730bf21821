"""``engine reviews``: what people must look at in; their answers out, into a data folder."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import click
import msgspec
import orjson

from engine.cli.bundle import leave
from engine.cli.main import EXIT_FINE
from engine.cli.reviews_folder import for_machines, whole_id
from engine.cli.reviews_move import move
from engine.cli.reviews_overturn import overturn
from engine.cli.reviews_place import Held, Place, at_place
from engine.cli.reviews_stats import stats
from engine.cli.reviews_text import (
    deed_json,
    describe_earlier,
    describe_line,
    describe_review,
    review_json,
)
from engine.cli.reviews_to_test import to_test
from engine.doors.grpc.reviews_caller import RemoteReviews
from engine.language.render import inert
from engine.runtime.decision import Message
from engine.service.earlier import Earlier, earlier
from engine.service.reviewers import hash_of, new_token
from engine.storage.reviews import (
    SECOND,
    Move,
    Refused,
    Review,
    Shown,
    Verb,
    Wanted,
)
from engine.storage.reviews_acts import check_name

EPILOG = """\
\b
Examples:
  engine reviews list                          what waits, the gravest first
  engine reviews show 9f86d081884c7d65         (the beginning of an id is enough)
  engine reviews claim 9f86 --as ann
  engine reviews approve 9f86 --as ann --note "the customer called"
  engine reviews edit 9f86 --as ann --content "a refund of 60"
  engine reviews list --config engine.toml     (where this daemon has them)
  engine reviews move --to postgresql://engine@db.example/engine
  engine reviews stats
  engine reviews overturn 0197a1b2-… --note "a known customer"
  engine reviews to-test 9f86 --policies policies >> policies/reviews_test.pol

The folder may be that of a running daemon: gateways that ask again, or wait, have the answer at
once. Whoever may write to the folder may answer; the name that is given is believed and recorded.
With --address a daemon is asked instead: the token says who you are and what you may do.

Exit codes: 0 fine, 1 there is no such review or the act is refused, 2 there are no reviews or they
cannot be read.
"""

AUDIT = "audit"
"""Where the trail is in a data folder, unless its settings say otherwise."""

STATES = ("open", "approved", "rejected", "edited", "expired")


def acting(function: Callable[..., None]) -> Callable[..., None]:
    """Add what every act has: the review, who acts, and a note."""
    for decorate in (
        for_machines,
        click.option("--note", default="", metavar="TEXT", help="A sentence for the history."),
        click.option("--as", "who", metavar="NAME", help="Who acts; else the token, or the user."),
        at_place,
        click.argument("review_id"),
    ):
        function = decorate(function)
    return function


@click.group("reviews", epilog=EPILOG)
def command() -> None:
    """List and answer what policies escalate to people."""


@command.command("list")
@at_place
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
    *, place: Place, queue: str, tenant: str, state: str, number: int, after: str, as_json: bool
) -> None:
    """Show reviews, the gravest first and then the oldest."""
    wanted = msgspec.convert(
        {"queue": queue, "tenant": tenant, "state": "" if state == "all" else state}, Wanted
    )
    with place.opened() as (store, now):
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
@at_place
@click.option("--full", is_flag=True, help="With what came, unredacted; needs the right `full`.")
@for_machines
def show(review_id: str, *, place: Place, full: bool, as_json: bool) -> None:
    """Show what a review is about and what was done with it."""
    with place.opened() as (store, now):
        whole = whole_id(store, review_id, now)
        review, before = look(store, place, whole, now, full=full)
        deeds = store.history(whole)
    if as_json:
        made = {**review_json(review, now), "history": [deed_json(one) for one in deeds]}
        click.echo(orjson.dumps({**made, "earlier": msgspec.to_builtins(before)}))
        return
    click.echo(describe_review(review, deeds, now))
    for line in describe_earlier(before):
        click.echo(line)


def look(
    store: Held, place: Place, review_id: str, now: int, *, full: bool
) -> tuple[Review, Earlier]:
    """Return a review, and what was decided in its conversation before it was opened.

    What came is only shown through a daemon, which sees to it that this is recorded.
    """
    if isinstance(store, RemoteReviews):
        return store.look(review_id, full=full)
    if full:
        leave("--full needs --address and --token-file: who reads what came is recorded")
    review = store.find(review_id, now)
    question = review.question
    trail = Path(place.folder, AUDIT)
    return review, earlier(trail, question.tenant, question.session, review.opened_at)


@command.command("claim")
@acting
@click.option(
    "--minutes", type=click.IntRange(1, 1440), default=15, show_default=True, help="For how long."
)
def claim(
    review_id: str, *, who: str | None, note: str, minutes: int, place: Place, as_json: bool
) -> None:
    """Keep others away from a review for a while."""
    move = Move(verb="claim", who=place.name(who), note=note, lease=minutes * 60 * SECOND)
    do(review_id, move, place, as_json=as_json)


@command.command("hand-over")
@acting
@click.option("--to", required=True, metavar="NAME", help="Who is to look instead.")
def hand_over(
    review_id: str, *, who: str | None, note: str, to: str, place: Place, as_json: bool
) -> None:
    """Give a claim to someone else."""
    move = Move(verb="hand_over", who=place.name(who), note=note, to=to)
    do(review_id, move, place, as_json=as_json)


@command.command("edit")
@acting
@click.option("--content", metavar="TEXT", help="The content to release instead; - reads it.")
@click.option("--messages", metavar="JSON", help='The same as [{"role": …, "text": …}, …].')
@click.option("--arguments", metavar="JSON", help="The tool arguments to use instead.")
def edit(
    review_id: str,
    *,
    who: str | None,
    note: str,
    content: str | None,
    messages: str | None,
    arguments: str | None,
    place: Place,
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
    move = Move(verb="edit", who=place.name(who), note=note, shown=shown)
    do(review_id, move, place, as_json=as_json)


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
    def act(review_id: str, *, who: str | None, note: str, place: Place, as_json: bool) -> None:
        move = Move(verb=verb, who=place.name(who), note=note)
        do(review_id, move, place, as_json=as_json)


simple("release", "Give a claim up.")
simple("approve", "Let it pass when it is asked again.")
simple("reject", "Deny it; the note is told to who asked.")
simple("comment", "Write a --note into the history.")
command.add_command(move)
command.add_command(stats)
command.add_command(to_test)
command.add_command(overturn)


@command.command("token")
@click.argument("name")
def token(name: str) -> None:
    """Make a token for a reviewer: shown once, kept nowhere.

    What the daemon's file of reviewers needs is printed beside it; complete queues and rights.
    """
    try:
        check_name(name)
    except Refused as error:
        leave(inert(str(error)))
    made = new_token()
    click.echo(made)
    click.echo(
        f'\n[[reviewer]]\nname = {orjson.dumps(name).decode()}\ntokens = ["{hash_of(made)}"]\n'
        'queues = ["*"]\ntenants = ["*"]\nmay = ["approve", "edit"]',
        err=True,
    )


def do(review_id: str, move: Move, place: Place, *, as_json: bool) -> None:
    """Do it, and show how the review stands then."""
    review, now = place.act(review_id, move)
    if as_json:
        click.echo(orjson.dumps(review_json(review, now)))
    else:
        click.echo(describe_line(review, now))
    sys.exit(EXIT_FINE)
