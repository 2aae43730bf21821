"""An HTTP server for tests that keeps what it gets, and fails as it is told."""

from __future__ import annotations

import gzip
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Answer = tuple[int, bytes] | tuple[int, bytes, dict[str, str]] | str


@dataclass(slots=True)
class Asked:
    """A request; the body is decompressed."""

    path: str
    headers: dict[str, str]
    body: bytes
    method: str = "POST"


@dataclass(slots=True)
class Collector:
    """The server. *answers* are given in turn; then *otherwise* is asked."""

    url: str = ""
    asked: list[Asked] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    otherwise: Callable[[Asked], Answer] = lambda _asked: (200, b"")
    hanging: threading.Event = field(default_factory=threading.Event)


def reply(handler: BaseHTTPRequestHandler, answer: Answer, hanging: threading.Event) -> None:
    """Give *answer* to the request that *handler* has read."""
    handler.close_connection = isinstance(answer, str)
    match answer:
        case "hang":
            hanging.wait()
        case "drop":
            handler.connection.shutdown(socket.SHUT_RDWR)
        case "cut":
            handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
            handler.wfile.flush()
            handler.connection.shutdown(socket.SHUT_RDWR)
        case (int(status), bytes(data), *more):
            handler.send_response(status)
            handler.send_header("Content-Length", str(len(data)))
            for name, value in (one for headers in more for one in dict(headers).items()):
                handler.send_header(name, value)
            handler.end_headers()
            handler.wfile.write(data)
        case _:
            raise AssertionError(answer)


@contextmanager
def collector(
    otherwise: Callable[[Asked], Answer] | None = None, port: int = 0
) -> Iterator[Collector]:
    """Serve on loopback.

    An answer is a status and a body, ``"hang"``, ``"cut"`` (in the middle of the answer) or
    ``"drop"`` (before it).
    """
    told = Collector()
    if otherwise is not None:
        told.otherwise = otherwise

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            """Say nothing."""

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            asked = Asked(self.path, dict(self.headers.items()), body, self.command)
            told.asked.append(asked)
            answer = told.answers.pop(0) if told.answers else told.otherwise(asked)
            reply(self, answer, told.hanging)

        do_PUT = do_HEAD = do_POST  # noqa: N815 - their spelling

    with ThreadingHTTPServer(("127.0.0.1", port), Handler) as server:
        server.daemon_threads = True
        told.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield told
        finally:
            told.hanging.set()
            server.shutdown()
            thread.join()
