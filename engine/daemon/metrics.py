"""Decisions in, Prometheus metrics out.

Counting stands in the path of every decision, so it is one dictionary addition and one in a list
(0.3 us, where the client library's labelled counters and histogram take about 6 us); the sums are
made when somebody asks, and the library writes the text. Label values are bounded: tenants are
counted in hash buckets, and policies beyond a number together.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple
from zlib import crc32

from prometheus_client import CollectorRegistry, GCCollector, ProcessCollector
from prometheus_client.exposition import generate_latest
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from engine.classifiers.tally import Tally
from engine.daemon.audit_metrics import AuditMetrics, trouble_with
from engine.daemon.classifier_metrics import ClassifierMetrics
from engine.daemon.review_metrics import ReviewMetrics
from engine.daemon.state_metrics import StateMetrics, trouble_of
from engine.daemon.sums import TENANT_BUCKETS
from engine.runtime.decision import Decision
from engine.runtime.policyset import PolicySet
from engine.service.audit import Audit
from engine.service.gate import Gate

MOST_POLICIES = 256
OTHERS = "(others)"
NONE = "(none)"
MOST_LATELY = 4096
"""Counts by tenant, stage, action and policy; when there are so many they are added up."""

MICROSECOND = 1_000
SECOND = 1_000_000_000
BOUNDS = tuple(
    round(step * scale * MICROSECOND)
    for scale in (1, 10, 100, 1_000, 10_000, 100_000)
    for step in (1, 2, 5)
)
"""Upper bounds of the latency histogram, in ns: 1 us to 0.5 s."""


class Kept(NamedTuple):
    """Counts of decisions: by action and stage, policy, or bucket of tenants; and those since."""

    decisions: Mapping[tuple[str, str], int]
    policies: Mapping[tuple[str, str], int]
    tenants: Mapping[tuple[str, int], int]
    lately: dict[tuple[str, str, str, str], int]
    """By tenant, stage, action and policy."""


def added_up(kept: Kept) -> Kept:
    """Return the same counts with none since; *kept* stays as it is, for who looks at it."""
    decisions, policies, tenants = Counter(kept.decisions), Counter(kept.policies), Counter(kept[2])
    for (tenant, stage, action, policy), count in kept.lately.copy().items():
        decisions[action, stage] += count
        policies[action, policy] += count
        tenants[action, crc32(tenant.encode()) % TENANT_BUCKETS] += count
    return Kept(decisions, policies, tenants, {})


class Metrics(Collector):
    """Counts what the gate and the reload tell it. Implements the gate's observer."""

    def __init__(self) -> None:
        self.reloads = {"ok": 0, "failed": 0}
        self.on_failure: Callable[[str], None] = ignore
        self.on_unknown: Callable[[str], None] = ignore
        self._settlements = {"settled": 0, "unknown": 0}
        self._kept = Kept({}, {}, {}, {})
        self._latency = [0] * (len(BOUNDS) + 1)
        self._latency_sum = 0
        self._shadow: dict[str, int] = {}
        self._redactions = 0
        self._invalid = 0
        self._failures = 0
        self._degraded = 0
        self._known: set[str] = set()

    def decided(self, tenant: str, stage: str, decision: Decision) -> None:
        """Count a decision."""
        reasons = decision.reasons
        policy = reasons[0].policy or NONE if reasons else NONE
        if policy not in self._known:
            policy = self._admit(policy)
        key = (tenant, stage, decision.effective_action, policy)
        lately = self._kept.lately
        try:
            lately[key] += 1
        except KeyError:
            lately[key] = 1
            if len(lately) >= MOST_LATELY:
                self._kept = added_up(self._kept)
        spent = decision.evaluated_in
        self._latency[bisect_left(BOUNDS, spent)] += 1
        self._latency_sum += spent
        if decision.shadow is not None:
            shadow = decision.shadow.action
            self._shadow[shadow] = self._shadow.get(shadow, 0) + 1
        if decision.redactions:
            self._redactions += len(decision.redactions)
        if decision.degraded:
            self._degraded += 1

    def _admit(self, policy: str) -> str:
        if len(self._known) >= MOST_POLICIES:
            return OTHERS
        self._known.add(policy)
        return policy

    def refused(self) -> None:
        """Count a request that does not fit the schema."""
        self._invalid += 1

    def failed(self, error: str) -> None:
        """Count a decision that was denied because of an error, and pass the error on."""
        self._failures += 1
        self.on_failure(error)

    def settled(self, decision_id: str, *, found: bool) -> None:
        """Count a settlement; pass the id on when nothing waits under it."""
        self._settlements["settled" if found else "unknown"] += 1
        if not found:
            self.on_unknown(decision_id)

    def swapped(self, policies: PolicySet) -> None:
        """Begin to name policies anew."""
        del policies
        self._known = set()

    def collect(self) -> Iterator[Metric]:
        """Yield every metric that is counted here. May be called in another thread."""
        kept = added_up(self._kept)
        yield counted(
            "engine_decisions",
            "Decisions by effective action and stage.",
            ("action", "stage"),
            kept.decisions,
        )
        yield counted(
            "engine_policy_decisions",
            "Decisions by effective action and deciding policy.",
            ("action", "policy"),
            kept.policies,
        )
        yield counted(
            "engine_tenant_decisions",
            f"Decisions by effective action and tenant (crc32 of its id modulo {TENANT_BUCKETS}).",
            ("action", "bucket"),
            kept.tenants,
        )
        shadow = {(action,): count for action, count in self._shadow.copy().items()}
        reloads = {(outcome,): count for outcome, count in self.reloads.copy().items()}
        yield counted(
            "engine_shadow_decisions",
            "What would have been decided had shadow rules been enforced.",
            ("action",),
            shadow,
        )
        yield self._histogram()
        yield CounterMetricFamily("engine_redactions", "Spans replaced.", self._redactions)
        yield CounterMetricFamily(
            "engine_invalid_requests", "Requests that do not fit the schema.", self._invalid
        )
        yield CounterMetricFamily(
            "engine_failures", "Decisions denied because of an internal error.", self._failures
        )
        yield CounterMetricFamily(
            "engine_degraded_decisions",
            "Decisions that let something pass without its limits held as they are written.",
            self._degraded,
        )
        settlements = {(result,): count for result, count in self._settlements.copy().items()}
        yield counted(
            "engine_settlements",
            "Settlements by result: of a decision that waited for it, or of none that is known.",
            ("result",),
            settlements,
        )
        yield counted("engine_reloads", "Reloads by outcome.", ("outcome",), reloads)

    def _histogram(self) -> Metric:
        cumulated = 0
        buckets: list[tuple[str, float]] = []
        for bound, count in zip((*BOUNDS, None), self._latency.copy(), strict=True):
            cumulated += count
            buckets.append(("+Inf" if bound is None else repr(bound / SECOND), cumulated))
        return HistogramMetricFamily(
            "engine_decision_seconds",
            "Time spent deciding.",
            buckets=buckets,
            sum_value=self._latency_sum / SECOND,
        )


