"""A record in, what a report says of it out: what, who, why, and the section of a decision."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from engine.cli.report_document import Block, Cell, Facts, Note, Section, Table, Tone
from engine.sinks.forms_taken import encode, fields_of, list_of, number_of, text_of, texts_of
from engine.storage.wanted import Found

ACTION_TONES: Final[Mapping[str, Tone]] = {
    "allow": "good",
    "redact": "warn",
    "escalate": "warn",
    "throttle": "warn",
    "deny": "bad",
}

PLAIN = (
    ("Request", "request_id"),
    ("Downgraded because", "downgrade_reason"),
    ("Degraded", "degraded"),
    ("Error", "error"),
    ("Review", "review_id"),
    ("Review's outcome", "review"),
    ("Shadow outcome", "shadow"),
    ("Content hash", "content_hash"),
    ("Arguments hash", "arguments_hash"),
    ("Trace", "trace_id"),
)
"""Fields of a decision that are shown as they are, if there are any."""


def fact(name: str, text: str, tone: Tone = "plain", *, code: bool = False) -> tuple[str, Cell]:
    """Return a row of facts."""
    return name, Cell(text, tone, code)


def text_in(value: object) -> str:
    """Return *value* as text: a text as it is, all else as JSON."""
    if value is None:
        return ""
    return value if isinstance(value, str) else encode(value).decode()


def what_of(one: Found) -> str:
    """Return what happened, in a word or two."""
    kind = one.text("kind")
    match kind:
        case "decision":
            return one.text("effective_action")
        case "review" | "admin":
            return f"{kind}: {one.text('act')}"
        case _:
            return kind or "unreadable"


def who_of(one: Found) -> str:
    """Return who asked, or acted."""
    if one.text("kind") == "decision":
        return "/".join(name for name in (one.text("tenant"), one.text("user")) if name)
    return one.text("who") or "the engine"


def detail_of(one: Found) -> str:
    """Return why, or what of it."""
    match one.text("kind"):
        case "decision":
            rules = ", ".join(one.rules) or "no rule"
            return f"{one.text('stage')}: {rules}"
        case "review":
            return f"{one.text('state')}, queue {one.text('queue')}"
        case "settlement":
            amounts = fields_of(one.fields, "amounts")
            return ", ".join(f"{name} {text_in(value)}" for name, value in amounts.items())
        case _:
            apart = {"kind", "time", "who", "act"}
            left = {name: value for name, value in one.fields.items() if name not in apart}
            return text_in(left) if left else ""


def decision_section(one: Found) -> Section:
    """Return all that a decision says."""
    fields = one.fields
    blocks: list[Block] = [_facts(one)]
    reasons = [*_reasons(fields, "reasons")]
    if reasons:
        columns = ("Rule", "Action", "Severity", "Values that decided", "Could not be known")
        blocks.append(Table(columns, tuple(reasons)))
    else:
        blocks.append(Note("No rule is recorded as deciding."))
    redactions = list_of(fields, "redactions")
    if redactions:
        rows = tuple(
            tuple(Cell(text_in(row.get(name))) for name in ("entity", "path", "length"))
            for row in redactions
        )
        blocks.append(Table(("Redacted", "Place", "Characters"), rows))
    shadow = [*_reasons(fields, "shadow_reasons")]
    if shadow:
        columns = ("Shadow rule", "Action", "Severity", "Values", "Could not be known")
        blocks.append(Table(columns, tuple(shadow)))
    title = f"{one.text('effective_action')} - {one.text('decision_id')}"
    return Section(title, tuple(blocks), level=2)


def _facts(one: Found) -> Facts:
    fields = one.fields
    action, effective = one.text("action"), one.text("effective_action")
    tone = ACTION_TONES.get(effective, "plain")
    shown = effective if action == effective else f"{effective} (the policies said {action})"
    rows = [fact("Time", one.kept.time, code=True), fact("Action", shown, tone)]
    target = (("Stage", "stage"), ("Model", "model"), ("Tool", "tool"))
    rows += [fact(label, one.text(name)) for label, name in (*target, *PLAIN) if one.text(name)]
    throttle = fields_of(fields, "throttle")
    if throttle:
        rows.append(fact("Throttle", _throttle(throttle)))
    for label, texts in (("Labels put", texts_of(fields, "labels")),):
        if texts:
            rows.append(fact(label, ", ".join(texts)))
    for label, name in (("Advice", "advice"), ("Content", "content"), ("Cut in record", "cut")):
        if fields_of(fields, name):
            rows.append(fact(label, text_in(fields[name])))
    if number_of(fields, "restored"):
        rows.append(fact("Restored", f"{number_of(fields, 'restored')} placeholders"))
    rows.append(fact("Took", _took(fields)))
    return Facts(tuple(rows))


def _throttle(throttle: Mapping[str, object]) -> str:
    parts = [text_of(throttle, "rule")]
    left, limit = text_in(throttle.get("remaining")), text_in(throttle.get("limit"))
    parts.append(f"{left} of {limit} {text_of(throttle, 'unit')} left".replace("  ", " "))
    for label, name in (("retry after", "retry_after"), ("window", "window"), ("reset", "reset")):
        if throttle.get(name):
            parts.append(f"{label} {text_in(throttle[name])} s")
    return ", ".join(parts)


def _took(fields: Mapping[str, object]) -> str:
    total = f"{_milliseconds(fields, 'evaluated_in')} ms"
    spent = fields_of(fields, "spent")
    parts = [f"{name} {_milliseconds(spent, name)}" for name in spent]
    return f"{total} ({', '.join(parts)})" if parts else total


def _milliseconds(fields: Mapping[str, object], name: str) -> str:
    took = number_of(fields, name)
    # No float holds all that a record may say; nothing takes a century.
    return f"{took / 1_000_000:.3f}" if abs(took) < 2**63 else "?"


def _reasons(fields: Mapping[str, object], name: str) -> Iterable[tuple[Cell, ...]]:
    for reason in list_of(fields, name):
        values = fields_of(reason, "values")
        shown = "; ".join(f"{path} = {text_in(value)}" for path, value in values.items())
        action = text_of(reason, "action")
        rule = text_of(reason, "rule") or f"{text_of(reason, 'policy')} (its default)"
        yield (
            Cell(rule, code=True),
            Cell(action, ACTION_TONES.get(action, "plain")),
            Cell(text_of(reason, "severity")),
            Cell(shown, code=bool(shown)),
            Cell(text_of(reason, "failure")),
        )
