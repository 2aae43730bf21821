from __future__ import annotations

from collections.abc import Mapping

import pytest

from engine.language.functions import Unknowable
from engine.runtime.decide import decide
from engine.runtime.decision import Decision
from engine.runtime.evidence import Evidence
from engine.runtime.explain import explain
from engine.runtime.memory import MemoryStore
from engine.runtime.policyset import PolicySet
from engine.runtime.shape import DEAF
from engine.runtime.store import Store
from tests.runtime.hearing import READING, asked, run, said
from tests.runtime.made import NOW, Away, answer, load

TURNS = """
policy p {
  default allow
  rule long { when session.turn > 2 then deny }
  rule told { then allow advise turn = session.turn }
}
"""


def turns(made: PolicySet, store: Store, *requests: Mapping[str, object]) -> list[object]:
    return [answer(made, one, store).advice["turn"] for one in requests]


def test_requests_of_a_session_are_counted() -> None:
    made, store = load(TURNS), MemoryStore()
    assert run(made, store, *[said("x")] * 4) == ["allow", "allow", "deny", "deny"]
    assert run(made, store, said("x", session={"id": "t"})) == ["allow"]


def test_a_decision_sees_one_turn_and_only_requests_are_turns() -> None:
    made, store = load(TURNS), MemoryStore()
    response, other = asked("response"), said("x", session={})
    assert turns(made, store, said("x"), response, response, said("x"), other) == [1, 1, 1, 2, 0]


def test_a_turn_that_is_sent_is_the_turn() -> None:
    made, store = load(TURNS), MemoryStore()
    sent = said("x", session={"id": "s", "turn": 7})
    assert turns(made, store, sent, said("x"), sent) == [7, 1, 7]


def test_turns_are_not_counted_for_who_does_not_ask() -> None:
    store = MemoryStore()
    run(load(READING), store, said("x"))
    assert store.turn("north", "s", NOW, advance=False) == 0


def test_a_question_counts_no_turn() -> None:
    made, store = load(TURNS), MemoryStore()
    record = made.reader.read(said("x"))
    decide(made, record, store, NOW, consume=False)
    explain(made, record, store, NOW)
    assert turns(made, store, said("x")) == [1]


def test_a_shadow_rule_sees_the_turn_and_moves_nothing() -> None:
    made = load(TURNS.replace("then deny", "then deny mode shadow"))
    store = MemoryStore()
    decisions = [answer(made, said("x"), store) for _ in range(3)]
    assert [one.action for one in decisions] == ["allow"] * 3
    assert [one.shadow and one.shadow.action for one in decisions] == [None, None, "deny"]


def test_a_turn_that_cannot_be_read_is_not_known() -> None:
    denied = answer(load(TURNS), said("x"), Away("turn"))
    assert denied.action == "deny"


def test_a_turn_that_cannot_be_counted_is_denied() -> None:
    class Reads(MemoryStore):
        def turn(self, tenant: str, session: str, now: int, *, advance: bool) -> int:
            if advance:
                Away()._fail()
            return super().turn(tenant, session, now, advance=advance)

    denied: Decision = answer(load(TURNS), said("x", request_id="r"), Reads(), decision_id="d")
    assert (denied.action, denied.effective_action) == ("deny", "deny")
    assert (denied.request_id, denied.decision_id, denied.revision) == ("r", "d", "r1")
    assert denied.reasons[0].message == "the turn of the conversation cannot be counted"
    assert "it is away" in denied.reasons[0].failure


def test_limits_and_meters_may_be_counted_by_turn() -> None:
    made = load(
        """
        meter many counts rule p.a by session.turn over 1h
        policy p {
          default allow
          rule a { when stage == "request" then throttle 3 session.turn per 1h by tenant.id }
          rule b { when meter.many > 0 then deny }
        }
        """
    )
    store = MemoryStore()
    assert run(made, store, said("x"), said("x"), said("x")) == ["allow", "allow", "throttle"]
    assert store.count("many", "[3]", 3600 * 10**9, NOW) == 1


def test_a_meter_counted_by_what_cannot_be_known_denies() -> None:
    made = load(
        """
        meter many counts rule p.a by session.turn over 1h
        policy p { default allow rule a { when stage == "request" then allow } }
        """
    )
    denied = answer(made, said("x"), Away("turn"))
    assert denied.action == "deny"


def test_a_meter_counted_by_the_turn_lets_turns_be_counted() -> None:
    body = "policy p { default allow rule a { then deny } }"
    assert load("meter many counts rule p.a by session.turn over 1h " + body).heard.turns
    assert load("meter many counts rule p.a by user.id over 1h " + body).heard is DEAF


def test_evidence_knows_the_turn_as_an_attribute() -> None:
    made = load(TURNS)
    record = made.reader.read(said("x"))
    assert Evidence(record, made.senses, MemoryStore(), NOW).attribute("session.turn") == 1
    with pytest.raises(Unknowable):
        Evidence(record, made.senses, Away("turn"), NOW).turn()
