"""A state store that cannot be reached, for tests of what holds then."""

from __future__ import annotations

from typing import NoReturn

from engine.runtime.memory import MemoryStore
from engine.runtime.store import StoreUnavailable


def fail(self: object, *asked: object, **how: object) -> NoReturn:  # noqa: ARG001  any question
    """Raise StoreUnavailable."""
    raise StoreUnavailable("away, as the test has it")


class Away(MemoryStore):
    """A store of which every question fails. See store.Store for what they are.

    Only throttles with ``on_state_failure local`` have where to take from: *local*, as in a daemon
    that has lost the real store.
    """

    take = peek = settle = fail
    count = record = fail
    labels = label = fail
    remember = recall = fail
    note = noted = turn = fail

    def __init__(self, local: MemoryStore) -> None:
        super().__init__()
        self._local = local

    def copy(self) -> Away:
        """Return another one, whose *local* goes its own way."""
        return Away(self._local.copy())

    def spare(self) -> MemoryStore:
        """Return the store of this process."""
        return self._local
