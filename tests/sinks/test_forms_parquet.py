from __future__ import annotations

import io
from datetime import datetime
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet as pq

from engine.sinks import forms_parquet
from engine.sinks.forms_parquet import SCHEMA, ParquetWriter
from engine.sinks.forms_table import row_of
from engine.sinks.forms_taken import Taken
from tests.sinks.samples import ALL, DECISION, TRAIL, strange, taken

ROW_BYTES = 100
"""Less than a row takes."""


def written(records: tuple[Taken, ...], rows: int = forms_parquet.ROWS) -> pq.ParquetFile:
    file = io.BytesIO()
    writer = ParquetWriter(file, rows=rows)
    for one in records:
        writer.add(one)
    writer.close()
    return pq.ParquetFile(io.BytesIO(file.getvalue()))


def test_every_record_is_a_row_of_typed_columns() -> None:
    file = written(ALL)
    assert file.schema_arrow.equals(SCHEMA)
    assert file.read().to_pylist() == [row_of(one) for one in ALL]


@given(st.lists(strange, max_size=5))
def test_whatever_the_fields_hold_can_be_read_back(records: list[Taken]) -> None:
    assert written(tuple(records)).read().to_pylist() == [row_of(one) for one in records]


def test_rows_are_grouped_and_compressed(monkeypatch: pytest.MonkeyPatch) -> None:
    file = written((taken(DECISION),) * 7, rows=3)
    groups = [file.metadata.row_group(number) for number in range(file.num_row_groups)]
    assert [one.num_rows for one in groups] == [3, 3, 1]
    assert groups[0].column(0).compression == "ZSTD"
    monkeypatch.setattr(forms_parquet, "MOST_BYTES", 1)
    assert written((taken(DECISION),) * 3).num_row_groups == 3


def test_an_export_of_nothing_is_a_table_without_rows() -> None:
    assert written(()).read().num_rows == 0


def test_a_file_that_is_given_up_is_not_made_to_look_whole() -> None:
    file = io.BytesIO()

    def interrupted() -> None:
        with ParquetWriter(file, rows=1) as writer:
            writer.add(taken(DECISION))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert file.tell() > ROW_BYTES
    with pytest.raises(pa.ArrowInvalid):
        pq.ParquetFile(io.BytesIO(file.getvalue()))


def test_another_program_can_ask_the_file(tmp_path: Path) -> None:
    path = tmp_path / "it's.parquet"
    with path.open("wb") as file:
        writer = ParquetWriter(file)
        for one in ALL:
            writer.add(one)
        writer.close()
    table = duckdb.read_parquet(str(path))
    asked = table.filter("kind = 'decision' AND 'desk.large' = ANY(rules)")
    found = asked.aggregate("count(*), max(time AT TIME ZONE 'UTC')").fetchall()
    assert found == [(5, datetime(2026, 1, 1, 0, 0, 0, 123_456))]  # noqa: DTZ001 - as UTC
    entities = asked.query(
        "t", "SELECT DISTINCT r.entity FROM (SELECT unnest(redactions) r FROM t)"
    )
    assert entities is not None
    assert entities.fetchall() == [("pii.email",)]
    assert table.aggregate("count(DISTINCT sequence)").fetchall() == [(len(ALL),)]
    assert table.filter(f"trail <> '{TRAIL}'").fetchall() == []


def test_the_schema_says_what_is_always_there() -> None:
    assert [one.name for one in SCHEMA if not one.nullable] == ["trail", "sequence"]
    assert SCHEMA.field("time").type == pa.timestamp("us", tz="UTC")
