from __future__ import annotations

import msgspec
import pytest

from engine.runtime.decision import Message
from engine.storage.reviews import (
    LONGEST_LEASE,
    MOST_NAME,
    MOST_NOTE,
    MOST_TEXT,
    SECOND,
    Move,
    Question,
    Refused,
    Review,
    Shown,
    Verb,
)
from engine.storage.reviews_acts import apply, begin, in_time, stands
from tests.storage.asked import HOUR, NOW, asked


def after(review: Review, *moves: Move, now: int = NOW) -> Review:
    for move in moves:
        review = apply(review, move, now)[0]
    return review


def claim(who: str, lease: int = Move(verb="claim", who="").lease) -> Move:
    return Move(verb="claim", who=who, lease=lease)


def approve(who: str) -> Move:
    return Move(verb="approve", who=who)


def refusal(review: Review, move: Move, now: int = NOW) -> str:
    with pytest.raises(Refused) as caught:
        apply(review, move, now)
    return str(caught.value)


OPEN = begin(asked(), NOW)


def test_an_approval_lets_what_was_shown_pass() -> None:
    made = after(OPEN, Move(verb="approve", who="bob", note="he is known"))
    assert (made.state, made.resolved_by, made.note) == ("approved", "bob", "he is known")
    assert made.released == OPEN.question.shown


def test_a_rejection_is_the_end() -> None:
    made = after(OPEN, Move(verb="reject", who="bob"))
    assert made.state == "rejected"
    assert refusal(made, approve("eve")) == "the review is over: rejected"


@pytest.mark.parametrize("who", ["ann", " ANN ", "\uff41nn"])
@pytest.mark.parametrize("verb", ["approve", "edit", "claim"])
def test_nobody_answers_their_own_request(who: str, verb: Verb) -> None:
    move = Move(verb=verb, who=who, shown=Shown(content="less"))
    assert refusal(OPEN, move) == "nobody answers their own request"


def test_who_asked_may_withdraw() -> None:
    assert after(OPEN, Move(verb="reject", who="ann")).state == "rejected"


def test_a_claim_keeps_others_away_until_its_lease_ends() -> None:
    held = after(OPEN, Move(verb="claim", who="bob", lease=SECOND))
    verbs: tuple[Verb, ...] = ("claim", "release", "hand_over", "approve", "reject", "edit")
    for verb in verbs:
        assert refusal(held, Move(verb=verb, who="eve", to="eve")) == "bob has claimed it"
    assert after(held, approve("eve"), now=NOW + SECOND).resolved_by == "eve"
    assert after(held, approve("bob")).resolved_by == "bob"


def test_a_claim_is_prolonged_released_or_handed_over_by_its_holder() -> None:
    held = after(OPEN, claim("bob"))
    longer = after(held, Move(verb="claim", who="bob", lease=HOUR))
    assert longer.held_until == NOW + HOUR
    assert after(held, Move(verb="release", who="bob")).claimant(NOW) == ""
    assert after(held, Move(verb="hand_over", who="bob", to="eve")).claimant(NOW) == "eve"
    assert refusal(OPEN, Move(verb="release", who="bob")) == "nobody has claimed it"
    own = Move(verb="hand_over", who="bob", to="ann")
    assert refusal(held, own) == "nobody answers their own request"
    assert "has a name" in refusal(held, Move(verb="hand_over", who="bob"))


@pytest.mark.parametrize("lease", [0, -1, LONGEST_LEASE + 1])
def test_a_lease_has_bounds(lease: int) -> None:
    assert "a day at most" in refusal(OPEN, Move(verb="claim", who="bob", lease=lease))


def test_two_must_approve_where_two_are_asked_for() -> None:
    review = begin(asked(needed=2), NOW)
    first, act = apply(after(review, claim("bob")), approve("bob"), NOW)
    assert (first.state, act, first.claimant(NOW)) == ("open", "endorsed", "")
    assert "someone else must too" in refusal(first, approve("Bob"))
    assert after(first, approve("eve")).state == "approved"


def test_an_edit_must_be_approved_by_as_many() -> None:
    review = after(begin(asked(needed=2), NOW), approve("bob"))
    edited = after(review, Move(verb="edit", who="eve", shown=Shown(content="refund 6")))
    assert (edited.state, edited.approvals) == ("open", ("eve",))
    made = after(after(edited, claim("bob")), approve("bob"))
    assert (made.state, made.released.content) == ("edited", "refund 6")


