"""Calls over grpcio, for asyncio."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from functools import partial
from typing import Any

import grpc
import grpc.aio

from pol_client import connect
from pol_client._wire import engine_pb2 as wire
from pol_client.decode import parsed
from pol_client.errors import DeadlineExceeded, NoDecision, Unavailable, from_rpc
from pol_client.reading import read_answer
from pol_client.results import Decision

Reach = Callable[[], Awaitable[None]]


class GrpcioTransport:
    """Calls over one channel of grpc.aio."""

    def __init__(self, connection: connect.Connection) -> None:
        self._connection = connection
        self._closed = False
        credentials = connection.credentials()
        settings = connection.channel_options()
        self._channel = (
            grpc.aio.insecure_channel(connection.target, settings)
            if credentials is None
            else grpc.aio.secure_channel(connection.target, credentials, settings)
        )
        self._calls = {
            method.path: self._channel.unary_unary(method.path, None, None)
            for method in connect.UNARY
        }
        self._probe = self._channel.unary_unary(connect.PROBE, None, None)

    async def unary(self, method: connect.Method, message: bytes, seconds: float) -> bytes:
        """Return the answer. Raises NoDecision."""
        return await self._answer(self._calls[method.path], message, seconds)

    async def _answer(self, call: Any, message: bytes, seconds: float) -> bytes:
        """Return the answer of a *call*, once there is a connection. Raises NoDecision."""
        deadline = time.monotonic() + seconds
        left = seconds
        while True:
            try:
                wait = self._connection.waits
                answer = await self.begun(call, message, timeout=left, wait_for_ready=wait)
            except grpc.RpcError as error:
                failure = from_rpc(error)
            else:
                return connect.answered(answer)
            left = deadline - time.monotonic()
            self._connection.go_on(failure, left)
            await asyncio.sleep(connect.PAUSE)
            left -= connect.PAUSE

    async def _reach(self, seconds: float) -> None:
        """Wait for a connection with TLS, so long. Raises Unavailable where there will be none."""
        if self._connection.tls is not None:
            try:
                await self._answer(self._probe, b"", seconds)
            except Unavailable:
                raise
            except NoDecision:
                return  # It is there, or the call itself says in time that it is not.

    async def decide(self, message: bytes, seconds: float) -> Decision:
        """Return the decision. Raises NoDecision."""
        return read_answer(await self.unary(connect.DECIDE, message, seconds))

    def stream(self, path: str, seconds: float) -> GrpcioStream:
        """Begin a call with many messages."""
        opening = self._channel.stream_stream(path, None, None)
        return GrpcioStream(self.begun(opening, None, timeout=seconds), self._reach(seconds))

    def pipe(self) -> Lines:
        """Return a stream on which many tasks decide at once."""
        opening = self._channel.stream_stream(connect.DECIDE_STREAM, None, None)
        reach = partial(self._reach, self._connection.timeout)
        return Lines(partial(self.begun, opening), reach)

    def begun(self, opening: Any, asked: Any, **named: Any) -> Any:
        """Return grpcio's call for what is *asked*. Raises Unavailable when it is closed."""
        try:
            return opening(
                asked,
                metadata=self._connection.headers(),
                **{"wait_for_ready": self._connection.wait_for_ready, **named},
            )
        except grpc.aio.UsageError:
            if not self._closed:
                raise
            raise Unavailable("UNAVAILABLE", connect.CLOSED) from None

    async def close(self) -> None:
        """Close the connection; calls that run are cancelled."""
        self._closed = True
        await self._channel.close(None)


