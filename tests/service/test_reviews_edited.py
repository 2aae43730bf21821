"""What a reviewer puts in the place of what was asked about is decided on before it passes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest

from engine.runtime.decision import Decision, Message
from engine.runtime.memory import MemoryStore
from engine.runtime.policyset import PolicySet
from engine.runtime.record import Record
from engine.runtime.store import StoreUnavailable
from engine.service import asking
from engine.service import reviews as kept
from engine.service.apart import THREADS, Apart
from engine.service.asking import Undecided
from engine.service.record import NoRecorder
from engine.service.releasing import EDITED, EXPIRED, UNANSWERED, UNFIT, WITHHELD
from engine.service.usage import Usage
from engine.storage.reviews import Deed, Shown
from tests.service.bundle import asked
from tests.service.test_reviews import HOUR, Desk, state

POLICY = """\
schema { context.note: text? }
meter tries counts rule desk.big by user.id over 1h
meter poisons counts rule desk.poison by user.id over 1h
policy desk {
  default allow
  rule big {
    when content contains "doubt"
    then escalate to "people" within 1h advise tier = "slow" label session "asked"
  }
  rule maybe  { when content contains "maybe" then escalate to "people" within 1h otherwise allow }
  rule other  { when content contains "second" then escalate to "money" within 1h }
  rule poison { when content contains "poison" then deny "poison stays out" }
  rule mails  { when content has pii.email then redact pii.email as token }
  rule notes  { when content contains "note" then redact pii.email in context.note }
  rule marks  {
    when content contains "mark" then allow advise tier = "quick" label session "marked"
  }
  rule pace   { when tenant.id == "paced" then throttle 3 requests per 1h by user.id }
  rule slow   { when content contains "slow" then throttle 1 requests per 1h by user.id }
  rule spend  { when content contains "spend" then throttle 100 tokens per 1h by user.id }
  rule quiet  { when tenant.id == "paced" then throttle 3 requests per 1h by user.id mode shadow }
  rule tried  { when content contains "tried" and meter.tries > 2 then deny }
  rule dosed  { when content contains "dosed" and meter.poisons > 1 then deny }
  rule turned { when content contains "turned" and session.turn > 2 then deny }
  rule calls  {
    when stage == "tool_call" and tool.name == "pay" then escalate to "money" within 1h
  }
  rule cap    { when (arg("amount") ?? 0) > 1_000 then deny "too much" severity high }
}
"""
CALL: dict[str, Any] = {"stage": "tool_call", "tool": {"name": "pay", "args": {"amount": 600}}}
SESSION: dict[str, Any] = {"session": {"id": "s"}}


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path, POLICY)
    yield made
    made.gate.close()


def edited(desk: Desk, shown: Shown | str, content: str = "doubt", **parts: Any) -> Decision:
    """Ask about *content*, let a reviewer put *shown* in its place, and ask again."""
    shown = Shown(content=shown) if isinstance(shown, str) else shown
    desk.act(desk.ask(content, **parts), "edit", shown=shown)
    return desk.ask(content, **parts)


def rules(decision: Decision) -> list[tuple[str, str]]:
    return [(one.rule, one.message) for one in decision.reasons]


def history(desk: Desk, decision: Decision) -> tuple[Deed, ...]:
    """Return what the history says when everything was written that is on its way."""
    assert decision.escalation is not None
    threads = Barrier(THREADS)
    for one in [desk.reviews._apart.send(threads.wait) for _ in range(THREADS)]:
        one.result()
    return desk.reviews.history(decision.escalation.review_id).deeds


def test_an_edit_passes_nothing_that_the_policies_deny(desk: Desk) -> None:
    made = edited(desk, "poison, no mail", "doubt a@b.example")
    assert (made.action, made.effective_action, state(made)) == ("deny", "deny", "edited")
    assert rules(made) == [("desk.poison", "poison stays out"), ("desk.big", WITHHELD)]
    assert (made.content, made.redactions, made.attributes) == (None, (), {})
    entry = desk.book.decisions()[-1]
    assert (entry.effective_action, entry.review) == ("deny", "edited")
    assert [one.rule for one in entry.reasons] == ["desk.poison", "desk.big"]
    assert entry.review_id == history(desk, made)[0].review_id
    assert desk.watcher.failures == []


def test_arguments_that_are_edited_past_a_rule_do_not_pass(desk: Desk) -> None:
    made = edited(desk, Shown(arguments={"amount": 60_000}), "", **CALL)
    assert (made.effective_action, made.arguments) == ("deny", None)
    assert rules(made) == [("desk.cap", "too much"), ("desk.calls", WITHHELD)]
    [cap, _] = desk.book.decisions()[-1].reasons
    assert (cap.rule, cap.values) == ("desk.cap", {'arg("amount")': 60_000})


def test_what_cannot_be_known_of_an_edit_counts_as_matched(desk: Desk) -> None:
    made = edited(desk, Shown(arguments={"amount": "a lot"}), "", **CALL)
    assert (made.effective_action, made.reasons[0].rule) == ("deny", "desk.cap")


def test_messages_that_are_edited_past_a_rule_do_not_pass(desk: Desk) -> None:
    request = {**asked(), "messages": [{"role": "user", "text": "doubt"}]}
    del request["content"]
    first = desk.gate.decide(request)
    desk.act(first, "edit", shown=Shown(messages=(Message(role="user", text="poison"),)))
    made = desk.gate.decide(request)
    assert (made.effective_action, made.messages) == ("deny", None)


def test_what_an_edit_holds_is_redacted_and_can_be_turned_back(desk: Desk) -> None:
    made = edited(desk, "write to a@b.example", **SESSION)
    assert (made.action, state(made), made.redactions) == ("redact", "edited", ())
    assert made.content is not None
    assert made.content.startswith("write to [EMAIL_")
    assert rules(made) == [("desk.big", EDITED), ("desk.mails", "")]
    back = desk.ask(made.content, stage="response", **SESSION)
    assert back.content == "write to [EMAIL_" + made.content[16:]
    assert back.restored == 1


def test_a_placeholder_in_an_edit_passes_as_it_was_shown(desk: Desk) -> None:
    parts = {**SESSION, "stage": "tool_call", "tool": {"name": "pay", "args": {}}}
    first = desk.ask("doubt a@b.example", **parts)
    assert first.content is not None
    made = edited(desk, f"{first.content}!", "doubt a@b.example", **parts)
    assert (made.effective_action, made.content) == ("redact", f"{first.content}!")


def test_an_edit_keeps_what_was_redacted_beside_it(desk: Desk) -> None:
    note: dict[str, Any] = {"context": {"note": "ask c@d.example"}}
    made = edited(desk, "fine", "doubt note", **note)
    assert (made.content, made.attributes) == ("fine", {"context.note": "ask [EMAIL]"})
    made = edited(desk, "a note", **note)
    assert (made.content, made.attributes) == ("a note", {"context.note": "ask [EMAIL]"})
    assert rules(made) == [("desk.big", EDITED), ("desk.notes", "")]


def test_an_answer_covers_the_rules_that_asked_and_no_others(desk: Desk) -> None:
    made = edited(desk, "still a doubt")
    assert (made.effective_action, made.content) == ("redact", "still a doubt")
    made = edited(desk, "only the second", "doubt the second")
    assert (made.effective_action, made.content) == ("redact", "only the second")
    made = edited(desk, "a second", "another doubt")
    assert (made.action, made.effective_action, state(made)) == ("deny", "deny", "edited")
    assert rules(made) == [("desk.other", UNANSWERED), ("desk.big", WITHHELD)]
    assert {one.action for one in made.reasons} == {"deny"}
    assert "escalate by `desk.other`" in history(desk, made)[-1].note


def test_what_was_covered_is_redacted_all_the_same(desk: Desk) -> None:
    made = edited(desk, "still a doubt: a@b.example")
    assert made.content is not None
    assert made.content.startswith("still a doubt: [EMAIL_")


def test_limits_are_not_charged_twice(desk: Desk) -> None:
    paced: dict[str, Any] = {"tenant": {"id": "paced"}}
    made = edited(desk, "fine", **paced)
    assert made.effective_action == "redact"
    assert made.throttle is not None
    assert made.throttle.rule == "desk.pace"
    assert made.throttle.remaining == 1
    third, fourth = desk.ask("hello", **paced), desk.ask("hello", **paced)
    assert (third.effective_action, fourth.effective_action) == ("allow", "throttle")
    assert third.shadow is not None
    assert third.shadow.action == "allow"


def test_limits_that_only_the_edit_meets_are_charged_and_hold(desk: Desk) -> None:
    assert desk.ask("slow", user={"id": "u2"}).effective_action == "allow"
    made = edited(desk, "slow", user={"id": "u2"})
    assert (made.action, made.effective_action, state(made)) == ("throttle", "throttle", "edited")
    assert made.throttle is not None
    assert (made.throttle.rule, made.content) == ("desk.slow", None)
    assert made.throttle.retry_after
    assert [one.rule for one in made.reasons] == ["desk.slow", "desk.big"]
    assert edited(desk, "slow").effective_action == "redact"
    assert desk.ask("slow").effective_action == "throttle"


def test_what_is_reserved_for_both_is_settled_together(desk: Desk) -> None:
    made = edited(desk, f"spend {'much ' * 60}")
    assert (made.effective_action, made.reserved) == ("redact", True)
    assert desk.gate.settle(made.decision_id, Usage(input_tokens=90))
    left = desk.ask("spend it")
    assert left.throttle is not None
    assert (left.throttle.rule, left.effective_action) == ("desk.spend", "allow")
    assert left.throttle.remaining < 10


def test_labels_and_advice_are_those_of_what_passes(desk: Desk) -> None:
    made = edited(desk, "marked", **SESSION)
    assert (made.labels, made.advice) == (("asked", "marked"), {"tier": "quick"})
    labels = desk.gate.store.labels("north", "s", desk.clock.now)
    assert labels == {"asked", "marked"}


def test_meters_count_a_request_once(desk: Desk) -> None:
    desk.ask("doubt one")
    made = edited(desk, "I tried, and doubt", "doubt two")
    assert made.effective_action == "deny"  # The third.
    assert edited(desk, "fine", "doubt me", user={"id": "u2"}).effective_action == "redact"
    assert edited(desk, "tried", "doubt", user={"id": "u3"}).effective_action == "redact"


def test_meters_count_what_only_the_edit_meets(desk: Desk) -> None:
    assert edited(desk, "poison").effective_action == "deny"
    assert edited(desk, "dosed", "doubt it").effective_action == "redact"
    assert edited(desk, "poison", "doubt more").effective_action == "deny"
    assert edited(desk, "dosed", "doubt most").effective_action == "deny"


@pytest.mark.parametrize("seen", [True, False])
def test_a_request_is_one_turn_in_whichever_form(desk: Desk, *, seen: bool) -> None:
    content = "doubt, turned" if seen else "doubt"
    made = edited(desk, "turned", content, **SESSION)
    assert made.effective_action == "redact"
    assert desk.ask("turned", **SESSION).effective_action == "deny"


def test_what_an_edit_says_nobody_has_said(tmp_path: Path) -> None:
    policy = """\
    policy p {
      default allow
      rule reads { when stage == "document" then allow label session "read" from document }
      rule asks  { when content contains "doubt" then escalate to "people" within 1h }
      rule leaks { when arg("to") tainted then deny }
    }
    """
    desk = Desk(tmp_path, policy)
    desk.ask("write to eve@example.org", stage="document", **SESSION)
    assert edited(desk, "write to eve@example.org", **SESSION).effective_action == "redact"
    mail = {**SESSION, "stage": "tool_call", "tool": {"name": "m", "args": {"to": "kim"}}}
    made = edited(desk, Shown(arguments={"to": "eve@example.org"}), **mail)
    assert (made.effective_action, made.reasons[0].rule) == ("deny", "p.leaks")
    assert edited(desk, Shown(arguments={"to": "ann@other.net"}), "doubt it", **mail).arguments
    desk.gate.close()


def test_after_the_deadline_half_an_edit_is_decided_on_too(tmp_path: Path) -> None:
    by_two = POLICY.replace("otherwise allow }", "by 2 reviewers otherwise allow }")
    desk = Desk(tmp_path, by_two)
    for content, edit, action in (("maybe", "fine", "redact"), ("maybe b", "poison", "deny")):
        desk.act(desk.ask(content), "edit", shown=Shown(content=edit))
        assert desk.ask(content, user={"id": "u9"}).effective_action == "escalate"
        desk.clock.now += HOUR
        made = desk.ask(content)
        assert (made.effective_action, state(made)) == (action, "expired")
        assert (EXPIRED in {one.message for one in made.reasons}) == (action == "redact")
    desk.gate.close()


def test_what_is_redacted_by_now_is_redacted_though_it_was_approved_as_it_was(
    tmp_path: Path,
) -> None:
    policy = """\
    policy p {
      default allow
      rule asks  { when content contains "doubt" then escalate to "people" within 1h }
      rule mails { when session.labels contains "careful" then redact pii.email }
    }
    """
    desk = Desk(tmp_path, policy)
    desk.act(desk.ask("doubt a@b.example"))
    assert desk.ask("doubt a@b.example").content is None
    made = desk.ask("doubt a@b.example", session={"id": "s", "labels": ["careful"]})
    assert (made.effective_action, made.content) == ("redact", "doubt [EMAIL]")
    assert [one.rule for one in made.reasons] == ["p.asks"]
    desk.gate.close()


def test_the_history_says_once_that_an_edit_did_not_pass(desk: Desk) -> None:
    made = edited(desk, "poison", user={"id": "u 1"})
    desk.ask(user={"id": "u 1"})
    deeds = history(desk, made)
    assert [one.act for one in deeds] == ["opened", "edited", "refused"]
    assert (deeds[-1].who, deeds[-1].state) == ("u 1", "edited")
    assert deeds[-1].note == f"present: {WITHHELD}: deny by `desk.poison`"
    desk.reviews.tell()
    assert desk.book.acts() == ["opened", "edited", "refused"]


def test_much_that_did_not_pass_is_forgotten_and_said_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept, "REMEMBERED", 1)
    made = edited(desk, "poison", user={"id": "u1"})
    edited(desk, "poison", user={"id": "u2"})
    desk.ask(user={"id": "u1"})
    assert [one.act for one in history(desk, made)] == ["opened", "edited", "refused", "refused"]


def test_an_edit_that_does_not_pass_does_not_where_the_history_cannot_say_so(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = begin(desk, "poison")
    gone = Apart()
    gone.close()
    monkeypatch.setattr(desk.reviews, "_apart", gone)
    assert end(desk, begun).effective_action == "deny"


def begin(desk: Desk, edit: str, content: str = "doubt", **parts: Any) -> Undecided:
    """Have *edit* put in the place of *content*; return the next decision on that under way."""
    desk.act(desk.ask(content, **parts), "edit", shown=Shown(content=edit))
    begun = desk.gate.begin(asked(content, **parts))
    assert isinstance(begun, Undecided)
    begun.wait()
    return begun


def end(desk: Desk, begun: Undecided) -> Decision:
    found = desk.gate.go_on(begun)
    while isinstance(found, Undecided):
        found.wait()
        found = desk.gate.go_on(found)
    return found


@pytest.mark.parametrize(
    ("recipe", "shown", "says"),
    [
        ({"content_characters": 10}, Shown(content="fine " * 3), "content: "),
        ({}, Shown(arguments={"amount": 2**63}), "tool.args.amount: beyond 64 bits"),
    ],
)
def test_an_edit_that_could_be_no_request_is_denied(
    tmp_path: Path, recipe: dict[str, Any], shown: Shown, says: str
) -> None:
    desk = Desk(tmp_path, POLICY, **recipe)
    made = edited(desk, shown, "doubt", **CALL)
    assert (made.effective_action, made.content, made.arguments) == ("deny", None, None)
    assert made.reasons[0].message == UNFIT
    assert says in made.reasons[0].failure
    assert "fine" not in made.reasons[0].failure
    assert desk.watcher.failures == []
    assert history(desk, made)[-1].note == f"present: {WITHHELD}: deny"
    desk.gate.close()


def test_an_edit_that_nobody_may_look_at_is_not_let_pass(tmp_path: Path) -> None:
    desk = Desk(tmp_path, POLICY, content_characters=10, on_content_too_large="escalate")
    made = edited(desk, "fine " * 3)
    assert (made.effective_action, made.content) == ("deny", None)
    assert made.reasons[0].message == UNANSWERED
    desk.gate.close()


def test_what_goes_wrong_while_an_edit_is_decided_on_denies(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: PolicySet, record: Record, *__: object, **___: object) -> Decision:
        raise KeyError(record.content)

    begun = begin(desk, "fine")
    monkeypatch.setattr(asking, "decide_instead", broken)
    made = end(desk, begun)
    assert (made.effective_action, made.content, state(made)) == ("deny", None, "edited")
    assert made.reasons[0].failure.startswith("KeyError at ")
    assert desk.watcher.failures == [made.reasons[0].failure]
    assert desk.book.decisions()[-1].error == made.reasons[0].failure


class Losing(MemoryStore):
    """A store of state that goes away."""

    lost = False

    def label(self, *args: Any) -> None:
        if self.lost:
            raise StoreUnavailable("it is gone")
        super().label(*args)


def test_a_store_that_is_lost_meanwhile_denies(tmp_path: Path) -> None:
    desk = Desk(tmp_path, POLICY)
    desk.gate.store = store = Losing()
    begun = begin(desk, "marked", **SESSION)
    store.lost = True
    made = end(desk, begun)
    assert (made.effective_action, made.content) == ("deny", None)
    assert "it is gone" in made.reasons[0].failure
    desk.gate.close()


def test_nothing_is_lost_of_a_decision_that_nobody_records(tmp_path: Path) -> None:
    desk = Desk(tmp_path, POLICY)
    desk.gate.recorder = NoRecorder()
    assert edited(desk, "poison").effective_action == "deny"
    assert edited(desk, "fine", user={"id": "u2"}).content == "fine"
    desk.gate.close()


def test_what_is_recorded_of_the_content_is_what_came(desk: Desk) -> None:
    desk.ask("doubt")
    edited(desk, "poison", "doubt it")
    desk.ask("doubt it", user={"id": "u2"})
    [_, _, denied, other] = desk.book.decisions()
    assert denied.effective_action == "deny"
    assert denied.content_hash == other.content_hash
