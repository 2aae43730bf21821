"""Accepted connections in, those whose handshake of TLS came to a good end handed on.

A handshake costs memory before anybody has shown who it is. So each is begun here and not by the
event loop's server: there may be so many at once, each has its time, and the newest certificate is
taken for it.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable

MOST = 1_000
"""Handshakes at once; one more is closed."""
SECONDS = 10.0
"""How long one may take."""


class Handshakes:
    """Handshakes with *context*, which may be replaced; *make* gives what speaks behind one."""

    def __init__(
        self, context: ssl.SSLContext, make: Callable[[], asyncio.Protocol], most: int = MOST
    ) -> None:
        self.context = context
        """Never changed, only replaced: a session that was begun with it is not taken up again."""
        self._make = make
        self._most = most
        self._running: set[asyncio.Task[None]] = set()

    def accept(self) -> asyncio.Protocol:
        """Return the protocol of a connection that was accepted."""
        return Raw(self)

    def begin(self, transport: asyncio.BaseTransport) -> None:
        """Begin a handshake, or end the connection."""
        assert isinstance(transport, asyncio.Transport)
        if len(self._running) >= self._most:
            transport.abort()
            return
        transport.pause_reading()
        task = asyncio.get_running_loop().create_task(self._shake(transport))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    def stop(self) -> None:
        """End those that go on."""
        for task in self._running:
            task.cancel()

    async def _shake(self, raw: asyncio.Transport) -> None:
        early = Early()
        try:
            secured = await asyncio.get_running_loop().start_tls(
                raw, early, self.context, server_side=True, ssl_handshake_timeout=SECONDS
            )
        except (OSError, asyncio.CancelledError):
            raw.abort()
            return
        if secured is None or early.over:
            raw.abort()
            return
        protocol = self._make()
        secured.set_protocol(protocol)
        protocol.connection_made(secured)
        if early.data:
            protocol.data_received(bytes(early.data))


class Raw(asyncio.Protocol):
    """A connection before its handshake."""

    def __init__(self, handshakes: Handshakes) -> None:
        self._handshakes = handshakes

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin the handshake."""
        self._handshakes.begin(transport)


class Early(asyncio.Protocol):
    """Keeps what comes with the handshake's last word, before anybody can take it."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.over = False

    def data_received(self, data: bytes) -> None:
        """Keep it: no more than was read at once."""
        self.data += data

    def connection_lost(self, exc: Exception | None) -> None:
        """Know that nobody is there any more."""
        del exc
        self.over = True
