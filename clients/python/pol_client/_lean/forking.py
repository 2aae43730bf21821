"""Connections in; in a copy of the process, none of them any more out.

After ``fork`` two processes hold each socket. What the copy wrote would stand in the middle of what
the other one does, and each might read the answers to the other: a decision on something else. So
the copy gives its sockets up before anything else runs in it, and whoever can begins anew.

Invariant: nothing is closed there as usual. To end TLS would end it for both, and to close an event
loop would take the other one's sockets from the kernel's list that they share (epoll).

Invariant: nothing that fails here leaves a socket that both could use, not even where no descriptor
is left, or no ``/dev/null``.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Protocol
from weakref import WeakSet


class Forked(Protocol):
    """What has to know that this process is a copy."""

    def forked(self) -> None:
        """Give up what is the other process's. There are no other threads any more."""
        ...


_ALL: WeakSet[Forked] = WeakSet()


def watch(one: Forked) -> None:
    """Tell *one* when this process is a copy, as long as it lives."""
    _ALL.add(one)


def give_up(place: int) -> None:
    """Have nothing at the descriptor *place*. It stays taken, so that no file comes to have it."""
    if place < 0:
        return
    with suppress(OSError):
        os.close(place)  # First: the one that this frees may be the only one that there is.
        nothing = os.open(os.devnull, os.O_RDWR)
        if nothing != place:
            os.dup2(nothing, place, inheritable=False)
            os.close(nothing)


def _tell() -> None:
    for one in tuple(_ALL):
        one.forked()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_tell)
