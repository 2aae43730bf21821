"""Decisions in, Prometheus metrics out.

The library writes the text; what stands in the path of decisions is in ``counts``. Label values are
bounded: tenants are counted in hash buckets, and policies beyond a number together.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from typing import Any

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
from engine.daemon.counts import BOUNDS, SECOND, Metrics, added_up
from engine.daemon.review_metrics import ReviewMetrics
from engine.daemon.state_metrics import StateMetrics, strangers_of, trouble_of
from engine.daemon.sums import TENANT_BUCKETS
from engine.service.audit import Audit
from engine.service.gate import Gate


class MetricsCounts(Collector):
    """What was counted, when somebody asks."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def collect(self) -> Iterator[Metric]:
        """Yield every metric that is counted here. May be called in another thread."""
        counts = self._metrics
        kept = added_up(counts.kept)
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
        yield counted(
            "engine_shadow_decisions",
            "What would have been decided had shadow rules been enforced.",
            ("action",),
            by_one(counts.shadow),
        )
        yield self._histogram()
        yield CounterMetricFamily("engine_redactions", "Spans replaced.", counts.redactions)
        yield CounterMetricFamily(
            "engine_invalid_requests", "Requests that do not fit the schema.", counts.invalid
        )
        yield CounterMetricFamily(
            "engine_failures",
            "Decisions denied because of an internal error.",
            counts.failures,
        )
        yield CounterMetricFamily(
            "engine_degraded_decisions",
            "Decisions that let something pass without its limits held as they are written.",
            counts.degraded,
        )
        yield counted(
            "engine_settlements",
            "Settlements by result: of a decision that waited for it, or of none that is known.",
            ("result",),
            by_one(counts.settlements),
        )
        yield counted("engine_reloads", "Reloads by outcome.", ("outcome",), by_one(counts.reloads))

    def _histogram(self) -> Metric:
        cumulated = 0
        buckets: list[tuple[str, float]] = []
        for bound, count in zip((*BOUNDS, None), self._metrics.latency.copy(), strict=True):
            cumulated += count
            buckets.append(("+Inf" if bound is None else repr(bound / SECOND), cumulated))
        return HistogramMetricFamily(
            "engine_decision_seconds",
            "Time spent deciding.",
            buckets=buckets,
            sum_value=self._metrics.latency_sum / SECOND,
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
        store = self._gate.store
        trouble = trouble_of(store) or trouble_with(self._audit) or strangers_of(store)
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
    registry.register(MetricsCounts(metrics))
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


def by_one(counts: Mapping[str, int]) -> dict[tuple[str], int]:
    """Return *counts* as they are of a single label. They may grow meanwhile."""
    return {(value,): count for value, count in dict(counts).items()}


def counted(name: str, doc: str, labels: tuple[str, ...], counts: Mapping[Any, int]) -> Metric:
    """Return the counter *name* with a sample for every tuple of label values."""
    family = CounterMetricFamily(name, doc, labels=labels)
    for values, count in counts.items():
        family.add_metric([str(value) for value in values], count)
    return family
