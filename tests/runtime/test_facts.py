from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from ipaddress import ip_address

import pytest

from engine.language.diagnostics import Report
from engine.language.program import Field
from engine.language.types import (
    BOOL,
    DECIMAL,
    DURATION,
    FLOAT,
    INT,
    IP,
    JSON,
    STRING,
    TIME,
    Enumeration,
    ListOf,
    SetOf,
)
from engine.runtime.facts import Table, load_facts, read_list
from engine.runtime.facts_csv import parser
from tests.runtime.made import schema

FIELDS = schema(
    tenant__plan=Enumeration(("free", "pro")),
    tenant__seats=(INT, "?"),
    tenant__tags=(SetOf(STRING), "?"),
    tenant__limits__daily=(DECIMAL, "?"),
    tenant__limits__hourly=(INT, "?"),
)
KINDS = schema(
    tenant__flag=(BOOL, "?"),
    tenant__ratio=(FLOAT, "?"),
    tenant__due=(TIME, "?"),
    tenant__wait=(DURATION, "?"),
    tenant__ip=(IP, "?"),
    tenant__price=(DECIMAL, "?"),
    tenant__sizes=(ListOf(INT), "?"),
    tenant__name=STRING,
    tenant__roles=SetOf(STRING),
    tenant__steps=ListOf(INT),
)


def load(
    file: str, text: str | bytes, fields: Mapping[str, Field] = FIELDS
) -> tuple[Table, list[tuple[str, str]]]:
    """Return the table, and ``line:column-end code`` with the message of each problem."""
    report = Report()
    data = text.encode() if isinstance(text, str) else text
    table = load_facts("tenant", file, data, fields, report)
    found = [
        (f"{one.span.line}:{one.span.column}-{one.span.end_column} {one.code}", one.message)
        for one in report.sorted()
    ]
    return table, found


def problems(file: str, text: str | bytes) -> list[tuple[str, str]]:
    table, found = load(file, text)
    assert table.rows == {}
    return found


# --- CSV ------------------------------------------------------------------------------------------


def test_a_csv_row_is_a_record() -> None:
    table, found = load(
        "t.csv", "plan,id,seats,tags,limits.daily\npro,north,5,a; b,1.50\nfree,south,,,\n\n"
    )

    assert found == []
    assert table.columns == ("plan", "seats", "tags", "limits.daily")
    assert table.ids == ("north", "south")
    assert table.rows == {
        "north": ("pro", 5, frozenset({"a", "b"}), Decimal("1.50")),
        "south": ("free", None, None, None),
    }


def test_every_type_has_its_spelling_in_a_cell() -> None:
    text = (
        "id,flag,ratio,due,wait,ip,price,sizes,name,roles,steps\n"
        'a,true,0.5,2026-01-01T00:00:00Z,1h30m,10.0.0.1,5,1;2,"x, y",,\n'
        "b,false,,,,,,,z,r,3\n"
    )

    table, found = load("t.CSV", text, KINDS)

    assert found == []
    assert table.rows["a"] == (
        True,
        0.5,
        datetime(2026, 1, 1, tzinfo=UTC),
        timedelta(hours=1, minutes=30),
        ip_address("10.0.0.1"),
        Decimal(5),
        (1, 2),
        "x, y",
        frozenset(),
        (),
    )
    assert table.rows["b"][0] is False
    assert table.rows["b"][-2:] == (frozenset({"r"}), (3,))


