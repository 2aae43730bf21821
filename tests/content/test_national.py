# ruff: noqa: E501 - a case reads best on one line

from __future__ import annotations

import pytest

from engine.content.entities import ENTITIES
from engine.content.national import NATIONAL
from engine.content.plan import arrange, find_spans
from engine.content.rules import builtin_rules
from engine.content.scan import build_scanner
from tests.content.plain import plain_spans

SCANNER = build_scanner((), {})

CASES = [
    ("pii.url", "see https://shop.example.org/a?b=1, or http:// and ftp://x.org", ["https://shop.example.org/a?b=1"]),
    ("pii.driver_license", "My driver's license number is Q4471920, driving licence: pending", ["Q4471920"]),
    ("pii.bank", "routing number 021000021", ["021000021"]),
    ("pii.bank", "order 021000021", []),
    ("pii.bank", "routing number 021000022", []),
    ("pii.national_id.tr", "10000000146, 10000000145 and 10000000156", ["10000000146"]),
    ("pii.national_id.in", "2341 2341 2346, 2341-2341-2346 and 2341 2341 2347", ["2341 2341 2346", "2341-2341-2346"]),
    ("pii.national_id.in", "aadhaar 234123412346", ["234123412346"]),
    ("pii.national_id.in", "order 234123412346", []),
    ("pii.national_id.es", "12345678Z, X1234567-L, 12345678A", ["12345678Z", "X1234567-L"]),
    ("pii.national_id.sg", "S1234567D, T1234567D, F1234567N", ["S1234567D", "F1234567N"]),
    ("pii.national_id.se", "811218-9876, 198112189876, 811218-9875, 811318-9876", ["811218-9876", "198112189876"]),
]  # fmt: skip


@pytest.mark.parametrize(("entity", "text", "found"), CASES)
def test_identifiers_are_found_and_lookalikes_are_not(
    entity: str, text: str, found: list[str]
) -> None:
    findings = SCANNER.scan(text, frozenset({entity}))
    assert [text[one.start : one.end] for one in findings] == found


@pytest.mark.parametrize("entity", NATIONAL, ids=lambda entity: entity.name)
def test_a_plan_finds_identifiers_as_their_patterns_do(entity: object) -> None:
    rules = [rule for one in NATIONAL if one is entity for rule in builtin_rules(one)]
    for _, text, _ in CASES:
        data = text.encode()
        assert sorted((one.start, one.end) for one in find_spans(arrange(rules), data)) == sorted(
            (start, end) for _, start, end, _ in plain_spans(rules, data)
        )


def test_all_of_them_are_built_in() -> None:
    assert all(ENTITIES[entity.name] is entity for entity in NATIONAL)
