"""Questions to reviewers, for the tests of those who keep and answer them."""

from __future__ import annotations

from typing import Literal

from engine.runtime.decision import Reason
from engine.storage.reviews import SECOND, Question, Shown

NOW = 1_767_225_600 * SECOND
HOUR = 3600 * SECOND


def asked(
    review_id: str = "r1",
    *,
    severity: str = "",
    within: int = HOUR,
    at: int = NOW,
    otherwise: Literal["allow", "deny"] = "deny",
    needed: int = 1,
    shown: Shown | None = None,
    hidden: str = "",
    **more: str,
) -> Question:
    """Return a question asked at *at* that may wait for *within*."""
    reason = Reason(policy="p", rule="p.r", action="escalate", severity=severity)
    texts = {"tenant": "north", "user": "ann", "stage": "request", "queue": "people", **more}
    return Question(
        review_id=review_id,
        revision="sha",
        reasons=(reason,),
        shown=Shown(content="refund 600") if shown is None else shown,
        expires_at=at + within,
        within=within,
        otherwise=otherwise,
        needed=needed,
        hidden=hidden,
        tenant=texts["tenant"],
        user=texts["user"],
        stage=texts["stage"],
        queue=texts["queue"],
        session=texts.get("session", ""),
        tool=texts.get("tool", ""),
        decision_id=texts.get("decision_id", ""),
    )
