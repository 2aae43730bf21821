"""A request and its decision in, one JSON line out, appended to a file: who asked, what, and why.

The line never holds content: redactions are told by type, path and length, content by a keyed
hash, and advice that an expression computed (and that might repeat the content) by its length.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Protocol

import msgspec

from engine.runtime.decision import Decision, Escalation, Reason, Redaction, ThrottleState
from engine.runtime.record import Record
from engine.service.entries import Entry, Line, ReasonEntry, RedactionEntry, ThrottleEntry

SECOND = 1_000_000_000
HASH_BYTES = 16
ARGUMENTS = "tool.args"


class RecordError(Exception):
    """A line could not be written; the text says where and why, without the line."""


class Subject(msgspec.Struct, frozen=True):
    """What the record says about a request."""

    request_id: str = ""
    tenant: str = ""
    user: str = ""
    stage: str = ""
    model: str = ""
    tool: str = ""
    session: str = ""
    content: str = ""
    """Only hashed, never written."""


class Recorder(Protocol):
    """Keeps entries."""

    @property
    def dropped(self) -> int:
        """How many entries were lost because they could not be kept."""
        ...

    def write(self, entry: Line) -> None:
        """Keep *entry*; raise RecordError when it cannot be kept and that must not be."""
        ...

    def reopen(self) -> None:
        """Begin a new file where the old one was moved away."""
        ...

    def close(self) -> None:
        """Release the file."""
        ...


class Both:
    """Keeps entries with two recorders; the first is asked first."""

    def __init__(self, first: Recorder, second: Recorder) -> None:
        self._first = first
        self._second = second

    @property
    def dropped(self) -> int:
        """How many entries one of them has lost."""
        return self._first.dropped + self._second.dropped

    def write(self, entry: Line) -> None:
        """Keep *entry* twice. Raises RecordError."""
        self._first.write(entry)
        self._second.write(entry)

    def reopen(self) -> None:
        """Begin new files. Raises RecordError."""
        self._first.reopen()
        self._second.reopen()

    def close(self) -> None:
        """Release the files."""
        self._first.close()
        self._second.close()


class NoRecorder:
    """Keeps nothing."""

    dropped = 0

    def write(self, entry: Line) -> None:
        """Forget it."""

    def reopen(self) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""


def subject_of(record: Record) -> Subject:
    """Return what the record of decisions says about the request *record*."""
    messages = record.messages
    if messages is None:
        content = record.content or ""
    else:
        content = "\n".join([message.text for message in messages])
    return Subject(
        request_id=record.request_id,
        tenant=record.tenant.id,
        user=record.user.id,
        stage=record.stage,
        model=record.model.name or "",
        tool=record.tool.name or "",
        session=record.session.id or "",
        content=content,
    )


def make_entry(
    subject: Subject,
    decision: Decision,
    now: int,
    *,
    key: bytes,
    constants: frozenset[str],
    error: str = "",
) -> Entry:
    """Return the line for *decision* at *now* (ns since the epoch).

    *key* keys the content's hash; *constants* are the advice names whose values the policies spell
    out, so that they can be written as they are.
    """
    shadow = decision.shadow
    return Entry(
        time=iso_time(now),
        decision_id=decision.decision_id,
        request_id=decision.request_id,
        revision=decision.revision,
        tenant=subject.tenant,
        user=subject.user,
        stage=subject.stage,
        model=subject.model,
        tool=subject.tool,
        session=subject.session,
        action=decision.action,
        effective_action=decision.effective_action,
        downgrade_reason=decision.downgrade_reason,
        reasons=reason_entries(decision.reasons),
        redactions=redaction_entries(decision.redactions),
        restored=decision.restored,
        throttle=throttle_entry(decision.throttle) if decision.throttle else None,
        review_id=decision.escalation.review_id if decision.escalation else "",
        review=outcome_of(decision.escalation) if decision.escalation else "",
        advice={
            name: value if name in constants else measured(value)
            for name, value in decision.advice.items()
        },
        labels=decision.labels,
        shadow=shadow.action if shadow else "",
        shadow_reasons=reason_entries(shadow.reasons) if shadow else (),
        evaluated_in=decision.evaluated_in,
        degraded=decision.degraded,
        content_hash=hash_content(subject.content, key) if subject.content else "",
        error=error,
    )


def outcome_of(escalation: Escalation) -> str:
    """Return what came of a review; empty while it is open."""
    return "" if escalation.state == "open" else escalation.state


def throttle_entry(state: ThrottleState) -> ThrottleEntry:
    """Return the limit as the record keeps it."""
    return ThrottleEntry(
        rule=state.rule,
        limit=state.limit,
        remaining=state.remaining,
        retry_after=state.retry_after.total_seconds(),
    )


def redaction_entries(redactions: tuple[Redaction, ...]) -> tuple[RedactionEntry, ...]:
    """Return *redactions* as the record keeps them."""
    paths = {one.path: known_path(one.path) for one in redactions}
    # Hot path: of a list, since a generator takes as long again.
    return tuple(
        [
            RedactionEntry(entity=one.entity, path=paths[one.path], length=one.end - one.start)
            for one in redactions
        ]
    )


def known_path(path: str) -> str:
    """Return *path* without the names inside tool arguments: whoever wrote the call chose them."""
    return ARGUMENTS if path.startswith(f"{ARGUMENTS}.") else path


def reason_entries(reasons: tuple[Reason, ...]) -> tuple[ReasonEntry, ...]:
    """Return *reasons* as the record keeps them."""
    return tuple(
        ReasonEntry(
            policy=one.policy,
            rule=one.rule,
            action=one.action,
            severity=one.severity,
            failure=one.failure,
        )
        for one in reasons
    )


def measured(value: object) -> object:
    """Return *value* when it cannot carry text, else its kind and length."""
    match value:
        case None | bool() | int() | float() | Decimal():
            return value
        case str() | list() | tuple() | dict() | frozenset():
            return {"kind": type(value).__name__, "length": len(value)}
        case _:
            return {"kind": type(value).__name__}


def hash_content(content: str, key: bytes) -> str:
    """Return the keyed hash by which equal contents can be told without knowing them."""
    return hashlib.blake2b(content.encode(), key=key, digest_size=HASH_BYTES).hexdigest()


def iso_time(now: int) -> str:
    """Return *now* (ns since the epoch) as RFC 3339 in UTC with microseconds."""
    seconds, rest = divmod(now, SECOND)
    return f"{iso_second(seconds)}.{rest // 1000:06d}Z"


@lru_cache(maxsize=4)
def iso_second(seconds: int) -> str:
    """Return the second as RFC 3339 without a zone. Remembered: many decisions share one."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}"
