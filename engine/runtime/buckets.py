"""What stores keep of limits, and what taking and settling come to: plain data, by key.

Apart from those who reckon with them, which are compiled.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from engine.runtime.store import Level, Take


class Bucket(msgspec.Struct, frozen=True, gc=False):
    """What a store keeps for a key. *level* is in amount x *window*; a budget has *window* 0.

    *at* is the bucket's own time, or when a budget's period opened; *until* the instant from which
    the bucket is as good as new, or when the period closes.
    """

    at: int
    level: int
    window: int
    until: int
    lows: tuple[tuple[int, int], ...] = ()


class Slots(msgspec.Struct, frozen=True, gc=False):
    """What a store keeps for a key: the slots' own time *at*, and *counts* of them by their *ends*.

    The ends ascend, and all are after *at*.
    """

    at: int
    ends: tuple[int, ...] = ()
    counts: tuple[int, ...] = ()

    @property
    def until(self) -> int:
        """The instant from which all slots are free."""
        return self.ends[-1] if self.ends else self.at


class Reserved(msgspec.Struct, frozen=True, gc=False):
    """A take that can still be corrected, with the *at* of its bucket when it was made."""

    take: Take
    at: int


class Reservation(msgspec.Struct, frozen=True, gc=False):
    """What a decision has taken and can still correct, until an instant."""

    until: int
    reserved: tuple[Reserved, ...]

    @property
    def payer(self) -> str:
        """The tenant whose decision it was; empty where that was not written down."""
        return self.reserved[0].take.payer if self.reserved else ""


class Changes(msgspec.Struct, frozen=True, gc=False):
    """What is to be kept from now on, by key."""

    buckets: Mapping[str, Bucket]
    slots: Mapping[str, Slots]


class Attempt(msgspec.Struct, frozen=True, gc=False):
    """What taking came to. Nothing changes, and nothing is reserved, if one bucket refused."""

    levels: tuple[Level, ...]
    buckets: Mapping[str, Bucket] = {}
    slots: Mapping[str, Slots] = {}
    reservation: Reservation | None = None
