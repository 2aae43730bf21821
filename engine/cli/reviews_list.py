"""``engine reviews list`` and ``show``: reviews in, what they are about and how they stand out."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec
import orjson

from engine.cli.bundle import leave
from engine.cli.output_file import printing
from engine.cli.reviews_folder import for_machines, whole_id
from engine.cli.reviews_place import Held, Place, at_place
from engine.cli.reviews_text import (
    deed_json,
    describe_earlier,
    describe_line,
    describe_review,
    review_json,
)
from engine.service.earlier import Earlier, earlier
from engine.storage.reviews import Review, Wanted
from engine.storage.reviews_kept import KeptReviews

AUDIT = "audit"
"""Where the trail is in a data folder, unless its settings say otherwise."""

STATES = ("open", "approved", "rejected", "edited", "expired")


@click.command("list")
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
    with printing():
        for one in page.reviews:
            click.echo(describe_line(one, now))
    if page.token:
        click.echo(f"there are more: --after {page.token}", err=True)
    if not page.reviews:
        click.echo("no such review" if state != "open" else "nothing waits", err=True)


@click.command("show")
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
    if not isinstance(store, KeptReviews):
        return store.look(review_id, full=full)
    if full:
        leave("--full needs --address and --token-file: who reads what came is recorded")
    review = store.find(review_id, now)
    question = review.question
    trail = Path(place.folder, AUDIT)
    return review, earlier(trail, question.tenant, question.session, review.opened_at)
