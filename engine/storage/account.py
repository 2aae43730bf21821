"""What is kept, lost and refused in; counts, and the losses that a record has yet to tell, out."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable

from engine.storage.durability import BOUNDS, Losses, OnFull, Tally, reason_of


class Account:
    """Of one trail's records. Not for several threads at once."""

    def __init__(
        self, on_full: OnFull, *, time: Callable[[], str], told: Callable[[str], None]
    ) -> None:
        """*told* hears what is wrong, once."""
        self.tally = Tally()
        self.losses: Losses | None = None
        """Not told by a record yet."""
        self.stuck = ""
        """Why nothing can be written; empty while it can."""
        self._on_full = on_full
        self._time = time
        self._told = told

    def lose(self, *, dropped: int = 0, denied: int = 0, doubtful: int = 0, why: str) -> None:
        """Note what is to be told."""
        self.tally.dropped += dropped
        self.tally.denied += denied
        self.untell(Losses(dropped, denied, doubtful, self._time(), why))

    def untell(self, losses: Losses) -> None:
        """Have *losses* be told with the next record."""
        if self.losses is None:
            self.losses = losses
        else:
            self.losses.add(losses)

    def tells(self) -> None:
        """Note that a record tells the losses."""
        self.losses = None
        self.tally.gaps += 1

    def is_stuck(self, error: OSError) -> None:
        """Say once that nothing can be written."""
        if not self.stuck:
            self.stuck = reason_of(error)
            self._told(f"nothing can be written ({self.stuck}): {self._on_full}")

    def is_free(self) -> None:
        """Say that it can again."""
        self.stuck = ""
        self._told("there is room again")

    def failed(self, error: OSError) -> None:
        """Count, and say, that the disk has failed to take a segment."""
        self.tally.failures += 1
        self._told(f"the disk failed: {reason_of(error)}; a new segment goes on")

    def synced(self, spent: float) -> None:
        """Count a sync that has taken so many seconds."""
        self.tally.syncs[bisect_left(BOUNDS, spent)] += 1
        self.tally.sync_seconds += spent
