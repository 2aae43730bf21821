"""Calls over grpcio, for threads."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from queue import SimpleQueue
from threading import Lock, Thread
from typing import Any

import grpc

from pol_client import connect
from pol_client._wire import engine_pb2 as wire
from pol_client.decode import parsed
from pol_client.errors import NoDecision, Unavailable, from_rpc
from pol_client.reading import read_answer
from pol_client.results import Decision


class GrpcioTransport:
    """Calls over one channel of grpcio."""

    def __init__(self, connection: connect.Connection) -> None:
        self._connection = connection
        self._closed = False
        credentials = connection.credentials()
        settings = connection.channel_options()
        self._channel = (
            grpc.insecure_channel(connection.target, settings)
            if credentials is None
            else grpc.secure_channel(connection.target, credentials, settings)
        )
        self._calls = {
            method.path: self._channel.unary_unary(method.path, None, None)
            for method in connect.UNARY
        }
        self._probe = self._channel.unary_unary(connect.PROBE, None, None)

    def unary(self, method: connect.Method, message: bytes, seconds: float) -> bytes:
        """Return the answer. Raises NoDecision."""
        return self._answer(self._calls[method.path], message, seconds)

    def _answer(self, call: Any, message: bytes, seconds: float) -> bytes:
        """Return the answer of a *call*, once there is a connection. Raises NoDecision."""
        deadline = time.monotonic() + seconds
        left = seconds
        while True:
            try:
                wait = self._connection.waits
                answer = self.begun(call, message, timeout=left, wait_for_ready=wait)
            except grpc.RpcError as error:
                failure = from_rpc(error)
            else:
                return connect.answered(answer)
            left = deadline - time.monotonic()
            self._connection.go_on(failure, left)
            time.sleep(connect.PAUSE)
            left -= connect.PAUSE

    def _reach(self, seconds: float) -> None:
        """Wait for a connection with TLS, so long. Raises Unavailable where there will be none."""
        if self._connection.tls is not None:
            try:
                self._answer(self._probe, b"", seconds)
            except Unavailable:
                raise
            except NoDecision:
                return  # It is there, or the call itself says in time that it is not.

    def decide(self, message: bytes, seconds: float) -> Decision:
        """Return the decision. Raises NoDecision."""
        return read_answer(self.unary(connect.DECIDE, message, seconds))

    def stream(self, path: str, seconds: float) -> GrpcioStream:
        """Begin a call with many messages."""
        until = time.monotonic() + seconds
        self._reach(seconds)
        outbox: SimpleQueue[bytes | None] = SimpleQueue()
        opening = self._channel.stream_stream(path, None, None)
        left = max(until - time.monotonic(), 0.0)
        return GrpcioStream(self.begun(opening, iter(outbox.get, None), timeout=left), outbox)

    def pipe(self) -> Lines:
        """Return a stream on which many threads decide at once."""
        opening = self._channel.stream_stream(connect.DECIDE_STREAM, None, None)
        reach = partial(self._reach, self._connection.timeout)
        return Lines(partial(self.begun, opening), reach)

    def begun(self, opening: Any, asked: Any, **named: Any) -> Any:
        """Return what grpcio's *opening* gives for what is *asked*.

        Raises Unavailable when it is closed, which is a ValueError for grpcio.
        """
        try:
            return opening(
                asked,
                metadata=self._connection.headers(),
                **{"wait_for_ready": self._connection.wait_for_ready, **named},
            )
        except ValueError:
            if not self._closed:
                raise
            raise Unavailable("UNAVAILABLE", connect.CLOSED) from None

    def close(self) -> None:
        """Close the connection; calls that run end with CANCELLED."""
        self._closed = True
        self._channel.close()


class GrpcioStream:
    """A call with many messages."""

    def __init__(self, call: Any, outbox: SimpleQueue[bytes | None]) -> None:
        self._call = call
        self._outbox = outbox

    def write(self, message: bytes) -> None:
        """Send a message."""
        self._outbox.put(message)

    def end(self) -> None:
        """Send no more."""
        self._outbox.put(None)

    def read(self) -> bytes | None:
        """Return the next message, or None at the end. Raises NoDecision."""
        try:
            answer: bytes | None = next(self._call, None)
        except grpc.RpcError as error:
            raise from_rpc(error) from None
        return answer

    def cancel(self) -> None:
        """Give it up."""
        self._call.cancel()
        self._outbox.put(None)


class Lines:
    """One stream at a time, which many threads share; opened again when it broke."""

    def __init__(self, opening: Callable[[Any], Any], reach: Callable[[], None]) -> None:
        self._open = opening
        self._reach = reach
        self._lock = Lock()
        self._numbers = itertools.count(1)
        self._line: Line | None = None
        self._closed = False

    def submit(self, message: bytes, seconds: float) -> Future[Decision]:
        """Return the future of a decision. Raises Unavailable when it is closed."""
        del seconds  # Who waits gives up; the stream has no deadline.
        request = wire.DecideRequest.FromString(message)
        asked = request.request_id
        number = request.request_id = str(next(self._numbers))
        answer: Future[Decision] = Future()
        with self._lock:
            if self._closed:
                raise Unavailable("UNAVAILABLE", "the pipeline was closed")
            line = self._line
            if line is None or line.broken:
                line = self._line = Line(self._open, self._reach)
            line.send(number, asked, answer, request.SerializeToString())
        return answer

    def close(self) -> None:
        """End the stream; what is under way fails with Unavailable."""
        with self._lock:
            self._closed = True
            line, self._line = self._line, None
        if line is not None:
            line.fail(Unavailable("UNAVAILABLE", "the pipeline was closed"))
            line.call.cancel()


class Line:
    """One stream, from its opening until it breaks."""

    def __init__(self, opening: Callable[[Any], Any], reach: Callable[[], None]) -> None:
        self.waiting: dict[str, tuple[str, Future[Decision]]] = {}
        self.broken = False
        self._why: NoDecision | None = None
        """Why it is broken."""
        self._lock = Lock()
        self._outbox: SimpleQueue[bytes | None] = SimpleQueue()
        self._reach = reach
        self.call = opening(iter(self._outbox.get, None))
        Thread(target=self._read, name="pol-client-pipeline", daemon=True).start()

    def send(self, number: str, asked: str, answer: Future[Decision], message: bytes) -> None:
        """Send *message*; *answer* will have the decision under the request's id, *asked*."""
        with self._lock:
            self.waiting[number] = (asked, answer)
            why = self._why
        if why is not None:
            self.fail(why)
        else:
            answer.add_done_callback(lambda _: self.waiting.pop(number, None))
            self._outbox.put(message)

    def fail(self, error: NoDecision) -> None:
        """Fail everything that waits, and take no more."""
        with self._lock:
            self.broken = True
            self._why = self._why or error
            waiting, self.waiting = self.waiting, {}
        self._outbox.put(None)
        for _, answer in waiting.values():
            if answer.set_running_or_notify_cancel():
                answer.set_exception(error)

    def _read(self) -> None:
        try:
            self._reach()
            for raw in self.call:
                self._answer(parsed(wire.Decision, raw))
        except grpc.RpcError as error:
            self.fail(from_rpc(error))
        except NoDecision as error:
            self.fail(error)
            self.call.cancel()
        else:
            self.fail(Unavailable("UNAVAILABLE", "the daemon ended the stream"))

    def _answer(self, reply: wire.Decision) -> None:
        asked, answer = self.waiting.pop(reply.request_id, ("", None))
        # None: its caller has given up.
        if answer is not None and answer.set_running_or_notify_cancel():
            reply.request_id = asked
            try:
                answer.set_result(read_answer(reply.SerializeToString()))
            except NoDecision as failure:
                answer.set_exception(failure)
