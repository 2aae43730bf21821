"""What a collector gets is what OpenTelemetry's own messages decode."""

from __future__ import annotations

import asyncio

import pytest
from google.protobuf import json_format
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from engine.sinks.batch import Batch
from engine.sinks.otlp import OtlpSink, nanoseconds
from engine.sinks.sink import TAKEN, Away, Outcome, Refused
from engine.sinks.web import Web
from tests.sinks.collector import Collector, collector
from tests.sinks.shipping_made import batch, item


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
def test_a_batch_of_which_some_were_rejected_is_refused(count: str | int) -> None:
    number = f'"{count}"' if isinstance(count, str) else count
    said = f'{{"partialSuccess":{{"rejectedLogRecords":{number},"errorMessage":"x"}}}}'.encode()
    with collector(lambda _: (200, said)) as told, pytest.raises(Refused, match="1 records"):
        send(told, batch(2))


@pytest.mark.parametrize("said", [b"", b"{}", b'{"partialSuccess":{}}', b'{"partialSuccess":null}'])
def test_a_warning_is_no_rejection(said: bytes) -> None:
    with collector(lambda _: (200, said)) as told:
        assert send(told, batch(1)) == TAKEN


def test_an_answer_that_cannot_be_understood_took_nothing() -> None:
    with collector(lambda _: (200, b"ok")) as told, pytest.raises(Away):
        send(told, batch(1))


def test_a_time_that_is_none_is_zero() -> None:
    assert nanoseconds("") == nanoseconds("2026-01-01T00:00:00") == 0
