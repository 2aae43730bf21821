"""What one sink of a process was given, counted."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from engine.daemon.sums import bucket_of


@dataclass(slots=True)
class Shipped:
    """Counts since the process began."""

    shipped: int = 0
    left_out: int = 0
    missed: int = 0
    decisions: dict[str, int] = field(default_factory=dict)
    """By the tenant's bucket: decisions that were shipped or left out."""

    def add(self, left_out: int, missed: int, tenants: Iterable[str], kept: dict[str, int]) -> None:
        """Count; *kept* is the same by bucket, for the run, and is counted on."""
        self.left_out += left_out
        self.missed += missed
        for tenant in tenants:
            bucket = str(bucket_of(tenant))
            self.decisions[bucket] = self.decisions.get(bucket, 0) + 1
            kept[bucket] = kept.get(bucket, 0) + 1
