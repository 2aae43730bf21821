"""Real model servers on the loopback, in threads of this process, that behave as a test wants."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http import HTTPStatus

import grpc

from engine.wire import classifier_pb2 as wire

METHOD = "engine.classifier.v1.Classifier"


@dataclass(slots=True)
class Server:
    """Where it listens, and the texts of every call it got."""

    endpoint: str
    calls: list[list[str]] = field(default_factory=list)
    release: threading.Event = field(default_factory=threading.Event)
    """Set when a test is over, so that what hangs does not hang for ever."""


@contextmanager
def grpc_server(
    answer: Callable[[Server, wire.ClassifyRequest, grpc.ServicerContext], object],
) -> Iterator[Server]:
    """Serve *answer*: a message, or bytes as they are."""
    made = Server("")

    def handle(request: wire.ClassifyRequest, context: grpc.ServicerContext) -> object:
        made.calls.append(list(request.texts))
        return answer(made, request, context)

    def write(answered: object) -> bytes:
        return answered if isinstance(answered, bytes) else answered.SerializeToString()  # type: ignore[attr-defined]

    server = grpc.server(ThreadPoolExecutor(16))
    method = grpc.unary_unary_rpc_method_handler(handle, wire.ClassifyRequest.FromString, write)
    handlers = grpc.method_handlers_generic_handler(METHOD, {"Classify": method})
    server.add_generic_rpc_handlers((handlers,))
    made.endpoint = f"grpc://127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    try:
        yield made
    finally:
        made.release.set()
        server.stop(0).wait()


Talk = Callable[[Server, socket.socket, list[str]], bool]
"""Answers one request on a connection; returns whether the connection goes on."""


@contextmanager
def http_server(talk: Talk) -> Iterator[Server]:
    """Serve raw sockets: *talk* writes the bytes, so it may write wrong ones."""
    listener = socket.create_server(("127.0.0.1", 0))
    made = Server(f"http://127.0.0.1:{listener.getsockname()[1]}/score?v=1")
    threads: list[threading.Thread] = []

    def converse(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            while (texts := read_request(connection)) is not None:
                made.calls.append(texts)
                if not talk(made, connection, texts):
                    return

    def accept() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                connection.settimeout(20)
                threads.append(threading.Thread(target=converse, args=(connection,)))
                threads[-1].start()

    accepting = threading.Thread(target=accept)
    accepting.start()
    try:
        yield made
    finally:
        made.release.set()
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        accepting.join()
        for one in threads:
            one.join()


def read_request(connection: socket.socket) -> list[str] | None:
    """Return the texts of the next request; None at the end of the connection."""
    raw = b""
    while b"\r\n\r\n" not in raw:
        more = connection.recv(65536)
        if not more:
            return None
        raw += more
    head, _, body = raw.partition(b"\r\n\r\n")
    assert head.startswith(b"POST /score?v=1 HTTP/1.1\r\n")
    (length,) = (
        int(line.partition(b":")[2])
        for line in head.split(b"\r\n")
        if line.lower().startswith(b"content-length:")
    )
    while len(body) < length:
        body += connection.recv(65536)
    found = json.loads(body)
    assert list(found) == ["texts"]
    texts: list[str] = found["texts"]
    return texts


def page(body: bytes, status: HTTPStatus = HTTPStatus.OK, *, more: str = "") -> bytes:
    """Return a whole response with *body*."""
    head = f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Length: {len(body)}\r\n{more}\r\n"
    return head.encode() + body


def scores(*values: float) -> bytes:
    return json.dumps({"scores": values}).encode()


def by_length(texts: Sequence[str]) -> list[float]:
    """Return a score for each text that shows which it was."""
    return [min(1.0, len(text) / 100) for text in texts]


def honest(server: Server, connection: socket.socket, texts: list[str]) -> bool:
    """Answer as one should."""
    del server
    connection.sendall(page(scores(*by_length(texts))))
    return True


def honest_grpc(
    server: Server, request: wire.ClassifyRequest, context: grpc.ServicerContext
) -> wire.ClassifyResponse:
    """Answer as one should."""
    del server, context
    return wire.ClassifyResponse(scores=by_length(request.texts))
