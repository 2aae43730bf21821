"""Real usage puts right what decisions took on an estimate."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from engine.runtime.decision import Decision
from engine.runtime.memory import MemoryStore
from engine.runtime.policyset import PolicySet
from engine.runtime.request import InvalidRequest
from engine.service.audit import KEY, Audit
from engine.service.bundles import Recipe, load_folder
from engine.service.gate import Gate
from engine.service.record import NoRecorder, RecordError
from engine.service.usage import Usage
from engine.state.lmdb import LmdbStore
from engine.storage.moment import time_of
from engine.storage.query import find
from engine.storage.wanted import Wanted
from tests.service.bundle import SECRET, asked, write_folder
from tests.service.test_gate import START, Clock, Kept, Watcher

HOUR = 3600 * 10**9
UNITS = {
    "tokens": Usage(input_tokens=100, output_tokens=50),
    "usage.input_tokens": Usage(input_tokens=150),
    "usage.output_tokens": Usage(output_tokens=150),
    "usd": Usage(cost_usd=Decimal(150)),
    "usage.cost_usd": Usage(cost_usd=Decimal(150)),
}
"""By unit, a usage of 150 of it."""
PERIODS = ("1h", "calendar day", "calendar month")
USAGE: dict[str, Any] = {"input_tokens": 20, "output_tokens": 20, "cost_usd": "20"}
NUMBER = {"tokens": 40}


def rules(unit: str, period: str) -> str:
    when = f"when {unit} is present " if unit.startswith("usage.") else ""
    rule = f"rule t {{ {when}then throttle 100 {unit} per {period} by user.id }}"
    return f"policy p {{ default allow {rule} }}"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def watcher() -> Watcher:
    return Watcher()


def loaded(folder: Path, text: str) -> PolicySet:
    return load_folder(write_folder(folder, {"p.pol": text}), Recipe(SECRET))


def made_gate(policies: PolicySet, clock: Clock, watcher: Watcher | None = None) -> Gate:
    gate = Gate(MemoryStore(), secret=SECRET, clock=clock, observer=watcher)
    gate.swap(policies)
    return gate


def left(decision: Decision) -> Decimal:
    assert decision.throttle is not None
    return decision.throttle.remaining


@pytest.mark.parametrize("unit", [*UNITS])
@pytest.mark.parametrize("period", PERIODS)
def test_more_than_estimated_is_a_debt_that_the_next_requests_pay(
    unit: str, period: str, tmp_path: Path, clock: Clock
) -> None:
    gate = made_gate(loaded(tmp_path, rules(unit, period)), clock)
    request = asked("hello", usage=USAGE)
    first = gate.decide(request)
    assert left(first) == 100 - NUMBER.get(unit, 20)
    assert gate.settle(first.decision_id, UNITS[unit])
    refused = gate.decide(request)
    assert refused.action == "throttle"
    assert left(refused) == 0
    assert refused.throttle is not None
    # 150 were used of 100, so the bucket must regain 50 and what the request wants.
    if period == "1h":
        owed = Decimal(50 + NUMBER.get(unit, 20)) / 100
        assert refused.throttle.retry_after.total_seconds() == float(owed * 3600)
    clock.now += int(refused.throttle.retry_after.total_seconds() * 10**9)
    assert gate.decide(request).action == "allow"


@pytest.mark.parametrize("unit", [*UNITS])
@pytest.mark.parametrize("period", PERIODS)
def test_less_than_estimated_flows_back(
    unit: str, period: str, tmp_path: Path, clock: Clock
) -> None:
    gate = made_gate(loaded(tmp_path, rules(unit, period)), clock)
    first = gate.decide(asked("hello", usage=USAGE))
    nothing = Usage(input_tokens=0, output_tokens=0, cost_usd=Decimal(0))
    assert gate.settle(first.decision_id, nothing)
    assert left(gate.decide(asked("hello", usage=USAGE))) == 100 - NUMBER.get(unit, 20)


def test_a_settlement_that_finds_nothing_is_told_and_changes_nothing(
    tmp_path: Path, clock: Clock, watcher: Watcher
) -> None:
    policies = loaded(tmp_path, rules("tokens", "1h"))
    gate, other = made_gate(policies, clock, watcher), made_gate(policies, clock)
    request = asked("hello", usage=USAGE)
    here, foreign = gate.decide(request), other.decide(request)
    usage = Usage(input_tokens=0, output_tokens=0)
    tries = [here.decision_id, here.decision_id, foreign.decision_id, "unknown", "x" * 5000]
    assert [gate.settle(one, usage) for one in tries] == [True, False, False, False, False]
    assert watcher.settlements == [(one, number == 0) for number, one in enumerate(tries)]
    assert left(gate.decide(request)) == left(other.decide(request)) + 40 == 60


def test_a_late_settlement_leaves_the_estimate(
    tmp_path: Path, clock: Clock, watcher: Watcher
) -> None:
    gate = made_gate(loaded(tmp_path, rules("usd", "calendar day")), clock, watcher)
    first = gate.decide(asked("hello", usage=USAGE))
    clock.now += HOUR
    assert not gate.settle(first.decision_id, Usage(cost_usd=Decimal(0)))
    assert left(gate.decide(asked("hello", usage=USAGE))) == 60
    assert watcher.settlements == [(first.decision_id, False)]
    assert gate.store.lapsed == 1


def test_what_was_denied_needs_no_settlement(tmp_path: Path, clock: Clock) -> None:
    text = 'policy p { default allow rule d { when content contains "no" then deny } '
    text += "rule t { then throttle 100 tokens per 1h by user.id } }"
    gate = made_gate(loaded(tmp_path, text), clock)
    assert [gate.decide(asked(said)).reserved for said in ("no", "yes")] == [False, True]


@pytest.mark.parametrize(
    ("usage", "told"),
    [
        (Usage(input_tokens=-1), "usage.input_tokens: must not be negative"),
        (Usage(cost_usd=Decimal("-0.01")), "usage.cost_usd: must not be negative"),
        (Usage(cost_usd=Decimal("NaN")), "usage.cost_usd: not finite"),
        (Usage(cost_usd=Decimal("sNaN")), "usage.cost_usd: not finite"),
        (Usage(cost_usd=Decimal("-Infinity")), "usage.cost_usd: not finite"),
        (Usage(cost_usd=Decimal("1e400")), "usage.cost_usd: more than 64 digits"),
    ],
)
def test_figures_that_are_none_are_refused_and_nothing_is_settled(
    usage: Usage, told: str, tmp_path: Path, clock: Clock, watcher: Watcher
) -> None:
    gate = made_gate(loaded(tmp_path, rules("usd", "1h")), clock, watcher)
    first = gate.decide(asked("hello", usage=USAGE))
    with pytest.raises(InvalidRequest) as caught:
        gate.settle(first.decision_id, usage)
    assert [str(one) for one in caught.value.problems] == [told]
    assert watcher.settlements == []
    assert gate.settle(first.decision_id, Usage(cost_usd=Decimal(0)))


@pytest.mark.parametrize(
    ("cost", "path"),
    [
        ("-0.01", "usage.cost_usd"),
        ("NaN", "usage.cost_usd"),
        ("Infinity", "usage.cost_usd"),
        ("1e400", "usage.cost_usd"),
        ("much", "usage.cost_usd"),
    ],
)
def test_a_request_s_cost_that_is_none_is_refused(
    cost: str, path: str, tmp_path: Path, clock: Clock
) -> None:
    gate = made_gate(loaded(tmp_path, rules("usd", "1h")), clock)
    with pytest.raises(InvalidRequest) as caught:
        gate.decide(asked("hello", usage={"cost_usd": cost}))
    assert [one.path for one in caught.value.problems] == [path]
    assert left(gate.decide(asked("hello", usage={"cost_usd": "0"}))) == 100


def test_an_enormous_usage_is_a_debt_and_no_accident(tmp_path: Path, clock: Clock) -> None:
    gate = made_gate(loaded(tmp_path, rules("usd", "1h")), clock)
    first = gate.decide(asked("hello", usage=USAGE))
    assert gate.settle(first.decision_id, Usage(cost_usd=Decimal("9" * 60)))
    refused = gate.decide(asked("hello", usage=USAGE))
    assert refused.action == "throttle"
    assert left(refused) == 0
    assert clock.now + refused.throttle.retry_after.total_seconds() > START  # type: ignore[union-attr]


def test_what_was_taken_for_a_decision_that_cannot_be_kept_can_be_given_back(
    tmp_path: Path, clock: Clock
) -> None:
    gate = made_gate(loaded(tmp_path, rules("usd", "1h")), clock)
    gate.recorder = Kept(RecordError("the disk is full"))
    lost = gate.decide(asked("hello", usage=USAGE))
    assert (lost.action, lost.reserved) == ("deny", True)
    gate.recorder = NoRecorder()
    assert gate.settle(lost.decision_id, Usage(cost_usd=Decimal(0)))
    assert left(gate.decide(asked("hello", usage=USAGE))) == 80


@pytest.mark.parametrize("keeps", ["memory", "folder"])
def test_the_record_of_a_settlement_names_the_tenant(
    keeps: str, tmp_path: Path, clock: Clock
) -> None:
    store = MemoryStore() if keeps == "memory" else LmdbStore(tmp_path)
    audit = Audit(
        tmp_path / "audit", tmp_path / KEY, "deny", name="n", time=lambda: time_of(clock() // 1000)
    )
    gate = Gate(store, audit, secret=SECRET, clock=clock)
    # A bucket that tenants share: it does not tell whose decision it was.
    gate.swap(loaded(tmp_path / "p", rules("tokens", "1h")))
    made = {
        tenant: gate.decide(asked(tenant={"id": tenant}, usage=USAGE)).decision_id
        for tenant in ("north", "south")
    }
    for one in made.values():
        assert gate.settle(one, Usage(input_tokens=1))
    assert not gate.settle(made["north"], Usage(input_tokens=1))
    gate.close()
    for tenant, one in made.items():
        (found,) = find(audit.folder, Wanted(tenant=tenant, kind="settlement"))
        assert (found.text("decision_id"), found.fields["settled"]) == (one, True)
    told = [one.text("tenant") for one in find(audit.folder, Wanted(kind="settlement"))]
    assert told == ["north", "south", ""]
