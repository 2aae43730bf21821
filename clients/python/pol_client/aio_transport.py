"""What a client for asyncio needs of what carries its calls: bytes in, bytes or NoDecision out."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Protocol

from pol_client import connect
from pol_client.results import Decision


class AsyncStream(Protocol):
    """A call with many messages. Every method raises NoDecision once it is over."""

    async def write(self, message: bytes) -> None:
        """Send a message; waits while the daemon does not read."""
        ...

    async def end(self) -> None:
        """Send no more."""
        ...

    async def read(self) -> bytes | None:
        """Return the next message, or None at the end."""
        ...

    def cancel(self) -> None:
        """Give it up."""
        ...


class AsyncPipe(Protocol):
    """Many decisions at once, each cheaper than a call of its own."""

    def ask(self, message: bytes, seconds: float) -> Awaitable[Decision]:
        """Return the decision on one request."""
        ...

    async def close(self) -> None:
        """Fail what is under way, and take no more."""
        ...


class AsyncTransport(Protocol):
    """What carries calls."""

    async def unary(self, method: connect.Method, message: bytes, seconds: float) -> bytes:
        """Return the answer."""
        ...

    def decide(self, message: bytes, seconds: float) -> Awaitable[Decision]:
        """Return the decision on one request, maybe through a call that others share."""
        ...

    def stream(self, path: str, seconds: float) -> AsyncStream:
        """Begin a call with many messages."""
        ...

    def pipe(self) -> AsyncPipe:
        """Return what takes many decisions at once."""
        ...

    async def close(self) -> None:
        """Close all connections."""
        ...
