"""What has become of calls and questions, counted by classifier; read when somebody asks."""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass, field

from engine.classifiers.call import Kind

BOUNDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
"""Upper bounds of the latency histogram, in seconds."""


@dataclass(slots=True)
class Count:
    """The figures of one classifier."""

    calls: dict[str, int] = field(default_factory=dict)
    """By outcome: ``ok``, or the kind of failure."""
    texts: int = 0
    """Sent to the server."""
    recalled: int = 0
    """Questions that the cache has answered."""
    refused: dict[str, int] = field(default_factory=dict)
    """Questions that were not sent, by reason: ``open``, ``busy``."""
    seconds: float = 0.0
    buckets: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS) + 1))
    closed: Callable[[], bool] = bool
    """Whether the breaker lets every call out."""


class Tally:
    """Counts; several threads may."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: dict[str, Count] = {}

    def watch(self, classifier: str, closed: Callable[[], bool]) -> None:
        """Begin to count for *classifier*; *closed* tells the state of its breaker."""
        with self._lock:
            self._counts.setdefault(classifier, Count()).closed = closed

    def called(self, classifier: str, outcome: Kind | None, seconds: float, texts: int) -> None:
        """Count a call that took *seconds*; None is success."""
        key = outcome or "ok"
        with self._lock:
            count = self._counts[classifier]
            count.calls[key] = count.calls.get(key, 0) + 1
            count.texts += texts
            count.seconds += seconds
            count.buckets[bisect_left(BOUNDS, seconds)] += 1

    def recalled(self, classifier: str) -> None:
        """Count a question that the cache has answered."""
        with self._lock:
            self._counts[classifier].recalled += 1

    def refused(self, classifier: str, reason: Kind, questions: int) -> None:
        """Count *questions* that were not sent."""
        with self._lock:
            refused = self._counts[classifier].refused
            refused[reason] = refused.get(reason, 0) + questions

    def counts(self) -> dict[str, Count]:
        """Return the figures by classifier."""
        with self._lock:
            return dict(self._counts)