class GrpcioStream:
    """A call with many messages."""

    def __init__(self, call: Any, reach: Coroutine[Any, Any, None]) -> None:
        self._call = call
        self._reach: Coroutine[Any, Any, None] | None = reach

    async def _reached(self) -> None:
        """Wait for a connection, the first time. Raises Unavailable where there will be none."""
        reach, self._reach = self._reach, None
        if reach is not None:
            await reach

    async def write(self, message: bytes) -> None:
        """Send a message. Raises NoDecision."""
        await self._reached()
        try:
            await self._call.write(message)
        except grpc.RpcError as error:
            raise from_rpc(error) from None
        except asyncio.InvalidStateError:  # It is over: what is still to be read says how.
            pass

    async def end(self) -> None:
        """Send no more."""
        await self._call.done_writing()

    async def read(self) -> bytes | None:
        """Return the next message, or None at the end. Raises NoDecision."""
        await self._reached()
        try:
            answer = await self._call.read()
        except grpc.RpcError as error:
            raise from_rpc(error) from None
        return None if answer is grpc.aio.EOF else answer  # type: ignore[attr-defined]

    def cancel(self) -> None:
        """Give it up."""
        if self._reach is not None:
            self._reach.close()
        self._call.cancel()


class Lines:
    """One stream at a time, which many tasks share; opened again when it broke."""

    def __init__(self, opening: Callable[[Any], Any], reach: Reach) -> None:
        self._open = opening
        self._reach = reach
        self._numbers = itertools.count(1)
        self._line: Line | None = None
        self._closed = False

    async def ask(self, message: bytes, seconds: float) -> Decision:
        """Return the decision. Raises NoDecision."""
        request = wire.DecideRequest.FromString(message)
        asked = request.request_id
        number = request.request_id = str(next(self._numbers))
        line = self._current()
        answer = line.send(number, request)
        try:
            async with asyncio.timeout(seconds):
                reply = await answer
        except TimeoutError:
            raise DeadlineExceeded("DEADLINE_EXCEEDED", "no answer in time") from None
        finally:
            line.waiting.pop(number, None)
        reply.request_id = asked
        return read_answer(reply.SerializeToString())

    async def close(self) -> None:
        """End the stream; what is under way fails with Unavailable."""
        self._closed = True
        line, self._line = self._line, None
        if line is not None:
            line.fail(Unavailable("UNAVAILABLE", "the pipeline was closed"))
            line.call.cancel()
            line.reading.cancel()  # It may still wait for a connection.
            await asyncio.wait((line.reading,))

    def _current(self) -> Line:
        if self._closed:
            raise Unavailable("UNAVAILABLE", "the pipeline was closed")
        if self._line is None or self._line.broken:
            self._line = Line(self._open, self._reach)
        return self._line


class Line:
    """One stream, from its opening until it breaks."""

    def __init__(self, opening: Callable[[Any], Any], reach: Reach) -> None:
        self.waiting: dict[str, asyncio.Future[wire.Decision]] = {}
        self.broken = False
        self._outbox: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._reach = reach
        self.call = opening(self._requests())
        self.reading = asyncio.create_task(self._read(), name="pol-client-pipeline")

    def send(self, number: str, message: wire.DecideRequest) -> asyncio.Future[wire.Decision]:
        """Send *message*; return the future of its reply."""
        answer = self.waiting[number] = asyncio.get_running_loop().create_future()
        self._outbox.put_nowait(message.SerializeToString())
        return answer

    def fail(self, error: NoDecision) -> None:
        """Fail everything that waits, and take no more."""
        self.broken = True
        self._outbox.put_nowait(None)
        for answer in self.waiting.values():
            if not answer.done():
                answer.set_exception(error)

    async def _requests(self) -> AsyncIterator[bytes]:
        while (message := await self._outbox.get()) is not None:
            yield message

    async def _read(self) -> None:
        try:
            await self._reach()
            async for raw in self.call:
                reply = parsed(wire.Decision, raw)
                answer = self.waiting.get(reply.request_id)
                # None: its caller has given up.
                if answer is not None and not answer.done():
                    answer.set_result(reply)
        except grpc.RpcError as error:
            self.fail(from_rpc(error))
        except NoDecision as error:
            self.fail(error)
            self.call.cancel()
        except asyncio.CancelledError:
            # The call was cancelled by close, or this task with its loop.
            self.fail(Unavailable("UNAVAILABLE", "the pipeline was closed"))
        else:
            self.fail(Unavailable("UNAVAILABLE", "the daemon ended the stream"))
