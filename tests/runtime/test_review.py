from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from engine.runtime.decision import Escalation
from engine.runtime.review import review_id, written_alike
from tests.runtime.made import answer, load, request


@pytest.mark.parametrize(
    ("one", "other"), [("9", "9.00"), ("900", "9E+2"), ("0", "-0.00"), ("0.10", "0.1")]
)
def test_equal_amounts_are_bound_alike(one: str, other: str) -> None:
    assert written_alike(Decimal(one)) == written_alike(Decimal(other))
    assert written_alike([{"a": Decimal(one)}]) == written_alike([{"a": Decimal(other)}])


@pytest.mark.parametrize(
    ("one", "other"), [("9", "90"), ("9", "-9"), ("1" + "0" * 40 + "1", "1" + "0" * 40 + "2")]
)
def test_other_amounts_are_bound_otherwise(one: str, other: str) -> None:
    assert written_alike(Decimal(one)) != written_alike(Decimal(other))
    assert written_alike(Decimal(one)) != written_alike(one)


TWO = """\
policy p {
  default allow
  rule a { then escalate to "q" within 1h }
  rule b { when content contains "huge" then escalate to "r" within 2h by 3 reviewers }
  rule c { when content contains "large" then escalate to "r" within 3h by 2 reviewers }
}
"""


def review_of(content: str) -> Escalation:
    made = answer(load(TWO), request(content=content)).escalation
    assert made is not None
    return made


@pytest.mark.parametrize(
    ("content", "needed"), [("small", 1), ("large", 2), ("huge", 3), ("huge and large", 3)]
)
def test_as_many_must_approve_as_the_most_exacting_rule_says(content: str, needed: int) -> None:
    made = review_of(content)
    assert (made.needed, made.queue) == (needed, "q")


def test_what_one_approves_is_another_review_than_what_two_must() -> None:
    record = load(TWO).reader.read(request())
    ids = [review_id(record, "p.a", "r", b"k", needed) for needed in (1, 2, 3)]
    assert ids[0] == review_id(record, "p.a", "r", b"k")
    assert len(set(ids)) == 3


@pytest.mark.parametrize("days", [0, 5])
def test_a_review_at_the_end_of_all_time_ends_with_it(days: int) -> None:
    now = (
        253_402_300_799 + days * 86_400
    ) * 10**9  # The last second of 9999, and what has no date.
    made = answer(load(TWO), now=now)
    assert made.escalation is not None
    assert made.escalation.expires_at == datetime.max.replace(tzinfo=UTC)
