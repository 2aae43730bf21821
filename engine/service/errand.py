"""What one decision asks of a store that is away from here; whoever drives it waits, and tries on.

See ``engine.state.remote`` for how. From the first answer on the decision's instant stands still:
what was taken for it was taken then.
"""

from __future__ import annotations

from engine.runtime.store import Store, StoreUnavailable
from engine.state.remote import STALE
from engine.state.remote_store import APART, RemoteStore

STALE_ROUNDS = 3
"""So often a take is asked whose calendar period the store's clock is not in."""


class Errand:
    """The questions of one decision and their answers."""

    def __init__(self, remote: RemoteStore) -> None:
        self._remote = remote
        self._replay = remote.replay()
        self._beside: Store | None = None
        self._instant = 0
        self._moving = True
        self._stale = 0
        self.failed = False
        """Whether something that was to be put could not be."""

    @property
    def due(self) -> bool:
        """Whether there is something to wait for."""
        return self._beside is None and bool(self._replay.due)

    def begin(self, now: int) -> tuple[Store, int]:
        """Return what to decide with at *now*, and the instant to decide at."""
        if self._moving:
            self._instant = now
        if self._beside is not None:
            return self._beside, self._instant
        self._replay.begin()
        return self._replay, self._instant

    async def hear(self) -> None:
        """Ask for what is due, and wait for the answers."""
        try:
            answers = await self._remote.run(list(self._replay.due))
        except StoreUnavailable as away:
            self._fail(away)
        else:
            self._learn(answers)

    def wait(self) -> None:
        """Do what `hear` does, blocking."""
        try:
            answers = self._remote.block(list(self._replay.due))
        except StoreUnavailable as away:
            self._fail(away)
        else:
            self._learn(answers)

    def _learn(self, answers: list[object]) -> None:
        if STALE in answers:
            self._stale += 1
            if self._stale == STALE_ROUNDS:
                apart = StoreUnavailable(APART)
                answers = [apart if one is STALE else one for one in answers]
        # A stale take took nothing: it may be asked at another instant.
        self._moving = not self._replay.learn(answers, self._remote.offset)
        self.failed = self._moving or any(isinstance(one, StoreUnavailable) for one in answers)

    def _fail(self, away: StoreUnavailable) -> None:
        self.failed = True
        self._beside = self._remote.beside
        self._replay.fail(away)
