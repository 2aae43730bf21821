"""What is decided on another form of a request, when that was decided on as it came."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.runtime.decide import decide, decide_again
from engine.runtime.decision import STRICTNESS, Decision, Message
from engine.runtime.inquire import Inquiry
from engine.runtime.memory import MemoryStore
from engine.runtime.policyset import PolicySet
from engine.runtime.record import Record
from engine.runtime.request import InvalidRequest
from engine.runtime.store import Store
from engine.runtime.witness import Witness
from tests.runtime.hearing import said
from tests.runtime.made import NOW, Away, load, request
from tests.runtime.test_laws import Case, cases

FORMS = ("hi", "to EMAIL", "PHONE", "")


def again(
    policies: PolicySet, asked: dict[str, object], content: str, store: Store, later: Store
) -> tuple[Decision, Decision]:
    """Return what is decided on *asked* with *store*, and on *content* in it with *later*."""
    record, witness = policies.reader.read(asked), Witness()
    first = decide(policies, record, store, NOW, witness=witness)
    assert witness.seen is not None
    return first, decide_again(
        policies,
        policies.reader.reworded(record, content, None, record.tool.args),
        later,
        NOW,
        witness.seen,
        decision_id="d",
        asking=Inquiry(None, policies.senses),
        witness=Witness(),
    )


@pytest.mark.slow
@given(cases(), st.sampled_from(FORMS))
def test_another_form_is_decided_on_as_if_it_had_come_but_for_limits(
    case: Case, content: str
) -> None:
    policies, store = case.loaded(), MemoryStore()
    _, found = again(policies, case.request, content, store, store)
    fresh = Case(case.policies, {**case.request, "content": content}).decide()
    if fresh.action == "throttle":
        assert STRICTNESS[found.action] <= STRICTNESS["throttle"]
        return
    assert (found.action, found.effective_action) == (fresh.action, fresh.effective_action)
    assert (found.reasons, found.content) == (fresh.reasons, fresh.content)
    assert (found.redactions, found.advice, found.labels) == (
        fresh.redactions,
        fresh.advice,
        fresh.labels,
    )


@pytest.mark.slow
@given(cases())
def test_the_same_form_takes_nothing_more(case: Case) -> None:
    policies, store = case.loaded(), MemoryStore()
    _, found = again(policies, case.request, str(case.request["content"]), store, store)
    other = MemoryStore()
    decide(policies, policies.reader.read(case.request), other, NOW)
    assert (store._kept.buckets, store._kept.meters) == (other._kept.buckets, other._kept.meters)
    assert found.action != "throttle"


COUNTED = """
policy p {
  default allow
  rule told { then allow advise turn = session.turn }
  rule long { when content contains "long" and session.turn > 1 then deny }
  rule marked { when content contains "mark" and session.labels contains "marked" then deny }
  rule marks { when content contains "word" then allow label session "marked" }
}
"""


@pytest.mark.parametrize("content", ["long", "mark"])
def test_the_state_is_as_it_was(content: str) -> None:
    policies, store = load(COUNTED), MemoryStore()
    first, found = again(policies, said("word and mark"), content, store, store)
    assert (first.action, found.action) == ("allow", "allow")
    assert (first.advice, found.advice) == ({"turn": 1}, {"turn": 1})
    assert store.turn("north", "s", NOW, advance=False) == 1


def test_a_turn_that_cannot_be_known_any_more_restricts() -> None:
    policies = load(COUNTED.replace("then allow advise turn = session.turn", "then allow"))
    _, found = again(policies, said("word"), "long", MemoryStore(), Away("turn"))
    assert found.action == "deny"
    assert "the state store" in found.reasons[0].failure


def test_another_form_leaves_the_request_alone_and_has_its_limits() -> None:
    reader = load(COUNTED).reader
    record = reader.read(request(content="word", tool={"name": "t", "args": {"a": 1}}))
    parts = (Message(role="user", text="hi"),)
    made: Record = reader.reworded(record, None, parts, {"b": 2})
    assert (made.content, made.messages, made.tool.args) == (None, parts, {"b": 2})
    assert (record.content, record.messages, record.tool.args) == ("word", None, {"a": 1})
    assert (made.tool.name, made.tenant) == (record.tool.name, record.tenant)
    with pytest.raises(InvalidRequest, match="not finite"):
        reader.reworded(record, "hi", None, {"a": float("nan")})
    with pytest.raises(InvalidRequest, match="content"):
        reader.reworded(record, "x" * (reader.limit + 1), None, None)
