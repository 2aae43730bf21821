"""What matching hands to deciding: which policies apply, which rules match, what is in doubt.

No Struct: it is made and read for each decision, and of a compiled class that costs a third.
"""

from __future__ import annotations

from typing import Protocol

from engine.runtime.evidence import Evidence
from engine.runtime.record import Record


class Match:
    """Numbers of policies and rules, as in ``Program.policies`` and ``Program.rules``.

    *applied* are the policies that apply; *hits* the rules of these whose ``when`` holds and whose
    ``unless`` does not; *doubts* the rules of these that cannot be known, with what; *uncertain*
    the policies of which it cannot be known whether they apply. No list need be in order.
    """

    __slots__ = ("applied", "doubts", "hits", "uncertain")

    def __init__(
        self,
        applied: list[int],
        hits: list[int],
        doubts: list[tuple[int, str]],
        uncertain: list[tuple[int, str]],
    ) -> None:
        self.applied = applied
        self.hits = hits
        self.doubts = doubts
        self.uncertain = uncertain


class Matcher(Protocol):
    """Finds what matches. The reference and the compiled matcher always agree."""

    def match(self, record: Record, evidence: Evidence) -> Match:
        """Return what matches *record*."""
        ...
