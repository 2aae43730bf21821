"""What throttle rules do while the state store is away."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import pytest

from engine.runtime.decision import Decision
from engine.runtime.limits import WhenAway
from engine.runtime.memory import MemoryStore
from engine.runtime.policyset import PolicySet
from engine.runtime.store import Store, Taker
from tests.runtime.made import Away, answer, load


class AwayWithSpare(Away):
    """A store that has gone away, and one to take from meanwhile."""

    def __init__(self, spare: Taker) -> None:
        super().__init__()
        self.other = spare

    def spare(self) -> Taker | None:
        return self.other


def limited(*riders: str) -> PolicySet:
    """Return policies with a rule for each of *riders*, each of 2 requests a minute."""
    rules = "".join(
        f"rule r{number} {{ then throttle 2 requests per 1m by user.id {rider} }}\n"
        for number, rider in enumerate(riders)
    )
    return load(f"policy p {{ default allow\n{rules} }}")


def actions(made: PolicySet, store: Store, times: int = 3) -> list[str]:
    return [answer(made, None, store).action for _ in range(times)]


@pytest.mark.parametrize(
    ("rider", "expected"),
    [
        ("", "throttle"),
        ("on_state_failure deny", "deny"),
        ("on_state_failure allow", "allow"),
        ("on_failure escalate", "escalate"),
        ("on_failure escalate on_state_failure deny", "deny"),
    ],
)
def test_a_rule_says_what_it_does_without_the_store(rider: str, expected: str) -> None:
    assert actions(limited(rider), Away(), 1) == [expected]


@pytest.mark.parametrize("setting", get_args(WhenAway))
def test_the_setting_is_for_rules_that_say_nothing(setting: WhenAway) -> None:
    made = replace(limited(""), when_away=setting)
    expected = {"throttle": "throttle", "deny": "deny", "allow": "allow", "local": "allow"}
    assert actions(made, AwayWithSpare(MemoryStore()), 1) == [expected[setting]]
    assert actions(replace(limited("on_failure deny"), when_away=setting), Away(), 1) == ["deny"]


def test_a_local_rule_counts_in_the_spare_store() -> None:
    store = AwayWithSpare(MemoryStore())
    made = limited("on_state_failure local")
    assert actions(made, store) == ["allow", "allow", "throttle"]


def test_a_local_rule_without_a_spare_store_restricts() -> None:
    assert actions(limited("on_state_failure local"), Away(), 1) == ["throttle"]


def test_a_local_rule_takes_nothing_beside_one_that_restricts() -> None:
    spare = MemoryStore()
    both = limited("on_state_failure local", "")
    assert actions(both, AwayWithSpare(spare)) == ["throttle"] * 3
    alone = limited("on_state_failure local")
    assert actions(alone, AwayWithSpare(spare)) == ["allow", "allow", "throttle"]


def told(decision: Decision) -> str:
    return decision.degraded


def test_a_decision_says_that_a_limit_was_not_held() -> None:
    away = "the state store (it is away)"
    store = AwayWithSpare(MemoryStore())
    assert told(answer(limited("on_state_failure allow"), None, store)) == (
        f"{away}: `p.r0` was not counted"
    )
    local = answer(limited("on_state_failure local"), None, store)
    assert told(local) == f"{away}: `p.r0` was counted by one process alone"
    assert local.throttle is not None
    assert local.throttle.remaining == 1
    assert told(answer(limited(""), None, store)) == ""
    assert told(answer(limited("on_state_failure local"), None, MemoryStore())) == ""


def test_the_state_of_what_restricts_is_shown_before_that_of_the_spare_store() -> None:
    both = limited("on_state_failure local", "on_state_failure deny")
    decision = answer(both, None, AwayWithSpare(MemoryStore()))
    assert decision.action == "deny"
    assert decision.throttle is not None
    assert decision.throttle.rule == "p.r1"
