"""What a daemon answers, as frozen values with Python types."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Literal

Action = Literal["allow", "redact", "escalate", "throttle", "deny"]
"""What is to happen. A value from a newer daemon that this client does not know arrives as deny."""

ReviewState = Literal["open", "approved", "rejected", "edited", "expired"]
"""Where a review stands. A value that this client does not know arrives as open."""


@dataclass(frozen=True, slots=True)
class Message:
    """One part of a conversation: who speaks, and the text."""

    role: str
    text: str


@dataclass(frozen=True, slots=True)
class Reason:
    """One rule (or a policy's default: then *rule* is empty) that led to the outcome."""

    policy: str
    rule: str
    action: Action
    message: str = ""
    severity: str = ""
    tags: tuple[str, ...] = ()
    owner: str = ""
    failure: str = ""
    """What could not be known, when the rule counted as matched (or not) for that reason."""
    place: str = ""
    """``file:line:column`` of the rule."""


@dataclass(frozen=True, slots=True)
class Redaction:
    """One replaced span of the original, in Unicode code points, end exclusive."""

    path: str
    start: int
    end: int
    entity: str
    strategy: str


@dataclass(frozen=True, slots=True)
class Throttle:
    """The tightest of the limits that the decision met. *retry_after* is zero unless refused.

    Of what may run at once (the unit is ``concurrent``) *retry_after* is the latest: a settlement
    frees a place before.
    """

    rule: str
    unit: str
    limit: Decimal
    remaining: Decimal
    retry_after: timedelta
    key: str
    reset: timedelta | None = None
    """Until all of the limit is there again, or its calendar period closes; of what may run at once
    until the first ends by itself. None: never, or the daemon cannot look."""
    window: timedelta | None = None
    """The period of the limit; None for what may run at once."""


@dataclass(frozen=True, slots=True)
class Escalation:
    """The review that was opened or joined, and what holds when nobody answers in time.

    Once *state* is not ``"open"`` any more, the decision is what came of the review; or it waits
    for the approval's token, where an approval is good for once.
    """

    review_id: str
    queue: str
    expires_at: datetime
    otherwise: Action
    state: ReviewState = "open"
    approvals_needed: int = 1
    """How many reviewers must approve."""


@dataclass(frozen=True, slots=True)
class Shadow:
    """What would have been decided had the shadow rules been enforced too."""

    action: Action
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Violation:
    """One wrong path of a request, and what is wrong with it."""

    path: str
    description: str


@dataclass(frozen=True, slots=True)
class Failure:
    """Why one request of a batch could not be decided: the status's name, and every wrong path."""

    code: str
    message: str
    violations: tuple[Violation, ...] = ()


@dataclass(frozen=True)  # Not slotted: `decode` makes one of another in a single step.
class Decision:
    """May it pass, and in what form?

    *action* is the policies' answer; *effective_action* is what the caller is to do, stricter where
    its capabilities do not suffice (then *downgrade_reason* says why). ``content``, ``messages``
    and ``arguments`` hold what to use instead of the original; None: nothing was redacted.
    """

    action: Action
    effective_action: Action
    reasons: tuple[Reason, ...] = ()
    content: str | None = None
    messages: tuple[Message, ...] | None = None
    arguments: object = None
    attributes: Mapping[str, str] = field(default_factory=dict)
    """Text attributes to use instead, by path, where rules redacted in them."""
    redactions: tuple[Redaction, ...] = ()
    restored: int = 0
    """How many placeholders of this session were turned back into what they stand for."""
    throttle: Throttle | None = None
    escalation: Escalation | None = None
    advice: Mapping[str, object] = field(default_factory=dict)
    labels: tuple[str, ...] = ()
    """Labels put on the session by this decision."""
    reserved: bool | None = None
    """Whether something was taken that waits to be settled; None from a daemon of old."""
    shadow: Shadow | None = None
    downgrade_reason: str = ""
    degraded: str = ""
    """Why limits were not held as they are written though they let this pass; else empty."""
    revision: str = ""
    """The digest of the bundle that decided."""
    request_id: str = ""
    decision_id: str = ""
    evaluated_in: int = 0
    """Nanoseconds spent deciding."""
    failure: Failure | None = None
    """Only in batches: the request could not be decided; the actions are then deny."""

    @property
    def passes(self) -> bool:
        """Whether the content may go on, as it is or redacted."""
        return self.effective_action in {"allow", "redact"}

    @property
    def reason(self) -> str:
        """The sentences of the reasons in one line; the rule's name where it has no sentence."""
        return "; ".join(each.message or each.rule or each.policy for each in self.reasons)


@dataclass(frozen=True, slots=True)
class Step:
    """One condition of an explanation and what it came to; *parts* are what it consists of."""

    text: str
    value: object
    """None also when it could not be known or was not reached."""
    unknown: str
    """What could not be known."""
    reached: bool
    """False when the outcome was certain before this part was needed."""
    place: str
    parts: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class RuleTrace:
    """One rule of an explanation, whether it matched, and its conditions."""

    rule: str
    action: Action
    matched: bool
    shadow: bool
    when: Step | None
    unless: Step | None
    place: str
    unknown: str
    """What could not be known; *matched* then says whether it counts as matched."""
    expired: bool


@dataclass(frozen=True, slots=True)
class PolicyTrace:
    """One policy of an explanation, whether it applies, and its rules."""

    policy: str
    applied: bool
    outcome: Action | None
    applies: Step | None
    rules: tuple[RuleTrace, ...]
    place: str
    shadow: bool


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a decision is what it is, and what it would have needed to come out otherwise."""

    decision: Decision
    policies: tuple[PolicyTrace, ...]
    misses: tuple[str, ...]
    text: str


@dataclass(frozen=True, slots=True)
class Status:
    """How the daemon is: which policies it serves, since when, and how the last reload went."""

    version: str
    serving: bool
    revision: str
    loaded_at: datetime | None
    policies: int
    rules: int
    last_error: str
