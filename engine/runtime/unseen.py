"""A request whose content is too large to look at in, the decision that the deployment wants out.

Nothing of the content is scanned and no rule is asked: what detectors did not see, no rule can
judge. The decision says so, and is recorded as any other.
"""

from __future__ import annotations

from datetime import timedelta

from engine.runtime.combine import FAILURES
from engine.runtime.decision import Action, Decision, Escalation, Reason
from engine.runtime.evidence import EPOCH
from engine.runtime.policyset import PolicySet
from engine.runtime.record import Record
from engine.runtime.review import review_id

TOO_LARGE = "content too large"


def decide_unseen(
    policies: PolicySet, record: Record, now_ns: int, decision_id: str, away: str = ""
) -> Decision:
    """Return the decision about a *record* with too much text: ``escalate`` if set so, or deny.

    It is deny where *away* says that the session could not be told.
    """
    escalates = policies.on_too_large == "escalate" and not away
    action: Action = "escalate" if escalates else "deny"
    effective, why, escalation = action, "", None
    if action == "escalate":
        escalation = Escalation(
            review_id=review_id(record, TOO_LARGE, policies.revision, policies.key),
            queue=FAILURES.queue,
            expires_at=EPOCH + timedelta(microseconds=now_ns // 1000) + FAILURES.within,
            otherwise=FAILURES.otherwise,
        )
        if record.capabilities is not None and "wait" not in record.capabilities:
            effective, why = "deny", "the caller cannot wait for a review"
    reason = Reason(policy="", action=action, message=TOO_LARGE, failure=away or record.too_large)
    return Decision(
        action=action,
        effective_action=effective,
        downgrade_reason=why,
        reasons=(reason,),
        revision=policies.revision,
        escalation=escalation,
        request_id=record.request_id,
        decision_id=decision_id,
    )
