"""The pictures of the report: one for each table that there is, the same for the same figures."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.goals import Result, Row
from bench.load import against, matrix
from bench.plots import CLOSED, OPENED, PICTURES, draw_all

pytestmark = pytest.mark.slow


def row(server: str, **more: float) -> Row:
    return {"server": server, "decisions/s": 1000, "p50 us": 80, "p99 us": 300, **more}


RESULT = Result(
    {
        CLOSED: [row("lean"), row("Cerbos, gRPC"), row("something new")],
        OPENED: [row("lean", **{"asked/s": 800}), row("lean", **{"asked/s": 8000})],
        matrix.BY_RULES: [
            {"rules": "100 rules", "asked": "1 in flight", "server CPU us": 40.0},
            {"rules": "10,000 rules", "asked": "1 in flight", "server CPU us": 42.0},
        ],
    },
    [],
)


def test_there_is_a_picture_for_each_table(tmp_path: Path) -> None:
    made = [path for path, _ in draw_all(RESULT, tmp_path)]
    assert [path.name for path in made] == [one.file for one in PICTURES]
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in made)
    assert all(path.stat().st_size < 100_000 for path in made)
    assert list(draw_all(Result({}, []), tmp_path)) == []


def test_the_same_figures_give_the_same_picture(tmp_path: Path) -> None:
    first, second = (
        [path.read_bytes() for path, _ in draw_all(RESULT, tmp_path / name)] for name in "ab"
    )
    assert first == second


def test_pictures_are_of_tables_that_the_bench_makes() -> None:
    assert {one.table for one in PICTURES} == {against.CLOSED, against.OPENED, matrix.BY_RULES}
