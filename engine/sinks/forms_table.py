"""A record in, a flat row out: one table for all kinds of records, with a column for what each has.

Nothing is lost on the way: what has no column, or is not of its column's type, is in `rest` as
JSON. In CSV (RFC 4180) lists and objects are JSON (`rules` are words with spaces between them), and
a spreadsheet obeys no cell: text that begins like a formula (``= + - @``, also in full width, tab,
CR, LF) has a ``'`` in front, and control characters are shown as pictures. The other forms have
every character as it was.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Literal

from engine.language.render import inert
from engine.sinks.forms_taken import Taken, encode, read_time, rules_of

Type = Literal["time", "text", "whole", "number", "flag", "texts", "reasons", "redactions", "json"]

FORMULAS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")

MOST_WHOLE = 2**63


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its name, its type, and the path of the field that it shows."""

    name: str
    type: Type
    path: tuple[str, ...]


def _columns(type_: Type, *names: str) -> tuple[Column, ...]:
    return tuple(Column(name, type_, (name,)) for name in names)


def _inside(type_: Type, outer: str, *names: str, prefix: str = "") -> tuple[Column, ...]:
    return tuple(Column(f"{prefix or outer}_{name}", type_, (outer, name)) for name in names)


COLUMNS: tuple[Column, ...] = (
    *_columns("time", "time"),
    *_columns("text", "kind", "decision_id", "request_id", "tenant", "user", "stage"),
    *_columns("text", "model", "tool", "session", "action", "effective_action", "downgrade_reason"),
    Column("rules", "texts", ()),
    *_columns("reasons", "reasons"),
    *_columns("redactions", "redactions"),
    *_columns("whole", "restored"),
    *_inside("text", "throttle", "rule", "unit"),
    *_inside("number", "throttle", "limit", "remaining", "retry_after", "reset", "window"),
    *_columns("text", "review_id", "review"),
    *_columns("json", "advice"),
    *_columns("texts", "labels"),
    *_columns("text", "shadow"),
    *_columns("reasons", "shadow_reasons"),
    *_columns("whole", "evaluated_in"),
    *_inside("whole", "spent", "read", "decide", "wait", "review"),
    *_columns("text", "degraded", "error", "trace_id", "span_id", "content_hash"),
    *_columns("text", "arguments_hash"),
    *_inside("text", "client_certificate", "subject", "sha256"),
    Column("client_certificate_names", "texts", ("client_certificate", "names")),
    *_columns("json", "content"),
    *_columns("text", "revision", "previous", "outcome"),
    Column("reload_policies", "whole", ("policies",)),
    Column("reload_rules", "whole", ("rules",)),
    *_columns("texts", "why"),
    *_columns("text", "act", "who", "state", "queue"),
    *_columns("whole", "round", "number"),
    *_inside("whole", "amounts", "input_tokens", "output_tokens", prefix="used"),
    *_inside("number", "amounts", "cost_usd", prefix="used"),
    *_columns("flag", "settled"),
    *_columns("json", "what"),
    *_columns("whole", "lost", "denied", "doubtful"),
    *_columns("text", "trail"),
    *_columns("whole", "sequence"),
    *_columns("json", "rest"),
)

OWN = frozenset({"rules", "trail", "sequence", "rest"})
"""Columns that no field fills."""


def row_of(taken: Taken) -> dict[str, object]:
    """Return the row: a value, or None, for every column."""
    try:
        return _row_of(taken)
    except RecursionError:
        return _row_of(taken.unread)


def _row_of(taken: Taken) -> dict[str, object]:
    rest: dict[str, object] = dict(taken.fields)
    row: dict[str, object] = {}
    for column in COLUMNS:
        if column.name in OWN:
            row[column.name] = None
            continue
        row[column.name] = _take(rest, column)
    row["rules"] = rules_of(taken.fields) or None
    row["trail"] = taken.trail
    row["sequence"] = taken.sequence
    if not taken.fields:
        row["kind"] = taken.kind
        rest = {"bytes": taken.payload.decode(errors="replace")}
    row["rest"] = encode(rest).decode() if rest else None
    return row


