"""What a daemon tells of reviews, as frozen values with Python types."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from pol_client.results import Action, Message, Reason, ReviewState


@dataclass(frozen=True, slots=True)
class EarlierDecision:
    """A decision on the same conversation."""

    time: datetime
    decision_id: str
    stage: str
    action: Action
    effective_action: Action
    rules: tuple[str, ...]
    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Review:
    """What a person is asked, and the answer.

    ``content``, ``messages`` and ``arguments`` are what is to be released (None: there is none, or
    it is not shown, see *hidden*); with *full* they are what came.
    """

    review_id: str
    state: ReviewState
    queue: str
    tenant: str
    user: str
    stage: str
    reasons: tuple[Reason, ...]
    revision: str
    opened_at: datetime
    expires_at: datetime
    otherwise: Action
    content: str | None = None
    messages: tuple[Message, ...] | None = None
    arguments: object = None
    severity: str = ""
    hidden: str = ""
    """Why nothing is shown; empty where it is."""
    tool: str = ""
    session: str = ""
    decision_id: str = ""
    round: int = 1
    claimed_by: str = ""
    claimed_until: datetime | None = None
    approved_by: tuple[str, ...] = ()
    approvals_needed: int = 1
    resolved_by: str = ""
    resolved_at: datetime | None = None
    note: str = ""
    earlier: tuple[EarlierDecision, ...] = ()
    """What was decided in this conversation before, the oldest first; see ``get``."""
    earlier_missing: str = ""
    """Why decisions may be missing there; empty when none are."""
    approval_token: str = ""
    """Proof of the approval, to be presented once: ``decide(approval=…)``."""
    approval_expires_at: datetime | None = None
    approval_used_at: datetime | None = None
    keeps_full: bool = False
    full: bool = False


@dataclass(frozen=True, slots=True)
class ReviewPage:
    """Some reviews, the gravest first and then the oldest; *after* leads on, empty at the end."""

    reviews: tuple[Review, ...]
    after: str = ""


@dataclass(frozen=True, slots=True)
class ReviewDeed:
    """One thing that was done with a review, and how it stood after it."""

    number: int
    time: datetime
    act: str
    who: str
    note: str
    state: ReviewState
    round: int
