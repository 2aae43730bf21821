"""What was decided and what sinks have in, which part of it each sink has out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

DECISIONS = "engine_tenant_decisions"
SINKS = "engine_sink_up"
OF_THE_RUN = "engine_sink_decisions"


class Completeness(Collector):
    """Of the decisions made since the daemon began: what part each sink has, by tenants' bucket.

    *metrics* gives those of all processes.
    """

    def __init__(self, metrics: Callable[[], Iterable[Metric]]) -> None:
        self._metrics = metrics

    def collect(self) -> Iterator[Metric]:
        """Yield the figure; nothing without a sink."""
        made: dict[str, float] = {}
        held: dict[tuple[str, str], float] = {}
        sinks: set[str] = set()
        for metric in self._metrics():
            for sample in metric.samples:
                bucket = sample.labels.get("bucket", "")
                if metric.name == DECISIONS and sample.name.endswith("_total"):
                    made[bucket] = made.get(bucket, 0.0) + sample.value
                elif metric.name == SINKS:
                    sinks.add(sample.labels["sink"])
                elif metric.name == OF_THE_RUN:
                    held[sample.labels["sink"], bucket] = sample.value
        if not sinks:
            return
        family = GaugeMetricFamily(
            "engine_sink_completeness",
            "Decisions that the sink has, or is not to have, by decisions made; 1 when it has all.",
            labels=("sink", "bucket"),
        )
        for sink in sorted(sinks):
            for bucket, count in made.items():
                if count:
                    part = held.get((sink, bucket), 0.0) / count
                    family.add_metric([sink, bucket], min(1.0, part))
        yield family
