"""SIGTERM and SIGINT in, an end out: at any moment, also before the daemon serves.

What the kernel does with a signal that nobody handles is not enough: it ends a process, but not the
first one of a container, which it lets go on. So both are handled before anything takes time.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from engine.daemon.places import EXIT_FINE

ENDING = (signal.SIGTERM, signal.SIGINT)


@contextmanager
def ending_at_once() -> Iterator[None]:
    """Have SIGTERM end this process, and what is open be closed, until somebody else hears it.

    In the main thread.
    """
    before = signal.signal(signal.SIGTERM, Leaving())
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


class Leaving:
    """Ends the process when it is called; remembers that, as what it raises may be swallowed."""

    def __init__(self) -> None:
        self.told = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """Raise SystemExit."""
        del number, frame
        self.told = True
        raise SystemExit(EXIT_FINE)


def hear(end: Callable[[], None]) -> None:
    """Have the running loop call *end* at each of the signals from now on, and now if one came."""
    loop, before = asyncio.get_running_loop(), signal.getsignal(signal.SIGTERM)
    for number in ENDING:
        loop.add_signal_handler(number, end)
    if isinstance(before, Leaving) and before.told:
        end()


async def done_before(told: asyncio.Event, work: asyncio.Future[Any]) -> bool:
    """Wait until *work* is done; give it up, and return False, where *told* is set before."""
    waiting = asyncio.ensure_future(told.wait())
    await asyncio.wait((work, waiting), return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if work.done():
        return True
    work.cancel()
    await asyncio.wait((work,))
    return False
