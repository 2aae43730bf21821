from __future__ import annotations

from typing import Any

import msgspec
import pytest

from engine.storage.reviews import SECOND, Move, Refused, Review
from engine.storage.reviews_acts import apply, begin, same_person, stands
from tests.storage.asked import HOUR, NOW, asked


def opened(**question: Any) -> Review:
    made = begin(asked(), NOW)
    return msgspec.structs.replace(
        made, question=msgspec.structs.replace(made.question, **question)
    )


def approved(**question: Any) -> Review:
    return apply(opened(**question), Move(verb="approve", who="bob"), NOW)[0]


def why(review: Review, move: Move, now: int = NOW) -> str:
    with pytest.raises(Refused) as caught:
        apply(review, move, now)
    return str(caught.value)


@pytest.mark.parametrize("verb", ["claim", "approve", "comment", "read", "read_full", "present"])
def test_what_is_barred_is_refused_with_its_reason_whatever_it_is(verb: Any) -> None:
    assert why(opened(), Move(verb=verb, who="bob", barred="bob may not")) == "bob may not"


def test_reading_changes_nothing_and_is_an_act() -> None:
    review = opened(original="sealed")
    for verb in ("read", "read_full"):
        assert apply(review, Move(verb=verb, who="bob"), NOW) == (review, verb)
    assert "not kept" in why(opened(), Move(verb="read_full", who="bob"))


def test_a_token_is_presented_once_while_its_approval_holds() -> None:
    review = approved()
    move = Move(verb="present", who="ann", round=1)
    used, act = apply(review, move, NOW + HOUR - 1)
    assert (act, used.used_at, used.state) == ("presented", NOW + HOUR - 1, "approved")
    assert "used already" in why(used, move)
    assert "expired" in why(review, move, NOW + HOUR)
    assert "does not hold" in why(review, Move(verb="present", who="ann", round=2))
    assert "does not hold" in why(opened(), move)


def test_an_approval_that_is_good_for_once_answers_until_it_was_used() -> None:
    review = approved(once=True)
    used = msgspec.structs.replace(review, used_at=NOW)
    assert stands(review, NOW + SECOND)
    assert not stands(used, NOW + SECOND)
    assert stands(msgspec.structs.replace(approved(), used_at=NOW), NOW + SECOND)


@pytest.mark.parametrize("verb", ["claim", "approve"])
def test_nobody_answers_what_another_of_their_names_has_asked_for(verb: Any) -> None:
    move = Move(verb=verb, who="a.smith", aliases=("u-17", "ANN"))
    assert "their own request" in why(opened(), move)


def test_a_second_approval_is_not_given_under_another_name() -> None:
    once, _ = apply(opened(needed=2), Move(verb="approve", who="bob"), NOW)
    assert "someone else must" in why(once, Move(verb="approve", who="b2", aliases=("Bob",)))
    other, _ = apply(opened(needed=2), Move(verb="approve", who="b2", aliases=("u-9", "Bob")), NOW)
    assert "someone else must" in why(other, Move(verb="approve", who="bob"))
    assert "someone else must" in why(other, Move(verb="approve", who="robert", aliases=("U-9",)))
    made, act = apply(other, Move(verb="approve", who="eve"), NOW)
    assert (made.state, made.approvals, act) == ("approved", ("b2", "eve"), "approved")


def test_marks_that_nobody_sees_make_no_other_name() -> None:
    assert same_person("ann", "a\u200bn\u00adn\ufeff")
    assert same_person("\uff21NN ", "ann")
    assert not same_person("ann", "anna")


# Joiners, fillers, variation selectors and the dotless Braille: letters and marks by their kind.
@pytest.mark.parametrize("mark", [*"\u034f\u115f\u17b4\u180b\u2800\u3164\ufe0f\uffa0\U000e0100"])
def test_letters_that_nobody_sees_make_no_other_name(mark: str) -> None:
    assert same_person("ann lee", f"{mark}Ann {mark} l{mark}ee")
    assert "their own request" in why(opened(user="ann"), Move(verb="approve", who=f"an{mark}n"))
    assert "has a name" in why(opened(), Move(verb="claim", who=f"{mark} {mark}"))
