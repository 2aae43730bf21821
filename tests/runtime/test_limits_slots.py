"""``throttle N concurrent``: slots that decisions hold until they are settled."""

from __future__ import annotations

from datetime import timedelta

from engine.runtime.decision import Decision, ThrottleState
from engine.runtime.memory import MemoryStore
from engine.runtime.policyset import PolicySet
from engine.runtime.store import NANO
from tests.runtime.made import NOW, answer, at, load, request


def at_once(rules: str = "") -> PolicySet:
    return load(
        f"""
        policy p {{
          default allow
          rule few {{ then throttle 2 concurrent by user.id for 10m }}
          {rules}
        }}
        """
    )


def state(decision: Decision) -> ThrottleState:
    assert decision.throttle is not None
    return decision.throttle


def remaining(store: MemoryStore, made: PolicySet, now: int = NOW) -> int:
    """How many more may run beside one more."""
    return int(state(answer(made, None, store, now=now, consume=False)).remaining)


def test_so_many_may_run_at_once_and_the_next_is_told_when() -> None:
    made, store = at_once(), MemoryStore()

    first, second, third = (
        answer(made, None, store, now=at(second), decision_id=f"d{second}") for second in range(3)
    )

    assert [one.action for one in (first, second, third)] == ["allow", "allow", "throttle"]
    assert [one.reserved for one in (first, second, third)] == [True, True, False]
    assert [state(one).remaining for one in (first, second, third)] == [1, 0, 0]
    assert state(third).retry_after == state(third).reset == timedelta(seconds=598)
    assert (state(third).unit, state(third).window) == ("concurrent", None)
    assert state(third).limit == 2
    assert answer(made, request(user={"id": "other"}), store).action == "allow"


def test_settling_or_its_end_frees_a_slot() -> None:
    made, store = at_once(), MemoryStore()
    for number in range(2):
        answer(made, None, store, decision_id=f"d{number}")

    assert store.settle("d0", {}, NOW)
    assert answer(made, None, store, decision_id="d2").action == "allow"
    assert answer(made, None, store, decision_id="d3").action == "throttle"
    assert answer(made, None, store, now=at(600), decision_id="d4").action == "allow"


def test_no_slot_is_held_by_what_does_not_pass() -> None:
    made = at_once(
        """
        rule no { when session.turn == 1 then deny }
        rule other { when session.turn == 2 then throttle 1 tokens per 1m by user.id }
        """
    )
    store = MemoryStore()

    for turn, action in ((1, "deny"), (2, "throttle")):
        decision = answer(
            made,
            request(session={"turn": turn}, content="two tokens"),
            store,
            decision_id=f"d{turn}",
        )
        assert (decision.action, decision.reserved) == (action, False)
        assert not store.settle(f"d{turn}", {}, NOW)
    assert state(answer(made, None, store, decision_id="d3")).remaining == 1


def test_what_waits_for_a_review_holds_its_slot() -> None:
    made = at_once('rule ask { then escalate to "people" within 1h }')
    store = MemoryStore()

    decision = answer(made, None, store, decision_id="d1")

    assert (decision.action, decision.reserved) == ("escalate", True)
    assert store.settle("d1", {}, NOW)


def test_looking_holds_no_slot() -> None:
    made, store = at_once(), MemoryStore()

    for _ in range(3):
        decision = answer(made, None, store, decision_id="d1", consume=False)
        assert (decision.action, decision.reserved) == ("allow", False)
    assert not store.settle("d1", {}, NOW)


def test_shadow_slots_are_apart_and_settled_with_the_others() -> None:
    made = load(
        """
        policy p {
          default allow
          rule few { then throttle 2 concurrent by user.id }
          rule fewer { then throttle 1 concurrent by user.id mode shadow }
          rule spend { then throttle 9 tokens per 1h by user.id mode shadow }
        }
        """
    )
    store = MemoryStore()

    first = answer(made, None, store, decision_id="d1")
    second = answer(made, None, store, decision_id="d2")
    assert [one.shadow.action for one in (first, second) if one.shadow] == ["allow", "throttle"]

    assert store.settle("d1", {"tokens": 9 * NANO}, NOW)
    third = answer(made, None, store, decision_id="d3")

    assert third.action == "allow"
    assert third.shadow is not None
    assert [one.rule for one in third.shadow.reasons] == ["p.spend"]
    assert store.settle("d2", {}, NOW)
    assert remaining(store, made) == 0


def test_a_shadow_slot_alone_is_reserved() -> None:
    made = load(
        "policy p { default allow rule few { then throttle 1 concurrent by user.id mode shadow } }"
    )
    store = MemoryStore()

    decisions = [answer(made, None, store, decision_id=f"d{number}") for number in range(2)]

    assert [one.action for one in decisions] == ["allow", "allow"]
    assert [one.reserved for one in decisions] == [True, False]
    assert [one.shadow.action for one in decisions if one.shadow] == ["allow", "throttle"]
    assert store.settle("d0", {}, NOW)
    assert answer(made, None, store, decision_id="d2").reserved


def test_an_estimate_is_kept_when_only_the_slot_is_given_back() -> None:
    made = at_once("rule spend { then throttle 100 tokens per 1h by user.id }")
    store = MemoryStore()

    answer(made, request(usage={"input_tokens": 90}), store, decision_id="d1")
    assert store.settle("d1", {}, NOW)

    refused = answer(made, request(usage={"input_tokens": 20}), store)
    assert (refused.action, state(refused).rule) == ("throttle", "p.spend")
    assert state(refused).remaining == 10
    assert not store.settle("d1", {"tokens": 0}, NOW)
    assert store.sweep(NOW + 3600 * NANO, 100) > 0


def test_a_lowered_limit_holds_at_once() -> None:
    wide, narrow = (
        at_once(),
        load(
            "policy p { default allow rule few { then throttle 1 concurrent by user.id for 10m } }"
        ),
    )
    store = MemoryStore()
    for number in range(2):
        answer(wide, None, store, decision_id=f"d{number}")

    assert answer(narrow, None, store).action == "throttle"
    assert store.settle("d0", {}, NOW)
    assert answer(narrow, None, store).action == "throttle"
    assert store.settle("d1", {}, NOW)
    assert answer(narrow, None, store).action == "allow"
