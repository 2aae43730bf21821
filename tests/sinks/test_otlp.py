"""What a collector gets is what OpenTelemetry's own messages decode."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from google.protobuf import json_format
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from engine.sinks.batch import Batch
from engine.sinks.otlp import OtlpSink, nanoseconds
from engine.sinks.ship import Dead, Pauses, Shipment
from engine.sinks.sink import TAKEN, Away, Outcome
from engine.sinks.web import Web
from tests.sinks.collector import Collector, collector
from tests.sinks.shipping_made import batch, ids, item


def send(told: Collector, what: Batch) -> Outcome:
    sink = OtlpSink(
        lambda: Web(f"{told.url}/v1/logs", {}, None, 20.0, pack=True), {"service.name": "engine"}
    )

    async def go() -> Outcome:
        try:
            return await sink.send(what)
        finally:
            await sink.close()
            await sink.close()

    return asyncio.run(go())


def test_a_batch_is_a_request_with_a_log_record_for_each() -> None:
    with collector(lambda _: (200, b"{}")) as told:
        assert send(told, batch(2)) == TAKEN
    (asked,) = told.asked
    assert asked.path == "/v1/logs"
    request = json_format.Parse(asked.body, ExportLogsServiceRequest())
    (resource,) = request.resource_logs
    assert resource.resource.attributes[0].value.string_value == "engine"
    (scope,) = resource.scope_logs
    assert scope.scope.name == "engine.audit"
    first, second = scope.log_records
    assert first.time_unix_nano == 1767323045_000006_000
    assert first.body.string_value.encode() == item(0).body
    named = {one.key: one.value.string_value for one in second.attributes}
    assert named == {"audit.id": "t/1", "audit.kind": "decision", "audit.tenant": "north"}
    assert (first.severity_number, first.event_name) == (9, "audit.decision")


def test_what_says_nothing_of_itself_is_a_log_record_too() -> None:
    with collector() as told:
        send(told, Batch((item(0)._replace(kind="", tenant="", time=""),)))
    request = json_format.Parse(told.asked[0].body, ExportLogsServiceRequest())
    record = request.resource_logs[0].scope_logs[0].log_records[0]
    assert (record.event_name, record.time_unix_nano) == ("audit", 0)


@pytest.mark.parametrize("count", ["1", 1])
def test_of_a_batch_of_which_some_were_rejected_so_many_are_refused(count: str | int) -> None:
    number = f'"{count}"' if isinstance(count, str) else count
    said = f'{{"partialSuccess":{{"rejectedLogRecords":{number},"errorMessage":"x"}}}}'.encode()
    with collector(lambda _: (200, said)) as told:
        outcome = send(told, batch(2))
    assert (outcome.unnamed, outcome.again, outcome.refused) == (1, (), ())
    assert outcome.why.startswith("1 of the 2 records of its batch were rejected")


@pytest.mark.parametrize("rejected", [1, 3, 99])
def test_what_was_rejected_is_never_sent_again_and_holds_up_nothing(
    tmp_path: Path, rejected: int
) -> None:
    said = [f'{{"partialSuccess":{{"rejectedLogRecords":"{rejected}"}}}}'.encode(), b"{}"]
    with collector(lambda _: (200, said.pop(0))) as told:
        sink = OtlpSink(lambda: Web(told.url, {}, None, 20.0, pack=True), {})
        one = Shipment(sink, Dead(tmp_path / "dead"), Pauses(), asyncio.sleep, lambda: 1.0)

        async def go() -> None:
            assert ids(await one.deliver(batch(3)) or []) == [0, 1, 2]
            assert await one.deliver(batch(1, 3)) == []
            await sink.close()

        asyncio.run(go())
    assert len(told.asked) == 2
    most = min(rejected, 3)
    assert (one.tally.dead, one.tally.sent) == (most, 4 - most)
    assert len((tmp_path / "dead").read_bytes().splitlines()) == 3
    assert "reject" in one.tally.refusal


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"{}",
        b'{"partialSuccess":{}}',
        b'{"partialSuccess":null}',
        b'{"partialSuccess":{"errorMessage":"odd"}}',
    ],
)
def test_a_warning_is_no_rejection(said: bytes) -> None:
    with collector(lambda _: (200, said)) as told:
        assert send(told, batch(1)) == TAKEN


def test_an_answer_that_cannot_be_understood_took_nothing() -> None:
    for said in (b"ok", b'{"partialSuccess":{"rejectedLogRecords":"some"}}'):
        with collector(lambda _, said=said: (200, said)) as told, pytest.raises(Away):  # type: ignore[misc]
            send(told, batch(1))


def test_a_time_that_is_none_is_zero() -> None:
    assert nanoseconds("") == nanoseconds("2026-01-01T00:00:00") == 0
