"""What goes over HTTP, byte by byte as the receivers document it, and how they fail."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable

import msgspec
import pytest

from engine.sinks.batch import Batch
from engine.sinks.http import HttpSink, Shape, id_of
from engine.sinks.sink import TAKEN, Away, Outcome, Refused, SinkError
from engine.sinks.web import MOST_AFTER, Web, seconds_of
from tests.sinks.collector import Answer, Asked, Collector, collector
from tests.sinks.shipping_made import batch, item

LONG = 20.0


def send(
    told: Collector,
    shape: Shape,
    what: Batch,
    *,
    suffix: str = "",
    ack: bool = False,
    timeout: float = LONG,
    pack: bool = True,
) -> Outcome:
    def make() -> Web:
        return Web(told.url, {"Authorization": "x"}, None, timeout, suffix=suffix, pack=pack)

    sink = HttpSink(make, shape, index="audit", ack=ack, patience=timeout)

    async def go() -> Outcome:
        try:
            return await sink.send(what)
        finally:
            await sink.close()
            await sink.close()

    return asyncio.run(go())


def test_an_array_is_what_opa_sends() -> None:
    with collector() as told:
        assert send(told, "array", batch(3)) == TAKEN
    (asked,) = told.asked
    assert asked.headers["Content-Type"] == "application/json"
    assert asked.headers["Content-Encoding"] == "gzip"
    assert asked.headers["Authorization"] == "x"
    assert [one["sequence"] for one in msgspec.json.decode(asked.body)] == [0, 1, 2]


def test_lines_are_one_record_each_and_need_not_be_compressed() -> None:
    with collector() as told:
        send(told, "lines", batch(2), pack=False)
    (asked,) = told.asked
    assert "Content-Encoding" not in asked.headers
    assert asked.body == batch(2).lines


def test_splunk_gets_events_with_their_time_and_id() -> None:
    with collector() as told:
        send(told, "splunk", batch(2), suffix="/event")
    (asked,) = told.asked
    assert asked.path == "/event"
    first, second = (
        msgspec.json.decode(one)
        for one in asked.body.replace(b'}{"event"', b'}\n{"event"').split(b"\n")
    )
    assert first["event"]["decision_id"] == "d0"
    assert first["fields"] == {"audit_id": "t/0"}
    assert first["time"] == pytest.approx(1767323045.000006)
    assert second["fields"] == {"audit_id": "t/1"}


def test_splunk_gets_no_time_where_a_record_has_none() -> None:
    with collector() as told:
        send(told, "splunk", Batch((item(0)._replace(time=""),)))
    assert "time" not in msgspec.json.decode(told.asked[0].body)


def test_splunk_has_a_batch_when_it_says_that_it_is_indexed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("engine.sinks.http.ACK_PAUSE", 0.0)
    with collector() as told:
        told.answers += [
            (200, b'{"text":"Success","code":0,"ackId":7}'),
            (200, b'{"acks":{"7":false}}'),
            (200, b'{"acks":{"7":true}}'),
        ]
        assert send(told, "splunk", batch(1), suffix="/event", ack=True) == TAKEN
    assert [one.path for one in told.asked] == ["/event", "/ack", "/ack"]
    assert msgspec.json.decode(told.asked[1].body) == {"acks": [7]}
    channels = {one.headers["X-Splunk-Request-Channel"] for one in told.asked}
    assert len(channels) == 1


def test_splunk_that_never_indexes_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.sinks.http.ACK_PAUSE", 0.01)

    def never(asked: Asked) -> Answer:
        return (200, b'{"acks":{"7":false}}' if asked.path == "/ack" else b'{"ackId":7}')

    with collector(never) as told, pytest.raises(Away, match="has not indexed"):
        send(told, "splunk", batch(1), ack=True, timeout=0.3)


def test_splunk_without_acknowledgement_cannot_be_asked_for_it() -> None:
    with (
        collector(lambda _: (200, b'{"code":0}')) as told,
        pytest.raises(Away, match="not enabled"),
    ):
        send(told, "splunk", batch(1), ack=True)


def bulk(*results: tuple[int, str]) -> bytes:
    items = [
        {
            "create": {"status": status}
            | ({"error": {"type": kind, "reason": "secret"}} if kind else {})
        }
        for status, kind in results
    ]
    return msgspec.json.encode({"took": 1, "errors": any(k for _, k in results), "items": items})


def test_elastic_gets_actions_that_create_each_record_once() -> None:
    with collector(lambda _: (200, bulk((201, ""), (201, "")))) as told:
        assert send(told, "elastic", batch(2), suffix="/_bulk") == TAKEN
    (asked,) = told.asked
    assert asked.path == "/_bulk"
    assert asked.headers["Content-Type"] == "application/x-ndjson"
    lines = asked.body.splitlines()
    assert msgspec.json.decode(lines[0]) == {"create": {"_index": "audit", "_id": id_of(item(0))}}
    assert lines[1] == item(0).body
    assert asked.body.endswith(b"\n")
    assert id_of(item(0)) == id_of(item(0)) != id_of(item(1))


def test_elastic_answers_for_every_record() -> None:
    said = bulk(
        (201, ""),
        (409, "version_conflict_engine_exception"),
        (429, "es_rejected_execution_exception"),
        (400, "document_parsing_exception"),
        (503, "unavailable_shards_exception"),
    )
    with collector(lambda _: (200, said)) as told:
        outcome = send(told, "elastic", batch(5))
    assert outcome.again == (2, 4)
    assert outcome.refused == ((3, "it answers 400: document_parsing_exception"),)
    assert "503" in outcome.why


def test_what_elastic_quotes_of_a_record_is_not_repeated() -> None:
    with collector(lambda _: (200, bulk((400, "odd")))) as told:
        assert "secret" not in str(send(told, "elastic", batch(1)))
    plain = b'{"errors":true,"items":[{"create":{"status":400,"error":"secret text"}}]}'
    with collector(lambda _: (200, plain)) as told:
        assert send(told, "elastic", batch(1)).refused == ((0, "it answers 400"),)


@pytest.mark.parametrize("said", [b"", b"<html>", b'{"errors":true,"items":[]}', b"[]"])
def test_an_answer_that_cannot_be_understood_takes_nothing(said: bytes) -> None:
    with collector(lambda _: (200, said)) as told, pytest.raises(Away):
        send(told, "elastic", batch(1))


@pytest.mark.parametrize("status", [301, 401, 403, 404, 408, 429, 500, 502, 503, 504])
def test_what_is_not_about_the_batch_is_tried_again(status: int) -> None:
    with collector(lambda _: (status, b"secret")) as told, pytest.raises(Away, match=str(status)):
        send(told, "array", batch(1))


@pytest.mark.parametrize("status", [400, 413, 415, 422])
def test_what_is_about_the_batch_is_refused(status: int) -> None:
    with (
        collector(lambda _: (status, b"secret")) as told,
        pytest.raises(Refused, match=str(status)),
    ):
        send(told, "array", batch(1))


def test_a_server_says_when_to_come_back() -> None:
    with collector() as told:
        told.answers.append((429, b"", {"Retry-After": "17"}))
        with pytest.raises(Away) as caught:
            send(told, "array", batch(1))
    assert caught.value.after == 17.0
    assert seconds_of("99999999") == MOST_AFTER
    assert seconds_of("Wed, 21 Oct 2026 07:28:00 GMT") == seconds_of("-1") == 0.0


@pytest.mark.parametrize("failure", ["drop", "cut"])
def test_a_connection_that_breaks_took_nothing(failure: str) -> None:
    with collector() as told:
        told.answers.append(failure)
        with pytest.raises(Away, match="connection"):
            send(told, "array", batch(1))
        assert send(told, "array", batch(1)) == TAKEN


def test_a_server_that_hangs_took_nothing() -> None:
    with collector() as told:
        told.answers.append("hang")
        with pytest.raises(Away, match=r"no answer within 0\.2 s"):
            send(told, "array", batch(1), timeout=0.2)


def test_nobody_there_is_away() -> None:
    with collector() as told:
        pass
    with pytest.raises(Away, match="ConnectError"):
        send(told, "array", batch(1))


def test_an_answer_without_end_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.sinks.web.MOST_ANSWER", 10)
    with collector(lambda _: (200, b"x" * 11)) as told, pytest.raises(Away, match="too long"):
        send(told, "array", batch(1))


def test_without_the_extra_one_sentence_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "httpx", None)
    make: Callable[[], Web] = lambda: Web("http://x", {}, None, 1.0, pack=True)  # noqa: E731
    with pytest.raises(SinkError, match=r"needs httpx.*pip install 'pol-engine\[http\]'"):
        make()
