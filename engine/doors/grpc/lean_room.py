"""What all calls of a lean server hold together: counted, so that there is a bound."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import Final

REQUEST_SECONDS: Final = 60.0
"""How long the message of a call that one message asks may take."""


class Room:
    """What all calls of a server may hold together. Not for several threads."""

    __slots__ = (
        "calls",
        "held",
        "most_bytes",
        "most_calls",
        "most_tasks",
        "now",
        "patience",
        "tasks",
    )

    def __init__(
        self,
        *,
        tasks: int,
        calls: int,
        held: int,
        patience: float = REQUEST_SECONDS,
        now: Callable[[], float] = perf_counter,
    ) -> None:
        """Allow so many calls that are answered, that are open, and bytes that are not answered.

        *patience* is how long the one message of a call may take, in seconds; *now* is a clock.
        """
        self.now = now
        self.patience = patience
        self.most_tasks, self.most_calls, self.most_bytes = tasks, calls, held
        self.tasks = self.calls = self.held = 0
