"""Who has a piece of work for the event loop in; so many of them in each of its turns out.

What is ready in a turn of the loop is done before anybody else is heard: hundreds of streams with a
tenth of a millisecond of work each would hold up decisions for as long as they take together.
"""

from __future__ import annotations

import asyncio
from collections import deque

MOST = 8
"""In one turn: about a millisecond of pieces of streamed responses."""


class Turns:
    """Lets them go on first come first. Of one loop at a time."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._loop: asyncio.AbstractEventLoop | None = None
        """The one in which somebody waits."""

    async def come(self) -> None:
        """Return in another turn of the loop."""
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            # Who waited in another one waits no more: it has ended.
            self._loop, self._waiting = loop, deque()
            loop.call_soon(self._next, loop)
        told: asyncio.Future[None] = loop.create_future()
        self._waiting.append(told)
        await told

    def _next(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._loop is not loop:
            return
        left = self._most
        while self._waiting and left:
            told = self._waiting.popleft()
            if not told.done():  # Else its call was given up meanwhile.
                told.set_result(None)
                left -= 1
        if self._waiting:
            loop.call_soon(self._next, loop)
        else:
            self._loop = None
