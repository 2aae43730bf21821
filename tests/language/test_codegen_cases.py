"""``tests/cases/codegen``: what the index files each rule under, stated beside the rule."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.language.plans import compiled, filed, planned

CASES = sorted((Path(__file__).parent.parent / "cases" / "codegen").glob("*.pol"))
EXPECTED = re.compile(r"rule (\w+) \{ #~ (.*)")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_every_rule_is_filed_where_the_case_says(case: Path) -> None:
    text = case.read_text(encoding="utf-8")
    (policy,) = compiled(text).program.policies
    names = tuple(rule.name.rpartition(".")[2] for rule in policy.rules)
    found = dict.fromkeys(names, "never") | dict(filed(planned(text), names))
    assert found == dict(EXPECTED.findall(text))
