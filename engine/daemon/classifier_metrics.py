"""The tally of classifiers in, metrics out. Label values are bounded: classifiers are declared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from engine.classifiers.tally import BOUNDS, Count, Tally


class ClassifierMetrics(Collector):
    """What became of calls and questions."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally

    def collect(self) -> Iterator[Metric]:
        """Yield every metric of every classifier."""
        counts = self._tally.counts()
        yield by_reason(
            "engine_classifier_calls",
            "Calls of model servers by outcome.",
            "outcome",
            {name: dict(one.calls) for name, one in counts.items()},
        )
        yield by_reason(
            "engine_classifier_refused",
            "Questions that were not sent: the breaker is open, or too many wait.",
            "reason",
            {name: dict(one.refused) for name, one in counts.items()},
        )
        texts = CounterMetricFamily(
            "engine_classifier_texts", "Texts sent to model servers.", labels=("classifier",)
        )
        recalled = CounterMetricFamily(
            "engine_classifier_recalled",
            "Questions answered from memory.",
            labels=("classifier",),
        )
        closed = GaugeMetricFamily(
            "engine_classifier_breaker_closed",
            "1 while every call goes out, 0 while a failing server is left alone.",
            labels=("classifier",),
        )
        spent = HistogramMetricFamily(
            "engine_classifier_call_seconds", "Time of calls.", labels=("classifier",)
        )
        for name, one in counts.items():
            texts.add_metric([name], one.texts)
            recalled.add_metric([name], one.recalled)
            closed.add_metric([name], float(one.closed()))
            spent.add_metric([name], list(cumulated(one)), one.seconds)
        yield from (texts, recalled, closed, spent)


def by_reason(name: str, doc: str, label: str, counts: Mapping[str, Mapping[str, int]]) -> Metric:
    """Return the counter *name* by classifier and *label*."""
    family = CounterMetricFamily(name, doc, labels=("classifier", label))
    for classifier, reasons in counts.items():
        for reason, count in reasons.items():
            family.add_metric([classifier, reason], count)
    return family


def cumulated(count: Count) -> Iterator[tuple[str, float]]:
    """Yield each bound with the calls that took no longer."""
    total = 0
    for bound, calls in zip((*BOUNDS, None), list(count.buckets), strict=True):
        total += calls
        yield "+Inf" if bound is None else repr(bound), total
