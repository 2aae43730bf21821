"""What a client for threads needs of what carries its calls: bytes in, bytes or NoDecision out."""

from __future__ import annotations

from concurrent.futures import Future
from typing import Protocol

from pol_client import connect
from pol_client.results import Decision


class Stream(Protocol):
    """A call with many messages. Every method blocks, and raises NoDecision once it is over."""

    def write(self, message: bytes) -> None:
        """Send a message."""
        ...

    def end(self) -> None:
        """Send no more."""
        ...

    def read(self) -> bytes | None:
        """Return the next message, or None at the end."""
        ...

    def cancel(self) -> None:
        """Give it up."""
        ...


class Pipe(Protocol):
    """Many decisions at once, each cheaper than a call of its own."""

    def submit(self, message: bytes, seconds: float) -> Future[Decision]:
        """Return the future of a decision, which fails with NoDecision."""
        ...

    def close(self) -> None:
        """Fail what is under way, and take no more."""
        ...


class Transport(Protocol):
    """What carries calls. Safe to share between threads."""

    def unary(self, method: connect.Method, message: bytes, seconds: float) -> bytes:
        """Return the answer."""
        ...

    def decide(self, message: bytes, seconds: float) -> Decision:
        """Return the decision on one request, maybe through a call that others share."""
        ...

    def stream(self, path: str, seconds: float) -> Stream:
        """Begin a call with many messages."""
        ...

    def pipe(self) -> Pipe:
        """Return what takes many decisions at once."""
        ...

    def close(self) -> None:
        """Close all connections."""
        ...
