from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from itertools import permutations
from typing import Literal

import pytest

from engine.runtime.decision import Decision, ThrottleState
from engine.runtime.limits import tightest, units
from engine.runtime.memory import MemoryStore
from engine.runtime.store import NANO, Level, Take
from tests.runtime.buckets import MINUTE
from tests.runtime.made import (
    NOW,
    Away,
    answer,
    at,
    load,
    policies,
    policy,
    request,
    rule,
    throttle,
)


def state(decision: Decision) -> ThrottleState:
    assert decision.throttle is not None
    return decision.throttle


def test_a_throttle_lets_its_limit_through_and_then_tells_when() -> None:
    made = load("policy p { default allow rule t { then throttle 2 requests per 1m by user.id } }")
    store = MemoryStore()

    first, second, third = (answer(made, None, store) for _ in range(3))

    assert [one.action for one in (first, second, third)] == ["allow", "allow", "throttle"]
    assert [state(one).remaining for one in (first, second, third)] == [1, 0, 0]
    assert state(third).retry_after == timedelta(seconds=30)
    assert (state(third).rule, state(third).limit) == ("p.t", Decimal(2))
    assert answer(made, None, store, now=at(30)).action == "allow"
    assert answer(made, request(user={"id": "other"}), store).action == "allow"


@pytest.mark.parametrize(
    ("by", "key"),
    [
        ("by user.id", '["p.t","requests","","u1"]'),
        ("by user.id, stage", '["p.t","requests","","u1","request"]'),
        ("by user.id, session.turn", '["p.t","requests","","u1",7]'),
        ("by session.turn", '["p.t","requests","",7]'),
    ],
)
def test_a_bucket_is_named_by_what_the_limit_is_kept_by(by: str, key: str) -> None:
    made = load(f"policy p {{ default allow rule t {{ then throttle 2 requests per 1m {by} }} }}")
    asked = request(session={"id": "s", "turn": 7}, stage="request")
    assert state(answer(made, asked, MemoryStore())).key == key


def test_a_decision_is_json_with_durations_in_seconds() -> None:
    made = load("policy p { default allow rule t { then throttle 1 requests per 1m by user.id } }")
    store = MemoryStore()
    answer(made, None, store)

    raw = answer(made, None, store).to_dict()

    assert raw["throttle"] == {
        "rule": "p.t",
        "unit": "requests",
        "limit": "1",
        "remaining": "0",
        "retry_after": 60.0,
        "key": '["p.t","requests","","u1"]',
        "reset": 60.0,
        "window": 60.0,
    }


