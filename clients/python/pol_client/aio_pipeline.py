"""Many tasks at once, a fraction of a call each: the same as ``pipeline``, for asyncio."""

from __future__ import annotations

from types import TracebackType
from typing import Self, Unpack

from pol_client import connect
from pol_client.aio_transport import AsyncPipe
from pol_client.lay import lay_request
from pol_client.request import Request
from pol_client.results import Decision


class AsyncPipeline:
    """Made by ``AsyncClient.pipeline``, for many tasks of one loop. Use it with ``async with``."""

    def __init__(self, pipe: AsyncPipe, connection: connect.Connection) -> None:
        self._pipe = pipe
        self._connection = connection

    async def decide(
        self, /, *, timeout: float | None = None, **asked: Unpack[Request]
    ) -> Decision:
        """Return whether it may pass. Raises NoDecision when there is no answer."""
        seconds = self._connection.seconds(timeout)
        return await self._pipe.ask(lay_request(asked), seconds)

    async def close(self) -> None:
        """Take no more; what is under way fails with Unavailable."""
        await self._pipe.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()
