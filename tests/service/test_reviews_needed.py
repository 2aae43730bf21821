from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.service.entries import ReviewEntry
from engine.storage.reviews import SECOND, Move, Refused, Shown, Verb
from tests.service.test_reviews import Desk, state

FOUR_EYES = """\
policy pay {
  default allow
  rule large { when content contains "large" then escalate to "money" within 1h }
  rule huge  { when content contains "huge" then escalate to "money" within 1h by 2 reviewers }
}
"""


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path, FOUR_EYES)
    yield made
    made.gate.close()


def test_a_second_person_must_approve_where_a_rule_says_so(desk: Desk) -> None:
    first = desk.ask("huge")
    assert first.escalation is not None
    assert first.escalation.needed == 2
    desk.act(first)
    again = desk.ask("huge")
    assert (again.effective_action, state(again)) == ("escalate", "open")
    with pytest.raises(Refused, match="someone else must too"):
        desk.act(first)
    desk.reviews.act(first.escalation.review_id, Move(verb="approve", who="ann"))
    made = desk.ask("huge")
    assert (made.effective_action, state(made)) == ("allow", "approved")
    assert made.escalation is not None
    assert made.escalation.needed == 2
    acts = ["opened", "endorsed", "refused", "approved"]
    assert desk.book.acts() == acts


def test_only_acts_that_end_a_round_tell_how_long_it_took(desk: Desk) -> None:
    first = desk.ask("huge")
    assert first.escalation is not None
    moves: tuple[tuple[str, Verb], ...] = (
        ("bob", "claim"),
        ("bob", "approve"),
        ("ann", "comment"),
        ("ann", "approve"),
    )
    for who, verb in moves:
        desk.clock.now += SECOND
        desk.reviews.act(first.escalation.review_id, Move(verb=verb, who=who, note="a note"))
    desk.ask("huge")
    lines = [one for one in desk.book.lines if isinstance(one, ReviewEntry)]
    assert [(one.act, one.waited) for one in lines] == [
        ("opened", 0),
        ("claimed", 0),
        ("endorsed", 0),
        ("commented", 0),
        ("approved", 4),
    ]


def test_an_edit_must_be_approved_by_a_second_person_as_it_is(desk: Desk) -> None:
    first = desk.ask("huge")
    assert first.escalation is not None
    desk.act(first)
    edit = Move(verb="edit", who="ann", shown=Shown(content="small"))
    desk.reviews.act(first.escalation.review_id, edit)
    assert state(desk.ask("huge")) == "open"
    with pytest.raises(Refused, match="claim it"):
        desk.act(first)
    desk.act(first, "claim")
    desk.act(first)
    assert desk.ask("huge").content == "small"


def test_one_who_rejects_is_enough(desk: Desk) -> None:
    first = desk.ask("huge")
    desk.act(first)
    assert first.escalation is not None
    desk.reviews.act(first.escalation.review_id, Move(verb="reject", who="ann"))
    assert desk.ask("huge").effective_action == "deny"


def test_the_most_exacting_of_two_rules_holds_beside_the_other(desk: Desk) -> None:
    alone, both = desk.ask("large").escalation, desk.ask("large and huge").escalation
    assert alone is not None
    assert both is not None
    assert (alone.needed, both.needed) == (1, 2)
