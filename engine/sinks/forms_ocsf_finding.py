"""A record in, what OCSF's class 2004 and its profile ``ai_operation`` say of it out."""

from __future__ import annotations

from typing import Final

from engine.sinks.forms_ocsf_control import HIGH, severity_of
from engine.sinks.forms_taken import (
    Fields,
    Taken,
    fields_of,
    list_of,
    number_of,
    rules_of,
    stamp,
    text_of,
)

AI: Final = "ai_operation"

ROLES = {"request": (1, "User"), "response": (2, "Assistant"), "tool_call": (2, "Assistant")}
ROLES |= {"tool_result": (3, "Tool"), "tool_description": (3, "Tool"), "document": (6, "Retriever")}
"""Who speaks at a stage: OCSF's ai_role_id."""

NEW, IN_PROGRESS, RESOLVED = (1, "New"), (2, "In Progress"), (4, "Resolved")
CREATE, UPDATE, CLOSE = 1, 2, 3

ENDINGS = frozenset({"approved", "rejected", "edited", "expired"})
"""Acts that answer a review."""

ALERTING = frozenset({"deny", "escalate"})


def decision_of(taken: Taken) -> dict[str, object]:
    """Return the finding that a decision is."""
    fields = taken.fields
    effective = text_of(fields, "effective_action")
    waits = effective == "escalate" and not text_of(fields, "review")
    info = _info(taken, text_of(fields, "decision_id"), f"{effective}: {_title(fields)}")
    analytics = [_analytic(one, text_of(fields, "revision")) for one in list_of(fields, "reasons")]
    known = [one for one in analytics if one]
    if known:
        info["analytic"] = known[0]
    if known[1:]:
        info["related_analytics"] = known[1:]
    if text_of(fields, "review_id"):
        info["related_events"] = [{"uid": fields["review_id"], "type": "review"}]
    made: dict[str, object] = {
        "finding_info": info,
        "is_alert": effective in ALERTING or severity_of(taken) >= HIGH,
        "evidences": [_evidence(fields)],
        "duration": number_of(fields, "evaluated_in") // 1_000_000,
        **_status(NEW if waits else RESOLVED),
    }
    target = text_of(fields, "tool") or text_of(fields, "model")
    if target:
        type_ = "tool" if text_of(fields, "tool") else "model"
        made["resources"] = [{"name": target, "type": type_, "role": "Target", "role_id": 1}]
    return made


def review_of(taken: Taken) -> tuple[int, dict[str, object]]:
    """Return the activity and the finding of what was done with a review."""
    fields = taken.fields
    act = text_of(fields, "act")
    info = _info(taken, text_of(fields, "review_id"), f"review {act}")
    who = text_of(fields, "who")
    asked = text_of(fields, "user")
    evidence: dict[str, object] = {"data": {"act": act, "queue": text_of(fields, "queue")}}
    if who:
        evidence["actor"] = {"user": {"name": who}}
    if asked:
        evidence["user"] = {"uid": asked}
    activity, status = UPDATE, IN_PROGRESS
    if act == "opened":
        activity, status = CREATE, NEW
    elif act in ENDINGS:
        activity, status = CLOSE, RESOLVED
    extra: dict[str, object] = {"finding_info": info, "evidences": [evidence], **_status(status)}
    return activity, {**extra, "is_alert": act == "opened"}


def settlement_of(taken: Taken) -> dict[str, object]:
    """Return the finding whose use is now known."""
    info = _info(taken, text_of(taken.fields, "decision_id"), "use reported")
    return {"finding_info": info, "is_alert": False, **_status(RESOLVED)}


def ai_of(taken: Taken) -> dict[str, object]:
    """Return the model, the session and the tokens."""
    fields = taken.fields
    model, session = text_of(fields, "model"), text_of(fields, "session")
    amounts = fields_of(fields, "amounts")
    made: dict[str, object] = {}
    if model:
        provider, slash, _ = model.partition("/")
        made["ai_model"] = {"name": model, "ai_provider": provider if slash else "Unknown"}
    context: dict[str, object] = {"service": {"name": model or text_of(fields, "tool") or "engine"}}
    if session:
        context["uid"] = session
    role = ROLES.get(text_of(fields, "stage"))
    if role:
        context["ai_role_id"], context["ai_role"] = role
    prompt, completion = (number_of(amounts, one) for one in ("input_tokens", "output_tokens"))
    if prompt or completion:
        context |= {"prompt_tokens": prompt, "completion_tokens": completion}
        context["total_tokens"] = prompt + completion
    return {**made, "message_context": context}


def _info(taken: Taken, uid: str, title: str) -> dict[str, object]:
    return {"uid": uid or taken.uid, "title": title, "created_time": stamp(taken)}


def _title(fields: Fields) -> str:
    return ", ".join(rules_of(fields)) or "no rule"


def _status(status: tuple[int, str]) -> dict[str, object]:
    return {"status_id": status[0], "status": status[1]}


def _analytic(reason: Fields, revision: str) -> dict[str, object]:
    """Return a deciding rule as what found it; nothing where the reason has no name."""
    name = text_of(reason, "rule") or text_of(reason, "policy")
    if not name:
        return {}
    made: dict[str, object] = {"name": name, "type": "Rule", "type_id": 1}
    if text_of(reason, "policy"):
        made["category"] = reason["policy"]
    if revision:
        made["version"] = revision
    return made


def _evidence(fields: Fields) -> dict[str, object]:
    """Return who asked, and how much of what was found where."""
    found: dict[str, object] = {}
    for one in list_of(fields, "redactions"):
        name = text_of(one, "entity")
        counted = found.get(name, 0)
        found[name] = (counted if isinstance(counted, int) else 0) + 1
    made: dict[str, object] = {"data": {"stage": text_of(fields, "stage"), "redacted": found}}
    user, session = text_of(fields, "user"), text_of(fields, "session")
    actor: dict[str, object] = {}
    if user:
        actor["user"] = {"uid": user}
    if session:
        actor["session"] = {"uid": session}
    if actor:
        made["actor"] = actor
    return made
