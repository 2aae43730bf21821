"""Records that were appended in one go, or refused in one go."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from engine.storage.durability import Losses


class Batch(NamedTuple):
    """Records that were appended in one go."""

    payloads: list[bytes]
    losses: Losses | None
    """What the first of them tells: it was not put, and has no number."""
    above: int
    """The number of the record before them."""
    end: int
    """How many records the trail has with them."""
    size: int
    """Bytes of all."""

    @property
    def put(self) -> list[bytes]:
        """Those that were put."""
        return self.payloads if self.losses is None else self.payloads[1:]


class Refusal(NamedTuple):
    """Records behind number *above*, up to *last*, were accepted, and then refused or dropped."""

    above: int
    last: int
    why: str


class Unsynced:
    """Batches that are appended, and not on the disk yet."""

    __slots__ = ("all", "bytes")

    def __init__(self) -> None:
        """None yet."""
        self.all: deque[Batch] = deque()
        self.bytes = 0

    def add(self, batch: Batch) -> None:
        """Take the newest one."""
        self.all.append(batch)
        self.bytes += batch.size

    def keep_from(self, sure: int) -> None:
        """Let go of those that the disk has with the first *sure* records of the trail."""
        while self.all and self.all[0].end <= sure:
            self.bytes -= self.all.popleft().size

    def clear(self) -> None:
        """Let go of all."""
        self.all.clear()
        self.bytes = 0
