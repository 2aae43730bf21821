"""What every sink does: a batch in; taken, partly taken, or why not, out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from engine.sinks.batch import Batch


class Away(Exception):
    """The sink cannot take anything now, for a reason that is not the records'.

    *after* is how many seconds it asks to be left alone; 0 where it says nothing. *suspect*: what
    it answers is no proof of that, and it may fail for the sake of one record.
    """

    def __init__(self, why: str, after: float = 0.0, *, suspect: bool = False) -> None:
        super().__init__(why)
        self.after = after
        self.suspect = suspect


class Refused(Exception):
    """The sink will never take this batch: of what is in it, something is wrong."""


class SinkError(Exception):
    """A sink cannot be made from its settings; the text is one sentence with the remedy."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of a batch: what was refused for ever, and what must be sent again; the rest was taken.

    By the place in the batch.
    """

    refused: tuple[tuple[int, str], ...] = ()
    again: tuple[int, ...] = ()
    why: str = ""
    """Of what must be sent again, or was refused unnamed."""
    unnamed: int = 0
    """Of the rest, how many were refused for ever where the sink does not say which."""


TAKEN = Outcome()


class Sink(Protocol):
    """A way out. Used by one task."""

    async def send(self, batch: Batch) -> Outcome:
        """Return when the sink has the batch for good. Raises Away and Refused."""
        ...

    async def close(self) -> None:
        """Give back what it holds. It may be used again afterwards, and begins anew."""
        ...