@pytest.mark.parametrize(
    ("column", "cell", "message"),
    [
        ("flag", "yes", "`flag`: expected true or false, not `yes`"),
        ("ratio", "x", "`ratio`: expected float, not `x`"),
        ("ratio", "nan", "`ratio`: expected float, not `nan`"),
        ("due", "today", "`due`: expected a time with a zone, such as 2026-01-01T00:00:00Z"),
        ("wait", "5", "`wait`: expected duration: no duration, such as `90s`, `1h30m` or `250ms`"),
        ("ip", "x", "`ip`: expected ip: no IPv4 or IPv6 address"),
        ("price", "x", "`price`: expected decimal: no number"),
        ("sizes", "1;x", "`sizes`: expected int, not `x`"),
        ("steps", "9223372036854775808", "`steps`: expected int, not `9223372036854775808`"),
        ("roles", "a;;b", "`roles`: expected string, not ``"),
    ],
)
def test_a_wrong_cell_is_named(column: str, cell: str, message: str) -> None:
    header = ["id", "name", *({column} - {"name"})]
    row = ["a", "x", cell]

    table, found = load("t.csv", f"{','.join(header)}\n{','.join(row)}\n", KINDS)

    assert [one[1] for one in found] == [message]
    assert table.rows == {}


@pytest.mark.slow
def test_the_line_and_cell_of_a_late_mistake_are_named() -> None:
    lines = ["id,plan,seats", *(f"t{number},pro,{number}" for number in range(2, 40_001))]
    lines.append('"t, last",pro,many')

    assert problems("t.csv", "\n".join(lines)) == [
        ("40001:15-19 E605", "`seats`: expected int, not `many`")
    ]


def test_the_process_reads_csv_fields_as_long_as_before() -> None:
    before = csv.field_size_limit(50)
    try:
        assert load("t.csv", "id,plan\na,pro\n")[1] == []
        assert csv.field_size_limit() == 50
        tags = "x" * 100
        assert load("t.csv", f"id,plan,tags\na,pro,{tags}\n")[0].rows == {
            "a": ("pro", frozenset({tags}))
        }
    finally:
        csv.field_size_limit(before)


def test_every_wrong_cell_of_a_csv_is_named() -> None:
    text = 'id,plan\r\n"a","por"\r\na,pro\r\nb\r\n\r\n,free\r\nc,\r\nd,pro,x\r\n'

    assert problems("t.csv", text) == [
        ("2:5-10 E605", '`plan`: expected "free" | "pro", did you mean `pro`?'),
        ("3:1-2 E607", "`a` occurs twice"),
        ("4:1-2 E610", "1 cells, but the header has 2"),
        ("6:1-1 E609", "no `id`"),
        ("7:3-3 E606", "`plan` of `c` is missing"),
        ("8:1-8 E610", "3 cells, but the header has 2"),
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", [("1:1-1 E609", "no `id`")]),
        ("plan\npro\n", [("1:1-5 E609", "no `id`")]),
        ("id,pan\na,pro\n", [("1:4-7 E608", "unknown attribute `pan`")]),
        ("id,plan\n,pro\n", [("2:1-1 E609", "no `id`")]),
        ("id,plan,plan\na,pro,pro\n", [("1:9-13 E611", "column `plan` occurs twice")]),
        ('id,plan\na,"pro\n', [("1:1-1 E613", "not CSV: unexpected end of data")]),
        ('id,plan\na,pro\nb,"pro"x\n', [("3:1-1 E613", "not CSV: ',' expected after '\"'")]),
    ],
)
def test_a_csv_that_is_wrong_as_a_whole(text: str, expected: list[tuple[str, str]]) -> None:
    assert problems("t.csv", text) == expected


def test_a_header_alone_supplies_its_columns() -> None:
    table, found = load("t.csv", "id,plan\n")

    assert (table.columns, table.rows, found) == (("plan",), {}, [])


def test_a_file_of_the_wrong_kind_is_told_briefly() -> None:
    found = problems("t.csv", "id,plan\n" + "".join(f"{number},x\n" for number in range(1000)))

    assert len(found) == 201
    assert [message for place, message in found if place.endswith("E612")] == [
        "and 800 more problems in `t.csv`"
    ]


