"""Many requests in, their decisions out: recorded in one go, before any of them is answered.

One write takes as long as several decisions. So where a record is safe as soon as it is written,
those of a batch are written together. If that fails, each is written by itself, and those decisions
that cannot be recorded become a ``deny``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from engine.runtime.decision import Decision
from engine.service.asking import Undecided
from engine.service.gate import Gate

Given = TypeVar("Given")
Begun = Decision | Undecided | Exception
"""What came of one request; or what it raises, which is nothing to its neighbours."""


def begin_all(
    gate: Gate, requests: Iterable[Given], begin: Callable[[Given], Begun]
) -> list[Begun]:
    """Return what *gate* begins of each of *requests*, which *begin* has it do.

    Only for a recorder that keeps ``together``. What *requests* and *begin* raise is raised.
    """
    keeper = gate.keeper
    made: list[Begun] = []
    keeper.hold()
    try:
        # No comprehension and no generator: compiled, these would be done before anything is held.
        for one in requests:
            made.append(begin(one))  # noqa: PERF401
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
