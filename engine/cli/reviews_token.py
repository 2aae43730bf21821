"""``engine reviews token``: a reviewer's name in, a token and what the daemon's file needs out."""

from __future__ import annotations

import click
import orjson

from engine.cli.bundle import leave
from engine.language.render import inert
from engine.service.reviewers import hash_of, new_token
from engine.storage.reviews import Refused
from engine.storage.reviews_acts import check_name


@click.command("token")
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
