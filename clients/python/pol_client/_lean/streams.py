"""A call with many messages, read and written one by one."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

from pol_client._http2.frames import Code
from pol_client._http2.stream import Peer
from pol_client._lean.calls import PREFIX, Call, packed
from pol_client.errors import NoDecision

Open = Callable[[], Awaitable["Streamed"]]
"""Begins the call. Raises NoDecision."""


class Streamed(Call):
    """A call whose answers wait until they are read: the daemon may not send many more."""

    __slots__ = ("_reader", "failure", "messages", "over")

    holds = True

    def __init__(self, peer: Peer, number: int, window: int, allowed: int) -> None:
        super().__init__(peer, number, window, allowed)
        self.messages: deque[bytes] = deque()
        self.failure: NoDecision | None = None
        self.over = False
        self._reader: asyncio.Future[None] | None = None

    def message(self, message: bytes) -> NoDecision | None:
        """Keep it."""
        self.messages.append(message)
        self._tell()
        return None

    def took(self, data: bytes) -> NoDecision | None:
        """Take a piece. One that makes no message whole is read at once: more must come."""
        before = len(self.messages)
        wrong = super().took(data)
        if len(self.messages) == before:
            self.consumed(len(data))
        return wrong

    def finished(self, failure: NoDecision | None) -> None:
        """Tell who reads and who writes."""
        self.over, self.failure = True, failure
        self._tell()

    async def next(self) -> bytes | None:
        """Return the next message, or None at the end. Raises NoDecision."""
        while not self.messages:
            if self.over:
                if self.failure is not None:
                    raise self.failure
                return None
            self._reader = asyncio.get_running_loop().create_future()
            try:
                await self._reader
            finally:
                self._reader = None
        message = self.messages.popleft()
        self.consumed(min(PREFIX + len(message), self.unread))
        return message

    def _tell(self) -> None:
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)


class Expiry:
    """The deadline of a stream."""

    __slots__ = ("_call",)

    def __init__(self, call: Streamed) -> None:
        self._call = call

    def done(self) -> bool:
        """Return whether it is over."""
        return self._call.over

    def set_exception(self, failure: NoDecision, /) -> None:
        """End it."""
        self._call.reset(Code.CANCEL)
        self._call.finished(failure)


class LeanStream:
    """One call, begun with the first message."""

    def __init__(self, begin: Open) -> None:
        self._begin = begin
        self._call: Streamed | None = None
        self._cancelled = False

    async def write(self, message: bytes) -> None:
        """Send a message; waits while the daemon does not read. Raises NoDecision."""
        call = await self._opened()
        if call.over:
            if call.failure is not None and not call.messages:
                raise call.failure
            return  # What is still to be read says how it ended.
        call.write(packed(message))
        if call.waiting_bytes:
            await call.room()

    async def end(self) -> None:
        """Send no more."""
        call = await self._opened()
        if not call.over:
            call.finish(b"")

    async def read(self) -> bytes | None:
        """Return the next message, or None at the end. Raises NoDecision."""
        return await (await self._opened()).next()

    def cancel(self) -> None:
        """Give it up."""
        self._cancelled = True
        if self._call is not None and not self._call.over:
            self._call.reset(Code.CANCEL)
            self._call.finished(NoDecision("CANCELLED", "the call was given up"))

    async def _opened(self) -> Streamed:
        if self._cancelled:
            raise NoDecision("CANCELLED", "the call was given up")
        if self._call is None:
            self._call = await self._begin()
            if self._cancelled:  # Meanwhile.
                self.cancel()
        return self._call
