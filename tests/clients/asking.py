"""Both clients behind one face, so that each promise is tested on both."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from pol_client import AsyncClient, AsyncReviews, Client, DeadlineExceeded

from tests.doors.grpc.serving import run

PATIENCE = 60.0
"""Seconds after which a test says that something never came."""


class InLoop:
    """An asynchronous thing whose methods are called from a thread."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if isinstance(found, AsyncReviews):
            return InLoop(found)
        if not callable(found):
            return found

        def call(*given: Any, **named: Any) -> Any:
            made = found(*given, **named)
            if hasattr(made, "__await__"):
                return run(made)
            return InLoop(made) if hasattr(made, "__aenter__") else made

        return call

    def __enter__(self) -> Any:
        return InLoop(run(self._inner.__aenter__()))

    def __exit__(self, *error: object) -> None:
        run(self._inner.__aexit__(*error))


async def make_async(address: str, **options: Any) -> AsyncClient:
    """Return an AsyncClient that belongs to the tests' loop."""
    return AsyncClient(address, **options)


@contextmanager
def asynchronous(address: str, **options: Any) -> Iterator[Any]:
    """Return an AsyncClient, called from a thread."""
    with InLoop(run(make_async(address, **options))) as client:
        yield client


@contextmanager
def synchronous(address: str, **options: Any) -> Iterator[Any]:
    """Return a Client."""
    with Client(address, **options) as client:
        yield client


def wait_in_vain(client: Any, review_id: str) -> Any:
    """Return a review that nobody answers, as it is at the end of a short wait."""
    seconds = 0.2
    while True:
        try:
            return client.wait_review(review_id, timeout=seconds)
        except DeadlineExceeded:  # It has not been shown in that time.
            seconds *= 4
            assert seconds < PATIENCE


KINDS: dict[str, Callable[..., Any]] = {
    "sync": synchronous,
    "async": asynchronous,
    "sync-grpcio": partial(synchronous, transport="grpcio"),
    "async-grpcio": partial(asynchronous, transport="grpcio"),
}

WHO: dict[str, Any] = {"tenant": "north", "user": "u1"}
ASK: dict[str, Any] = {**WHO, "stage": "request", "content": "hello"}
