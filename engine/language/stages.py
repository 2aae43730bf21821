"""Work that yields between its stages in, what it comes to out.

Loading ten thousand rules takes some twenty milliseconds, and decisions should not wait so long.
So it is written as generators that yield often: who has the time drives them to the end at once,
who decides meanwhile drives them a little at a time.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TypeVar

T = TypeVar("T")


def whole(work: Generator[None, None, T]) -> T:
    """Return what *work* comes to, without a pause."""
    while True:
        try:
            next(work)
        except StopIteration as end:
            made: T = end.value
            return made
