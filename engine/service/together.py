"""Many requests in, their decisions out: recorded in one go, before any of them is answered.

One write takes as long as several decisions. So where a record is safe as soon as it is written,
those of a batch are written together. If that fails, each is written by itself, and those decisions
that cannot be recorded become a ``deny``.
"""

from __future__ import annotations

from collections.abc import Iterable

from engine.runtime.decision import Decision
from engine.service.asking import Undecided
from engine.service.gate import Gate

Begun = Decision | Undecided | Exception
"""What came of one request; or what it raises, which is nothing to its neighbours."""


def begin_all(gate: Gate, begun: Iterable[Begun]) -> list[Begun]:
    """Return all of *begun*, each of which *gate* begins when it is taken.

    Only for a recorder that keeps ``together``. What *begun* itself raises is raised.
    """
    keeper = gate.keeper
    keeper.hold()
    try:
        made = list(begun)
    finally:
        failed = keeper.release()
    if not failed:
        return made
    return [
        keeper.unrecorded(one, failed[one.decision_id])
        if isinstance(one, Decision) and one.decision_id in failed
        else one
        for one in made
    ]
