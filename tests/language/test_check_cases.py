"""The case files of the checker: every mistake is found on its line, and nothing else."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from engine.language.check import check_program
from engine.language.diagnostics import Report
from engine.language.parse import parse_file
from engine.language.text import Source
from tests.language.checking import KNOWN
from tests.language.expectations import CASES, case_files, differences

CATALOGS = (
    "catalog",
    "catalog_policies",
    "catalog_tests",
    "catalog_declarations",
    "catalog_warnings",
)
LANGUAGE = Path(__file__).parents[2] / "engine" / "language"


@pytest.mark.parametrize("path", case_files("check"))
def test_every_announced_mistake_is_found_and_no_other(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    report = Report()
    check_program([parse_file(Source(path.name, text), report)], KNOWN, report)
    assert differences(text, report.sorted()) == []


def test_every_code_of_the_checker_has_a_case() -> None:
    wordings = "".join((LANGUAGE / f"{name}.py").read_text(encoding="utf-8") for name in CATALOGS)
    cases = "".join(path.read_text(encoding="utf-8") for path in (CASES / "check").rglob("*.pol"))
    known = set(re.findall(r'"""([EW]\d{3}):', wordings))
    announced = set(re.findall(r"#~\^* ([EW]\d{3})", cases))
    assert known - announced == set()
