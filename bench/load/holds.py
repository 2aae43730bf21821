"""The clocks of a loop that never sleeps in, when the machine kept it from its core out.

Such a loop is at work unless it says it `slept`, and its CPU time stands still exactly while it is
held: by other processes, or by the hypervisor where that says what it steals.
"""

from __future__ import annotations

from collections.abc import Sequence
from time import perf_counter_ns, thread_time_ns

LEAST_NS = 20_000
"""Less is an interrupt."""
TAIL = 100
"""One call of so many is in the tail."""


class Holds:
    """When a loop was held. Make it when the loop begins."""

    def __init__(self) -> None:
        self._lag = perf_counter_ns() - thread_time_ns()
        self.spans: list[tuple[int, int]] = []
        """From when to when, in the order of time."""

    def look(self, before: int, now: int) -> None:
        """Note for how long the loop was held between *before* and *now*."""
        lag = now - thread_time_ns()
        long = min(lag - self._lag, now - before)
        self._lag = lag
        if long >= LEAST_NS:
            self.spans.append((now - long, now))

    def slept(self, now: int) -> None:
        """Do not take for a hold that the loop left its core by itself until *now*."""
        self._lag = now - thread_time_ns()


def tail_share(
    dues: Sequence[int], latencies: Sequence[int], spans: Sequence[tuple[int, int]]
) -> float:
    """Return the share of the slowest calls' time that lies in *spans*."""
    order = sorted(range(len(latencies)), key=latencies.__getitem__)
    slowest = order[len(order) - max(1, len(order) // TAIL) :] if order else []
    whole = sum(latencies[one] for one in slowest)
    inside = sum(
        max(0, min(end, dues[one] + latencies[one]) - max(begin, dues[one]))
        for one in slowest
        for begin, end in spans
    )
    return inside / whole if whole else 0.0
