"""What is known of a decision that is being made."""

from __future__ import annotations

from engine.runtime.record import Record
from engine.runtime.witness import Witness
from engine.service.entries import Spent


class Making(Witness, kw_only=True):
    """What is to be told of how a decision came about. Times are in nanoseconds."""

    now: int
    """When, since the epoch."""
    error: str = ""
    record: Record | None = None
    """The request, if it could be read."""
    read: int = 0
    decide: int = 0
    wait: int = 0
    review: int = 0

    @property
    def request_id(self) -> str:
        """The request's; empty where it could not be read."""
        return "" if self.record is None else self.record.request_id

    @property
    def spent(self) -> Spent | None:
        """Where the time went; None where nobody has looked at the clock."""
        if not self.decide:
            return None
        return Spent(read=self.read, decide=self.decide, wait=self.wait, review=self.review)
