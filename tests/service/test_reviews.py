from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from engine.runtime.decision import Decision, Message
from engine.runtime.memory import MemoryStore
from engine.runtime.record import Streamed
from engine.service.apart import CLOSED
from engine.service.asking import Undecided
from engine.service.bundles import Recipe, load_folder
from engine.service.entries import Entry, Line, ReviewEntry
from engine.service.gate import Gate
from engine.service.record import NoRecorder, RecordError
from engine.service.releasing import EDITED, NO_EDIT
from engine.service.reviews import MOST_LISTED, Reviews
from engine.storage.reviews import SECOND, Move, NoReview, Question, Refused, Review, Shown, Wanted
from engine.storage.reviews_sqlite import SqliteReviews
from tests.service.bundle import SECRET, asked, write_folder
from tests.service.test_gate import START, Clock, Watcher

HOUR = 3600 * SECOND

POLICY = """\
schema { context.amount: int?  context.summary: text? }
policy desk {
  default allow
  rule mails { when content has pii.email then redact pii.email }
  rule notes { when context.summary is present then redact pii.email in context.summary }
  rule big   { when content contains "doubt" then escalate to "people" within 1h severity high }
  rule soft  { when content contains "maybe" then escalate to "people" within 1h otherwise allow }
  rule calls {
    when stage == "tool_call" and tool.name == "pay" then escalate to "money" within 1h
  }
}
"""


class Book(NoRecorder):
    """A recorder that keeps lines, or refuses them."""

    def __init__(self) -> None:
        self.lines: list[Line] = []
        self.full = False

    def write(self, entry: Line) -> None:
        if self.full:
            raise RecordError("the disk is full")
        self.lines.append(entry)

    def acts(self) -> list[str]:
        return [one.act for one in self.lines if isinstance(one, ReviewEntry)]

    def decisions(self) -> list[Entry]:
        return [one for one in self.lines if isinstance(one, Entry)]


class Desk:
    """A gate with reviews, and those who look at them."""

    def __init__(self, folder: Path, policy: str = POLICY, **recipe: Any) -> None:
        self.clock, self.book, self.watcher = Clock(), Book(), Watcher()
        self.path = folder / "reviews.db"
        self.reviews = Reviews(SqliteReviews(self.path, 0.01), self.book, self.clock)
        self.gate = Gate(
            MemoryStore(),
            self.book,
            secret=SECRET,
            clock=self.clock,
            observer=self.watcher,
            reviews=self.reviews,
        )
        bundle = load_folder(
            write_folder(folder / "p", {"p.pol": policy}), Recipe(SECRET, **recipe)
        )
        self.gate.swap(bundle)

    def ask(self, content: str = "doubt", **parts: object) -> Decision:
        return self.gate.decide(asked(content, **parts))

    def act(self, decision: Decision, verb: Any = "approve", **more: Any) -> None:
        assert decision.escalation is not None
        self.reviews.act(decision.escalation.review_id, Move(verb=verb, who="bob", **more))


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path)
    yield made
    made.gate.close()


def state(decision: Decision) -> str:
    assert decision.escalation is not None
    return decision.escalation.state


def test_an_escalation_opens_a_review_that_the_next_one_joins(desk: Desk) -> None:
    first = desk.ask()
    desk.clock.now += SECOND
    again = desk.ask()
    assert (first.effective_action, again.effective_action) == ("escalate", "escalate")
    assert again.escalation == first.escalation
    assert first.escalation is not None
    review = desk.reviews.find(first.escalation.review_id)
    question = review.question
    assert (question.tenant, question.user, question.queue) == ("north", "u1", "people")
    assert (question.shown.content, question.severity) == ("doubt", "high")
    assert question.decision_id == first.decision_id
    assert question.expires_at == START + HOUR


def test_what_was_approved_passes_when_it_is_asked_again(desk: Desk) -> None:
    desk.act(desk.ask())
    made = desk.ask()
    assert (made.action, made.effective_action, state(made)) == ("allow", "allow", "approved")
    assert made.content is None
    assert [one.message for one in made.reasons] == ["a reviewer approved it"]
    assert made.reasons[0].rule == "desk.big"
    assert desk.book.decisions()[-1].review == "approved"
    assert desk.book.decisions()[0].review == ""


def test_what_passes_is_redacted_as_the_reviewer_saw_it(desk: Desk) -> None:
    first = desk.ask("doubt a@b.example")
    assert first.escalation is not None
    review = desk.reviews.find(first.escalation.review_id)
    assert review.question.shown.content == "doubt [EMAIL]"
    desk.act(first)
    made = desk.ask("doubt a@b.example")
    assert (made.effective_action, made.content) == ("redact", "doubt [EMAIL]")
    assert len(made.redactions) == 1


