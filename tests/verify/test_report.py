from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal
from xml.etree import ElementTree as ET

from engine.language.text import Span
from engine.verify.coverage import Gap, Summary
from engine.verify.report import (
    coverage_json,
    describe,
    describe_coverage,
    headline,
    junit,
    result_json,
    shorten,
    to_json,
)
from engine.verify.results import Failure, Result
from engine.verify.run import run_tests
from tests.verify.bundles import GUEST, load

PLACE = Span("a.pol", 0, 1, 3, 5, 3, 6)
ODD = "\x1b[31m\x00\x9b\u202e"


def result(*failures: Failure, name: str = "t") -> Result:
    return Result(name, "test", PLACE, failures, 2, 0.25)


def test_nothing_in_a_test_can_drive_the_terminal() -> None:
    made = describe(result(Failure(f"wrong {ODD}", PLACE, {"content": ODD}), name=ODD))
    assert not set(ODD) & set("\x1b\x00\x9b\u202e") & set(made)
    assert "a.pol:3:5: wrong" in made


def test_what_xml_cannot_carry_becomes_a_question_mark() -> None:
    raw = junit({ODD: [result(Failure(f"wrong {ODD}", PLACE, {}), name=ODD), result()]})
    suites = ET.fromstring(raw)  # noqa: S314  made here
    assert (suites[0].get("name"), suites[0].get("tests")) == ("?[31m???", "2")
    assert suites[0][0].get("name") == "?[31m???"
    assert suites[0][0][0].get("message") == "wrong ?[31m???"


def test_long_requests_are_cut() -> None:
    assert shorten("x" * 300) == "x" * 300
    assert shorten("x" * 301) == "x" * 300 + "…"


def test_every_value_of_the_language_becomes_json() -> None:
    value = {"a": frozenset({"y", "x"}), "b": Decimal("1.5"), "c": timedelta(seconds=1), "d": (1,)}
    assert json.loads(to_json(value)) == {
        "a": ["x", "y"],
        "b": "1.5",
        "c": "0:00:01",
        "d": [1],
    }


def test_results_become_json() -> None:
    made = json.loads(to_json(result_json(result(Failure("wrong", PLACE, {"a": 1})))))
    assert made["passed"] is False
    assert made["failures"] == [
        {
            "message": "wrong",
            "file": "a.pol",
            "line": 3,
            "request": {"a": 1},
            "decision": None,
            "explanation": None,
        }
    ]


def test_a_failure_shows_its_explanation() -> None:
    made = load(f'policy p {{ default deny "no" }}\n{GUEST}test "t" {{ given guest expect allow }}')
    (failed,) = run_tests(made)
    text = describe(failed)
    assert text.startswith("test t\n  p.pol:3:24: expected allow, but the decision is deny by p")
    assert '\n    request: {"tenant":{"id":"t"}' in text
    assert text.endswith("\n    deny\n      because p: no\n    policy p: deny")
    shown = json.loads(to_json(result_json(failed)))["failures"][0]
    assert shown["decision"]["action"] == "deny"
    assert shown["explanation"].startswith("deny\n")


def test_coverage_short_of_everything_never_reads_everything() -> None:
    summary = Summary(1000, 1000, 1000, 999, (Gap(PLACE, "never true"),))
    assert describe_coverage(summary) == (
        "coverage 99.9 %: 1000 of 1000 rules, 999 of 1000 outcomes of conditions\n"
        "  a.pol:3:5: never true"
    )
    assert coverage_json(summary)["percent"] == 99.95
    nearly = Summary(100_000, 99_999, 0, 0, ())
    assert "99.9 %" in describe_coverage(nearly)
    assert coverage_json(nearly)["percent"] == 99.99


def test_the_closing_line_counts() -> None:
    law = Result("l", "property", PLACE, (), 1, 0.0)
    assert headline([result(), law], 3, 0.5) == (
        "1 test, 1 property, 3 decisions in 0.50 s: all passed"
    )
    failed = result(Failure("wrong", PLACE, {}))
    assert headline([failed, failed, law, law], 1, 0.0) == (
        "2 tests, 2 properties, 1 decision in 0.00 s: 2 failed"
    )
