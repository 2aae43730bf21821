"""Reviews and notices in, how the queue fares out: for metrics.

What is open lies in a store that all workers, and maybe other machines, share: each of them tells
the same number, and it counts once (see ``sums.GAUGES``). What was answered is counted by the one
process that has recorded it.
"""

from __future__ import annotations

import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Iterator

from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from engine.daemon.notify import Messenger
from engine.service.entries import Line, ReviewEntry
from engine.service.record import NoRecorder
from engine.service.reviews import Reviews
from engine.storage.notices import SpoolError
from engine.storage.reviews import ENDED, SECOND, Count, ReviewsUnavailable

BOUNDS = (10, 30, 60, 300, 900, 1800, 3600, 4 * 3600, 24 * 3600, 7 * 24 * 3600)
"""Upper bounds, in seconds, of the time until an answer."""

FRESH = 5.0
"""Seconds for which the store is not asked again, however often somebody looks."""

MOST_QUEUES = 64
OTHERS = "(others)"
"""Queues beyond a number are told together: their names are the policies', but not bounded."""

NONE = "none"
"""The severity of a rule that has none."""


class ReviewTally(NoRecorder):
    """Counts, beside the record, what became of reviews. Implements Recorder."""

    def __init__(self) -> None:
        self.ended: Counter[tuple[str, str]] = Counter()
        self.opened: Counter[str] = Counter()
        self.refused = 0
        self._buckets = [0] * (len(BOUNDS) + 1)
        self._seconds = 0.0
        self._queues: set[str] = set()

    def write(self, entry: Line) -> None:
        """Count *entry*, if it is about a review."""
        if not isinstance(entry, ReviewEntry):
            return
        queue = self._admit(entry.queue)
        if entry.act == "opened":
            self.opened[queue] += 1
        elif entry.act == "refused":
            self.refused += 1
        elif entry.act in ENDED:
            self.ended[queue, entry.act] += 1
            if entry.act != "expired":
                self._buckets[bisect_left(BOUNDS, entry.waited)] += 1
                self._seconds += entry.waited

    def _admit(self, queue: str) -> str:
        if queue not in self._queues and len(self._queues) >= MOST_QUEUES:
            return OTHERS
        self._queues.add(queue)
        return queue

    def histogram(self) -> tuple[list[tuple[str, float]], float]:
        """Return the cumulated buckets and the sum of the seconds until an answer."""
        total = 0
        buckets: list[tuple[str, float]] = []
        for bound, count in zip((*BOUNDS, None), self._buckets.copy(), strict=True):
            total += count
            buckets.append(("+Inf" if bound is None else str(float(bound)), total))
        return buckets, self._seconds


class ReviewMetrics(Collector):
    """What waits for people, and what became of it; and how notices fare."""

    def __init__(
        self,
        reviews: Reviews | None,
        tally: ReviewTally,
        messenger: Messenger | None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._reviews = reviews
        self._tally = tally
        self._messenger = messenger
        self._clock = clock
        self._known: tuple[Count, ...] = ()
        self._up = True
        self._asked = -FRESH

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics of the queue; nothing where there is none."""
        if self._reviews is not None:
            yield from self._standing(self._reviews)
            yield from self._counted()
        if self._messenger is not None:
            yield from notified(self._messenger)

    def _standing(self, reviews: Reviews) -> Iterator[Metric]:
        if self._clock() - self._asked >= FRESH:
            self._asked = self._clock()
            try:
                self._known = reviews.counts("open")
                self._up = True
            except ReviewsUnavailable:
                self._up = False
        yield GaugeMetricFamily(
            "engine_reviews_up", "Whether the store of reviews can be reached.", float(self._up)
        )
        waiting = GaugeMetricFamily(
            "engine_reviews_open",
            "Reviews that wait, by queue and severity.",
            labels=("queue", "severity"),
        )
        for labels, number in added(self._known).items():
            waiting.add_metric(labels, number)
        yield waiting
        oldest = GaugeMetricFamily(
            "engine_reviews_oldest_seconds",
            "How long the oldest of those that wait has done so, by queue.",
            labels=("queue",),
        )
        for queue, opened_at in first(self._known).items():
            oldest.add_metric((queue,), max(0.0, (reviews.now - opened_at) / SECOND))
        yield oldest
        yield GaugeMetricFamily(
            "engine_reviews_claimed",
            "Reviews that somebody is looking at.",
            sum(one.claimed for one in self._known),
        )

    def _counted(self) -> Iterator[Metric]:
        opened = CounterMetricFamily(
            "engine_reviews_opened", "Reviews that were opened, by queue.", labels=("queue",)
        )
        for queue, number in self._tally.opened.copy().items():
            opened.add_metric((queue,), number)
        yield opened
        ended = CounterMetricFamily(
            "engine_reviews_ended",
            "Reviews that are over, by queue and outcome; `expired` ones nobody answered in time.",
            labels=("queue", "outcome"),
        )
        for labels, number in self._tally.ended.copy().items():
            ended.add_metric(labels, number)
        yield ended
        yield CounterMetricFamily(
            "engine_review_acts_refused",
            "Acts of reviewers that were refused.",
            self._tally.refused,
        )
        buckets, seconds = self._tally.histogram()
        yield HistogramMetricFamily(
            "engine_review_answer_seconds",
            "Time from the opening of a review until a person's answer.",
            buckets=buckets,
            sum_value=seconds,
        )


def added(counts: Iterable[Count]) -> dict[tuple[str, str], int]:
    """Return how many wait by queue and severity; queues beyond a number together."""
    made: Counter[tuple[str, str]] = Counter()
    for one in counts:
        made[one.queue, one.severity or NONE] += one.number
    kept = set(sorted({queue for queue, _ in made})[:MOST_QUEUES])
    folded: Counter[tuple[str, str]] = Counter()
    for (queue, severity), number in made.items():
        folded[queue if queue in kept else OTHERS, severity] += number
    return dict(folded)


def first(counts: Iterable[Count]) -> dict[str, int]:
    """Return when the oldest was opened, by queue; queues beyond a number together."""
    made: dict[str, int] = {}
    for one in counts:
        made[one.queue] = min(one.oldest, made.get(one.queue, one.oldest))
    kept = set(sorted(made)[:MOST_QUEUES])
    folded: dict[str, int] = {}
    for queue, oldest in made.items():
        name = queue if queue in kept else OTHERS
        folded[name] = min(oldest, folded.get(name, oldest))
    return folded


def notified(messenger: Messenger) -> Iterator[Metric]:
    """Yield what became of notices."""
    told = CounterMetricFamily(
        "engine_review_notices",
        "Notices by sink and outcome: sent; failed, and tried again; given_up; full, of which too "
        "many waited.",
        labels=("sink", "outcome"),
    )
    for labels, number in messenger.tally.counts.copy().items():
        told.add_metric(labels, number)
    yield told
    waiting = GaugeMetricFamily(
        "engine_review_notices_waiting", "Notices that wait to be sent, by sink.", labels=("sink",)
    )
    try:
        found = messenger.waiting()
    except SpoolError:
        found = {}
    for sink, number in found.items():
        waiting.add_metric((sink,), number)
    yield waiting
