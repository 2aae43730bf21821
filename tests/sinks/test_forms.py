from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given

from engine.sinks.forms import FORMS, line
from engine.sinks.forms_table import csv_lines
from engine.sinks.forms_taken import Taken, encode, stamp, take, time_of
from tests.sinks.samples import ALL, DECISION, ODD, TIME, TRAIL, strange, taken


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("one", ALL, ids=lambda one: one.uid)
def test_every_record_has_every_form(one: Taken, form: str) -> None:
    made = line(form, one)
    assert b"\n" not in made
    assert made == line(form, take(one.trail, one.sequence, one.payload))
    if one.fields or form != "json":
        assert isinstance(json.loads(made), dict)


@given(strange)
def test_no_field_can_keep_a_record_from_its_forms(one: Taken) -> None:
    for form in FORMS:
        assert isinstance(json.loads(line(form, one)), dict), form


@pytest.mark.parametrize("depth", [*range(300, 900, 100), *range(900, 1_001)])
@pytest.mark.parametrize(("begin", "end"), [(b"[", b"]"), (b'{"a":', b"}")])
def test_a_record_may_be_nested_as_deep_as_can_be_read(
    depth: int, begin: bytes, end: bytes
) -> None:
    one = taken(b'{"kind":"decision","odd":' + begin * depth + b"1" + end * depth + b"}")
    for form in FORMS:
        assert line(form, one)[:1] in b'{"', form
    assert len(list(csv_lines([one]))) == 2


def test_as_json_a_record_has_its_own_bytes() -> None:
    one = taken(DECISION)
    assert line("json", one) == msgspec.json.encode(DECISION, enc_hook=str)
    assert FORMS["json"](one) == one.fields


def test_what_is_no_json_is_a_text() -> None:
    assert line("json", taken(b"\xff\n{")) == '"\ufffd\\n{"'.encode()


@pytest.mark.parametrize("payload", ODD[:4])
def test_what_is_no_object_is_unreadable(payload: bytes) -> None:
    one = taken(payload)
    assert (one.kind, one.fields) == ("unreadable", {})


def test_a_record_names_its_place_and_its_time() -> None:
    one = taken(DECISION)
    assert one.uid == f"{TRAIL}/7"
    assert stamp(one) == 1_767_225_600_123
    found = time_of(one)
    assert found is not None
    assert found.isoformat() == TIME.replace("Z", "+00:00")


@pytest.mark.parametrize(
    ("time", "milliseconds"),
    [
        ("2026-01-01T02:00:00+02:00", 1_767_225_600_000),
        ("2026-01-01T00:00:00", 1_767_225_600_000),
        ("1969-12-31T23:59:59.999Z", -1),
        ("0001-01-01T00:00:00+10:00", 0),
        ("yesterday", 0),
        (5, 0),
    ],
)
def test_a_time_is_in_utc_or_is_none(time: object, milliseconds: int) -> None:
    assert stamp(taken({"kind": "gap", "time": time})) == milliseconds


def test_whole_numbers_of_any_size_are_written() -> None:
    assert encode({"b": 2**70, "a": "ä"}) == f'{{"b":{2**70},"a":"ä"}}'.encode()
    assert encode({"b": 2**70, "a": 1}, ordered=True) == f'{{"a":1,"b":{2**70}}}'.encode()
