"""``engine reviews claim``, ``approve`` and the like: an act in, the review after it out."""

from __future__ import annotations

import sys
from collections.abc import Callable

import click
import msgspec
import orjson

from engine.cli.bundle import leave
from engine.cli.main import EXIT_FINE
from engine.cli.reviews_folder import for_machines
from engine.cli.reviews_place import Place, at_place
from engine.cli.reviews_text import describe_line, review_json
from engine.runtime.decision import Message
from engine.runtime.repeats import has_repeats
from engine.storage.reviews import SECOND, Move, Shown, Verb


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


@click.command("claim")
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


@click.command("hand-over")
@acting
@click.option("--to", required=True, metavar="NAME", help="Who is to look instead.")
def hand_over(
    review_id: str, *, who: str | None, note: str, to: str, place: Place, as_json: bool
) -> None:
    """Give a claim to someone else."""
    move = Move(verb="hand_over", who=place.name(who), note=note, to=to)
    do(review_id, move, place, as_json=as_json)


@click.command("edit")
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
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError) as error:
        leave(f"--messages: {error}")


def read_json(option: str, text: str) -> object:
    """Return the JSON value in *text*; exit with code 2 where there is none.

    The tool will read it with a decoder of its own, so no name may stand in an object twice.
    """
    try:
        raw = text.encode()
        value: object = msgspec.json.decode(raw)
        if has_repeats(raw, value):
            leave(f"{option}: an object holds a name twice")
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError) as error:
        leave(f"{option}: {error}")
    return value


def simple(verb: Verb, help_text: str) -> click.Command:
    """Return the command of an act that has nothing but a note."""

    @click.command(verb, help=help_text)
    @acting
    def act(review_id: str, *, who: str | None, note: str, place: Place, as_json: bool) -> None:
        move = Move(verb=verb, who=place.name(who), note=note)
        do(review_id, move, place, as_json=as_json)

    return act


release = simple("release", "Give a claim up.")
approve = simple("approve", "Let it pass when it is asked again.")
reject = simple("reject", "Deny it; the note is told to who asked.")
comment = simple("comment", "Write a --note into the history.")


def do(review_id: str, move: Move, place: Place, *, as_json: bool) -> None:
    """Do it, and show how the review stands then."""
    review, now = place.act(review_id, move)
    if as_json:
        click.echo(orjson.dumps(review_json(review, now)))
    else:
        click.echo(describe_line(review, now))
    sys.exit(EXIT_FINE)
