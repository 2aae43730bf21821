"""An audit trail in, how it fares out: for metrics."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate

from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from engine.service.audit import Audit
from engine.storage.durability import BOUNDS


def trouble_with(audit: Audit | None) -> str:
    """Return that nothing can be written to the trail of *audit*, or an empty string."""
    return "the audit trail cannot be written" if audit is not None and audit.stuck else ""


class AuditMetrics(Collector):
    """What the trail of this process knows of itself when somebody asks."""

    def __init__(self, audit: Audit) -> None:
        self._audit = audit

    def collect(self) -> Iterator[Metric]:
        """Yield what was written, what waits, and what was lost."""
        tally = self._audit.tally
        yield GaugeMetricFamily(
            "engine_audit_up",
            "0 while nothing can be written to the audit trail.",
            float(not self._audit.stuck),
        )
        yield GaugeMetricFamily(
            "engine_audit_waiting",
            "Records that are not as safe yet as they are to be.",
            self._audit.waiting,
        )
        for name, doc, value in (
            ("records", "Records written to the audit trail.", tally.records),
            ("bytes", "Bytes of these records.", tally.bytes),
            ("dropped", "Records that were lost: their decisions were given.", tally.dropped),
            ("denied", "Decisions that were denied for want of a record.", tally.denied),
            ("late", "Answers that were given before their record was on the disk.", tally.late),
            ("gaps", "Records that tell of others which are missing.", tally.gaps),
            ("disk_failures", "Times that the disk failed to take records.", tally.failures),
        ):
            yield CounterMetricFamily(f"engine_audit_{name}", doc, value)
        bounds = (*(f"{bound:g}" for bound in BOUNDS), "+Inf")
        yield HistogramMetricFamily(
            "engine_audit_sync_seconds",
            "Time to bring records to the disk.",
            buckets=list(zip(bounds, map(float, accumulate(tally.syncs)), strict=True)),
            sum_value=tally.sync_seconds,
        )