def test_an_empty_cell_of_an_optional_column_is_no_mistake() -> None:
    assert problems("t.csv", "id,plan,seats\na,x,\n") == [
        ("2:3-4 E605", '`plan`: expected "free" | "pro"')
    ]


def test_help_suggests_the_attribute() -> None:
    report = Report()
    load_facts("tenant", "t.csv", b"id,seatts,zzzzz\na,1,2", FIELDS, report)

    assert [one.help for one in report.sorted()] == [
        "did you mean `seats`?",
        "declare it in a schema, or remove it",
    ]


def test_help_says_how_an_attribute_with_a_point_is_written_in_json() -> None:
    report = Report()
    text = b'{"a": {"plan": "pro", "limits.daily": 5}}'
    load_facts("tenant", "t.json", text, FIELDS, report)

    (found,) = report.found
    assert found.code == "E608"
    assert found.help == 'in JSON it is nested: `"limits": { "daily": … }`'
    assert load("t.json", '{"a": {"plan": "pro", "limits": { "daily": 5 }}}')[1] == []


def test_no_cell_holds_json() -> None:
    with pytest.raises(AssertionError):
        parser(JSON)


# --- JSON -----------------------------------------------------------------------------------------


def test_json_holds_records_by_id_or_an_array() -> None:
    north = {"plan": "pro", "seats": 5, "tags": ["a", "a"], "limits": {"daily": 5}}
    by_id = {"north": north, "south": {"plan": "free", "id": "south"}}
    array = [north | {"id": "north"}, {"id": "south", "plan": "free", "seats": None}]
    expected = {
        "north": (Decimal(5), None, "pro", 5, frozenset({"a"})),
        "south": (None, None, "free", None, None),
    }

    for document in (by_id, array):
        table, found = load("t.json", json.dumps(document))
        assert found == []
        assert table.columns == ("limits.daily", "limits.hourly", "plan", "seats", "tags")
        assert table.rows == expected


def test_what_no_record_has_is_not_supplied() -> None:
    table, _ = load("t.json", '{"a": {"plan": "pro"}, "b": {"plan": "free"}}')

    assert (table.columns, table.rows) == (("plan",), {"a": ("pro",), "b": ("free",)})


def test_records_without_attributes_supply_none() -> None:
    table, found = load("t.json", '{"a": {}, "b": {}}')

    assert (table.columns, table.rows, found) == ((), {"a": (), "b": ()}, [])


@pytest.mark.parametrize("text", ["{}", "[]"])
def test_an_empty_file_knows_nobody_so_everything_is_unknown(text: str) -> None:
    table, found = load("t.json", text)

    assert table.columns == ("limits.daily", "limits.hourly", "plan", "seats", "tags")
    assert (table.rows, found) == ({}, [])


