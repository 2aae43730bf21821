"""A request line in, one of three pages out: ``/metrics``, ``/healthz`` and ``/readyz``.

A few lines of HTTP/1.1 on the daemon's own loop are enough for a scraper, and a page that takes
time is written in a thread, so that looking at the daemon never delays a decision.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Protocol

from prometheus_client.exposition import CONTENT_TYPE_LATEST

from engine.daemon.options import Address

HEAD_BYTES = 8192
PATIENCE = 5.0
"""Seconds that a client gets to send its request and to take the answer."""
MOST_CLIENTS = 16
TEXT = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Page:
    """An answer."""

    status: str
    kind: str
    body: bytes


class Watched(Protocol):
    """What the pages tell of."""

    async def metrics(self) -> bytes:
        """Return all metrics in Prometheus' text format."""
        ...

    def readiness(self) -> tuple[bool, str]:
        """Return whether decisions are made, and by what; else why not."""
        ...


class WatchServer:
    """Owns the listener of the pages."""

    def __init__(self, watched: Watched) -> None:
        self._watched = watched
        self._server: asyncio.Server | None = None
        self._clients = 0
        self.draining = False

    async def start(self, address: Address) -> Address:
        """Listen on *address* and return it with the port that was taken. Raises OSError."""
        self._server = await asyncio.start_server(
            self._serve, address.host, address.port, limit=HEAD_BYTES
        )
        port = self._server.sockets[0].getsockname()[1]
        return Address(address.host, port)

    async def stop(self) -> None:
        """Close the listener."""
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._clients += 1
        try:
            if self._clients <= MOST_CLIENTS:
                async with asyncio.timeout(PATIENCE):
                    head = await reader.readuntil(b"\r\n\r\n")
                    page = await self._answer(head)
                    writer.write(encode_page(page, bodiless=head.startswith(b"HEAD ")))
                    await writer.drain()
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # a client that does not speak HTTP, or is gone, gets nothing
        finally:
            self._clients -= 1
            writer.close()

    async def _answer(self, head: bytes) -> Page:
        method, _, rest = head.partition(b" ")
        path = rest.split(b" ", 1)[0].split(b"?", 1)[0]
        if method not in {b"GET", b"HEAD"}:
            return Page("405 Method Not Allowed", TEXT, b"only GET\n")
        match path:
            case b"/metrics":
                return Page("200 OK", CONTENT_TYPE_LATEST, await self._watched.metrics())
            case b"/healthz":
                return Page("200 OK", TEXT, b"alive\n")
            case b"/readyz":
                return self._readiness()
            case _:
                return Page("404 Not Found", TEXT, b"see /metrics, /healthz and /readyz\n")

    def _readiness(self) -> Page:
        ready, told = self._watched.readiness()
        if self.draining:
            ready, told = False, "draining"
        status = "200 OK" if ready else "503 Service Unavailable"
        return Page(status, TEXT, f"{told}\n".encode())


def encode_page(page: Page, *, bodiless: bool) -> bytes:
    """Return the bytes of *page*; without its body for ``HEAD``."""
    head = (
        f"HTTP/1.1 {page.status}\r\nContent-Type: {page.kind}\r\n"
        f"Content-Length: {len(page.body)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + (b"" if bodiless else page.body)
