"""What a decision went by, for who has to tell of it.

No Structs: they are made for each decision, and compiled such classes cost a third.
"""

from __future__ import annotations

from engine.runtime.evidence import Evidence
from engine.runtime.outcome import Outcome
from engine.runtime.record import Record


class Seen:
    """What a decision went by; of *record* the placeholders are turned back. Never changed."""

    __slots__ = ("evidence", "outcome", "record")

    def __init__(self, record: Record, evidence: Evidence, outcome: Outcome) -> None:
        self.record = record
        self.evidence = evidence
        self.outcome = outcome


class Witness:
    """Remembers what one decision went by, if it came to the rules at all."""

    __slots__ = ("seen",)

    def __init__(self) -> None:
        self.seen: Seen | None = None
