from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from engine.service.asked import attributes
from engine.storage.reviews import Question
from tests.service.bundle import asked
from tests.service.test_reviews import Desk

POLICY = """\
schema {
  context.amount:      decimal?
  context.order.id:    int?
  context.order.note:  text?
}
policy p {
  default allow
  rule notes { when context.order.note is present then redact pii.email in context.order.note }
  rule all   { then escalate to "people" }
}
"""


def question(folder: Path, **parts: object) -> Question:
    desk = Desk(folder, POLICY)
    made = desk.gate.decide(asked("hello", **parts)).escalation
    assert made is not None
    found = desk.reviews.find(made.review_id).question
    desk.gate.close()
    return found


def test_a_review_keeps_what_was_asked_redacted_where_rules_redact(tmp_path: Path) -> None:
    order = {"id": 7, "note": "to ann@acme.example"}
    made = question(tmp_path, context={"amount": "9.50", "order": order})
    assert made.asked == {
        "tenant": {"id": "north"},
        "user": {"id": "u1", "roles": []},
        "session": {"labels": [], "turn": 0},
        "context": {"amount": "9.50", "order": {"id": 7, "note": "to [EMAIL]"}},
    }


def test_groups_of_which_nothing_was_sent_are_not_kept(tmp_path: Path) -> None:
    assert "context" not in question(tmp_path).asked


@pytest.mark.parametrize(
    ("values", "kept"),
    [
        ({"a": {"b": None}, "c": None}, {}),
        ({"a": {"b": Decimal(1)}}, {"a": {"b": Decimal(1)}}),
    ],
)
def test_what_is_absent_is_not_kept(values: object, kept: object) -> None:
    assert attributes(values, "x.", {}) == kept
