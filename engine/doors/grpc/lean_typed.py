"""A handler as grpc has it in, what a lean server calls for it out."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable
from typing import Any

import grpc
import grpc.aio

from engine.doors.grpc.lean_call import Call, Inline, Many, Served


class Typed:
    """A call whose messages are read and written by functions, as grpc.aio's context is."""

    def __init__(self, call: Call, handler: grpc.RpcMethodHandler[Any, Any]) -> None:
        self._call = call
        self._parse = handler.request_deserializer or _same
        self._pack = handler.response_serializer or _same
        self.abort = call.abort
        self.time_remaining = call.time_remaining
        self.invocation_metadata = call.invocation_metadata

    async def read(self) -> Any:
        """Return the next message, or EOF."""
        raw = await self._call.read()
        return raw if raw is grpc.aio.EOF else self._parse(raw)  # type: ignore[attr-defined]

    async def write(self, message: Any) -> None:
        """Send a message."""
        await self._call.write(self._pack(message))

    async def requests(self) -> AsyncIterator[Any]:
        """Yield the messages."""
        while (message := await self.read()) is not grpc.aio.EOF:  # type: ignore[attr-defined]
            yield message


def _same(message: Any) -> Any:
    return message


def served(
    handler: grpc.RpcMethodHandler[Any, Any], inline: Inline | None, many: Many | None
) -> Served:
    """Return *handler* as this server calls it."""
    work: Any = (
        handler.unary_unary or handler.unary_stream or handler.stream_unary or handler.stream_stream
    )
    one_asks, one_answers = not handler.request_streaming, not handler.response_streaming
    parse, pack = handler.request_deserializer or _same, handler.response_serializer or _same

    async def apart(message: bytes | None, call: Call) -> bytes | None:
        context = Typed(call, handler)
        made = work(parse(message) if one_asks else context.requests(), context)
        if hasattr(made, "__aiter__"):
            async for one in made:
                await context.write(one)
            return None
        if isinstance(made, Awaitable):
            made = await made
        return pack(made) if one_answers else None

    return Served(one_asks, apart, inline, many)
