"""The benchmarks are complete, and a budget that is broken is told. What they measure is theirs."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

from bench.goals import Goal, Result, from_json, goal_lines, table_lines, to_json
from bench.report import BENCHES, BUDGET, Done, broken, machine, markdown_table, verdict
from engine.sources import is_compiled

ROOT = Path(__file__).parent.parent
SOME = Result(
    {"times": [{"what": "ours", "us": 1.25}, {"what": "theirs", "us": 1250.0}]},
    [Goal("growth", 1.2, 1.3), Goal("times as fast", 900.0, 1000, "higher")],
    ["a peer"],
)


def test_every_bench_is_run_and_described() -> None:
    files = {path.name for path in (ROOT / "bench").glob("bench_*.py")}
    assert {f"bench_{bench.name}.py" for bench in BENCHES} == files
    text = (ROOT / "bench/README.md").read_text(encoding="utf-8")
    assert [name for name in files if f"`{name}`" not in text] == []


def test_budgets_belong_to_goals_of_benches_that_exist() -> None:
    for name, budgets in tomllib.loads(BUDGET.read_text(encoding="utf-8")).items():
        # A bench of several files has a folder of its name.
        files = [ROOT / f"bench/bench_{name}.py", *ROOT.glob(f"bench/{name}/*.py")]
        source = "".join(file.read_text(encoding="utf-8") for file in files)
        assert budgets
        for goal in budgets:
            assert goal.split(",")[0].split(":")[0] in source, goal


def test_a_result_survives_json() -> None:
    assert from_json(to_json(SOME)) == SOME


def test_a_result_and_the_report_say_whether_the_engine_runs_compiled() -> None:
    word = "compiled" if is_compiled() else "interpreted"
    assert json.loads(to_json(SOME))["engine"] == word
    assert list(machine())[-1].endswith(f": {word}")


def test_missed_goals_are_shown_as_plainly_as_met_ones() -> None:
    first, second = goal_lines(SOME.goals)
    assert first.split() == ["met", "growth", "1.20", "(at", "most", "1.30)"]
    assert second.split() == ["MISSED", *"times as fast 900 (at least 1,000)".split()]  # noqa: SIM905


def test_only_a_broken_budget_or_a_failed_bench_is_a_problem() -> None:
    done = Done(BENCHES[0], SOME, 1.0, 0.5)
    name = BENCHES[0].name
    assert list(broken(done, {name: {"growth": 1.2, "times as fast": 900}})) == []
    assert list(broken(done, {name: {"times as fast": 901}})) == [
        "BROKEN times as fast: 900, the budget is 901"
    ]
    assert len(list(broken(Done(BENCHES[0], None, 1.0, 0.5), {}))) == 1
    assert verdict([done], ["x"]) == "1 of 2 goals met; 1 broken"


def test_tables_have_a_column_a_key() -> None:
    rows = SOME.figures["times"]
    assert list(table_lines(rows)) == ["what       us", "ours     1.25", "theirs  1,250"]
    assert list(markdown_table(rows))[:2] == ["| what | us |", "|---|--:|"]