def test_an_edited_form_passes_in_place_of_the_original(desk: Desk) -> None:
    desk.act(desk.ask("doubt a@b.example"), "edit", shown=Shown(content="no mail"))
    made = desk.ask("doubt a@b.example")
    assert (made.action, made.content, made.redactions) == ("redact", "no mail", ())
    assert made.reasons[0].message == EDITED


def test_an_edited_form_needs_a_caller_that_can_put_it_in_place(desk: Desk) -> None:
    desk.act(desk.ask(), "edit", shown=Shown(content="no"))
    able = desk.ask(capabilities=["wait", "mask"])
    unable = desk.ask(capabilities=["wait"])
    assert (able.effective_action, able.content) == ("redact", "no")
    assert (unable.action, unable.effective_action) == ("redact", "deny")
    assert (unable.content, unable.downgrade_reason) == (None, "the caller cannot mask")


@pytest.mark.parametrize(("note", "says"), [("", "rejected it"), ("too much", "it: too much")])
def test_what_was_rejected_is_denied_with_the_reviewers_reason(
    desk: Desk, note: str, says: str
) -> None:
    desk.act(desk.ask("doubt a@b.example"), "reject", note=note)
    made = desk.ask("doubt a@b.example")
    assert (made.action, made.effective_action, state(made)) == ("deny", "deny", "rejected")
    assert made.reasons[0].message.endswith(says)
    assert (made.content, made.redactions) == (None, ())


@pytest.mark.parametrize(("content", "action"), [("doubt", "deny"), ("maybe", "allow")])
def test_after_the_deadline_otherwise_holds(desk: Desk, content: str, action: str) -> None:
    desk.ask(content)
    desk.clock.now += HOUR
    made = desk.ask(content)
    assert (made.effective_action, state(made)) == (action, "expired")
    assert made.reasons[0].message == "nobody reviewed it in time"
    desk.clock.now += HOUR
    assert state(desk.ask(content)) == "open"


CALL = {"stage": "tool_call", "tool": {"name": "pay", "server": "s", "args": {"amount": 600}}}


@pytest.mark.parametrize(
    "other",
    [
        {"content": "doubt!"},
        {"user": {"id": "u2"}},
        {"user": {"id": "u1", "roles": ["guest"]}},
        {"tenant": {"id": "south"}},
        {"context": {"amount": 60_000}},
        {"model": {"name": "m2"}},
        {"stage": "response"},
        {"tool": {"name": "pay", "server": "evil", "args": {"amount": 600}}},
        {"tool": {"name": "pay", "server": "s", "args": {"amount": 601}}},
    ],
)
def test_an_approval_of_one_thing_never_passes_another(
    desk: Desk, other: dict[str, object]
) -> None:
    base: dict[str, Any] = {"context": {"amount": 600}, **(CALL if "tool" in other else {})}
    desk.act(desk.ask(**base))
    assert state(desk.ask(**base)) == "approved"
    made = desk.gate.decide({**asked("doubt", **base), **other})
    assert (made.effective_action, state(made)) == ("escalate", "open")


def test_another_session_of_the_same_user_uses_the_same_answer(desk: Desk) -> None:
    desk.act(desk.ask(session={"id": "s1"}))
    assert state(desk.ask(session={"id": "s2"}, source={"ip": "10.0.0.1"})) == "approved"


def test_an_approval_does_not_outlive_its_policies(desk: Desk, tmp_path: Path) -> None:
    desk.act(desk.ask())
    text = POLICY.replace("within 1h severity", "within 2h severity")
    desk.gate.swap(load_folder(write_folder(tmp_path / "q", {"p.pol": text}), Recipe(SECRET)))
    assert state(desk.ask()) == "open"


def test_arguments_are_reviewed_and_edited(desk: Desk) -> None:
    first = desk.ask("", **CALL)
    assert first.escalation is not None
    shown = desk.reviews.find(first.escalation.review_id).question.shown
    assert shown.arguments == {"amount": 600}
    desk.act(first, "edit", shown=Shown(arguments={"amount": 6}))
    made = desk.ask("", **CALL)
    assert (made.effective_action, made.arguments) == ("redact", {"amount": 6})


def test_messages_are_reviewed_and_edited(desk: Desk) -> None:
    parts: dict[str, Any] = {"messages": [{"role": "user", "text": "doubt a@b.example"}]}
    request = {name: value for name, value in asked(**parts).items() if name != "content"}
    first = desk.gate.decide(request)
    edited = Shown(messages=(Message(role="user", text="fine"),))
    desk.act(first, "edit", shown=edited)
    made = desk.gate.decide(request)
    assert (made.messages, made.content) == (edited.messages, None)


