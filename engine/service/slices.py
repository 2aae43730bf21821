"""Work in stages in, done a little at a time while others are served; what it comes to out.

A thread would not do: it takes the interpreter for a fifth of a millisecond whenever the loop lets
go of it, so that a decision waits several times, and on one core the kernel adds its own slices.
Here the work and the decisions take turns in one thread, and a decision waits for one slice at
most.
"""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from time import perf_counter
from typing import TypeVar

T = TypeVar("T")

SLICE_SECONDS = 0.0002
"""How long a decision may have to wait for a slice; a stage should take less."""


async def in_slices(work: Generator[None, None, T], seconds: float = SLICE_SECONDS) -> T:
    """Return what *work* comes to. Whoever is served comes before each slice of so many seconds."""
    while True:
        await asyncio.sleep(0)
        end = perf_counter() + seconds
        try:
            # One stage at least: however busy the machine is, the work goes on.
            next(work)
            while perf_counter() < end:
                next(work)
        except StopIteration as done:
            made: T = done.value
            return made


def let_go(some: list[object], at_once: int = 16) -> Generator[None, None, None]:
    """Empty *some*, yielding often: what nobody else has is freed here and now."""
    while some:
        del some[-at_once:]
        yield
