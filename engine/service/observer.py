"""What the gate tells whoever counts: decisions, refusals, failures, settlements, policies."""

from __future__ import annotations

from typing import Protocol

from engine.runtime.decision import Decision
from engine.runtime.policyset import PolicySet


class Observer(Protocol):
    """Is told of every decision; for metrics. Must not fail and must not be slow."""

    def decided(self, tenant: str, stage: str, decision: Decision) -> None:
        """Count a decision."""
        ...

    def refused(self) -> None:
        """Count a request that does not fit the schema."""
        ...

    def failed(self, error: str) -> None:
        """Count a decision that was denied because of *error*, which holds no content."""
        ...

    def settled(self, decision_id: str, *, found: bool) -> None:
        """Count a settlement: it was *found*, or nothing waits under the id, which is anybody's."""
        ...

    def swapped(self, policies: PolicySet) -> None:
        """Note that *policies* decide from now on."""
        ...


class NoObserver:
    """Counts nothing."""

    def decided(self, tenant: str, stage: str, decision: Decision) -> None:
        """Do nothing."""

    def refused(self) -> None:
        """Do nothing."""

    def failed(self, error: str) -> None:
        """Do nothing."""

    def settled(self, decision_id: str, *, found: bool) -> None:
        """Do nothing."""

    def swapped(self, policies: PolicySet) -> None:
        """Do nothing."""
