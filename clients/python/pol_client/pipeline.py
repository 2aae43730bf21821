"""Many threads at once, each decision a fraction of a call of its own.

What is under way when the connection breaks fails with Unavailable; the next request opens it anew.
"""

from __future__ import annotations

from concurrent.futures import Future
from types import TracebackType
from typing import Self, Unpack

from pol_client import connect
from pol_client.errors import DeadlineExceeded
from pol_client.lay import lay_request
from pol_client.request import Request
from pol_client.results import Decision
from pol_client.threads_transport import Pipe


class Pipeline:
    """Made by ``Client.pipeline``; safe to share between threads. Close it, or use ``with``."""

    def __init__(self, pipe: Pipe, connection: connect.Connection) -> None:
        self._pipe = pipe
        self._connection = connection

    def decide(self, /, *, timeout: float | None = None, **asked: Unpack[Request]) -> Decision:
        """Return whether it may pass. Raises NoDecision when there is no answer."""
        seconds = self._connection.seconds(timeout)
        answer = self._pipe.submit(lay_request(asked), seconds)
        try:
            return answer.result(seconds)
        except TimeoutError:
            answer.cancel()
            raise DeadlineExceeded("DEADLINE_EXCEEDED", "no answer in time") from None

    def submit(self, **asked: Unpack[Request]) -> Future[Decision]:
        """Send a request and return at once; the future has the decision, or raises NoDecision."""
        return self._pipe.submit(lay_request(asked), self._connection.seconds())

    def close(self) -> None:
        """Take no more; what is under way fails with Unavailable."""
        self._pipe.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
