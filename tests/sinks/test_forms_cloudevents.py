from __future__ import annotations

import json
from typing import Any
from unicodedata import category

import pytest
from cloudevents.core.formats.json import JSONFormat
from hypothesis import given

from engine.sinks.forms import line
from engine.sinks.forms_taken import Taken, take
from tests.sinks import samples
from tests.sinks.samples import ALL, DECISION, TRAIL, strange, taken


def event_of(record: Any) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(line("cloudevents", taken(record)))
    return made


@pytest.mark.parametrize("one", ALL, ids=lambda one: one.uid)
def test_the_sdk_takes_every_record(one: Taken) -> None:
    event = JSONFormat().read(None, line("cloudevents", one))
    assert event.get_specversion() == "1.0"
    assert event.get_id() == str(one.sequence)
    assert event.get_source() == f"urn:engine:audit:trail:{TRAIL}"
    assert event.get_data() == (one.fields or one.payload)


@given(strange)
def test_no_field_makes_an_event_that_the_sdk_refuses(one: Taken) -> None:
    made = line("cloudevents", one)
    JSONFormat().read(None, made)
    for name, value in json.loads(made).items():
        assert name.isalnum() or name == "data_base64"
        assert name == "data" or not any(category(one) in {"Cc", "Cs"} for one in value), name


def test_a_decision_is_an_event_about_itself() -> None:
    event = event_of(DECISION)
    assert event["type"] == "engine.audit.decision"
    assert event["subject"] == DECISION.decision_id
    assert event["time"] == "2026-01-01T00:00:00.123456Z"
    assert event["dataschema"] == "urn:engine:audit:decision:1"
    assert event["datacontenttype"] == "application/json"
    assert event["partitionkey"] == "s1"
    assert event["sequence"] == "00000000000000000007"
    assert event["traceparent"] == f"00-{DECISION.trace_id}-{DECISION.span_id}-01"
    assert event["data"] == taken(DECISION).fields


def test_records_about_other_things_have_other_subjects() -> None:
    assert event_of(samples.REVIEW)["subject"] == "rv1"
    assert event_of(samples.RELOAD)["subject"] == "rev-2"
    assert event_of(samples.STARTED)["subject"] == "started"
    assert "subject" not in event_of(samples.CUT)


def test_a_kind_that_is_no_word_is_another() -> None:
    assert event_of(b'{"kind":"new kind"}')["type"] == "engine.audit.other"


def test_no_two_records_have_the_same_source_and_id() -> None:
    places = [("a", 1), ("a", 11), ("a1", 1), ("b", 1)]
    made = [json.loads(line("cloudevents", take(trail, n, b"{}"))) for trail, n in places]
    assert len({(one["source"], one["id"]) for one in made}) == len(places)
