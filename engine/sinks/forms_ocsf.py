"""A record in, an event of the Open Cybersecurity Schema Framework out: OCSF 1.9.0.

===================  =========================================  ==============================
record               class                                      activity
===================  =========================================  ==============================
decision             2004 Detection Finding                     1 Create
review               2004 Detection Finding, of the review      1 Create, 2 Update, 3 Close
settlement           2004 Detection Finding, of the decision    2 Update
reload               6002 Application Lifecycle                 8 Update
admin                6002 for started and stopped, else 3004    3 Start, 4 Stop, 4 Delete, 99
gap, cut, pruned     1008 Event Log Activity                    99, 99, 2 Delete
all else             0 Base Event                               99 Other
===================  =========================================  ==============================

Profiles: ``security_control`` (what was done), ``ai_operation`` (the model, the session, the
tokens) and ``record_integrity``: `attestation.fingerprint` is SHA-256 over the event's canonical
JSON (RFC 8785) without that fingerprint, `chain_uid` the trail, `uid` the record's place in it;
`raw_data_hash` is SHA-256 of the record's bytes, which the trail's own chain and checkpoints vouch
for. OCSF 1.9 lists ``ai_operation`` for activities and not for findings: a reader that is strict
finds `ai_model` and `message_context` beside the attributes of class 2004.

Every field that no attribute carries is in `unmapped`, numbers with a fraction as decimal text.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Final

from engine.sinks.forms_ocsf_control import CONTROL, control_of, severity_of
from engine.sinks.forms_ocsf_finding import AI, ai_of, decision_of, review_of, settlement_of
from engine.sinks.forms_taken import Fields, Taken, encode, fields_of, number_of, stamp, text_of

VERSION: Final = "1.9.0"
PRODUCT: Final = {"name": "engine", "vendor_name": "engine", "feature": {"name": "audit trail"}}
INTEGRITY: Final = "record_integrity"

CATEGORIES = {0: "Uncategorized", 1: "System Activity", 2: "Findings"}
CATEGORIES |= {3: "Identity & Access Management", 6: "Application Activity"}

CLASSES = {
    0: "Base Event",
    1008: "Event Log Activity",
    2004: "Detection Finding",
    3004: "Entity Management",
    6002: "Application Lifecycle",
}

ACTIVITIES: dict[int, dict[int, str]] = {
    1008: {2: "Delete"},
    2004: {1: "Create", 2: "Update", 3: "Close"},
    3004: {4: "Delete"},
    6002: {3: "Start", 4: "Stop", 8: "Update"},
}
OTHER: Final = 99

SEVERITIES = {1: "Informational", 2: "Low", 3: "Medium", 4: "High", 5: "Critical"}

CARRIED = frozenset({"kind", "time", "tenant", "revision"})
CARRIED_BY = {
    "decision": CARRIED | {"decision_id", "session", "model"},
    "review": CARRIED | {"review_id"},
    "settlement": CARRIED | {"decision_id"},
}
"""Texts that an attribute carries as they are, by the kind of the record."""

EXACT = 2**53
"""Whole numbers from here on are not exact in every reader of JSON (RFC 8785)."""

DELETING = frozenset({"erased", "pruned"})


def ocsf_form(taken: Taken) -> dict[str, object]:
    """Return the event, with its fingerprint."""
    class_uid, activity, extra = _about(taken)
    label = ACTIVITIES.get(class_uid, {}).get(activity, "")
    name = label or taken.text("act") or taken.kind
    severity = severity_of(taken)
    category = class_uid // 1000
    event: dict[str, object] = {
        "activity_id": activity,
        "activity_name": name,
        "category_uid": category,
        "category_name": CATEGORIES[category],
        "class_uid": class_uid,
        "class_name": CLASSES[class_uid],
        "type_uid": class_uid * 100 + activity,
        "type_name": f"{CLASSES[class_uid]}: {label or 'Other'}",
        "severity_id": severity,
        "severity": SEVERITIES[severity],
        "time": stamp(taken),
        "message": message_of(taken),
        "raw_data_hash": _fingerprint(taken.payload),
        "raw_data_size": len(taken.payload),
    }
    event.update(extra)
    profiles = [CONTROL] if "disposition_id" in extra else []
    profiles += [AI] if "ai_model" in extra or "message_context" in extra else []
    event["metadata"] = _metadata(taken, [*profiles, INTEGRITY])
    carried = CARRIED_BY.get(taken.kind, CARRIED)
    left = {
        key: exact(value)
        for key, value in taken.fields.items()
        if key not in carried or not (value and isinstance(value, str))
    }
    if not taken.fields:
        left = {"bytes": taken.payload.decode(errors="replace")}
    if left:
        event["unmapped"] = left
    return attested(event, taken)


def attested(event: dict[str, object], taken: Taken) -> dict[str, object]:
    """Return *event* with the fingerprint of all that it says."""
    attestation: dict[str, object] = {"uid": taken.uid, "chain_uid": taken.trail}
    event["attestation"] = attestation
    attestation["fingerprint"] = _fingerprint(encode(event, ordered=True))
    return event


def _fingerprint(data: bytes) -> dict[str, object]:
    return {"algorithm": "SHA-256", "algorithm_id": 3, "value": sha256(data).hexdigest()}


def _about(taken: Taken) -> tuple[int, int, dict[str, object]]:
    """Return the class, the activity, and the attributes that only this class has."""
    match taken.kind:
        case "decision":
            return 2004, 1, {**decision_of(taken), **control_of(taken.fields), **ai_of(taken)}
        case "review":
            return 2004, *review_of(taken)
        case "settlement":
            return 2004, 2, {**settlement_of(taken), **ai_of(taken)}
        case "reload":
            return 6002, 8, _application(taken.fields, text_of(taken.fields, "outcome"))
        case "admin":
            return _admin(taken.fields)
        case "gap" | "cut" | "pruned":
            log = {"log_name": "audit trail", "log_type": "Application", "log_type_id": 2}
            return (
                1008,
                2 if taken.kind == "pruned" else OTHER,
                {**log, "log_provider": taken.trail},
            )
        case _:
            return 0, OTHER, {}


def _application(fields: Fields, outcome: str) -> dict[str, object]:
    refused = outcome == "refused"
    revision = text_of(fields, "revision")
    return {
        "app": {"name": "engine", "vendor_name": "engine", **_some("version", revision)},
        "status_id": 2 if refused else 1,
        "status": "Failure" if refused else "Success",
    }


def _admin(fields: Fields) -> tuple[int, int, dict[str, object]]:
    act = text_of(fields, "act")
    if act in {"started", "stopped"}:
        return 6002, 3 if act == "started" else 4, _application(fields, "")
    what = fields_of(fields, "what")
    name = next((value for value in what.values() if isinstance(value, str) and value), "engine")
    extra: dict[str, object] = {"entity": {"name": name, "type": "Other", "type_id": 99}}
    if text_of(fields, "who"):
        extra["actor"] = {"user": {"name": fields["who"]}}
    return 3004, 4 if act in DELETING else OTHER, extra


def _metadata(taken: Taken, profiles: list[str]) -> dict[str, object]:
    fields = taken.fields
    return {
        "version": VERSION,
        "product": PRODUCT,
        "profiles": profiles,
        "uid": taken.uid,
        "sequence": taken.sequence,
        "event_code": taken.kind,
        "log_name": "audit trail",
        **_some("log_version", text_of(fields, "revision")),
        **_some("original_time", text_of(fields, "time")),
        **_some("tenant_uid", text_of(fields, "tenant")),
        **_some("correlation_uid", text_of(fields, "review_id") or text_of(fields, "session")),
    }


def _some(name: str, text: str) -> dict[str, object]:
    return {name: text} if text else {}


def message_of(taken: Taken) -> str:
    """Return the event in a sentence, of names and numbers alone."""
    fields = taken.fields
    match taken.kind:
        case "decision":
            return f"{text_of(fields, 'effective_action')} at stage {text_of(fields, 'stage')}"
        case "review":
            return f"review {text_of(fields, 'act')} in queue {text_of(fields, 'queue')}"
        case "settlement":
            return "use reported"
        case "reload":
            return f"policies {text_of(fields, 'outcome')}"
        case "admin":
            return text_of(fields, "act")
        case "gap":
            return f"{number_of(fields, 'lost')} records were lost"
        case kind:
            return f"{kind} record"


def exact(value: object) -> object:
    """Return *value* so that every reader of JSON writes its numbers alike.

    It does not call itself: what could just be read would be nested too deep for that.
    """
    whole: dict[str, object] = {"": value}
    copied: list[dict[str, object] | list[object]] = [whole]
    while copied:
        here = copied.pop()
        for key, inner in here.items() if isinstance(here, dict) else enumerate(here):
            made = exactly(inner)
            here[key] = made  # type: ignore[index]
            if isinstance(made, dict | list):
                copied.append(made)
    return whole[""]


def exactly(value: object) -> object:
    """Return a number as every reader writes it, of what holds more a copy, all else as it is."""
    match value:
        case dict():
            return dict(value)
        case list():
            return list(value)
        case bool():
            return value
        case float():
            return repr(value)
        case int():
            return value if -EXACT < value < EXACT else str(value)
        case _:
            return value
