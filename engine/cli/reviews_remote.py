"""The address of a daemon and a reviewer's token in, its reviews out: for who asks with --address.

gRPC takes a while to import, so this is where a daemon is asked only.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click

from engine.cli.bundle import leave
from engine.cli.main import EXIT_FINDINGS
from engine.doors.grpc.caller import CallError
from engine.doors.grpc.dialling import Trust
from engine.doors.grpc.reviews_caller import RemoteReviews
from engine.language.render import inert
from engine.runtime.request import InvalidRequest
from engine.storage.reviews import NoReview, Refused

SECONDS = 10.0
"""How long a daemon may take to answer."""


@contextmanager
def opened_at(address: str, token: str, trust: Trust | None) -> Iterator[RemoteReviews]:
    """Give the reviews of the daemon at *address*; exit with a sentence when it refuses."""
    try:
        store = RemoteReviews(address, token, SECONDS, trust)
    except CallError as error:
        leave(inert(str(error)))
    try:
        yield store
    except (NoReview, Refused, InvalidRequest) as error:
        click.echo(f"engine: {inert(str(error))}", err=True)
        sys.exit(EXIT_FINDINGS)
    except CallError as error:
        leave(inert(str(error)))
    finally:
        store.close()
