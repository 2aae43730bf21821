from __future__ import annotations

from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)

from engine.daemon.sums import Sums, families_of


def counter(value: float, name: str = "engine_decisions", **labels: str) -> Metric:
    family = CounterMetricFamily(name, "of", labels=tuple(labels))
    family.add_metric(list(labels.values()), value)
    return family


def hear(sums: Sums, process: str, *metrics: Metric) -> None:
    sums.hear(process, families_of(metrics))


def shown(sums: Sums) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for metric in sums.collect()
        for sample in metric.samples
    }


def value(sums: Sums, name: str, **labels: str) -> float:
    return shown(sums)[name, frozenset(labels.items())]


def test_counters_and_histograms_are_added_up_by_their_labels() -> None:
    sums = Sums()
    for process, count in (("0", 2), ("1", 3)):
        buckets = [("1.0", count), ("+Inf", count * 2)]
        histogram = HistogramMetricFamily("h", "of", buckets=buckets, sum_value=count / 2)
        hear(sums, process, counter(count, action="allow"), histogram)
    hear(sums, "2", counter(7, action="deny"))
    assert value(sums, "engine_decisions_total", action="allow") == 5
    assert value(sums, "engine_decisions_total", action="deny") == 7
    assert value(sums, "h_bucket", le="+Inf") == 10
    assert value(sums, "h_sum") == 2.5
    assert [one.name for one in sums.collect()] == ["engine_decisions", "h"]


def test_what_a_process_had_counted_stays_when_it_dies() -> None:
    sums = Sums()
    hear(sums, "0", counter(2, action="allow"))
    hear(sums, "1", counter(3, action="allow"))
    sums.end("0")
    sums.end("0")
    assert value(sums, "engine_decisions_total", action="allow") == 5
    hear(sums, "0", CounterMetricFamily("engine_decisions", "of", labels=("action",)))
    assert value(sums, "engine_decisions_total", action="allow") == 5
    hear(sums, "0", counter(1, action="allow"))
    sums.end("0")
    sums.end("1")
    assert value(sums, "engine_decisions_total", action="allow") == 6


def test_gauges_of_the_whole_are_made_as_they_mean() -> None:
    sums = Sums()
    for process, ready, waiting, revision in (("0", 1, 3, "a"), ("1", 0, 4, "b"), ("2", 1, 0, "a")):
        hear(
            sums,
            process,
            GaugeMetricFamily("engine_ready", "of", ready),
            GaugeMetricFamily("engine_long_waiting", "of", waiting),
            InfoMetricFamily("engine_bundle", "of", {"revision": revision}),
        )
    assert value(sums, "engine_ready") == 0
    assert value(sums, "engine_long_waiting") == 7
    assert value(sums, "engine_bundle_info", revision="a") == 1
    assert value(sums, "engine_bundle_info", revision="b") == 1
    sums.end("1")
    assert value(sums, "engine_ready") == 1


def test_what_belongs_to_a_process_is_shown_for_each() -> None:
    sums = Sums()
    for process in ("0", "supervisor"):
        memory = GaugeMetricFamily("process_resident_memory_bytes", "of", 5)
        hear(sums, process, memory, counter(1, "python_gc_collections", generation="0"))
    assert value(sums, "process_resident_memory_bytes", worker="0") == 5
    assert value(sums, "process_resident_memory_bytes", worker="supervisor") == 5
    assert value(sums, "python_gc_collections_total", generation="0", worker="0") == 1
    sums.end("0")
    assert ("process_resident_memory_bytes", frozenset({("worker", "0")})) not in shown(sums)
