"""A record in, what OCSF's profile ``security_control`` and severity say of it out."""

from __future__ import annotations

from typing import Final, NamedTuple

from engine.sinks.forms_taken import Fields, Taken, list_of, number_of, text_of

CONTROL: Final = "security_control"


class Outcome(NamedTuple):
    """An action and a disposition of OCSF, each with its caption."""

    action_id: int
    action: str
    disposition_id: int
    disposition: str


ALLOWED = Outcome(1, "Allowed", 1, "Allowed")

OUTCOMES = {
    "allow": ALLOWED,
    "redact": Outcome(4, "Modified", 11, "Corrected"),
    "escalate": Outcome(2, "Denied", 3, "Quarantined"),
    "throttle": Outcome(2, "Denied", 25, "Rejected"),
    "deny": Outcome(2, "Denied", 2, "Blocked"),
}
"""By effective action. What waits for a person is held: quarantined."""

ANSWERED = {
    ("allow", "approved"): Outcome(1, "Allowed", 8, "Approved"),
    ("redact", "approved"): Outcome(4, "Modified", 8, "Approved"),
    ("deny", "rejected"): Outcome(2, "Denied", 25, "Rejected"),
}
"""By effective action and what came of the review."""

UNKNOWN = Outcome(0, "Unknown", 0, "Unknown")
FAILED = Outcome(2, "Denied", 27, "Error")

GRAVITY = {"low": 2, "medium": 3, "high": 4, "critical": 5}
"""The severity of a rule as OCSF's."""

BY_ACTION = {"allow": 1, "redact": 2, "throttle": 2, "escalate": 3, "deny": 3}
"""Where no deciding rule has a severity."""

INFORMATIONAL, MEDIUM, HIGH = 1, 3, 4


def severity_of(taken: Taken) -> int:
    """Return OCSF's severity_id: of the gravest deciding rule, else of the action."""
    fields = taken.fields
    match taken.kind:
        case "decision":
            rules = [GRAVITY.get(text_of(one, "severity"), 0) for one in list_of(fields, "reasons")]
            by_rule = max(rules, default=0)
            if text_of(fields, "effective_action") == "allow":
                return INFORMATIONAL  # The severity of a rule is that of what it stops.
            return by_rule or BY_ACTION.get(text_of(fields, "effective_action"), MEDIUM)
        case "gap":
            return HIGH
        case "cut":
            return HIGH if number_of(fields, "lost") else INFORMATIONAL
        case "reload":
            return MEDIUM if text_of(fields, "outcome") == "refused" else INFORMATIONAL
        case "unreadable":
            return HIGH
        case _:
            return INFORMATIONAL


def control_of(fields: Fields) -> dict[str, object]:
    """Return what was done with what a decision was about."""
    effective, review = text_of(fields, "effective_action"), text_of(fields, "review")
    found = ANSWERED.get((effective, review)) or OUTCOMES.get(effective, UNKNOWN)
    if text_of(fields, "error") and found.action_id == FAILED.action_id:
        found = FAILED
    made: dict[str, object] = found._asdict()
    reasons = list_of(fields, "reasons")
    name = text_of(reasons[0], "policy") if reasons else ""
    if name:
        made["policy"] = {"name": name, "is_applied": True}
        if text_of(reasons[0], "rule"):
            made["policy"] = {**made["policy"], "uid": text_of(reasons[0], "rule")}  # type: ignore[dict-item]
    return made
