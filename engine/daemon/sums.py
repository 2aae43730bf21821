"""Several processes' metrics in, one set out: what the daemon as a whole has counted.

Counters and histograms are added up. A worker that died keeps its share: without it the sums would
fall, and whoever watches would take that for a restart and count everything again. A gauge is no
sum: `GAUGES` says what stands for all, and what is not there is shown for each worker, under its
number in the label ``worker``; so is what belongs to a process, its memory and open files.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from zlib import crc32

import msgspec
from prometheus_client import Metric
from prometheus_client.registry import Collector

Key = tuple[str, tuple[tuple[str, str], ...]]
"""A sample's name and labels."""

ADDED = frozenset({"counter", "histogram"})
OF_A_PROCESS = ("process_", "python_")
WORKER = "worker"
TENANT_BUCKETS = 32
"""Tenants are counted together by the hash of their id, so that the number of series is bounded."""

GAUGES: Mapping[str, Callable[[Iterable[float]], float]] = {
    "engine_audit_up": min,
    "engine_audit_waiting": sum,
    "engine_ready": min,
    "engine_bundle": max,
    "engine_bundle_policies": max,
    "engine_bundle_rules": max,
    "engine_bundle_loaded_timestamp_seconds": max,
    "engine_bundle_refused_timestamp_seconds": max,
    "engine_classifier_breaker_closed": min,
    "engine_long_waiting": sum,
    "engine_review_notices_waiting": max,
    "engine_reviews_claimed": max,
    "engine_reviews_oldest_seconds": max,
    "engine_reviews_open": max,
    "engine_reviews_up": min,
    "engine_shipper_deaths": max,
    "engine_sink_decisions": max,
    "engine_sink_lag_records": max,
    "engine_sink_lag_seconds": max,
    "engine_sink_last_success_timestamp_seconds": max,
    "engine_sink_up": min,
    "engine_state_up": min,
    "engine_state_breaker_closed": min,
    "engine_state_owed": sum,
    "engine_state_secrets": max,
    "engine_workers": max,
    "engine_workers_serving": max,
}
"""Of gauges that say something of the whole daemon: how."""


class Value(msgspec.Struct, frozen=True, array_like=True):
    """One number of a family: its name, its labels, and the number."""

    name: str
    labels: dict[str, str]
    value: float

    @property
    def key(self) -> Key:
        """What it is added up by."""
        return self.name, tuple(sorted(self.labels.items()))


class Family(msgspec.Struct, frozen=True, array_like=True):
    """A metric with its numbers, as a process sends it."""

    name: str
    doc: str
    kind: str
    values: tuple[Value, ...]


def families_of(metrics: Iterable[Metric]) -> tuple[Family, ...]:
    """Return *metrics* as they are sent."""
    return tuple(
        Family(
            one.name,
            one.documentation,
            one.type,
            tuple(Value(each.name, dict(each.labels), each.value) for each in one.samples),
        )
        for one in metrics
    )


class Sums(Collector):
    """Adds up the families of processes by the name of the process."""

    def __init__(self) -> None:
        self._latest: dict[str, tuple[Family, ...]] = {}
        self._past: dict[str, dict[Key, float]] = {}
        """By family: what those had counted that are gone."""
        self._shapes: dict[str, Family] = {}

    def hear(self, process: str, families: tuple[Family, ...]) -> None:
        """Take the newest numbers of *process*."""
        self._latest[process] = families
        self._shapes.update({one.name: one for one in families})

    def end(self, process: str) -> None:
        """Keep what *process* had counted when it was last heard: it is gone."""
        for family in self._latest.pop(process, ()):
            if adds_up(family):
                past = self._past.setdefault(family.name, {})
                for value in family.values:
                    past[value.key] = past.get(value.key, 0.0) + value.value

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics of all processes together."""
        for name, shape in self._shapes.items():
            metric = Metric(name, shape.doc, shape.kind)
            here = {
                process: [
                    one for family in families if family.name == name for one in family.values
                ]
                for process, families in self._latest.items()
            }
            if adds_up(shape):
                self._add(metric, here)
            elif name in GAUGES:
                gather(metric, here, GAUGES[name])
            else:
                for process, values in here.items():
                    for one in values:
                        metric.add_sample(one.name, {**one.labels, WORKER: process}, one.value)
            yield metric

    def _add(self, metric: Metric, here: Mapping[str, list[Value]]) -> None:
        totals = dict(self._past.get(metric.name, {}))
        for values in here.values():
            for one in values:
                totals[one.key] = totals.get(one.key, 0.0) + one.value
        for (name, labels), total in totals.items():
            metric.add_sample(name, dict(labels), total)


def values_of(name: str, families: Iterable[Family]) -> list[Value]:
    """Return the values of the family *name*."""
    return [one for family in families if family.name == name for one in family.values]


def adds_up(family: Family) -> bool:
    """Return whether the numbers of several processes are added up."""
    return family.kind in ADDED and not family.name.startswith(OF_A_PROCESS)


def gather(
    metric: Metric, here: Mapping[str, list[Value]], how: Callable[[Iterable[float]], float]
) -> None:
    """Add to *metric* one sample for each set of labels, made of all processes' values."""
    found: dict[Key, list[float]] = {}
    for values in here.values():
        for one in values:
            found.setdefault(one.key, []).append(one.value)
    for (name, labels), numbers in found.items():
        metric.add_sample(name, dict(labels), how(numbers))


def bucket_of(tenant: str) -> int:
    """Return what *tenant* is counted in."""
    return crc32(tenant.encode()) % TENANT_BUCKETS
