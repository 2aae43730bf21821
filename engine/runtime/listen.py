"""A request in; what of it the session keeps is noted, and why it could not be comes out.

Nothing here decides: `sessions` tells what was noted apart from what was not.
"""

from __future__ import annotations

from contextlib import suppress

from engine.language.program import Label
from engine.runtime.decision import Decision, Reason
from engine.runtime.evidence import Evidence
from engine.runtime.policyset import PolicySet
from engine.runtime.record import Record
from engine.runtime.sessions import hear, lose, new_texts, prints_of
from engine.runtime.store import Store, StoreUnavailable

OURS = frozenset({"user", "assistant", "system", "developer"})
"""Who speaks in a request without being a tool or a document."""


def listen(policies: PolicySet, record: Record, store: Store, now_ns: int) -> str:
    """Note what the user says in a request, and the turn; return why that could not be counted."""
    if record.session.id is None or record.stage != "request":
        return ""
    if policies.heard.tainted:
        # Where it fails, his words will count as not said: that restricts.
        with suppress(StoreUnavailable):
            hear(record, policies.senses.key, store, now_ns)
    try:
        if policies.heard.turns and not record.session.turn:
            store.turn(record.tenant.id, record.session.id, now_ns, advance=True)
    except StoreUnavailable as problem:
        return f"the state store ({problem})"
    return ""


def overlook(policies: PolicySet, record: Record, store: Store, now_ns: int) -> str:
    """Note that nobody saw what is too large; return why that could not be noted.

    A reviewer may release it. From then on everything may have come from it.
    """
    if policies.on_too_large != "escalate" or record.session.id is None:
        return ""
    try:
        for stage, label in sorted(policies.heard.carried):
            if stage == record.stage:
                lose(record, label, store, now_ns)
    except StoreUnavailable as problem:
        return f"the state store ({problem})"
    return ""


def note_content(
    record: Record, evidence: Evidence, label: Label, until: int | None, key: bytes, store: Store
) -> None:
    """Note under *label* what the content says, whoever speaks; of a request, what others say.

    Only at the stages that it comes from. Raises StoreUnavailable.
    """
    if record.stage not in label.source:
        return
    parts, now = evidence.parts("content"), evidence.now_ns
    texts = [one.text for one in parts]
    if record.stage == "request":
        texts = [one.text for one in parts if one.role not in OURS]
        texts = new_texts(texts, label.label, record, key, store, now)
    found = prints_of(texts, record, key)
    store.note(record.tenant.id, record.session.id, label.label, found, until, now)


def decide_uncounted(
    policies: PolicySet, record: Record, decision_id: str, failure: str
) -> Decision:
    """Return the decision on a request that could not be counted as a turn: deny."""
    message = "the turn of the conversation cannot be counted"
    reason = Reason(policy="", action="deny", message=message, failure=failure)
    return Decision(
        action="deny",
        effective_action="deny",
        reasons=(reason,),
        revision=policies.revision,
        request_id=record.request_id,
        decision_id=decision_id,
    )
