"""Batches in, log records of OpenTelemetry out, over HTTP as JSON (OTLP 1.x).

https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding. A server that has rejected some
records of a batch says how many, not which, and must not be sent any of them again: so many count
as refused, and the whole batch is kept among the dead. What else the specification does not want
tried again (401, 404, 500) is tried again, since an operator can mend it and no record may be lost.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

import msgspec

from engine.sinks.batch import Batch, Item
from engine.sinks.sink import TAKEN, Away, Outcome
from engine.sinks.web import JSON, Web, decoded

SCOPE = "engine.audit"
INFO = 9
"""SEVERITY_NUMBER_INFO."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


class Partial(msgspec.Struct, rename="camel"):
    """What was rejected; 64-bit numbers are strings in this encoding, mostly."""

    rejected_log_records: int | str = 0
    error_message: str = ""


class Said(msgspec.Struct, rename="camel"):
    """The answer to a batch."""

    partial_success: Partial | None = None


class OtlpSink:
    """Sends batches to the logs' URL of a collector."""

    def __init__(self, open_web: Callable[[], Web], resource: Mapping[str, str]) -> None:
        self._open_web = open_web
        self._web: Web | None = None
        self._resource = attributes(resource)

    async def send(self, batch: Batch) -> Outcome:
        """Send *batch*; see `sink.Sink`."""
        if self._web is None:
            self._web = self._open_web()
        answer = await self._web.post(logs_of(batch.items, self._resource), JSON)
        if answer.body.strip():
            partial = decoded(answer, Said).partial_success
            if partial is not None:
                return outcome_of(partial, len(batch.items))
        return TAKEN

    async def close(self) -> None:
        """Close the connections."""
        if self._web is not None:
            await self._web.close()
            self._web = None


def outcome_of(partial: Partial, count: int) -> Outcome:
    """Return what became of *count* records. Raises Away. What the server says may quote them."""
    try:
        rejected = int(partial.rejected_log_records or 0)
    except ValueError:
        raise Away("its answer cannot be understood") from None
    if rejected <= 0:
        return TAKEN
    if rejected >= count:
        return Outcome(why="it was rejected, with all of its batch", unnamed=count)
    why = f"{rejected} of the {count} records of its batch were rejected; which, is not said"
    return Outcome(why=why, unnamed=rejected)


def logs_of(items: Sequence[Item], resource: Sequence[object]) -> bytes:
    """Return an ExportLogsServiceRequest with one log record for each of *items*."""
    scope = {"scope": {"name": SCOPE}, "logRecords": [log_of(one) for one in items]}
    return msgspec.json.encode(
        {"resourceLogs": [{"resource": {"attributes": resource}, "scopeLogs": [scope]}]}
    )


def log_of(item: Item) -> dict[str, object]:
    """Return the record as a LogRecord: its JSON is the body."""
    named = {"audit.id": item.id, "audit.kind": item.kind, "audit.tenant": item.tenant}
    return {
        "timeUnixNano": str(nanoseconds(item.time)),
        "severityNumber": INFO,
        "severityText": "INFO",
        "eventName": f"audit.{item.kind}" if item.kind else "audit",
        "body": {"stringValue": item.body.decode("utf-8", "replace")},
        "attributes": attributes({name: value for name, value in named.items() if value}),
    }


def attributes(named: Mapping[str, str]) -> list[dict[str, object]]:
    """Return *named* as attributes."""
    return [{"key": name, "value": {"stringValue": value}} for name, value in named.items()]


def nanoseconds(text: str) -> int:
    """Return RFC 3339 as ns since the epoch; 0 where it is none."""
    try:
        return (datetime.fromisoformat(text) - EPOCH) // MICROSECOND * 1000
    except (TypeError, ValueError):
        return 0
