"""What Elasticsearch and OpenSearch get, and what they answer for each record."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import pytest

from engine.sinks.elastic import id_of
from engine.sinks.http import HttpSink
from engine.sinks.ship import Dead, Pauses, Shipment
from engine.sinks.sink import TAKEN, Away
from engine.sinks.web import Web
from tests.sinks.collector import Answer, Asked, collector
from tests.sinks.shipping_made import batch, ids, item, of_items
from tests.sinks.test_http import send


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


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"<html>",
        b"[]",
        b'{"error":{"type":"parse_exception"},"status":200}',
        b'{"errors":true,"items":[]}',
        b'{"errors":false,"items":[{"create":{"status":201}}]}',
        b'{"errors":false,"items":[{"create":{"status":201}},{"create":{"st',
    ],
)
def test_an_answer_that_cannot_be_understood_takes_nothing(said: bytes) -> None:
    with collector(lambda _: (200, said)) as told, pytest.raises(Away):
        send(told, "elastic", batch(2))


def test_a_record_of_which_nothing_certain_is_said_is_sent_again() -> None:
    said = b'{"errors":true,"items":[{"create":{}},{},{"create":{"status":201}}]}'
    with collector(lambda _: (200, said)) as told:
        outcome = send(told, "elastic", batch(3))
    assert (outcome.again, outcome.refused) == ((0, 1), ())


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (401, "security_exception"),
        (403, "cluster_block_exception"),
        (404, "index_not_found_exception"),
        (400, "index_closed_exception"),
        (400, "validation_exception"),
        (409, "snapshot_in_progress_exception"),
    ],
)
def test_what_is_the_indexs_fault_is_no_records(status: int, kind: str) -> None:
    with collector(lambda _: (200, bulk((status, kind), (201, "")))) as told:
        outcome = send(told, "elastic", batch(2))
    assert (outcome.again, outcome.refused) == ((0,), ())
    assert outcome.why == f"it answers {status} to some records: {kind}"


def test_what_was_accepted_and_is_not_in_the_index_was_not_taken() -> None:
    done: list[dict[str, Any]] = [
        {"status": 200, "result": "noop"},
        {"status": 201, "result": "created", "failure_store": "used"},
        {"status": 201, "result": "created"},
    ]
    said = {"errors": False, "items": [{"create": one} for one in done]}
    with collector(lambda _: (200, msgspec.json.encode(said))) as told:
        outcome = send(told, "elastic", batch(3))
    assert [place for place, _ in outcome.refused] == [0, 1]
    assert "dropped it" in outcome.refused[0][1]
    assert "failure store" in outcome.refused[1][1]


@dataclass
class Index:
    """An index that answers as the bulk API is documented."""

    most_bytes: int = 4000
    documents: dict[str, bytes] = field(default_factory=dict)
    busy: int = 0
    """How many records are turned away before the next ones are taken."""

    def __call__(self, asked: Asked) -> Answer:
        if len(asked.body) > self.most_bytes:
            return (413, b"")
        lines = asked.body.splitlines()
        done = [
            {"create": self.create(msgspec.json.decode(action)["create"]["_id"], source)}
            for action, source in zip(lines[::2], lines[1::2], strict=True)
        ]
        errors = any("error" in one["create"] for one in done)
        return (200, msgspec.json.encode({"took": 1, "errors": errors, "items": done}))

    def create(self, name: str, source: bytes) -> dict[str, Any]:
        if name in self.documents:
            return {"status": 409, "error": {"type": "version_conflict_engine_exception"}}
        if self.busy:
            self.busy -= 1
            return {"status": 429, "error": {"type": "es_rejected_execution_exception"}}
        if b"poison" in source:
            return {"status": 400, "error": {"type": "document_parsing_exception"}}
        self.documents[name] = source
        return {"status": 201, "result": "created"}


def test_an_index_that_is_busy_small_and_particular_has_every_record_once(tmp_path: Path) -> None:
    index = Index(busy=7)
    what = of_items(
        *batch(10).items, item(10, text="poison"), *batch(10, 11).items, item(21, text="x" * 5000)
    )
    with collector(index) as told:
        sink = HttpSink(lambda: Web(told.url, {}, None, 20.0, pack=True), "elastic", index="audit")

        async def go() -> list[int]:
            shipment = Shipment(
                sink, Dead(tmp_path / "dead"), Pauses(0.001, 0.01), asyncio.sleep, lambda: 1.0
            )
            lacking = ids(await shipment.deliver(what) or [])
            assert lacking == ids(await shipment.deliver(what) or [])
            await sink.close()
            return lacking

        assert sorted(asyncio.run(go())) == [10, 21]
    wanted = {id_of(one): one.body for one in what.items if one.sequence not in {10, 21}}
    assert index.documents == wanted
    reasons = [
        msgspec.json.decode(one)["why"] for one in (tmp_path / "dead").read_bytes().splitlines()
    ]
    assert {"it answers 413: too large", "it answers 400: document_parsing_exception"} == set(
        reasons
    )
