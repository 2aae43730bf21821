"""Calls that stay open: streams of requests, answers that are waited for; and how each is ended."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from typing import Any, TypeVar

import grpc.aio
from google.protobuf.message import Message

from engine.doors.grpc.later import Later
from engine.doors.grpc.status import TooLate
from engine.service.asking import TimeLeft

WAITS = 256
WAITING_BYTES = 4 << 20
"""How many answers of one stream may be waited for, and how long their requests may be together;
the stream's next request is read after that. A single request may be longer."""

Found = TypeVar("Found")

AUTHORIZATION = "authorization"
"""The metadata in which a credential comes."""

Context = Any
"""grpc.aio.ServicerContext, which the library gives no usable type, or a lean server's call."""


class Call:
    """The pieces of a guarded stream on the wire."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self.left: TimeLeft = context.time_remaining

    async def read(self) -> bytes | None:
        """Return the next piece, or None at the end. Raises TooLate."""
        raw = await self._context.read()
        refuse_late(self._context)
        return None if raw is grpc.aio.EOF else raw  # type: ignore[attr-defined]

    async def write(self, message: Message) -> None:
        """Send an answer; waits while the caller does not read."""
        await self._context.write(message.SerializeToString())


class Wait:
    """One call that waits for something to change, and can be told to end."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._task = asyncio.current_task()
        self._sending = False
        self.ended = False

    async def send(self, message: Message) -> None:
        """Send an answer; waits while the caller does not read. Raises Drained after `end`."""
        self._sending = True
        await self._context.write(message.SerializeToString())
        self._sending = False
        if self.ended:
            raise Drained

    def end(self) -> None:
        """End it: the daemon stops."""
        self.ended = True
        # Invariant: what is being sent is never cancelled; the library takes no status after that.
        if self._task is not None and not self._sending:
            self._task.cancel()


class Drained(Exception):
    """The server takes no more requests from a stream."""


class Stream:
    """One open stream, which can be woken while it waits for the next request."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._task = asyncio.current_task()
        self._idle = False
        self._woken = False
        self._waiting: set[asyncio.Task[None]] = set()
        """Answers that wait. They overtake nothing and are overtaken."""
        self._waiting_bytes = 0
        self._writing = asyncio.Lock()

    async def read(self) -> bytes | None:
        """Return the next request, or None at the end. Raises Drained after ``end_idle``."""
        raw = await self._heard(self._context.read())
        return None if raw is grpc.aio.EOF else raw  # type: ignore[attr-defined]

    async def read_some(self, most: int) -> list[bytes]:
        """Return the next requests, none at the end. Raises Drained after ``end_idle``."""
        return await self._heard(self._context.read_some(most))

    async def _heard(self, read: Awaitable[Found]) -> Found:
        """Return what is *read*; meanwhile the stream is idle."""
        self._idle = True
        try:
            return await read
        except asyncio.CancelledError:
            if self._woken:
                raise Drained from None
            raise
        finally:
            self._idle = False

    async def answer(self, made: bytes | Later, size: int) -> None:
        """Write what was *made* of a request of *size* bytes, or begin to wait for it.

        Many answers may be waited for, but while the caller does not read no more are begun.
        """
        if not isinstance(made, bytes):
            while self._crowded(size):
                await asyncio.wait(self._waiting, return_when=asyncio.FIRST_COMPLETED)
            self._waiting_bytes += size
            task = asyncio.ensure_future(self._write_later(made, size))
            self._waiting.add(task)
            task.add_done_callback(self._ended)
        elif self._waiting:
            await self._write(made)
        else:  # Hot path: nobody else can write.
            await self._context.write(made)

    async def answer_all(self, answers: Sequence[bytes]) -> None:
        """Write *answers*, to one request each."""
        if self._waiting:
            async with self._writing:
                await self._context.write_all(answers)
        else:
            await self._context.write_all(answers)

    def _crowded(self, size: int) -> bool:
        """Return whether something must be answered before a request of *size* bytes can wait."""
        if not self._waiting:
            return False
        full = len(self._waiting) >= WAITS or self._waiting_bytes + size > WAITING_BYTES
        return full or self._writing.locked()

    async def _write_later(self, made: Later, size: int) -> None:
        try:
            await self._write(await made(self._context.time_remaining))
        finally:
            self._waiting_bytes -= size

    async def _write(self, made: bytes) -> None:
        async with self._writing:
            await self._context.write(made)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._waiting.discard(task)
        if not task.cancelled():
            task.exception()  # A call that is over cannot be written to, and nobody need know.

    async def finish(self) -> None:
        """Wait until everything is answered."""
        while self._waiting:
            await asyncio.wait(self._waiting)

    def abandon(self) -> None:
        """Answer no more."""
        for task in self._waiting:
            task.cancel()

    def go_on(self, *, draining: bool) -> None:
        """Raise Drained when the server is *draining*."""
        if draining:
            raise Drained

    def end_idle(self) -> None:
        """Wake the stream if it waits for a request: nothing that was decided is lost."""
        if self._idle and self._task is not None:
            self._woken = True
            self._task.cancel()


def credential_of(context: Context) -> str:
    """Return what stands behind ``Bearer`` in the call's metadata; empty where that is not one."""
    given = [value for name, value in context.invocation_metadata() or () if name == AUTHORIZATION]
    if len(given) != 1 or not isinstance(given[0], str):
        return ""
    scheme, _, credential = given[0].partition(" ")
    return credential.strip() if scheme.lower() == "bearer" else ""


def refuse_late(context: Context) -> None:
    """Raise TooLate when the caller's deadline is over: what it cannot use is not decided."""
    left = context.time_remaining()
    if left is not None and left <= 0:
        raise TooLate
