from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.service.test_reviews import Desk, state

# What is in `usage` and in the session is not what a review is bound to; which rules ask is.
POLICY = """\
policy desk {
  default allow
  rule doubt  { when content contains "doubt" then escalate to "people" within 1h }
  rule costly { when usage.cost_usd ?? 0.00 > 5.00 then escalate to "money" within 2h }
}
"""


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path, POLICY)
    yield made
    made.gate.close()


def test_an_approval_of_one_rule_does_not_pass_what_another_asks_for_too(desk: Desk) -> None:
    first = desk.ask()
    desk.act(first)
    assert desk.ask(usage={"cost_usd": "1.00"}).effective_action == "allow"
    both = desk.ask(usage={"cost_usd": "9.00"})
    assert (both.effective_action, state(both)) == ("escalate", "open")
    assert [one.rule for one in both.reasons] == ["desk.costly", "desk.doubt"]
    desk.act(both)
    assert desk.ask(usage={"cost_usd": "9.00"}).effective_action == "allow"


def test_what_one_rule_asks_for_again_joins_its_own_review(desk: Desk) -> None:
    one, both = desk.ask(), desk.ask(usage={"cost_usd": "9.00"})
    assert one.escalation != both.escalation
    assert desk.ask(usage={"cost_usd": "1.00"}).escalation == one.escalation
    assert desk.ask(usage={"cost_usd": "8.00"}).escalation == both.escalation