def test_nothing_is_taken_when_denied_or_when_another_refuses() -> None:
    made = load(
        """
        policy p {
          default allow
          rule few { when session.turn == 1 then throttle 1 requests per 1m by user.id }
          rule many { then throttle 5 requests per 1m by user.id }
          rule no { when session.turn == 2 then deny }
        }
        """
    )
    store = MemoryStore()

    def remaining(turn: int) -> str:
        got = answer(made, request(session={"turn": turn}), store)
        return f"{got.action} {got.throttle.remaining}" if got.throttle else got.action

    assert remaining(2) == "deny"
    assert remaining(1) == "allow 0"
    assert remaining(1) == "throttle 0"
    assert remaining(0) == "allow 3"


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_the_longest_wait_is_shown_in_whatever_order_limits_stand(order: tuple[int, ...]) -> None:
    asked = [("d", -1, 0), ("c", 5, 3), ("b", 9, 2), ("a", 9, 1)]
    takes = [Take(asked[n][0], asked[n][0], 1, 10, 10, MINUTE) for n in order]
    levels = [
        Level(granted=asked[n][1] < 0, remaining=asked[n][2], retry_after=max(0, asked[n][1]))
        for n in order
    ]
    assert tightest(takes, levels).rule == "a"
    granted = [Level(granted=True, remaining=asked[n][2] // 2, retry_after=0) for n in order]
    assert tightest(takes, granted).rule == "a"


def test_the_tightest_limit_is_shown() -> None:
    made = load(
        """
        policy p {
          default allow
          rule a { then throttle 100 requests per 1m by user.id }
          rule b { then throttle 2 requests per 1m by user.id }
          rule c { then throttle 1 requests per calendar day by user.id }
        }
        """
    )
    store = MemoryStore()

    assert state(answer(made, None, store)).rule == "p.c"
    refused = answer(made, None, store)
    assert state(refused).rule == "p.c"
    assert state(refused).retry_after == timedelta(days=1)


def test_it_is_told_when_all_of_a_limit_is_there_again() -> None:
    made = load(
        """
        policy p {
          default allow
          rule a { when session.turn == 1 then throttle 4 requests per 2m by user.id }
          rule b { when session.turn == 2 then throttle 4 requests per calendar week by user.id }
        }
        """
    )

    a, b = (state(answer(made, request(session={"turn": turn}))) for turn in (1, 2))

    assert (a.reset, a.window) == (timedelta(seconds=30), timedelta(minutes=2))
    assert (b.reset, b.window) == (timedelta(days=4), timedelta(days=7))
    never = policies(policy("p", rule("t", replace(throttle(0), burst=Decimal(2)))))
    assert state(answer(never)).reset is None


def test_waits_of_more_than_a_life_are_cut() -> None:
    slow = replace(throttle(1, "tokens"), limit=Decimal("1e-9"), burst=Decimal(10) ** 18)
    made, store = policies(policy("p", rule("t", slow))), MemoryStore()
    much = request(usage={"input_tokens": 6 * 10**17})

    answer(made, much, store)
    refused = state(answer(made, much, store))

    assert refused.retry_after > timedelta(days=100_000)
    assert refused.reset == refused.retry_after


def test_what_can_never_fit_is_told_to_wait_longest() -> None:
    made = load("policy p { default allow rule t { then throttle 1 tokens per 1m by user.id } }")

    decision = answer(made, request(content="far more than one token"))

    assert state(decision).retry_after == timedelta(days=365)


@pytest.mark.parametrize(
    ("unit", "changes", "taken"),
    [
        ("requests", {}, 1),
        ("tokens", {"content": "x" * 12}, 3),
        ("tokens", {"usage": {"input_tokens": 7}}, 7),
        ("tokens", {"usage": {"input_tokens": 7, "output_tokens": 4}}, 11),
        ("tokens", {"usage": {"output_tokens": 4}}, 4),
        ("usd", {"usage": {"cost_usd": "0.25"}}, Decimal("0.25")),
        ("usd", {}, 0),
        ("context.amount", {"context": {"amount": 9}}, 9),
    ],
)
def test_amounts_by_unit(unit: str, changes: dict[str, object], taken: Decimal) -> None:
    made = policies(policy("p", rule("t", throttle(100, unit))))

    assert 100 - state(answer(made, request(**changes))).remaining == taken


OnFailure = Literal["allow", "deny", "escalate"]


@pytest.mark.parametrize(
    ("on_failure", "expected"),
    [(None, "throttle"), ("deny", "deny"), ("escalate", "escalate"), ("allow", "allow")],
)
def test_a_store_that_is_away_restricts_unless_told_otherwise(
    on_failure: OnFailure | None, expected: str
) -> None:
    made = policies(policy("p", rule("t", throttle(5), on_failure=on_failure)))

    decision = answer(made, None, Away())

    assert decision.action == expected
    if expected != "allow":
        assert decision.reasons[0].failure == "the state store (it is away)"
    assert state(decision).retry_after == timedelta(seconds=1)


@pytest.mark.parametrize(
    ("amount", "failure"),
    [({}, "context.amount (it is absent)"), ({"amount": -1}, "an amount cannot be negative: -1")],
)
def test_an_amount_that_is_none_restricts(amount: dict[str, int], failure: str) -> None:
    made = policies(policy("p", rule("t", throttle(5, "context.amount")), rule("u", throttle(5))))
    store = MemoryStore()

    decision = answer(made, request(context=amount), store)

    assert (decision.action, decision.reasons[0].failure) == ("throttle", failure)
    assert state(answer(made, request(context={"amount": 1}), store)).remaining == 4


def test_an_amount_that_is_none_may_deny_or_pass() -> None:
    strict = policies(policy("p", rule("t", throttle(5, "context.amount"), on_failure="deny")))
    lenient = policies(policy("p", rule("t", throttle(5, "context.amount"), on_failure="allow")))

    assert answer(strict).action == "deny"
    assert answer(lenient).action == "allow"
    assert answer(lenient).throttle is None


def test_estimates_are_settled_by_decision() -> None:
    made = load("policy p { default allow rule t { then throttle 10 tokens per 1h by user.id } }")
    store = MemoryStore()

    answer(made, request(content="x" * 32), store, decision_id="d1")
    assert store.settle("d1", {"tokens": 2 * NANO}, NOW)

    assert state(answer(made, request(content="x" * 4), store)).remaining == 7


def test_units_are_shown_without_needless_zeros() -> None:
    assert [str(units(one)) for one in (5 * NANO, 1_500_000_000, 1)] == ["5", "1.5", "1E-9"]
