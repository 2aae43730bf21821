"""The lines of the record, as they are kept: what each kind of line says, and what it never says.

Each is a JSON object whose ``kind`` tells which one it is. No line holds content or an argument's
text, but for `ContentEntry`, which is there only where the settings ask for it.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

import msgspec

from engine.runtime.certificate import Certificate
from engine.service.laid import Laid


class ReasonEntry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A reason, as the record keeps it."""

    policy: str
    rule: str = ""
    action: str
    severity: str = ""
    failure: str = ""
    values: dict[str, object] = {}
    """What the rule's condition read, by the words of its author: see ``runtime.values``."""


class RedactionEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A redaction: what, where, and how long it was; never what it said."""

    entity: str
    path: str
    length: int


class ThrottleEntry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The tightest limit; times in seconds."""

    rule: str
    unit: str = ""
    limit: Decimal
    remaining: Decimal
    retry_after: float
    reset: float | None = None
    window: float | None = None


class Spent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where the time went, in nanoseconds; what took none is left out."""

    read: int = 0
    """Checking the request against the schema."""
    decide: int = 0
    wait: int = 0
    """For classifiers, a look at much text, or a store that is away."""
    review: int = 0
    """Opening, joining or looking up the review."""


class ContentEntry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The content, with a label in the place of what the policies redact; or the same, sealed."""

    text: str = ""
    arguments: object = None
    """Of the tool's call."""
    cut: int = 0
    """How many characters *text* had, where it is only the beginning."""
    sealed: str = ""
    """All of the above as JSON, in base64, under the tenant's key; see ``service.vault``."""
    key: str = ""
    """Which key of the tenant's it is."""
    missing: str = ""
    """Why there is none, though the settings ask for it."""


class Entry(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    omit_defaults=True,
    tag_field="kind",
    tag="decision",
):
    """A decision."""

    time: str
    decision_id: str
    request_id: str = ""
    revision: str
    tenant: str
    user: str
    stage: str
    model: str = ""
    tool: str = ""
    session: str = ""
    action: str
    effective_action: str
    downgrade_reason: str = ""
    reasons: tuple[ReasonEntry, ...] = ()
    redactions: tuple[RedactionEntry, ...] = ()
    restored: int = 0
    throttle: ThrottleEntry | None = None
    review_id: str = ""
    review: str = ""
    """What came of the review; empty while it is open."""
    advice: dict[str, object] = {}
    labels: tuple[str, ...] = ()
    shadow: str = ""
    shadow_reasons: tuple[ReasonEntry, ...] = ()
    evaluated_in: int
    spent: Spent | None = None
    degraded: str = ""
    trace_id: str = ""
    span_id: str = ""
    """Of the caller's span, in hexadecimal (W3C Trace Context)."""
    client_certificate: Certificate | None = None
    """Which the caller has shown; None where none was asked for."""
    content_hash: str = ""
    arguments_hash: str = ""
    """Of the arguments of the tool's call, as JSON whose names are in order."""
    content: ContentEntry | None = None
    error: str = ""
    cut: dict[str, int] = {}
    """How long a list was of which only the beginning is kept, by its name."""


class ReviewEntry(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    omit_defaults=True,
    tag_field="kind",
    tag="review",
):
    """What was done with a review. Notes and content stay in the review."""

    time: str
    review_id: str
    act: str
    who: str = ""
    state: str
    round: int
    tenant: str
    user: str
    queue: str
    number: int
    """Of the row in the history of reviews. A line that comes twice has the same."""
    waited: float = 0.0
    """Seconds from the opening until the act that has ended the round."""
    client_certificate: Certificate | None = None
    """Of who did it, where that was over TLS."""


class SettlementEntry(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    omit_defaults=True,
    tag_field="kind",
    tag="settlement",
):
    """What a call has really used."""

    time: str
    decision_id: str
    tenant: str = ""
    amounts: dict[str, int | Decimal] = {}
    """``input_tokens``, ``output_tokens``, ``cost_usd``: those that were told."""
    settled: bool = msgspec.field()
    """Whether the decision waited for it: if not, nothing was changed."""
    client_certificate: Certificate | None = None


class ReloadEntry(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    omit_defaults=True,
    tag_field="kind",
    tag="reload",
):
    """Policies that were taken over, or not."""

    time: str
    revision: str
    """What decides from now on."""
    previous: str = ""
    outcome: Literal["accepted", "refused"]
    policies: int = 0
    rules: int = 0
    why: tuple[str, ...] = ()
    """Of a refusal: the codes of what is wrong, each with its place."""


class AdminEntry(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    omit_defaults=True,
    tag_field="kind",
    tag="admin",
):
    """Something that a person, or the daemon itself, did beside deciding."""

    time: str
    act: str
    """``started``, ``stopped``, ``reload_asked``, ``state_reset``, ``erased``, ``pruned`` …"""
    who: str = ""
    what: dict[str, object] = {}
    client_certificate: Certificate | None = None


class GapEntry(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    omit_defaults=True,
    tag_field="kind",
    tag="gap",
):
    """Records that are missing, or might be, and of which this one tells."""

    time: str
    lost: int
    """Given without being recorded; or, of a *sink*, never to be sent there."""
    denied: int = 0
    """Denied because they could not be recorded, or not in time."""
    doubtful: int = 0
    """Appended, and the disk has failed since: it may not have them."""
    since: str = ""
    """When the first of them was."""
    why: str = ""
    sink: str = ""
    trail: str = ""
    first: int = -1
    """Of a sink: the first record that is missing there, by its number in that trail."""


Said = Entry | ReviewEntry | SettlementEntry | ReloadEntry | AdminEntry | GapEntry
"""What a line says to who reads it."""
Line = Said | Laid
"""What a recorder takes."""
