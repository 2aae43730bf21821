"""What the gate and the reload tell in, counts of it out: see ``metrics`` for how they are shown.

Counting stands in the path of every decision, so it is one dictionary addition and one in a list
(0.1 us, where Prometheus' labelled counters and histogram take about 6 us); the sums are made when
somebody asks. What is counted is bounded: tenants are counted in hash buckets, and policies beyond
a number together. It stands apart because it is compiled.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple
from zlib import crc32

from msgspec.structs import astuple

from engine.daemon.sums import TENANT_BUCKETS
from engine.runtime import held as at
from engine.runtime.decision import Decision, Reason
from engine.runtime.policyset import PolicySet

MOST_POLICIES: Final = 256
OTHERS = "(others)"
NONE: Final = "(none)"
MOST_LATELY = 4096
"""Counts by tenant, stage, action and policy; when there are so many they are added up."""

MICROSECOND = 1_000
SECOND = 1_000_000_000
BOUNDS: Final = tuple(
    [
        round(step * scale * MICROSECOND)
        for scale in (1, 10, 100, 1_000, 10_000, 100_000)
        for step in (1, 2, 5)
    ]
)
"""Upper bounds of the latency histogram, in ns: 1 us to 0.5 s."""
LAST: Final = len(BOUNDS)
"""The place in the histogram of what is above all of them."""


class Kept(NamedTuple):
    """Counts of decisions: by action and stage, policy, or bucket of tenants; and those since."""

    decisions: Mapping[tuple[str, str], int]
    policies: Mapping[tuple[str, str], int]
    tenants: Mapping[tuple[str, int], int]
    lately: dict[tuple[str, str, str, str], int]
    """By tenant, stage, action and policy."""


def added_up(kept: Kept) -> Kept:
    """Return the same counts with none since; *kept* stays as it is, for who looks at it."""
    decisions, policies, tenants = Counter(kept.decisions), Counter(kept.policies), Counter(kept[2])
    for (tenant, stage, action, policy), count in kept.lately.copy().items():
        decisions[action, stage] += count
        policies[action, policy] += count
        tenants[action, crc32(tenant.encode()) % TENANT_BUCKETS] += count
    return Kept(decisions, policies, tenants, {})


class Metrics:
    """Counts what the gate and the reload tell it. Implements the gate's observer."""

    def __init__(self) -> None:
        self.reloads = {"ok": 0, "failed": 0}
        self.on_failure: Callable[[str], None] = ignore
        self.on_unknown: Callable[[str], None] = ignore
        self.settlements = {"settled": 0, "unknown": 0}
        self.kept = Kept({}, {}, {}, {})
        self.latency = [0] * (len(BOUNDS) + 1)
        self.latency_sum = 0
        self.shadow: dict[str, int] = {}
        self.redactions = 0
        self.invalid = 0
        self.failures = 0
        self.degraded = 0
        self._known: set[str] = set()
        self._place = 0
        """Of the newest decision, in the histogram."""

    def decided(self, tenant: str, stage: str, decision: Decision) -> None:
        """Count a decision."""
        # Hot path. A decision takes about as long as the one before it: to bisect takes longer.
        held = astuple(decision)
        reasons: tuple[Reason, ...] = held[at.REASONS]
        policy = reasons[0].policy or NONE if reasons else NONE
        if policy not in self._known:
            policy = self._admit(policy)
        key = (tenant, stage, held[at.EFFECTIVE], policy)
        lately = self.kept.lately
        try:
            lately[key] += 1
        except KeyError:
            lately[key] = 1
            if len(lately) >= MOST_LATELY:
                self.kept = added_up(self.kept)
        spent: int = held[at.EVALUATED_IN]
        place = self._place
        while place < LAST and BOUNDS[place] < spent:
            place += 1
        while place and BOUNDS[place - 1] >= spent:
            place -= 1
        self._place = place
        self.latency[place] += 1
        self.latency_sum += spent
        if not at.says_no_more(held):
            self._more(decision)

    def _more(self, decision: Decision) -> None:
        """Count what only some decisions say."""
        if decision.shadow is not None:
            shadow = decision.shadow.action
            self.shadow[shadow] = self.shadow.get(shadow, 0) + 1
        self.redactions += len(decision.redactions)
        if decision.degraded:
            self.degraded += 1

    def _admit(self, policy: str) -> str:
        if len(self._known) >= MOST_POLICIES:
            return OTHERS
        self._known.add(policy)
        return policy

    def refused(self) -> None:
        """Count a request that does not fit the schema."""
        self.invalid += 1

    def failed(self, error: str) -> None:
        """Count a decision that was denied because of an error, and pass the error on."""
        self.failures += 1
        self.on_failure(error)

    def settled(self, decision_id: str, *, found: bool) -> None:
        """Count a settlement; pass the id on when nothing waits under it."""
        self.settlements["settled" if found else "unknown"] += 1
        if not found:
            self.on_unknown(decision_id)

    def swapped(self, policies: PolicySet) -> None:
        """Begin to name policies anew."""
        del policies
        self._known = set()


def ignore(error: str) -> None:
    """Do nothing with *error*."""
