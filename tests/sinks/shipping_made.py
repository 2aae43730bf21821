"""Batches, and sinks for tests that do what they are told."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from engine.sinks.batch import Batch, Item, of, with_origin
from engine.sinks.sink import TAKEN, Outcome

TIME = "2026-01-02T03:04:05.000006Z"


def item(number: int, tenant: str = "north", trail: str = "t", text: str = "") -> Item:
    """Return decision *number* of *tenant*."""
    payload = msgspec.json.encode(
        {"kind": "decision", "time": TIME, "tenant": tenant, "decision_id": f"d{number}", "x": text}
    )
    return Item(trail, number, TIME, "decision", tenant, with_origin(trail, number, payload))


def batch(count: int, first: int = 0) -> Batch:
    """Return a batch of so many decisions."""
    return of(item(number) for number in range(first, first + count))


def ids(items: Iterable[Item]) -> list[int]:
    """Return the numbers of *items*."""
    return [one.sequence for one in items]


class Told:
    """A sink that answers what it was given, and takes everything afterwards."""

    def __init__(self, *answers: Outcome | Exception) -> None:
        self.answers = list(answers)
        self.got: list[list[int]] = []
        self.poison: set[int] = set()

    async def send(self, batch: Batch) -> Outcome:
        """Answer."""
        self.got.append(ids(batch.items))
        answer = self.answers.pop(0) if self.answers else TAKEN
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def close(self) -> None:
        """Do nothing."""


def of_items(*items: Item) -> Batch:
    """Return the batch of *items*."""
    return of(items)