def _take(rest: dict[str, object], column: Column) -> object:
    """Return what *column* shows, and take it out of *rest*; None where it is not of its type."""
    at, holder = rest, None
    for step in column.path[:-1]:
        inner = at.get(step)
        if not isinstance(inner, dict):
            return None
        holder, at = at, inner
    name = column.path[-1]
    if name not in at:
        return None
    value = READERS[column.type](at[name])
    if value is None:
        return None
    if holder is None:
        del at[name]
        return value
    # The field's object is the record's own, which stays as it is.
    left = {key: kept for key, kept in at.items() if key != name}
    if left:
        holder[column.path[0]] = left
    else:
        del holder[column.path[0]]
    return value


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _time(value: object) -> datetime | None:
    found = read_time(value) if isinstance(value, str) else None
    # Only what is there to the microsecond: the row must say what the record says.
    return found if found is not None and _same_time(str(value), found) else None


def _same_time(text: str, found: datetime) -> bool:
    return text in {
        found.isoformat(timespec=spec).replace("+00:00", "Z")
        for spec in ("microseconds", "milliseconds", "seconds")
    }


def _whole(value: object) -> int | None:
    fits = isinstance(value, int) and not isinstance(value, bool)
    return value if fits and -MOST_WHOLE <= value < MOST_WHOLE else None  # type: ignore[operator,return-value]


def _number(value: object) -> float | None:
    """Return a number that may have come as text, as exact ones do; None if a float is not it."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        exact = Decimal(value)
        found = float(exact)
    except (InvalidOperation, OverflowError):
        return None
    shown = isinstance(value, float) or Decimal(repr(found)) == exact
    return found if exact.is_finite() and shown else None


def _flag(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


def _texts(value: object) -> list[str] | None:
    if isinstance(value, str):
        return [value]
    fits = isinstance(value, list) and all(isinstance(one, str) for one in value)
    return value if fits else None  # type: ignore[return-value]


REASON = ("policy", "rule", "action", "severity", "failure")
REDACTION = {"entity": str, "path": str, "length": int}


def _reasons(value: object) -> list[dict[str, object]] | None:
    """Return reasons with the values that decided as JSON; None where one has more than these."""
    if not isinstance(value, list):
        return None
    made: list[dict[str, object]] = []
    for one in value:
        if not isinstance(one, dict) or not one.keys() <= {*REASON, "values"}:
            return None
        if not all(isinstance(one.get(name, ""), str) for name in REASON):
            return None
        values = encode(one["values"]).decode() if "values" in one else None
        made.append({**{name: one.get(name) for name in REASON}, "values": values})
    return made


def _redactions(value: object) -> list[dict[str, object]] | None:
    if not isinstance(value, list):
        return None
    for one in value:
        if not isinstance(one, dict) or one.keys() != REDACTION.keys():
            return None
        if not all(isinstance(one[name], type_) for name, type_ in REDACTION.items()):
            return None
        if _whole(one["length"]) is None:
            return None
    return value


def _json(value: object) -> str | None:
    return encode(value).decode()


READERS: dict[Type, Callable[[object], object]] = {
    "time": _time,
    "text": _text,
    "whole": _whole,
    "number": _number,
    "flag": _flag,
    "texts": _texts,
    "reasons": _reasons,
    "redactions": _redactions,
    "json": _json,
}


def csv_lines(records: Iterable[Taken]) -> Iterator[str]:
    """Yield the lines of a CSV file without their ends, a header first."""
    yield ",".join(column.name for column in COLUMNS)
    line = io.StringIO()
    writer = csv.writer(line, lineterminator="")
    for taken in records:
        row = row_of(taken)
        row["rules"] = " ".join(rules_of(taken.fields))
        writer.writerow([cell(row[column.name]) for column in COLUMNS])
        yield line.getvalue()
        line.seek(0)
        line.truncate()


def cell(value: object) -> str:
    """Return *value* as a cell that no spreadsheet obeys and no terminal either."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case float():
            return repr(value)
        case datetime():
            return value.isoformat(timespec="microseconds").replace("+00:00", "Z")
        case str():
            return harmless(value)
        case _:
            return harmless(encode(value).decode())


def harmless(text: str) -> str:
    """Return *text* so that no spreadsheet takes it for a formula."""
    shown = inert(text)
    return f"'{shown}" if text.startswith(FORMULAS) or shown.startswith(FORMULAS) else shown
