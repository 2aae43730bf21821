from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given

from engine.sinks.forms import line
from engine.sinks.forms_opa import pointer
from engine.sinks.forms_taken import Taken
from tests.sinks import samples
from tests.sinks.samples import ALL, DECISION, TRAIL, strange, taken


class Bundle(msgspec.Struct, forbid_unknown_fields=True):
    revision: str


class Event(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """EventV1 of OPA's ``plugins/logs/plugin.go`` (v1.x): names and types of its JSON."""

    labels: dict[str, str]
    decision_id: str
    trace_id: str = ""
    span_id: str = ""
    bundles: dict[str, Bundle] = {}
    path: str = ""
    query: str = ""
    input: Any = None
    result: Any = None
    mapped_result: Any = None
    nd_builtin_cache: Any = None
    erased: list[str] = []
    masked: list[str] = []
    error: Any = None
    requested_by: str = ""
    timestamp: datetime
    metrics: dict[str, int] = {}
    req_id: int = 0
    request_context: Any = None
    custom: dict[str, Any] = {}


def event_of(record: Any) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(line("opa", taken(record)))
    return made


@pytest.mark.parametrize("one", ALL, ids=lambda one: one.uid)
def test_every_record_is_an_event_that_opa_could_have_sent(one: Taken) -> None:
    msgspec.json.decode(line("opa", one), type=Event)


@given(strange)
def test_no_field_makes_an_event_that_is_none(one: Taken) -> None:
    event = json.loads(line("opa", one))
    assert event["timestamp"]
    assert event["decision_id"]


def test_a_decision_is_told_as_opa_tells_it() -> None:
    event = event_of(DECISION)
    assert event["labels"] == {"app": "engine", "id": TRAIL}
    assert event["decision_id"] == DECISION.decision_id
    assert event["bundles"] == {"policies": {"revision": "rev-1"}}
    assert event["path"] == "engine/decision"
    assert event["input"]["tenant"] == {"id": "north"}
    assert event["input"]["model"] == {"name": "openai/gpt-5"}
    assert event["result"]["effective_action"] == "deny"
    assert event["result"]["reasons"][0]["values"]["context.amount"] == 900
    assert event["trace_id"] == DECISION.trace_id
    assert event["timestamp"] == "2026-01-01T00:00:00.123456Z"


def test_durations_are_in_nanoseconds_under_the_names_of_opa() -> None:
    assert event_of(DECISION)["metrics"] == {
        "timer_rego_input_parse_ns": 1_000,
        "timer_rego_query_eval_ns": 2_000_000,
        "timer_engine_wait_ns": 300_000,
        "timer_server_handler_ns": 2_345_678,
    }
    assert event_of(samples.ALLOWED)["metrics"] == {
        "timer_rego_query_eval_ns": 100,
        "timer_server_handler_ns": 100,
    }
    assert "metrics" not in event_of(samples.REVIEW)


def test_what_is_not_there_is_erased_and_what_was_replaced_is_masked() -> None:
    event = event_of(DECISION)
    assert event["erased"] == ["/input/content", "/input/tool/args"]
    assert event["input"]["arguments_hash"] == DECISION.arguments_hash
    assert "arguments_hash" not in event["result"]
    without = msgspec.structs.replace(DECISION, arguments_hash="")
    assert event_of(without)["erased"] == ["/input/content"]
    assert event["masked"] == ["/input/messages/2/text", "/input/content"]
    kept = event_of(samples.WITH_TEXT)
    assert "erased" not in kept
    assert kept["input"]["content"] == {"text": "write to [EMAIL]"}
    assert "content" not in kept["result"]
    assert not {"erased", "masked"} & event_of(samples.ALLOWED).keys()


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("content", "/input/content"),
        ("messages[2].text", "/input/messages/2/text"),
        ("tool.args.a/b~c", "/input/tool/args/a~1b~0c"),
        ("", "/input/"),
    ],
)
def test_a_path_is_a_json_pointer(path: str, found: str) -> None:
    assert pointer(path) == found


def test_what_is_no_decision_has_a_path_of_its_own() -> None:
    review = event_of(samples.REVIEW)
    assert (review["path"], review["decision_id"]) == ("engine/review", f"{TRAIL}/7")
    assert review["result"]["act"] == "approved"
    settlement = event_of(samples.SETTLEMENT)
    assert (settlement["path"], settlement["decision_id"]) == ("engine/settlement", "d-allowed")
    assert event_of(samples.FAILED)["error"] == {"code": "engine_error", "message": "ValueError"}
    unreadable = event_of(b"\xff")
    assert unreadable["timestamp"] == "1970-01-01T00:00:00Z"
    assert unreadable["custom"]["bytes"] == "\ufffd"
