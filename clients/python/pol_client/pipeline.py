"""Many threads, one stream: each sends its request and waits for the answer with its number.

A stream costs the daemon and the caller a fraction of a call each. It lives until it breaks; what
was under way then fails with Unavailable, and the next request opens a new one.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from threading import Lock, Thread
from types import TracebackType
from typing import Any, Self, Unpack

import grpc

from pol_client import connect
from pol_client._wire import engine_pb2 as wire
from pol_client.decode import read_decision
from pol_client.errors import DeadlineExceeded, NoDecision, Unavailable, from_rpc, no_decision
from pol_client.request import Request, build_request
from pol_client.results import Decision


class Pipeline:
    """Made by ``Client.pipeline``; safe to share between threads. Close it, or use ``with``."""

    def __init__(self, channel: grpc.Channel, connection: connect.Connection) -> None:
        self._connection = connection
        self._open = channel.stream_stream(
            connect.DECIDE_STREAM,
            wire.DecideRequest.SerializeToString,
            wire.Decision.FromString,
        )
        self._lock = Lock()
        self._numbers = itertools.count(1)
        self._line: Line | None = None
        self._closed = False

    def decide(self, *, timeout: float | None = None, **asked: Unpack[Request]) -> Decision:
        """Return whether it may pass. Raises NoDecision when there is no answer."""
        message = build_request(asked)
        line, number, answer = self._send(message, asked.get("request_id", ""))
        try:
            return answer.result(self._connection.timeout if timeout is None else timeout)
        except TimeoutError:
            line.waiting.pop(number, None)
            raise DeadlineExceeded("DEADLINE_EXCEEDED", "no answer in time") from None

    def submit(self, **asked: Unpack[Request]) -> Future[Decision]:
        """Send a request and return at once; the future has the decision, or raises NoDecision."""
        return self._send(build_request(asked), asked.get("request_id", ""))[2]

    def close(self) -> None:
        """End the stream; what is under way fails with Unavailable."""
        with self._lock:
            self._closed = True
            line, self._line = self._line, None
        if line is not None:
            line.fail(Unavailable("UNAVAILABLE", "the pipeline was closed"))
            line.call.cancel()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _send(
        self, message: wire.DecideRequest, request_id: str
    ) -> tuple[Line, str, Future[Decision]]:
        number = str(next(self._numbers))
        message.request_id = number
        answer: Future[Decision] = Future()
        with self._lock:
            if self._closed:
                raise Unavailable("UNAVAILABLE", "the pipeline was closed")
            line = self._line
            if line is None or line.broken:
                line = self._line = Line(self._open, self._connection)
            line.send(number, request_id, answer, message)
        return line, number, answer


class Line:
    """One stream, from its opening until it breaks."""

    def __init__(self, opening: Callable[..., Any], connection: connect.Connection) -> None:
        self.waiting: dict[str, tuple[str, Future[Decision]]] = {}
        self.broken = False
        self._lock = Lock()
        self._outbox: SimpleQueue[wire.DecideRequest | None] = SimpleQueue()
        self.call = opening(
            iter(self._outbox.get, None),
            metadata=connection.headers(),
            wait_for_ready=connection.wait_for_ready,
        )
        Thread(target=self._read, name="pol-client-pipeline", daemon=True).start()

    def send(
        self, number: str, request_id: str, answer: Future[Decision], message: wire.DecideRequest
    ) -> None:
        """Send *message*; *answer* will have the decision under the caller's *request_id*."""
        with self._lock:
            self.waiting[number] = (request_id, answer)
            broken = self.broken
        if broken:
            self.fail(Unavailable("UNAVAILABLE", "the stream broke"))
        else:
            self._outbox.put(message)

    def fail(self, error: NoDecision) -> None:
        """Fail everything that waits, and take no more."""
        with self._lock:
            self.broken = True
            waiting, self.waiting = self.waiting, {}
        self._outbox.put(None)
        for _, answer in waiting.values():
            if answer.set_running_or_notify_cancel():
                answer.set_exception(error)

    def _read(self) -> None:
        try:
            for reply in self.call:
                self._answer(reply)
        except grpc.RpcError as error:
            self.fail(from_rpc(error))
        else:
            self.fail(Unavailable("UNAVAILABLE", "the daemon ended the stream"))

    def _answer(self, reply: wire.Decision) -> None:
        request_id, answer = self.waiting.pop(reply.request_id, ("", None))
        # None: its caller has given up. Cancelled: its caller does not want it.
        if answer is None or not answer.set_running_or_notify_cancel():
            return
        decision = read_decision(reply, request_id)
        if decision.failure is None:
            answer.set_result(decision)
        else:
            answer.set_exception(no_decision(decision.failure))
