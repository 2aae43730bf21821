"""Where the reviews are that a command is about: in a data folder, or with a running daemon."""

from __future__ import annotations

import getpass
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from pathlib import Path

import click

from engine.cli.bundle import leave
from engine.cli.main import EXIT_FINDINGS
from engine.cli.reviews_folder import in_folder, opened, whole_id
from engine.cli.trust import tls_options
from engine.doors.grpc.caller import CallError
from engine.doors.grpc.dialling import Trust
from engine.doors.grpc.reviews_caller import RemoteReviews
from engine.language.render import inert
from engine.runtime.request import InvalidRequest
from engine.storage.reviews import Move, NoReview, Refused, Review
from engine.storage.reviews_kept import KeptReviews

SECONDS = 10.0
"""How long a daemon may take to answer."""

Held = KeptReviews | RemoteReviews


@dataclass(frozen=True, slots=True)
class Place:
    """The data folder; or where *address* is given the daemon there, with a reviewer's token."""

    folder: str
    address: str
    token_file: str
    trust: Trust | None = None

    @contextmanager
    def opened(self) -> Iterator[tuple[Held, int]]:
        """Open the reviews; exit with a sentence when something is refused."""
        if not self.address:
            with opened(self.folder) as found:
                yield found
            return
        token = read_token(self.token_file)
        try:
            store = RemoteReviews(self.address, token, SECONDS, self.trust)
        except CallError as error:
            leave(inert(str(error)))
        try:
            yield store, time.time_ns()
        except (NoReview, Refused, InvalidRequest) as error:
            click.echo(f"engine: {inert(str(error))}", err=True)
            sys.exit(EXIT_FINDINGS)
        except CallError as error:
            leave(inert(str(error)))
        finally:
            store.close()

    def act(self, beginning: str, move: Move) -> tuple[Review, int]:
        """Return the review whose id has this *beginning* after *move*, and the instant."""
        with self.opened() as (store, now):
            return store.act(whole_id(store, beginning, now), move, now), now

    def name(self, given: str | None) -> str:
        """Return under which name to act: with a token its own, else the *given* or the user's."""
        return given or ("" if self.address and self.token_file else getpass.getuser())


def read_token(file: str) -> str:
    """Return the token in *file*, or nothing without one; exit where it cannot be read."""
    if not file:
        return ""
    try:
        return Path(file).read_text("ascii").strip()
    except (OSError, UnicodeDecodeError):
        return leave(f"cannot read the token in {file}")


def at_place(function: Callable[..., None]) -> Callable[..., None]:
    """Add the options that say where the reviews are; *function* is given a `Place`."""

    @wraps(function)
    def packed(
        *, folder: str, address: str, token_file: str, trust: Trust | None, **given: object
    ) -> None:
        function(place=Place(folder, address, token_file, trust), **given)

    made: Callable[..., None] = packed
    for decorate in (
        tls_options,
        click.option(
            "--token-file",
            default="",
            metavar="FILE",
            envvar="ENGINE_REVIEWER_TOKEN_FILE",
            help="Holds your token as a reviewer, for --address.",
        ),
        click.option(
            "--address",
            default="",
            metavar="ADDRESS",
            help="Ask the daemon there (host:port, unix:///path) instead of a folder.",
        ),
        in_folder,
    ):
        made = decorate(made)
    return made
