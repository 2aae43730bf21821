"""A streamed response through the daemon: the same as ``guard``, for asyncio."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Iterable, Mapping
from types import TracebackType
from typing import Self

from pol_client import connect
from pol_client._wire import engine_pb2 as wire
from pol_client.aio_transport import AsyncStream, AsyncTransport
from pol_client.decode import parsed
from pol_client.errors import Unavailable
from pol_client.guard import end, opening, take
from pol_client.results import Decision, Redaction

Source = AsyncIterable[str] | Iterable[str]


class AsyncGuard:
    """Made by ``AsyncClient.guard``: an asynchronous iterator over the text that may pass on.

    See ``Guard``. Leave it early with ``close``, or use ``async with``.
    """

    def __init__(
        self, call: AsyncStream, opened: wire.DecideRequest, source: Source, *, raise_on_block: bool
    ) -> None:
        self.decision: Decision | None = None
        """The decision on the whole, without its content; None until the end."""
        self.redactions: list[Redaction] = []
        """What was replaced so far; places count from the beginning of the response."""
        self._call = call
        self._chunks = chunks(opened, source)
        self._raise_on_block = raise_on_block

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> str:
        """Return the next text. Raises NotAllowed at the end of what is blocked; NoDecision."""
        while self.decision is None:
            # Step by step: grpc.aio forgets the daemon's answer when a piece comes after it.
            chunk = await anext(self._chunks, None)
            if chunk is not None:
                await self._call.write(chunk.SerializeToString())
            answer = await self._call.read()
            if answer is None:
                raise Unavailable("UNAVAILABLE", "the daemon ended the stream")
            text = take(self, parsed(wire.GuardedChunk, answer))
            if text:
                return text
        end(self, raise_on_block=self._raise_on_block)
        raise StopAsyncIteration

    async def close(self) -> None:
        """Take no more; what had come is decided on and recorded by the daemon."""
        self._call.cancel()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()


async def chunks(opened: wire.DecideRequest, source: Source) -> AsyncIterator[wire.Chunk]:
    """Yield the chunks of a response."""
    yield wire.Chunk(open=opened)
    if isinstance(source, AsyncIterable):
        async for piece in source:
            yield wire.Chunk(text=piece)
    else:
        for piece in source:
            yield wire.Chunk(text=piece)
    yield wire.Chunk(last=True)


def open_guard(
    transport: AsyncTransport,
    source: Source,
    asked: Mapping[str, object],
    timeout: float,
    *,
    raise_on_block: bool,
) -> AsyncGuard:
    """Return the guard of *source*, about which *asked* is known."""
    opened = opening(asked)
    call = transport.stream(connect.GUARD, timeout)
    return AsyncGuard(call, opened, source, raise_on_block=raise_on_block)
