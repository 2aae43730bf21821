from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.sinks.forms import FORMS
from engine.sinks.forms_table import COLUMNS, FORMULAS, OWN, cell, csv_lines, harmless, row_of
from engine.sinks.forms_taken import Taken
from tests.sinks import samples
from tests.sinks.samples import ALL, DECISION, TRAIL, strange, taken


def rows_of(*records: Taken) -> list[dict[str, str]]:
    text = "\r\n".join(csv_lines(records)) + "\r\n"
    return list(csv.DictReader(io.StringIO(text, newline=""), strict=True))


def rebuilt(row: dict[str, Any]) -> dict[str, Any]:
    """Return the fields that *row* tells of, by the path that each column shows."""
    made: dict[str, Any] = json.loads(row["rest"] or "{}")
    for column in COLUMNS:
        value = row[column.name]
        if column.name in OWN or value is None:
            continue
        at = made
        for step in column.path[:-1]:
            at = at.setdefault(step, {})
        assert column.path[-1] not in at
        at[column.path[-1]] = json.loads(value) if column.type == "json" else value
    return made


def test_a_decision_has_a_column_for_all_that_it_says() -> None:
    row = row_of(taken(DECISION))
    assert row["rules"] == ["desk.large", "mail.addresses"]
    assert (row["throttle_limit"], row["throttle_retry_after"]) == (10.0, 1.5)
    assert row["redactions"] == list(taken(DECISION).fields["redactions"])  # type: ignore[call-overload]
    assert json.loads(row["reasons"][0]["values"])["user.role"] == "clerk"  # type: ignore[index]
    assert (row["trail"], row["sequence"]) == (TRAIL, 7)
    assert json.loads(str(row["rest"])) == {"cut": {"redactions": 10_000}}


@pytest.mark.parametrize("record", samples.WRITTEN[:16], ids=lambda one: type(one).__name__)
def test_what_the_engine_writes_has_columns(record: Any) -> None:
    assert set(json.loads(str(row_of(taken(record))["rest"] or "{}"))) <= {"cut"}


@given(strange)
def test_nothing_is_lost_whatever_the_fields_hold(one: Taken) -> None:
    before = json.dumps(one.fields, sort_keys=True)
    found = rebuilt(row_of(one))
    assert found.keys() == one.fields.keys()
    for name, value in one.fields.items():
        if name in {"kind", "tenant", "user", "decision_id"} and isinstance(value, str):
            assert found[name] == value
    assert json.dumps(one.fields, sort_keys=True) == before


def test_what_is_not_of_its_type_stays_as_it_was() -> None:
    odd = {
        "kind": "decision",
        "time": "2026-01-01",
        "evaluated_in": True,
        "restored": 2**63,
        "settled": "yes",
        "labels": ["a", 1],
        "reasons": [{"policy": "p", "mood": "good"}],
        "shadow_reasons": [{"policy": 5}],
        "redactions": [{"entity": "e", "path": "p", "length": "7"}],
        "throttle": {"limit": "0.1000000000000000055", "remaining": "NaN", "reset": True},
        "spent": "long",
        "amounts": {"cost_usd": "free"},
    }
    assert json.loads(str(row_of(taken(odd))["rest"])) == {
        name: value for name, value in odd.items() if name != "kind"
    }
    more = {"redactions": [{"entity": "e", "path": "p"}], "reasons": [3]}
    more |= {"redactions": [{"entity": "e", "path": "p", "length": 2**63}]}
    assert json.loads(str(row_of(taken({"kind": "x", **more}))["rest"])) == more
    texts = {"kind": "x", "reasons": "none", "redactions": "none", "why": "full"}
    row = row_of(taken(texts))
    assert json.loads(str(row["rest"])) == {"reasons": "none", "redactions": "none"}
    assert row["why"] == ["full"]


def test_a_row_can_be_json() -> None:
    made = FORMS["table"](taken(DECISION))
    assert made["time"] == "2026-01-01T00:00:00.123456+00:00"
    assert "who" not in made


def test_a_csv_has_a_header_and_a_row_for_every_record() -> None:
    rows = rows_of(*ALL)
    assert [int(row["sequence"]) for row in rows] == [one.sequence for one in ALL]
    assert list(rows[0]) == [column.name for column in COLUMNS]
    assert rows[0]["rules"] == "desk.large mail.addresses"
    assert rows[0]["time"] == samples.TIME
    assert rows[10]["settled"] == "true"


@given(st.lists(strange, min_size=1, max_size=4))
def test_no_cell_is_a_formula_nor_moves_a_terminal(records: list[Taken]) -> None:
    rows = rows_of(*records)
    assert len(rows) == len(records)
    for row in rows:
        for column in COLUMNS:
            text = row[column.name]
            assert text.isprintable() or all(c.isprintable() or c.isspace() for c in text)
            assert "\n" not in text
            number = column.type in {"whole", "number"}
            assert number or not text.startswith(FORMULAS)


@pytest.mark.parametrize("sign", FORMULAS)
def test_a_formula_is_made_inert(sign: str) -> None:
    assert harmless(f"{sign}cmd|' /C calc'!A0").startswith("'")
    row = rows_of(taken({"kind": "decision", "user": f"{sign}1+1", "labels": [f"{sign}x"]}))[0]
    assert row["user"].startswith("'")


def test_cells_are_numbers_words_or_json() -> None:
    assert [cell(one) for one in (None, True, False, -3, 0.1, ["a"], "x\x1b[2J")] == [
        *("", "true", "false", "-3", "0.1", '["a"]', "x\u241b[2J")
    ]
