"""What a decision went by, for who has to tell of it."""

from __future__ import annotations

import msgspec

from engine.runtime.evidence import Evidence
from engine.runtime.outcome import Outcome
from engine.runtime.record import Record


class Seen(msgspec.Struct, frozen=True):
    """What a decision went by; of *record* the placeholders are turned back."""

    record: Record
    evidence: Evidence
    outcome: Outcome


class Witness(msgspec.Struct):
    """Remembers what one decision went by, if it came to the rules at all."""

    seen: Seen | None = None
