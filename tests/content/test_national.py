# ruff: noqa: E501 - a case reads best on one line

from __future__ import annotations

from collections.abc import Sequence
from random import Random

import pytest

from engine.content.entities import ENTITIES
from engine.content.national import NATIONAL
from engine.content.plan import arrange, find_spans
from engine.content.redact import label_of
from engine.content.rules import builtin_rules
from engine.content.scan import build_scanner
from tests.content.identities import CASES
from tests.content.plain import plain_spans

SCANNER = build_scanner((), {})
ALL = frozenset(entity.name for entity in NATIONAL)

SAID = [
    # A German document has letters among its digits, an office's letter, or a word for it.
    ("pii.national_id.de", "P84736251 and LZ6311T475", ["P84736251", "LZ6311T475"]),
    ("pii.national_id.de", "order no. P84736251, your ticket LZ63117T5, CF8473625, C84736251", []),
    ("pii.national_id.de", "T384756292", []),
    # The first ten digits of a tax id have one digit twice, or three times but not in a row.
    ("pii.national_id.de", "Steuer-ID 12345678903", ["12345678903"]),
    ("pii.national_id.de", "12345678903", []),
    # Groups of an Aadhaar, but not of a card.
    ("pii.national_id.in", "2341 2341 2346, 2341-2341-2346, 2341:2341:2346", ["2341 2341 2346", "2341-2341-2346", "2341:2341:2346"]),
    ("pii.national_id.in", "2341 2341 2346 1111, 1111-2341-2341-2346, 1:2341:2341:2346", []),
    ("pii.national_id.in", "आधार 234123412346", ["234123412346"]),
    ("pii.national_id.in", "AFZPK7190K and pan afzpk7190k, spanner afzpk7190k", ["AFZPK7190K", "afzpk7190k"]),
    ("pii.national_id.sg", "S1234567D, T1234567D, S1234567K", ["S1234567D", "T1234567D"]),
    ("pii.national_id.es", "12345678Z, X1234567-L, 12.345.678-Z, 12345678A", ["12345678Z", "X1234567-L", "12.345.678-Z"]),
    # A Swedish number may be of someone older than a hundred, or for coordination; a time is none.
    ("pii.national_id.se", "811218-9876, 198112189876, 811218+9876, 811278-9873, 811318-9876", ["811218-9876", "198112189876", "811218+9876", "811278-9873"]),
    ("pii.national_id.se", "202611280526", []),
    # Thai numbers look like times in milliseconds and like barcodes.
    ("pii.national_id.th", "1761234567891, 3101234567974", []),
    ("pii.national_id.th", "เลขประจำตัวประชาชน1761234567891", ["1761234567891"]),
    ("pii.national_id.th", "2-1234-56789-01-2", ["2-1234-56789-01-2"]),
    # Koreans born before October 2020 have a check digit; foreigners and children may have none.
    ("pii.national_id.kr", "760413-1212134, 760413-5212134, 211013-3212134", ["760413-5212134", "211013-3212134"]),
    ("pii.national_id.kr", "7604135212134", ["7604135212134"]),
    ("pii.national_id.kr", "주민등록번호 7604131212134, 7613411212134, 760231-5212134", []),
    ("pii.national_id.hk", "A123456(3), A123456(4), HKID A1234563", ["A123456(3)", "A1234563"]),
    ("pii.national_id.id", "Nikon 3171084107850001", []),
    ("pii.national_id.id", "NIK: 3171084107850001", ["3171084107850001"]),
    ("pii.national_id.jp", "私の個人番号は123456789018です", ["123456789018"]),
    ("pii.national_id.eg", "29001011234567 at 20211128052419, 29002301234567", ["29001011234567"]),
    ("pii.company_id.de", "HRB 4711, hra 12 B, HRB-Nr. 90210, Amtsgericht HRB: 5", ["HRB 4711", "hra 12 B", "HRB-Nr. 90210", "HRB: 5"]),
    ("pii.company_id.de", "THRB 4711, HRB, HRC 5", []),
    ("pii.company_id.fr", "card 30569309025904", []),
    ("pii.health_id.us", "1EG4-TE5-MK73, 1EG4TE5MK73, AB1234563", ["1EG4-TE5-MK73", "1EG4TE5MK73", "AB1234563"]),
    ("pii.health_id.us", "1BG4-TE5-MK73, medicare 1eg4te5mk73", ["1eg4te5mk73"]),
]  # fmt: skip


@pytest.mark.parametrize(("entity", "text", "found"), [*CASES, *SAID])
def test_identifiers_are_found_and_lookalikes_are_not(
    entity: str, text: str, found: Sequence[str]
) -> None:
    findings = SCANNER.scan(text, frozenset({entity}))
    assert [text[one.start : one.end] for one in findings] == list(found)


def test_every_number_is_found_in_a_case() -> None:
    assert {entity for entity, _, found in CASES if found} == ALL


@pytest.mark.parametrize("entity", NATIONAL, ids=lambda entity: entity.name)
def test_a_plan_finds_identifiers_as_their_patterns_do(entity: object) -> None:
    rules = [rule for one in NATIONAL if one is entity for rule in builtin_rules(one)]
    for _, text, _ in (*CASES[::7], *SAID):
        data = text.encode()
        assert sorted((one.start, one.end) for one in find_spans(arrange(rules), data)) == sorted(
            (start, end) for _, start, end, _ in plain_spans(rules, data)
        )


def test_together_they_are_found_as_alone() -> None:
    rules = [rule for one in NATIONAL for rule in builtin_rules(one)]
    plan = arrange(rules)
    assert plan.boxes
    for _, text, _ in (*CASES[::5], *SAID):
        data = f"ж{text}ж, {text}".encode()
        assert sorted((one.rule.entity, one.start, one.end) for one in find_spans(plan, data)) == (
            sorted((entity, start, end) for entity, start, end, _ in plain_spans(rules, data))
        )


def test_all_of_them_are_built_in() -> None:
    assert all(ENTITIES[entity.name] is entity for entity in NATIONAL)


def test_checks_guard_the_numbers_of_many_states() -> None:
    checked = {
        one.name
        for one in NATIONAL
        if one.name.startswith("pii.national_id.") and all(p.check for p in one.patterns)
    }
    assert len(checked) >= 50


def test_labels_name_the_kind_and_not_the_state() -> None:
    assert {label_of(name) for name in ALL} == {"NATIONAL_ID", "COMPANY_ID", "HEALTH_ID"}


@pytest.mark.parametrize("size", [7, 8, 9, 10, 12, 16, 17])
def test_digits_alone_are_hardly_ever_a_number_of_a_state(size: int) -> None:
    source = Random(size)  # noqa: S311 - texts, no secrets
    texts = [
        f"the value {source.randrange(10 ** (size - 1), 10**size)} was seen" for _ in range(300)
    ]
    assert sum(bool(SCANNER.scan(text, ALL)) for text in texts) <= 6
