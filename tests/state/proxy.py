"""What stands between a client and a server and does what networks do."""

from __future__ import annotations

import asyncio
import socket
import struct
from contextlib import suppress
from types import TracebackType
from typing import Self


class Proxy:
    """Passes bytes on. What is set holds for everything that comes from then on.

    *delay*: seconds that replies wait. *swallow*: replies get lost. *cut*: of the next reply so
    many bytes arrive, then the connection is closed. *reset*: the next request resets it.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self.delay = 0.0
        self.swallow = False
        self.cut: int | None = None
        self.reset = False
        self.connections = 0
        self.writes: list[int] = []
        """Bytes of every piece that came from the client."""

    async def __aenter__(self) -> Self:
        self._tasks: set[asyncio.Task[None]] = set()
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"redis://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        with suppress(OSError, asyncio.CancelledError):
            there, back = await asyncio.open_unix_connection(self._path)
            replies = asyncio.create_task(self._replies(there, writer))
            self._tasks.add(replies)
            try:
                while piece := await reader.read(2**20):
                    self.writes.append(len(piece))
                    if self.reset:
                        self.reset = False
                        self._abort(writer)
                        break
                    back.write(piece)
            finally:
                replies.cancel()
                back.close()
                writer.close()

    async def _replies(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while piece := await reader.read(2**20):
                await asyncio.sleep(self.delay)
                if self.swallow:
                    continue
                if self.cut is not None:
                    writer.write(piece[: self.cut])
                    self.cut = None
                    break
                writer.write(piece)
            writer.close()

    def _abort(self, writer: asyncio.StreamWriter) -> None:
        """Close with a reset."""
        line: socket.socket = writer.get_extra_info("socket")
        line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()
