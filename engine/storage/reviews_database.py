"""What a store of reviews asks of its database: statements in, rows out, all of it or nothing.

Both databases understand the statements of ``reviews_kept``; `Manner` has what differs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from engine.storage.reviews_rows import Value

Made = TypeVar("Made")


class Raced(Exception):
    """Somebody else has written what was to be written first: the act begins again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How a database locks rows until an act is done, and how it finds them."""

    lock: str = ""
    """Behind a query: others that act on its rows wait."""
    skip: str = ""
    """The same, and rows on which others act are left out."""
    by_deadline: str = ""
    """Behind the table: reviews are looked up by their deadline."""
    each: str
    """Selects ``{keys}`` of the reviews ``{of}`` each ``scope`` of an array in JSON, the value."""
    part: str
    """One text of a scope, which is an array too, by its number."""


class Session(Protocol):
    """One act, or one look, at a database. ``?`` stands for each of the values."""

    def rows(self, statement: str, values: Sequence[Value] = ()) -> list[tuple[Any, ...]]:
        """Return what *statement* finds."""
        ...

    def do(self, statement: str, values: Sequence[Value] = ()) -> int:
        """Do it; return how many rows it has changed."""
        ...


class Database(Protocol):
    """Keeps tables. May be used by several threads at a time. Raises ReviewsUnavailable."""

    @property
    def name(self) -> str:
        """What to call it in messages; without secrets."""
        ...

    @property
    def manner(self) -> Manner:
        """How it is spoken to."""
        ...

    def read(self, work: Callable[[Session], Made]) -> Made:
        """Return what *work* finds. It locks nobody out, and nothing of it may write."""
        ...

    def write(self, work: Callable[[Session], Made]) -> Made:
        """Do all of *work* or nothing, as if nobody else wrote meanwhile.

        It may be begun several times, and at last once be done.
        """
        ...

    def close(self) -> None:
        """Release it; closing twice is fine."""
        ...
