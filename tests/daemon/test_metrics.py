from __future__ import annotations

from bisect import bisect_left
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as some
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from engine.daemon.counts import BOUNDS, MOST_POLICIES, Metrics
from engine.daemon.metrics import make_registry
from engine.daemon.sums import TENANT_BUCKETS
from engine.runtime.decision import Action, Decision, Reason, Redaction, Shadow
from engine.runtime.memory import MemoryStore
from engine.service.bundles import Recipe, load_folder
from engine.service.gate import Gate
from engine.service.usage import Usage
from tests.service.bundle import SECRET, asked, write_folder


def decision(action: Action = "allow", policy: str = "p", spent: int = 1_500) -> Decision:
    reasons = (Reason(policy=policy, action=action),) if policy else ()
    return Decision(
        action=action,
        effective_action=action,
        reasons=reasons,
        revision="abc",
        evaluated_in=spent,
    )


def samples(registry: CollectorRegistry) -> dict[tuple[str, ...], float]:
    """Return every sample of the engine as a scraper reads it."""
    text = generate_latest(registry).decode()
    return {
        (one.name.removeprefix("engine_"), *one.labels.values()): one.value
        for family in text_string_to_metric_families(text)
        if family.name.startswith("engine_")
        for one in family.samples
    }


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
def gate(metrics: Metrics) -> Gate:
    return Gate(MemoryStore(), secret=SECRET, observer=metrics)


def test_counts_are_the_same_however_often_they_were_added_up(
    metrics: Metrics, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.daemon.counts.MOST_LATELY", 3)
    other = Metrics()
    for number in range(20):
        metrics.decided(f"t{number % 7}", "request", decision(policy=f"p{number % 5}"))
        monkeypatch.setattr("engine.daemon.counts.MOST_LATELY", 3 if number % 2 else 1000)
        other.decided(f"t{number % 7}", "request", decision(policy=f"p{number % 5}"))
    found = samples(make_registry(metrics, gate))
    assert found == samples(make_registry(other, gate))
    assert found["decisions_total", "allow", "request"] == 20
    assert found["policy_decisions_total", "allow", "p4"] == 4


def test_decisions_are_counted_by_action_stage_policy_and_bucket(
    metrics: Metrics, gate: Gate
) -> None:
    for action in ("allow", "allow", "deny"):
        metrics.decided("north", "request", decision(action))
    metrics.decided("north", "response", decision(policy=""))
    found = samples(make_registry(metrics, gate))
    assert found["decisions_total", "allow", "request"] == 2
    assert found["decisions_total", "deny", "request"] == 1
    assert found["decisions_total", "allow", "response"] == 1
    assert found["policy_decisions_total", "allow", "p"] == 2
    assert found["policy_decisions_total", "allow", "(none)"] == 1
    buckets = {key[2]: value for key, value in found.items() if key[0] == "tenant_decisions_total"}
    assert len(buckets) == 1


def test_labels_are_bounded(metrics: Metrics, gate: Gate) -> None:
    for number in range(2 * MOST_POLICIES):
        metrics.decided(f"tenant {number}", "request", decision(policy=f"p{number}"))
    found = samples(make_registry(metrics, gate))
    policies = [key for key in found if key[0] == "policy_decisions_total"]
    assert len(policies) == MOST_POLICIES + 1
    assert found["policy_decisions_total", "allow", "(others)"] == MOST_POLICIES
    buckets = [key for key in found if key[0] == "tenant_decisions_total"]
    assert len(buckets) == TENANT_BUCKETS


def test_latency_is_a_cumulative_histogram_in_seconds(metrics: Metrics, gate: Gate) -> None:
    for spent in (500, 1_000, 1_001, 3_000_000_000):
        metrics.decided("north", "request", decision(spent=spent))
    found = samples(make_registry(metrics, gate))
    assert found["decision_seconds_bucket", "1e-06"] == 2
    assert found["decision_seconds_bucket", "2e-06"] == 3
    assert found["decision_seconds_bucket", "0.5"] == 3
    assert found["decision_seconds_bucket", "+Inf"] == 4
    assert found["decision_seconds_count",] == 4
    assert found["decision_seconds_sum",] == pytest.approx(3.000002501)


def test_shadows_redactions_refusals_failures_and_reloads_are_counted(
    metrics: Metrics, gate: Gate
) -> None:
    told: list[str] = []
    metrics.failed("early")
    metrics.on_failure = told.append
    span = Redaction(path="content", start=0, end=1, entity="pii.card", strategy="label")
    metrics.decided(
        "north",
        "request",
        Decision(
            action="redact",
            effective_action="redact",
            reasons=(),
            revision="abc",
            redactions=(span, span),
            shadow=Shadow(action="deny", reasons=()),
        ),
    )
    metrics.refused()
    metrics.failed("KeyError at x.py:1")
    metrics.reloads["failed"] += 1
    found = samples(make_registry(metrics, gate))
    assert found["shadow_decisions_total", "deny"] == 1
    assert found["redactions_total",] == 2
    assert found["invalid_requests_total",] == 1
    assert found["failures_total",] == 2
    assert (found["reloads_total", "ok"], found["reloads_total", "failed"]) == (0, 1)
    assert told == ["KeyError at x.py:1"]


@pytest.mark.slow
def test_the_gate_tells_which_bundle_decides(metrics: Metrics, gate: Gate, tmp_path: Path) -> None:
    registry = make_registry(metrics, gate)
    assert samples(registry)["ready",] == 0
    gate.swap(load_folder(write_folder(tmp_path), Recipe(SECRET)))
    gate.decide(asked())
    gate.refuse("no")
    found = samples(registry)
    assert found["bundle_info", gate.status().revision] == 1
    assert (found["ready",], found["bundle_policies",], found["bundle_rules",]) == (1, 1, 7)
    assert found["bundle_refused_timestamp_seconds",] >= found["bundle_loaded_timestamp_seconds",]
    assert found["records_dropped_total",] == 0
    assert found["decisions_total", "allow", "request"] == 1


def test_settlements_are_counted_and_unknown_ones_told(metrics: Metrics, gate: Gate) -> None:
    told: list[str] = []
    metrics.on_unknown = told.append
    metrics.settled("d1", found=True)
    for _ in range(2):
        gate.settle("d2", Usage(input_tokens=1))
    found = samples(make_registry(metrics, gate))
    assert found["settlements_total", "settled"] == 1
    assert found["settlements_total", "unknown"] == 2
    assert found["reservations_lapsed_total",] == 0
    assert told == ["d2", "d2"]


@given(some.lists(some.integers(0, 10**9), max_size=20))
@example([bound + step for bound in BOUNDS for step in (1, 0, -1)])
@example([10**9, 0, 10**9, 1_000, 500_000_000, 500_000_001])
def test_a_decision_counts_in_the_bucket_of_its_time_whatever_came_before(times: list[int]) -> None:
    metrics = Metrics()
    expected = [0] * (len(BOUNDS) + 1)
    for spent in times:
        metrics.decided("north", "request", decision(spent=spent))
        expected[bisect_left(BOUNDS, spent)] += 1
        assert metrics.latency == expected
    assert metrics.latency_sum == sum(times)
