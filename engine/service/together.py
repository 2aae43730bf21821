"""Many requests in, their decisions out: recorded in one go, before any of them is answered.

One write takes as long as several decisions. So where a record is safe as soon as it is written,
those of a batch are written together. If that fails, each is written by itself, and those decisions
that cannot be recorded become a ``deny``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from engine.runtime.decision import Decision
from engine.runtime.record import Record
from engine.runtime.request import Reader
from engine.service.asking import Undecided
from engine.service.gate import Gate

Given = TypeVar("Given")
Begun = Decision | Undecided | Exception
"""What came of one request; or what it raises, which is nothing to its neighbours."""


def begin_all(
    gate: Gate, read: Callable[[Reader, Given], Record], given: Iterable[Given]
) -> list[Begun]:
    """Return what ``Gate.begin_with`` does of each of *given*, or raises.

    Only for a recorder that keeps ``together``. What *given* itself raises is raised.
    """
    keeper = gate.keeper
    made: list[Begun] = []
    keeper.hold()
    try:
        for one in given:
            try:
                made.append(gate.begin_with(read, one))
            except Exception as problem:  # noqa: BLE001 - one failure never fails its neighbours
                made.append(problem)
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
