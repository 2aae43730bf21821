"""A request and its decision in, the line that tells who asked, what, and why, out.

The line holds no content, unless it is handed in: redactions are told by type, path and length,
content by a keyed hash, advice that an expression computed (and that might repeat the content) by
its length. And it is never long: of long lists the beginning is kept.
"""

from __future__ import annotations

from asyncio import gather
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Protocol, TypeVar

import msgspec

from engine.runtime.decision import Decision, Escalation, Reason, Redaction, Shadow, ThrottleState
from engine.runtime.record import Record
from engine.runtime.values import NO_VALUES, Values, Witness
from engine.service.callers import CALLER
from engine.service.entries import (
    ContentEntry,
    Entry,
    Line,
    ReasonEntry,
    RedactionEntry,
    Spent,
    ThrottleEntry,
)
from engine.service.hashes import hash_arguments, hash_content
from engine.service.tracing import NO_TRACE, TRACE

SECOND = 1_000_000_000
ARGUMENTS = "tool.args"

MOST = 256
"""Elements of a list that are kept; the line says how many there were."""

LONGEST = 500
"""Characters of a text that is kept."""

NOTHING_TOLD: Mapping[str, Values] = {}
Item = TypeVar("Item")


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


NOBODY = Subject()
"""Of a request that could not be read."""


class Making(Witness, kw_only=True):
    """What is to be told of how a decision came about. Times are in nanoseconds."""

    now: int
    """When, since the epoch."""
    error: str = ""
    record: Record | None = None
    """The request, if it could be read."""
    read: int = 0
    decide: int = 0
    wait: int = 0
    review: int = 0

    @property
    def request_id(self) -> str:
        """The request's; empty where it could not be read."""
        return "" if self.record is None else self.record.request_id

    @property
    def spent(self) -> Spent | None:
        """Where the time went; None where nobody has looked at the clock."""
        if not self.decide:
            return None
        return Spent(read=self.read, decide=self.decide, wait=self.wait, review=self.review)


class Recorder(Protocol):
    """Keeps entries."""

    @property
    def dropped(self) -> int:
        """How many entries were lost because they could not be kept."""
        ...

    def write(self, entry: Line) -> None:
        """Keep *entry*; raise RecordError when it cannot be kept and that must not be."""
        ...

    @property
    def together(self) -> bool:
        """Whether what was written may always be answered at once, so that much may be together."""
        ...

    def write_all(self, entries: Sequence[Entry]) -> bool:
        """Keep *entries* in one go; return whether that went well: if not, none of them is kept.

        Only asked where they are kept ``together``.
        """
        ...

    def kept(self) -> Awaitable[None] | None:
        """Return what is to be awaited before what was written last is answered; None for nothing.

        It raises RecordError when that must not be answered.
        """
        ...

    def wait(self) -> None:
        """Wait until what was written last may be answered. Raises RecordError."""
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

    together = False
    """What one has kept, the other may not keep."""

    @property
    def dropped(self) -> int:
        """How many entries one of them has lost."""
        return self._first.dropped + self._second.dropped

    def write(self, entry: Line) -> None:
        """Keep *entry* twice. Raises RecordError."""
        self._first.write(entry)
        self._second.write(entry)

    def write_all(self, _entries: Sequence[Entry]) -> bool:
        """Return False: it is never asked."""
        return False

    def kept(self) -> Awaitable[None] | None:
        """Return what is to be awaited until both may be answered for. It raises RecordError."""
        first, second = self._first.kept(), self._second.kept()
        if first is None or second is None:
            return first or second
        return one_by_one((first, second))

    def wait(self) -> None:
        """Wait for both. Raises RecordError."""
        self._first.wait()
        self._second.wait()

    def reopen(self) -> None:
        """Begin new files. Raises RecordError."""
        self._first.reopen()
        self._second.reopen()

    def close(self) -> None:
        """Release the files."""
        self._first.close()
        self._second.close()


async def one_by_one(waited: Iterable[Awaitable[None]]) -> None:
    """Await all that is *waited* for; raise what the first of those raises that fail."""
    problems = [found for found in await gather(*waited, return_exceptions=True) if found]
    for problem in problems:
        raise problem


class NoRecorder:
    """Keeps nothing."""

    dropped = 0
    together = True

    def write(self, entry: Line) -> None:
        """Forget it."""

    def write_all(self, _entries: Sequence[Entry]) -> bool:
        """Return False: those that look at entries look at each."""
        return False

    def kept(self) -> Awaitable[None] | None:
        """Wait for nothing."""
        return None

    def wait(self) -> None:
        """Do nothing."""

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
    made: Making,
    decision: Decision,
    *,
    key: bytes,
    constants: frozenset[str],
    values: Mapping[str, Values] = NOTHING_TOLD,
    content: ContentEntry | None = None,
) -> Entry:
    """Return the line; *key* is of hashes, *constants* are spelt-out advice, *values* by rule."""
    if decision.bare and content is None and len(decision.reasons) <= MOST:
        return bare_entry(made, decision, key, values)
    subject = NOBODY if made.record is None else subject_of(made.record)
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
        arguments_hash=hash_arguments(made.record, key),
        content=content,
        error=brief(made.error),
        cut=cut,
    )


def bare_entry(made: Making, decision: Decision, key: bytes, values: Mapping[str, Values]) -> Entry:
    """Return the same line of a decision that says nothing beside what nearly all say."""
    # Hot path: a third of the time of the whole.
    subject = NOBODY if made.record is None else subject_of(made.record)
    trace, caller = TRACE.get() or NO_TRACE, CALLER.get()
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
        reasons=reason_entries(decision.reasons, values),
        evaluated_in=decision.evaluated_in,
        spent=made.spent,
        trace_id=trace.trace_id,
        span_id=trace.span_id,
        client_certificate=None if caller is None else caller.certificate,
        content_hash=hash_content(subject.content, key) if subject.content else "",
        arguments_hash=hash_arguments(made.record, key),
        error=brief(made.error),
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
    # Hot path: of a list, as above.
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


def measured(value: object) -> object:
    """Return *value* when it cannot carry text, else its kind and length."""
    match value:
        case None | bool() | int() | float() | Decimal():
            return value
        case str() | list() | tuple() | dict() | frozenset():
            return {"kind": type(value).__name__, "length": len(value)}
        case _:
            return {"kind": type(value).__name__}


def iso_time(now: int) -> str:
    """Return *now* (ns since the epoch) as RFC 3339 in UTC with microseconds."""
    seconds, rest = divmod(now, SECOND)
    return f"{iso_second(seconds)}.{rest // 1000:06d}Z"


@lru_cache(maxsize=4)
def iso_second(seconds: int) -> str:
    """Return the second as RFC 3339 without a zone. Remembered: many decisions share one."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}"
