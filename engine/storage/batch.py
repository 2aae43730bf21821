"""Records that were appended in one go, or refused in one go."""

from __future__ import annotations

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
