"""Many tasks, one stream: the same as ``pipeline``, for asyncio."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable
from types import TracebackType
from typing import Any, Self, Unpack

import grpc

from pol_client import connect
from pol_client._wire import engine_pb2 as wire
from pol_client.decode import read_decision
from pol_client.errors import DeadlineExceeded, NoDecision, Unavailable, from_rpc, no_decision
from pol_client.request import Request, build_request
from pol_client.results import Decision


class AsyncPipeline:
    """Made by ``AsyncClient.pipeline``, for many tasks of one loop. Use it with ``async with``."""

    def __init__(self, channel: grpc.aio.Channel, connection: connect.Connection) -> None:
        self._connection = connection
        self._open = channel.stream_stream(
            connect.DECIDE_STREAM,
            wire.DecideRequest.SerializeToString,
            wire.Decision.FromString,
        )
        self._numbers = itertools.count(1)
        self._line: AsyncLine | None = None
        self._closed = False

    async def decide(self, *, timeout: float | None = None, **asked: Unpack[Request]) -> Decision:
        """Return whether it may pass. Raises NoDecision when there is no answer."""
        message = build_request(asked)
        number = message.request_id = str(next(self._numbers))
        line = self._current()
        answer = line.send(number, message)
        try:
            async with asyncio.timeout(self._connection.timeout if timeout is None else timeout):
                reply = await answer
        except TimeoutError:
            raise DeadlineExceeded("DEADLINE_EXCEEDED", "no answer in time") from None
        finally:
            line.waiting.pop(number, None)
        decision = read_decision(reply, asked.get("request_id", ""))
        if decision.failure is not None:
            raise no_decision(decision.failure)
        return decision

    async def close(self) -> None:
        """End the stream; what is under way fails with Unavailable."""
        self._closed = True
        line, self._line = self._line, None
        if line is not None:
            line.fail(Unavailable("UNAVAILABLE", "the pipeline was closed"))
            line.call.cancel()
            await line.reading

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    def _current(self) -> AsyncLine:
        if self._closed:
            raise Unavailable("UNAVAILABLE", "the pipeline was closed")
        if self._line is None or self._line.broken:
            self._line = AsyncLine(self._open, self._connection)
        return self._line


class AsyncLine:
    """One stream, from its opening until it breaks."""

    def __init__(self, opening: Callable[..., Any], connection: connect.Connection) -> None:
        self.waiting: dict[str, asyncio.Future[wire.Decision]] = {}
        self.broken = False
        self._outbox: asyncio.Queue[wire.DecideRequest | None] = asyncio.Queue()
        self.call = opening(
            self._requests(),
            metadata=connection.headers(),
            wait_for_ready=connection.wait_for_ready,
        )
        self.reading = asyncio.create_task(self._read(), name="pol-client-pipeline")

    def send(self, number: str, message: wire.DecideRequest) -> asyncio.Future[wire.Decision]:
        """Send *message*; return the future of its reply."""
        answer = self.waiting[number] = asyncio.get_running_loop().create_future()
        self._outbox.put_nowait(message)
        return answer

    def fail(self, error: NoDecision) -> None:
        """Fail everything that waits, and take no more."""
        self.broken = True
        self._outbox.put_nowait(None)
        for answer in self.waiting.values():
            if not answer.done():
                answer.set_exception(error)

    async def _requests(self) -> AsyncIterator[wire.DecideRequest]:
        while (message := await self._outbox.get()) is not None:
            yield message

    async def _read(self) -> None:
        try:
            async for reply in self.call:
                answer = self.waiting.get(reply.request_id)
                # None: its caller has given up.
                if answer is not None and not answer.done():
                    answer.set_result(reply)
        except grpc.RpcError as error:
            self.fail(from_rpc(error))
        except asyncio.CancelledError:
            # The call was cancelled by close, or this task with its loop.
            self.fail(Unavailable("UNAVAILABLE", "the pipeline was closed"))
        else:
            self.fail(Unavailable("UNAVAILABLE", "the daemon ended the stream"))