def test_every_wrong_value_of_a_json_is_named() -> None:
    text = """{
  "a": {"plan": "por", "seats": "x"},
  "b": {"seats": 5, "seets": 5},
  "c": {"plan": null},
  "d": [],
  "": {"plan": "pro"},
  "f": {"plan": "pro", "id": "g"},
  "h": {"plan": "pro", "limits": {"daly": 1}},
  "i": {"plan": "pro", "limits": 5},
  "j": {"plan": "pro", "plan": "free"},
  "k": {"plan": "pro", "seats": 9223372036854775808},
  "l": {"plan": "pro", "tags": ["\\ud800"]},
  "a": {"plan": "pro"},
  "m": {"plan": "pro", "seats": NaN},
  "n": {"plan": "pro"}
}"""

    assert problems("t.json", text) == [
        ("2:17-22 E605", '`plan`: expected "free" | "pro", did you mean `pro`?'),
        ("2:33-36 E605", "`seats`: expected int, not a string"),
        ("3:8-9 E606", "`plan` of `b` is missing"),
        ("3:21-28 E608", "unknown attribute `seets`"),
        ("4:17-21 E606", "`plan` of `c` is missing"),
        ("5:8-10 E604", "expected records by id"),
        ("6:3-5 E609", "no `id`"),
        ("7:30-33 E605", "`id`: expected `f`, under which the record stands"),
        ("8:35-41 E608", "unknown attribute `limits.daly`"),
        ("9:34-35 E605", "`limits`: expected a record"),
        ("10:24-30 E611", "column `plan` occurs twice"),
        ("11:33-52 E605", "`seats`: beyond 64 bits"),
        ("12:32-42 E605", "`tags`: holds half of a surrogate pair, which is no character"),
        ("13:3-6 E607", "`a` occurs twice"),
        ("14:33-36 E605", "`seats`: expected int, not a float"),
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("5", [("1:1-2 E604", "expected records by id")]),
        ("", [("1:1-1 E603", "not JSON: expecting value")]),
        (
            '{"a": {"plan": "pro"},\n}',
            [("2:1-1 E603", "not JSON: illegal trailing comma before end of object")],
        ),
        ("[" * 5000, [("1:1-2 E603", "not JSON: nested too deeply")]),
        (f"[{'9' * 5000}]", [("1:1-2 E603", "not JSON: a number has too many digits")]),
        ('[{"id": "a", "plan": "pro"}, 5]', [("1:30-31 E604", "expected records by id")]),
        (
            '[{"plan": "pro"}, {"id": 5, "plan": "pro"}]',
            [("1:2-3 E609", "no `id`"), ("1:19-20 E609", "no `id`")],
        ),
        (
            '[{"id":"a","plan":"pro"},{"id":"a","plan":"pro"}]',
            [("1:26-27 E607", "`a` occurs twice")],
        ),
        (
            '{"a": {"id": "b", "plan": "pro"}}',
            [("1:14-17 E605", "`id`: expected `a`, under which the record stands")],
        ),
        ('{"a": {"plan": "pro"}, "b": {}}', [("1:29-30 E606", "`plan` of `b` is missing")]),
        ('{"a": {"plan": "pro", "plan": "pro"}}', [("1:23-29 E611", "column `plan` occurs twice")]),
    ],
)
def test_a_json_that_is_wrong_as_a_whole(text: str, expected: list[tuple[str, str]]) -> None:
    found = problems("t.json", text)

    assert [place for place, _ in found] == [place for place, _ in expected]
    if "trailing" not in expected[0][1]:
        assert found == expected


# --- encodings and lists --------------------------------------------------------------------------


@pytest.mark.parametrize("file", ["t.csv", "t.json", "words.txt"])
def test_lines_that_are_not_utf8_are_named(file: str) -> None:
    report = Report()
    data = b"id\nab\xff\nok\n\xc3\xa9\xfe"
    if file == "words.txt":
        assert read_list(file, data, report) == frozenset()
    else:
        load_facts("tenant", file, data, FIELDS, report)

    assert [str(one.span) for one in report.sorted()] == [f"{file}:2:3", f"{file}:4:2"]
    assert {one.code for one in report.found} == {"E602"}


def test_a_byte_order_mark_is_no_part_of_the_data() -> None:
    report = Report()

    assert load("t.csv", b"\xef\xbb\xbfid,plan\na,pro\n")[0].rows == {"a": ("pro",)}
    assert read_list("l", b"\xef\xbb\xbfa\n", report) == {"a"}


def test_list_entries_are_literal_lines() -> None:
    report = Report()

    made = read_list("l", "# a\r\n\r\nb c\na,b\n\nb c\nx\u2028y".encode(), report)

    assert made == {"# a", "b c", "a,b", "x\u2028y"}
    assert report.found == []


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", " \n", "\t\n\t", "\u00a0\n \n"])
def test_what_nobody_sees_around_an_entry_is_no_part_of_it(end: str) -> None:
    report = Report()

    assert read_list("l", f"mallory{end}bob{end}".encode(), report) == {"mallory", "bob"}
    assert report.found == []
