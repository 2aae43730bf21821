"""How safe records are to be, what is lost when they cannot be, and what was counted: the data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import msgspec

Durability = Literal["written", "synced", "spool"]
OnFull = Literal["block", "deny", "drop"]

BOUNDS = tuple(scale * step for scale in (1e-4, 1e-3, 1e-2, 1e-1, 1.0) for step in (1, 2, 5))
"""Upper bounds of the histogram of syncs, in seconds: 0.1 ms to 5 s."""


class Way(msgspec.Struct, frozen=True, kw_only=True):
    """How safe records are to be, and what becomes of those that cannot be kept."""

    durability: Durability = "written"
    on_full: OnFull = "deny"
    patience: float = 5.0
    """Seconds that an answer waits for a slow disk, unless it is to ``block``."""
    most_bytes: int = 2**24
    """Of records that wait in memory."""


class Losses(msgspec.Struct):
    """What became of records that are not in the trail, or might not be."""

    dropped: int = 0
    denied: int = 0
    doubtful: int = 0
    """Appended, but the disk has failed since and may not have them."""
    since: str = ""
    why: str = ""

    def add(self, other: Losses) -> None:
        """Take what *other*, which is newer, tells of too."""
        self.dropped += other.dropped
        self.denied += other.denied
        self.doubtful += other.doubtful
        self.since = self.since or other.since
        self.why = other.why


@dataclass(slots=True)
class Tally:
    """What was counted."""

    records: int = 0
    bytes: int = 0
    dropped: int = 0
    denied: int = 0
    late: int = 0
    """Answers that were given before their record was on the disk, which took too long."""
    gaps: int = 0
    failures: int = 0
    """Times that the disk failed to take what was written."""
    syncs: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS) + 1))
    sync_seconds: float = 0.0


def reason_of(error: OSError) -> str:
    """Return why, in words."""
    return error.strerror or str(error)
