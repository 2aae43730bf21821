"""What is known of a decision that is being made."""

from __future__ import annotations

from engine.runtime.record import Record
from engine.runtime.witness import Seen, Witness
from engine.service.entries import Spent


class Making(Witness):
    """What is to be told of how a decision came about. Times are in nanoseconds."""

    __slots__ = ("again", "decide", "error", "now", "read", "record", "review", "wait")

    def __init__(self, *, now: int, record: Record | None = None, error: str = "") -> None:
        """*now* is when, since the epoch; *record* the request, if it could be read."""
        super().__init__()
        self.now = now
        self.record = record
        self.error = error
        self.read = 0
        self.decide = 0
        self.wait = 0
        self.review = 0
        self.again: Witness | None = None
        """What was gone by when what a review lets pass instead was decided on."""

    def seen_by(self, rule: str, seen: Seen) -> Seen:
        """Return what was gone by when *rule* acted last; *seen* unless it has acted again."""
        again = None if self.again is None else self.again.seen
        return seen if again is None or rule not in again.outcome.acting else again

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