class GateMetrics(Collector):
    """What the gate and its record know of themselves when somebody asks."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    def collect(self) -> Iterator[Metric]:
        """Yield which bundle decides and how the record fares."""
        status = self._gate.status()
        yield InfoMetricFamily(
            "engine_bundle", "The policies that decide.", {"revision": status.revision}
        )
        yield GaugeMetricFamily(
            "engine_ready", "Whether policies were loaded.", float(status.serving)
        )
        yield GaugeMetricFamily("engine_bundle_policies", "Policies loaded.", status.policies)
        yield GaugeMetricFamily("engine_bundle_rules", "Rules loaded.", status.rules)
        yield GaugeMetricFamily(
            "engine_bundle_loaded_timestamp_seconds",
            "When the policies were loaded.",
            status.loaded_at / SECOND,
        )
        yield GaugeMetricFamily(
            "engine_bundle_refused_timestamp_seconds",
            "When newer policies were refused; 0 when the newest decide.",
            status.refused_at / SECOND,
        )
        yield CounterMetricFamily(
            "engine_records_dropped",
            "Decisions given without being recorded.",
            self._gate.recorder.dropped,
        )
        lookout = self._gate.lookout
        yield GaugeMetricFamily(
            "engine_long_waiting",
            "Requests with long content that are scanned or wait for it.",
            lookout.waiting,
        )
        yield CounterMetricFamily(
            "engine_long_refused",
            "Requests with long content that were one too many.",
            lookout.turned_away,
        )


class GateWatch:
    """One gate as the pages see it. See http.Watched."""

    def __init__(self, gate: Gate, registry: CollectorRegistry, audit: Audit | None = None) -> None:
        self._gate = gate
        self._registry = registry
        self._audit = audit

    async def metrics(self) -> bytes:
        """Return all metrics in Prometheus' text format."""
        return await asyncio.to_thread(generate_latest, self._registry)

    def readiness(self) -> tuple[bool, str]:
        """Return whether decisions are made, and by what; else why not."""
        status = self._gate.status()
        if not status.serving:
            return False, "no policies were loaded yet"
        trouble = trouble_of(self._gate.store) or trouble_with(self._audit)
        return True, f"serving {status.revision}" + (f"; degraded: {trouble}" if trouble else "")


def make_registry(
    metrics: Metrics,
    gate: Gate,
    classifiers: Tally | None = None,
    queue: ReviewMetrics | None = None,
    audit: Audit | None = None,
) -> CollectorRegistry:
    """Return the registry of everything that the daemon can be watched by."""
    registry = CollectorRegistry()
    registry.register(metrics)
    registry.register(GateMetrics(gate))
    registry.register(StateMetrics(gate.store))
    if classifiers is not None:
        registry.register(ClassifierMetrics(classifiers))
    if queue is not None:
        registry.register(queue)
    if audit is not None:
        registry.register(AuditMetrics(audit))
    ProcessCollector(registry=registry)
    GCCollector(registry=registry)
    return registry


def counted(name: str, doc: str, labels: tuple[str, ...], counts: Mapping[Any, int]) -> Metric:
    """Return the counter *name* with a sample for every tuple of label values."""
    family = CounterMetricFamily(name, doc, labels=labels)
    for values, count in counts.items():
        family.add_metric([str(value) for value in values], count)
    return family


def ignore(error: str) -> None:
    """Do nothing with *error*."""
