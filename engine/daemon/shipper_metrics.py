"""The routes of the shipper in, Prometheus metrics out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from engine.daemon.completeness import OF_THE_RUN
from engine.daemon.shipping import Route


class SinkMetrics(Collector):
    """What of each sink can be watched."""

    def __init__(self, routes: Callable[[], Sequence[Route]]) -> None:
        self._routes = routes

    def collect(self) -> Iterator[Metric]:
        """Yield every metric of the sinks."""
        routes = list(self._routes())
        if routes:
            yield from gauges(routes)
            yield from counters(routes)


def gauges(routes: Sequence[Route]) -> Iterator[Metric]:
    """Yield how the sinks fare now."""
    up = GaugeMetricFamily(
        "engine_sink_up", "Whether the sink takes what it is sent.", labels=("sink",)
    )
    records = GaugeMetricFamily(
        "engine_sink_lag_records", "Signed records that the sink does not have.", labels=("sink",)
    )
    seconds = GaugeMetricFamily(
        "engine_sink_lag_seconds", "Age of the oldest record that waits.", labels=("sink",)
    )
    last = GaugeMetricFamily(
        "engine_sink_last_success_timestamp_seconds",
        "When the sink took something last; 0 for never.",
        labels=("sink",),
    )
    held = GaugeMetricFamily(
        OF_THE_RUN,
        "Decisions since the daemon began that the sink has, or is not to have, by bucket.",
        labels=("sink", "bucket"),
    )
    for one in routes:
        name = [one.settings.name]
        lag, age = one.lag()
        up.add_metric(name, float(not one.trouble))
        records.add_metric(name, lag)
        seconds.add_metric(name, age)
        last.add_metric(name, timestamp(one.cursor.last))
        for bucket, count in one.cursor.buckets.items():
            held.add_metric([*name, bucket], count)
    yield from (up, records, seconds, last, held)


def counters(routes: Sequence[Route]) -> Iterator[Metric]:
    """Yield what the sinks were given."""
    records = CounterMetricFamily(
        "engine_sink_records", "Records by what became of them.", labels=("sink", "result")
    )
    retries = CounterMetricFamily(
        "engine_sink_retries", "Batches that were sent again.", labels=("sink",)
    )
    failures = CounterMetricFamily(
        "engine_sink_failures", "Batches that were not taken.", labels=("sink",)
    )
    for one in routes:
        name, tally = one.settings.name, one.shipment.tally
        records.add_metric([name, "shipped"], one.shipped.shipped)
        records.add_metric([name, "left_out"], one.shipped.left_out)
        records.add_metric([name, "dead"], tally.dead)
        records.add_metric([name, "missed"], one.shipped.missed)
        retries.add_metric([name], tally.retries)
        failures.add_metric([name], tally.failures)
    yield from (records, retries, failures)


def timestamp(text: str) -> float:
    """Return RFC 3339 as seconds since the epoch; 0 where it is none."""
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        return 0.0
