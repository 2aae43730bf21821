"""All that a decision holds, by its place: to get that takes as long as two attributes of a Struct.

    held = astuple(decision)
    held[ACTION], held[REASONS]

Who reads only one or two reads attributes.
"""

from __future__ import annotations

from typing import Any, Final

from engine.runtime.decision import BARE, Decision

Held = tuple[Any, ...]

FIELDS: Final = Decision.__struct_fields__
ACTION: Final = FIELDS.index("action")
EFFECTIVE: Final = FIELDS.index("effective_action")
REASONS: Final = FIELDS.index("reasons")
REVISION: Final = FIELDS.index("revision")
REDACTIONS: Final = FIELDS.index("redactions")
RESTORED: Final = FIELDS.index("restored")
THROTTLE: Final = FIELDS.index("throttle")
ESCALATION: Final = FIELDS.index("escalation")
ADVICE: Final = FIELDS.index("advice")
LABELS: Final = FIELDS.index("labels")
RESERVED: Final = FIELDS.index("reserved")
SHADOW: Final = FIELDS.index("shadow")
DEGRADED: Final = FIELDS.index("degraded")
REQUEST_ID: Final = FIELDS.index("request_id")
DECISION_ID: Final = FIELDS.index("decision_id")
EVALUATED_IN: Final = FIELDS.index("evaluated_in")


def is_bare(held: Held) -> bool:
    """Return whether it says no more than what nearly all say: to allow or deny as it is, why."""
    return held[ACTION] in BARE and held[EFFECTIVE] == held[ACTION] and says_no_more(held)


def says_no_more(held: Held) -> bool:
    """Return whether a decision is bare, if its actions are."""
    return (
        held[THROTTLE] is None
        and held[ESCALATION] is None
        and held[SHADOW] is None
        and not (
            held[ADVICE] or held[LABELS] or held[DEGRADED] or held[REDACTIONS] or held[RESTORED]
        )
    )
