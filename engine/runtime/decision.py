"""The answer: what may pass, in what form, and why."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Literal

import msgspec

Action = Literal["allow", "redact", "escalate", "throttle", "deny"]

ReviewState = Literal["open", "approved", "rejected", "edited", "expired"]

STRICTNESS: dict[str, int] = {
    "allow": 0,
    "redact": 1,
    "escalate": 2,
    "throttle": 3,
    "deny": 4,
}
"""The lattice: the strictest outcome wins.

Throttle outranks escalate so that a flood cannot bury the reviewers.
"""


BARE = frozenset({"allow", "deny"})


class Message(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One part of a conversation: who speaks, and the text."""

    role: str
    text: str


class Reason(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One rule (or a policy's default: then *rule* is empty) that led to the outcome."""

    policy: str
    rule: str = ""
    action: Action
    message: str = ""
    severity: str = ""
    tags: tuple[str, ...] = ()
    owner: str = ""
    failure: str = ""
    """What could not be known, when the rule counted as matched (or not) for that reason."""
    place: str = ""
    """``file:line:column`` of the rule."""


class Redaction(msgspec.Struct, frozen=True, kw_only=True):
    """One replaced span of the original, in Unicode code points, end exclusive.

    *path* is ``content``, ``messages[2].text``, ``tool.args.to.body`` …
    """

    path: str
    start: int
    end: int
    entity: str
    strategy: str


class ThrottleState(msgspec.Struct, frozen=True, kw_only=True):
    """The tightest of the limits that the decision met."""

    rule: str
    unit: str
    limit: Decimal
    remaining: Decimal
    retry_after: timedelta
    """Zero unless the action is throttle. Of slots: at the latest, should nobody settle before."""
    key: str
    reset: timedelta | None = None
    """Until all of the limit is there again, or its calendar period closes; of slots until the
    first that is held ends by itself. None: never, or nobody can look."""
    window: timedelta | None = None
    """The period of the limit; None for slots."""


class Escalation(msgspec.Struct, frozen=True, kw_only=True):
    """The review that was opened, or joined. The same content of the same user has the same id.

    Once it is not `open` any more the decision is what came of it.
    """

    review_id: str
    queue: str
    expires_at: datetime
    otherwise: Literal["allow", "deny"]
    state: ReviewState = "open"
    needed: int = 1
    """How many reviewers must approve."""


class Shadow(msgspec.Struct, frozen=True, kw_only=True):
    """What would have been decided had the shadow rules been enforced too."""

    action: Action
    reasons: tuple[Reason, ...]


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """May it pass, and in what form?

    *action* is the policies' answer; *effective_action* is what the caller can carry out (never
    weaker), with *downgrade_reason* where they differ.
    """

    action: Action
    effective_action: Action
    reasons: tuple[Reason, ...]
    revision: str
    downgrade_reason: str = ""
    content: str | None = None
    """The content to use instead, when it was redacted or restored and came as one text."""
    messages: tuple[Message, ...] | None = None
    """The messages to use instead, when they were redacted or restored."""
    arguments: object = None
    """The tool arguments to use instead, when they were redacted or restored."""
    attributes: dict[str, str] = {}
    """Text attributes to use instead, by path, where rules redact in them."""
    redactions: tuple[Redaction, ...] = ()
    restored: int = 0
    """How many placeholders were turned back into what they stand for, before policies looked."""
    throttle: ThrottleState | None = None
    escalation: Escalation | None = None
    advice: dict[str, object] = {}
    labels: tuple[str, ...] = ()
    """Labels put on the session by this decision."""
    reserved: bool = False
    """Whether something was taken that waits for ``settle``: an estimate, or a slot."""
    shadow: Shadow | None = None
    degraded: str = ""
    """Why limits were not held as they are written, though they let it pass; else empty."""
    request_id: str = ""
    decision_id: str = ""
    evaluated_in: int = 0
    """Nanoseconds spent deciding."""

    def to_dict(self) -> dict[str, object]:
        """Return JSON-ready values: decimals and times as strings, durations in seconds."""
        raw = msgspec.to_builtins(self, builtin_types=(timedelta,))
        return {name: plain(value) for name, value in raw.items()}


def plain(value: object) -> object:
    """Return *value* with every timedelta turned into seconds."""
    match value:
        case timedelta():
            return value.total_seconds()
        case dict():
            return {name: plain(inner) for name, inner in value.items()}
        case list() | tuple():
            return [plain(inner) for inner in value]
        case _:
            return value