def test_messages_pass_as_they_are_when_approved(desk: Desk) -> None:
    parts: dict[str, Any] = {"messages": [{"role": "user", "text": "doubt"}]}
    request = {name: value for name, value in asked(**parts).items() if name != "content"}
    desk.act(desk.gate.decide(request))
    made = desk.gate.decide(request)
    assert (made.effective_action, made.messages) == ("allow", None)


def test_nobody_is_bothered_for_a_caller_that_cannot_wait(desk: Desk) -> None:
    made = desk.ask(capabilities=["mask"])
    assert (made.action, made.effective_action) == ("escalate", "deny")
    assert desk.reviews.browse(Wanted()).reviews == ()


def test_what_was_streamed_cannot_be_edited(desk: Desk) -> None:
    desk.act(desk.ask(), "edit", shown=Shown(content="no"))
    policies = desk.gate.policies
    record: Any = policies.reader.read(asked("doubt"))
    msgspec.structs.force_setattr(record, "streamed", Streamed(0, ()))
    made = desk.gate.begin_read(policies, lambda: record)
    assert isinstance(made, Undecided)
    made.wait()
    made = desk.gate.go_on(made)
    assert isinstance(made, Decision)
    assert made.effective_action == "deny"
    assert made.reasons[0].message == NO_EDIT


def test_what_was_too_large_is_not_shown(tmp_path: Path) -> None:
    desk = Desk(tmp_path, content_characters=5, on_content_too_large="escalate")
    first = desk.ask("a@b.example")
    assert first.escalation is not None
    question = desk.reviews.find(first.escalation.review_id).question
    assert (question.shown, bool(question.hidden)) == (Shown(), True)
    desk.act(first)
    assert desk.ask("a@b.example").effective_action == "allow"
    desk.gate.close()


def test_a_store_that_cannot_answer_denies(desk: Desk) -> None:
    desk.reviews.close()
    made = desk.ask()
    assert (made.action, made.effective_action) == ("deny", "deny")
    assert made.reasons[0].failure == "the review could not be opened"
    assert desk.watcher.failures == [CLOSED]
    assert desk.book.decisions()[-1].error == desk.watcher.failures[0]
    assert desk.ask("hello").effective_action == "allow"
    assert "reviews.db" in desk.reviews.tend()


class Odd(SqliteReviews):
    """A store that breaks, with content in the error's text as bugs have it."""

    def open_or_join(self, question: Question, now: int) -> Review:
        del now
        raise KeyError(question.shown.content)


def test_a_break_denies_and_names_its_place_only(desk: Desk) -> None:
    desk.gate.reviews = Reviews(Odd(desk.path), desk.book, desk.clock)
    assert desk.ask().effective_action == "deny"
    assert desk.watcher.failures[0].startswith("KeyError at test_reviews.py:")
    desk.gate.reviews.close()
    desk.reviews.close()


def test_every_act_is_recorded_also_those_of_other_processes(desk: Desk) -> None:
    first = desk.ask()
    assert first.escalation is not None
    review_id = first.escalation.review_id
    elsewhere = SqliteReviews(desk.path)
    elsewhere.act(review_id, Move(verb="claim", who="bob"), desk.clock.now)
    elsewhere.close()
    assert desk.book.acts() == []
    assert desk.reviews.tend() == ""
    assert desk.book.acts() == ["opened", "claimed"]
    with pytest.raises(Refused):
        desk.reviews.act(review_id, Move(verb="approve", who="eve"))
    desk.act(first, note="secret words")
    desk.clock.now += HOUR
    desk.ask()
    desk.clock.now += HOUR
    assert desk.book.acts() == ["opened", "claimed", "refused", "approved"]
    assert b"secret" not in msgspec.json.encode(desk.book.lines)
    last = desk.book.lines[-1]
    assert desk.reviews.history(review_id).deeds[-1].act == "opened"
    assert isinstance(last, Entry)


def test_an_end_is_recorded_though_nobody_asks(desk: Desk) -> None:
    desk.ask()
    desk.clock.now += HOUR
    desk.reviews.tend()
    assert desk.book.acts() == ["opened", "expired"]
    assert [one.state for one in desk.reviews.answers()] == ["expired"]


def test_an_act_that_cannot_be_recorded_waits_to_be(desk: Desk) -> None:
    first = desk.ask()
    desk.book.full = True
    desk.act(first)
    assert desk.reviews.tend() == "the disk is full"
    assert desk.ask().effective_action == "deny"
    desk.book.full = False
    desk.reviews.tend()
    assert desk.book.acts() == ["opened", "approved"]


def test_a_page_has_a_size(desk: Desk) -> None:
    for most in (-1, MOST_LISTED + 1):
        with pytest.raises(Refused, match="1,000"):
            desk.reviews.browse(Wanted(), most=most)
        with pytest.raises(Refused, match="1,000 deeds"):
            desk.reviews.history("r", most=most)
    with pytest.raises(NoReview):
        desk.reviews.find("r")
