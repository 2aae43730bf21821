"""Decimals with more digits than Python calculates with by itself: both evaluators stay exact."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.runtime.evidence import Evidence
from engine.runtime.memory import MemoryStore
from engine.runtime.reference import ReferenceMatcher
from engine.service.bundles import Recipe, load_folder

NOW = 1_767_225_600 * 10**9
POLICY = """\
schema {{
  context.much:   decimal
  context.cent:   decimal
  context.digits: decimal
}}

policy money {{
  default allow
  rule asked {{
    when {condition}
    then deny
  }}
}}
"""
REQUEST = {
    "tenant": {"id": "north"},
    "user": {"id": "u1"},
    "stage": "request",
    "context": {
        "much": "10000000000000000000000000000.01",
        "cent": "0.01",
        "digits": "12345678901234567890123456789012.12345678901234567890123456789012",
    },
}


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ("context.much + context.cent > context.much", True),
        ("context.much - context.cent == 10000000000000000000000000000.00", True),
        ("context.much * 2 == 20000000000000000000000000000.02", True),
        ("context.digits * context.digits / context.digits == context.digits", True),
        ("context.digits / 2 + context.digits / 2 == context.digits", True),
        ("abs(context.much) == context.much", True),
        ("-context.much == -10000000000000000000000000000.01", True),
        ("-(-context.digits) == context.digits", True),
        ("min(context.much, context.digits) == context.much", True),
        ("1 / (context.cent - 0.01) > 0", None),
        ("1.0 / 3 * 3 < 1.0 + context.cent", True),
    ],
)
def test_both_evaluators_are_exact(
    condition: str,
    holds: bool | None,  # noqa: FBT001  what the row says
    tmp_path: Path,
) -> None:
    (tmp_path / "money.pol").write_text(POLICY.format(condition=condition), encoding="utf-8")
    policies = load_folder(tmp_path, Recipe(bytes(32)))
    record = policies.reader.read(REQUEST)
    for matcher in (policies.matcher, ReferenceMatcher(policies.program, policies.lists)):
        match = matcher.match(record, Evidence(record, policies.senses, MemoryStore(), NOW))
        assert match.hits == ([0] if holds else [])
        assert len(match.doubts) == (holds is None)
