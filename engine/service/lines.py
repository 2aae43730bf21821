"""A request and its decision in, the line that tells who asked, what, and why, out.

The line holds no content, unless it is handed in: redactions are told by type, path and length,
content by a keyed hash, advice that an expression computed (and that might repeat the content) by
its length. And it is never long: of long lists the beginning is kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, TypeVar

from engine.runtime.decision import Decision, Escalation, Reason, Redaction, Shadow, ThrottleState
from engine.runtime.record import Record
from engine.runtime.values import NO_VALUES, Values
from engine.service.callers import CALLER
from engine.service.entries import (
    ContentEntry,
    Entry,
    ReasonEntry,
    RedactionEntry,
    ThrottleEntry,
)
from engine.service.hashes import hash_arguments, hash_content
from engine.service.making import Making
from engine.service.times import iso_time
from engine.service.tracing import NO_TRACE, TRACE

ARGUMENTS = "tool.args"
REMEMBERED: Final = 4096
"""Reasons of which it is known how they are kept. When there are more, all are forgotten."""

MOST: Final = 256
"""Elements of a list that are kept; the line says how many there were."""

LONGEST: Final = 500
"""Characters of a text that is kept."""

NOTHING_TOLD: Mapping[str, Values] = {}
Item = TypeVar("Item")


known: dict[int, tuple[Reason, ReasonEntry]] = {}
"""How reasons are kept, by the identity of the reason, which is held so that it stays its own."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What the record says about a request."""

    tenant: str = ""
    user: str = ""
    stage: str = ""
    model: str = ""
    tool: str = ""
    session: str = ""
    content: str = ""
    """Only hashed, never written."""


NOBODY = Subject()
"""Of a request that could not be read."""


def subject_of(record: Record) -> Subject:
    """Return what the record of decisions says about the request *record*."""
    return Subject(
        tenant=record.tenant.id,
        user=record.user.id,
        stage=record.stage,
        model=record.model.name or "",
        tool=record.tool.name or "",
        session=record.session.id or "",
        content=content_of(record),
    )


def content_of(record: Record) -> str:
    """Return all that was said in a request."""
    messages = record.messages
    if messages is None:
        return record.content or ""
    return "\n".join([message.text for message in messages])


def make_entry(
    made: Making,
    decision: Decision,
    *,
    key: bytes,
    constants: frozenset[str],
    values: Mapping[str, Values] = NOTHING_TOLD,
    content: ContentEntry | None = None,
) -> Entry:
    """Return the line; *key* is of hashes, *constants* are spelt-out advice, *values* by rule."""
    record = made.record
    subject = NOBODY if record is None else subject_of(record)
    trace, caller, cut = TRACE.get() or NO_TRACE, CALLER.get(), dict[str, int]()
    return Entry(
        time=iso_time(made.now),
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
        reasons=reason_entries(first(decision.reasons, "reasons", cut), values),
        redactions=redaction_entries(first(decision.redactions, "redactions", cut)),
        restored=decision.restored,
        throttle=throttle_entry(decision.throttle) if decision.throttle else None,
        review_id=decision.escalation.review_id if decision.escalation else "",
        review=outcome_of(decision.escalation),
        advice=advice_entries(decision.advice, constants, cut) if decision.advice else {},
        labels=first(decision.labels, "labels", cut),
        shadow=decision.shadow.action if decision.shadow else "",
        shadow_reasons=shadow_entries(decision.shadow, values, cut) if decision.shadow else (),
        evaluated_in=decision.evaluated_in,
        spent=made.spent,
        degraded=brief(decision.degraded),
        trace_id=trace.trace_id,
        span_id=trace.span_id,
        client_certificate=None if caller is None else caller.certificate,
        content_hash=hash_content(subject.content, key) if subject.content else "",
        arguments_hash=hash_arguments(record, key),
        content=content,
        error=brief(made.error),
        cut=cut,
    )


def shadow_entries(
    shadow: Shadow, values: Mapping[str, Values], cut: dict[str, int]
) -> tuple[ReasonEntry, ...]:
    """Return the reasons of what shadow rules would have decided."""
    return reason_entries(first(shadow.reasons, "shadow_reasons", cut), values)


def first(items: tuple[Item, ...], name: str, cut: dict[str, int]) -> tuple[Item, ...]:
    """Return the first of *items*; note in *cut* how many there are where that is not all."""
    if len(items) <= MOST:
        return items
    cut[name] = len(items)
    return items[:MOST]


def brief(text: str) -> str:
    """Return *text*, or its beginning."""
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def advice_entries(
    advice: Mapping[str, object], constants: frozenset[str], cut: dict[str, int]
) -> dict[str, object]:
    """Return the first pieces of *advice*, as they are where the policies spell them out."""
    return {
        name: spelt(value) if name in constants else measured(value)
        for name, value in first(tuple(advice.items()), "advice", cut)
    }


def spelt(value: object) -> object:
    """Return a value that a policy spells out, measured if it is long."""
    match value:
        case str() if len(value) > LONGEST:
            return measured(value)
        case list() | tuple() | dict() | frozenset() if len(repr(value)) > LONGEST:
            return measured(value)
        case _:
            return value


def outcome_of(escalation: Escalation | None) -> str:
    """Return what came of a review; empty while it is open, or there is none."""
    return "" if escalation is None or escalation.state == "open" else escalation.state


def throttle_entry(state: ThrottleState) -> ThrottleEntry:
    """Return the limit as the record keeps it."""
    return ThrottleEntry(
        rule=state.rule,
        unit=state.unit,
        limit=state.limit,
        remaining=state.remaining,
        retry_after=state.retry_after.total_seconds(),
        reset=None if state.reset is None else state.reset.total_seconds(),
        window=None if state.window is None else state.window.total_seconds(),
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


def reason_entries(
    reasons: tuple[Reason, ...], values: Mapping[str, Values]
) -> tuple[ReasonEntry, ...]:
    """Return *reasons* as the record keeps them, with the *values* that their rules have read."""
    # Hot path: of a list, as above. Most reasons are the same objects again and again.
    if not values:
        return tuple([reason_entry(one) for one in reasons])
    return tuple(
        [
            ReasonEntry(
                policy=one.policy,
                rule=one.rule,
                action=one.action,
                severity=one.severity,
                failure=brief(one.failure),
                values=values.get(one.rule, NO_VALUES),
            )
            for one in reasons
        ]
    )


def reason_entry(reason: Reason) -> ReasonEntry:
    """Return *reason* as the record keeps it, without values."""
    found = known.get(id(reason))
    if found is not None and found[0] is reason:  # Invariant: it is held; no other has its id.
        return found[1]
    made = ReasonEntry(
        policy=reason.policy,
        rule=reason.rule,
        action=reason.action,
        severity=reason.severity,
        failure=brief(reason.failure),
    )
    if not reason.failure:  # Those are new for each decision.
        if len(known) >= REMEMBERED:
            known.clear()
        known[id(reason)] = (reason, made)
    return made


def measured(value: object) -> object:
    """Return *value* when it cannot carry text, else its kind and length."""
    match value:
        case None | bool() | int() | float() | Decimal():
            return value
        case str() | list() | tuple() | dict() | frozenset():
            return {"kind": type(value).__name__, "length": len(value)}
        case _:
            return {"kind": type(value).__name__}