def test_what_was_edited_is_answered_by_who_has_seen_that() -> None:
    edit = Move(verb="edit", who="eve", shown=Shown(content="refund 6"))
    review = after(after(begin(asked(needed=2), NOW), claim("eve")), edit)
    for move in (approve("bob"), msgspec.structs.replace(edit, who="bob")):
        assert "claim it, look at it, then answer" in refusal(review, move)
    held = after(review, claim("bob", lease=SECOND))
    assert "claim it" in refusal(held, approve("bob"), now=NOW + SECOND)
    assert after(held, approve("bob")).state == "edited"
    assert after(review, Move(verb="reject", who="bob")).state == "rejected"


def test_an_edit_is_what_is_released() -> None:
    move = Move(verb="edit", who="bob", shown=Shown(content="refund 6"))
    made, act = apply(OPEN, move, NOW)
    assert (made.state, act, made.released.content) == ("edited", "edited", "refund 6")
    assert made.question.shown.content == "refund 600"


CALL = Shown(
    messages=(Message(role="user", text="hi"), Message(role="tool", text="600")),
    arguments={"amount": 600},
)


def test_an_edit_has_the_parts_of_what_was_asked() -> None:
    review = begin(asked(shown=CALL), NOW)
    two = (Message(role="user", text="hi"), Message(role="tool", text="6"))
    made = after(review, Move(verb="edit", who="bob", shown=Shown(messages=two)))
    assert made.released == Shown(messages=two, arguments={"amount": 600})
    made = after(review, Move(verb="edit", who="bob", shown=Shown(arguments={"amount": 6})))
    assert made.released == Shown(messages=CALL.messages, arguments={"amount": 6})


@pytest.mark.parametrize(
    ("question", "shown", "why"),
    [
        (asked(shown=CALL), Shown(content="hi"), "there is no content to edit"),
        (asked(shown=CALL), Shown(messages=()), "in their order and with their roles"),
        (asked(), Shown(messages=CALL.messages), "in their order and with their roles"),
        (asked(), Shown(arguments={}), "there are no arguments to edit"),
        (asked(), Shown(), "says what is released"),
        (asked(), None, "says what is released"),
        (asked(hidden="too large"), Shown(content="x"), "not shown cannot be edited"),
        (asked(), Shown(content="x" * (MOST_TEXT + 1)), "are the most"),
        (
            asked(shown=Shown(arguments={"to": "ann"})),
            Shown(arguments={"to": "x" * MOST_TEXT}),
            "are the most",
        ),
        (asked(), Shown(content="\ud800"), "lone surrogate"),
    ],
)
def test_an_edit_that_does_not_fit_is_refused(
    question: Question, shown: Shown | None, why: str
) -> None:
    assert why in refusal(begin(question, NOW), Move(verb="edit", who="bob", shown=shown))


@pytest.mark.parametrize("who", ["", "  ", "a\x1b[2J", "a\nb", "\ud800", "x" * (MOST_NAME + 1)])
def test_a_reviewer_has_a_name_that_can_be_shown(who: str) -> None:
    assert "name" in refusal(OPEN, approve(who))


def test_a_note_has_a_length() -> None:
    long = "x" * (MOST_NOTE + 1)
    assert "4,097" in refusal(OPEN, Move(verb="approve", who="bob", note=long))


def test_anyone_may_comment_at_any_time() -> None:
    over = after(after(OPEN, claim("bob")), Move(verb="comment", who="ann", note="please"))
    assert over.claimant(NOW) == "bob"
    assert apply(after(OPEN, approve("bob")), Move(verb="comment", who="eve", note="why?"), NOW)
    assert refusal(OPEN, Move(verb="comment", who="bob", note=" ")) == "a comment says something"


def test_a_review_is_over_at_its_deadline() -> None:
    assert in_time(OPEN, NOW + HOUR - 1) is OPEN
    over = in_time(after(OPEN, claim("bob")), NOW + 2 * HOUR)
    assert (over.state, over.resolved_at, over.holder) == ("expired", NOW + HOUR, "")
    answered = after(OPEN, approve("bob"))
    assert in_time(answered, NOW + 2 * HOUR) is answered


def test_an_answer_stands_as_long_as_the_review_might_have_waited() -> None:
    answered = after(OPEN, approve("bob"), now=NOW + 10)
    assert stands(OPEN, NOW)
    assert stands(answered, NOW + HOUR + 9)
    assert not stands(answered, NOW + HOUR + 10)


def test_the_gravest_reason_says_how_soon() -> None:
    assert asked(severity="critical").priority == 4
    assert asked().priority == 0
