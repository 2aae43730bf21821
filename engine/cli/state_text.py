"""Rows of a state store in, lines for people and values for machines out."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import NamedTuple, get_args

import orjson

from engine.language.render import inert
from engine.runtime.store import CONCURRENT, NANO
from engine.runtime.throttle import FOREVER
from engine.state.inspect import Kind, Overview, Row

COLUMNS = (
    "kind", "key", "name", "unit", "values", "used", "share", "window_seconds", "count", "tenant",
    "session", "labels", "until",
)  # fmt: skip
RARE = frozenset({"source", "print", "turn", "unreadable"})
"""Kinds that are told of only where there are any."""
KINDS: tuple[Kind, ...] = get_args(Kind)
_MEGABYTE = 2**20


class Total(NamedTuple):
    """What the buckets of a unit with the same first value have in use together."""

    first: str
    unit: str
    used: float
    buckets: int


def row_json(row: Row) -> dict[str, object]:
    """Return *row* in JSON-ready values: the columns that its kind has."""
    made: dict[str, object] = {"kind": row.kind, "until": instant(row.until)}
    match row.kind:
        case "bucket" | "meter":
            made |= {"key": row.key, "name": row.name, "values": list(row.values)}
            made["window_seconds"] = row.window / NANO
            if row.kind == "bucket":
                made |= {"unit": row.unit, "used": row.used, "share": row.share}
            else:
                made["count"] = row.count
        case "reservation":
            made["count"] = row.count
        case "session" | "source":
            labels = {label: instant(until) for label, until in row.labels.items()}
            made |= {"tenant": row.tenant, "session": row.session, "labels": labels}
            if row.kind == "source":
                made["count"] = row.count
        case "print" | "turn":
            made |= {"tenant": row.tenant, "session": row.session, "count": row.count}
        case _:
            made |= {"tenant": row.tenant, "session": row.session}
    return made


def instant(moment: int) -> str | None:
    """Return ns since 1970 as a date and time; None for an instant that never comes."""
    if moment >= FOREVER:
        return None
    return datetime.fromtimestamp(moment // NANO, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def csv_lines(rows: Iterable[dict[str, object]]) -> Iterator[str]:
    """Yield *rows* as lines of CSV (RFC 4180) under a heading; lists and labels are JSON."""
    yield ",".join(COLUMNS)
    for row in rows:
        line = io.StringIO()
        csv.writer(line, lineterminator="").writerow(
            [_cell(row[name]) if name in row else "" for name in COLUMNS]
        )
        yield line.getvalue()


def _cell(value: object) -> object:
    return orjson.dumps(value).decode() if isinstance(value, (list, dict)) else value


def describe_overview(found: Overview) -> Iterator[str]:
    """Yield the lines of an overview."""
    size = found.size
    yield f"file          {size.file / _MEGABYTE:,.1f} MiB, {size.used / _MEGABYTE:,.1f} MiB used"
    for kind in KINDS:
        number = found.counts.get(kind, 0)
        if number or kind not in RARE:
            yield f"{kind + 's' if kind != 'unreadable' else kind:<14}{number:,}"
    ahead = found.ahead / NANO
    side = "ahead of" if ahead >= 0 else "behind"
    yield f"steady clock  {abs(ahead):.3f} s {side} the wall clock"


def overview_json(found: Overview) -> dict[str, object]:
    """Return an overview in JSON-ready values."""
    return {
        "file_bytes": found.size.file,
        "map_bytes": found.size.mapped,
        "used_bytes": found.size.used,
        "entries": {kind: found.counts.get(kind, 0) for kind in KINDS},
        "clock_ahead_seconds": found.ahead / NANO,
    }


def describe_row(row: Row, now: int) -> str:
    """Return the line of one entry."""
    match row.kind:
        case "bucket":
            if row.unit == CONCURRENT:
                return f"bucket   {_named(row)}: {row.used:,.0f} held, all free {_in(row, now)}"
            ends = "full again" if row.window else "period ends"
            used = f"{row.used:,.9g} {inert(row.unit)} used"
            return f"bucket   {_named(row)}: {used}, {ends} {_in(row, now)}"
        case "meter":
            return f"meter    {_named(row)}: {row.count:,} in {row.window / NANO:,.9g} s"
        case "session":
            return f"session  {_session(row)}: {_labels(row)}"
        case "source":
            return f"source   {_session(row)}: {row.count:,} fingerprints, {_labels(row)}"
        case "print":
            return f"prints   {_session(row)}: {row.count:,}"
        case "turn":
            return f"turns    {_session(row)}: {row.count:,}"
        case "placeholder":
            return f"placeholder of {_session(row)}: until {instant(row.until) or 'for ever'}"
        case _:
            return row.kind


def _labels(row: Row) -> str:
    return ", ".join(
        f"{inert(label) or 'the user'} until {instant(until) or 'for ever'}"
        for label, until in sorted(row.labels.items())
    )


def _named(row: Row) -> str:
    values = " ".join(inert(orjson.dumps(value).decode()) for value in row.values)
    long = "" if row.key.endswith("]") else "(long key)"
    return " ".join(filter(None, (inert(row.name) or "?", values, long)))


def _session(row: Row) -> str:
    return f"{inert(row.tenant)} {inert(row.session)}" if row.tenant else "(long key)"


def _in(row: Row, now: int) -> str:
    return "never" if row.until >= FOREVER else f"in {(row.until - now) / NANO:,.0f} s"


def describe_top(buckets: Sequence[Row], meters: Sequence[Row], now: int) -> Iterator[str]:
    """Yield the lines of the most used buckets and the busiest meters."""
    yield from (describe_row(row, now) for row in (*buckets, *meters))
    if not buckets and not meters:
        yield "no buckets and no meters"


def totals(rows: Iterable[Row]) -> list[Total]:
    """Return what is in use by the first value of the buckets' keys, the most of a unit first."""
    sums: dict[tuple[str, str], tuple[float, int]] = {}
    for row in rows:
        if row.kind == "bucket" and row.values:
            first = row.values[0]
            name = first if isinstance(first, str) else orjson.dumps(first).decode()
            used, number = sums.get((name, row.unit), (0.0, 0))
            sums[name, row.unit] = used + row.used, number + 1
    made = [Total(name, unit, *rest) for (name, unit), rest in sums.items()]
    return sorted(made, key=lambda one: (one.unit, -one.used, one.first))


def describe_totals(sums: Sequence[Total]) -> Iterator[str]:
    """Yield a line for each sum."""
    for one in sums:
        used = f"{one.used:,.9g} {inert(one.unit)}"
        yield f"{inert(one.first)}: {used} used, buckets: {one.buckets:,}"
    if not sums:
        yield "no buckets"
