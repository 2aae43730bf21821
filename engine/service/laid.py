"""A line of the record that is laid already."""

from __future__ import annotations


class Laid:
    """What a recorder asks of a decision's `Entry`, and the bytes of its line. Never changed."""

    __slots__ = ("decision_id", "raw", "time")

    def __init__(self, time: str, decision_id: str, raw: bytes) -> None:
        self.time = time
        self.decision_id = decision_id
        self.raw = raw
