"""Where the reviews are that a command is about: in a data folder, or with a running daemon."""

from __future__ import annotations

import getpass
import importlib
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from typing import Protocol

import click

from engine.cli.reviews_folder import in_folder, opened, whole_id
from engine.cli.token_file import read_token
from engine.cli.trust import tls_options
from engine.service.earlier import Earlier
from engine.storage.reviews import Deed, Move, Page, Review, Wanted
from engine.storage.reviews_kept import KeptReviews

REMOTE = "engine.cli.reviews_remote"
"""It imports gRPC, which takes long, and which folders have no need of."""


class Remote(Protocol):
    """The reviews of a daemon."""

    def act(self, review_id: str, move: Move, now: int, /) -> Review:
        """Return the review after *move*. Raises NoReview and Refused."""
        ...

    def begin_with(self, text: str, most: int) -> tuple[str, ...]:
        """Return up to *most* ids that begin with *text*."""
        ...

    def browse(self, wanted: Wanted, token: str, most: int, now: int, /) -> Page:
        """Return up to *most* reviews after *token*. Raises Refused."""
        ...

    def find(self, review_id: str, now: int, /) -> Review:
        """Return a review as it stands. Raises NoReview."""
        ...

    def history(self, review_id: str) -> tuple[Deed, ...]:
        """Return what was done with a review, the oldest first. Raises NoReview."""
        ...

    def look(self, review_id: str, *, full: bool) -> tuple[Review, Earlier]:
        """Return a review with what was decided before; *full*: with what came."""
        ...


Held = KeptReviews | Remote


@dataclass(frozen=True, slots=True)
class Place:
    """The data folder; or where *address* is given the daemon there, with a reviewer's token."""

    folder: str
    address: str
    token_file: str
    trust: object = None
    """A `Trust`, where the daemon speaks TLS."""

    @contextmanager
    def opened(self) -> Iterator[tuple[Held, int]]:
        """Open the reviews; exit with a sentence when something is refused."""
        if not self.address:
            with opened(self.folder) as found:
                yield found
            return
        token = read_token(self.token_file)
        remote = importlib.import_module(REMOTE)
        with remote.opened_at(self.address, token, self.trust) as asked:
            yield asked, time.time_ns()

    def act(self, beginning: str, move: Move) -> tuple[Review, int]:
        """Return the review whose id has this *beginning* after *move*, and the instant."""
        with self.opened() as (store, now):
            return store.act(whole_id(store, beginning, now), move, now), now

    def name(self, given: str | None) -> str:
        """Return under which name to act: with a token its own, else the *given* or the user's."""
        if given is not None:
            return given
        return "" if self.address and self.token_file else getpass.getuser()


def at_place(function: Callable[..., None]) -> Callable[..., None]:
    """Add the options that say where the reviews are; *function* is given a `Place`."""

    @wraps(function)
    def packed(
        *, folder: str, address: str, token_file: str, trust: object, **given: object
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
            help="Holds your token as a reviewer, for --address; may be a pipe.",
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
