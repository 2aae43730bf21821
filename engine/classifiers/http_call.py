"""Calls a model server over HTTP: POST ``{"texts": […]}``, answered by ``{"scores": […]}``.

The standard library's client in the caller's thread. Its timeouts hold for each read, so a server
that sends a byte now and then could keep a call for ever; here every read has what is left of the
whole call's time.
"""

from __future__ import annotations

import http.client
import io
import socket
import ssl
import threading
from collections.abc import Sequence
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

import msgspec

from engine.classifiers.call import ANSWER_BYTES, Failed, late

FINE = 200
IDLE = 8
"""Connections that are kept for the next call."""


class Scores(msgspec.Struct):
    """The answer. Other members are ignored."""

    scores: list[Any]


class Timed(io.RawIOBase):
    """A socket's incoming side; every read has what is left until a deadline."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def readable(self) -> bool:
        """Return that it can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read what has arrived; raise TimeoutError at the deadline."""
        return self._connection.timed().recv_into(buffer)


class Wire:
    """What ``http.client`` needs of a socket."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def sendall(self, data: bytes) -> None:
        """Send all of *data*."""
        self._connection.timed().sendall(data)

    def makefile(self, _mode: str) -> io.BufferedReader:
        """Return the incoming side."""
        return io.BufferedReader(Timed(self._connection))

    def close(self) -> None:
        """Do nothing: of an answer without a length ``http.client`` closes this before it reads."""


class Connection(http.client.HTTPConnection):
    """A connection whose calls have a deadline."""

    wire: socket.socket | None = None

    def __init__(self, host: str, port: int, secure: ssl.SSLContext | None) -> None:
        super().__init__(host, port)
        self._secure = secure
        self.until = 0.0
        self.used = False

    def left(self) -> float:
        """Return the seconds until the deadline; raise TimeoutError when it is over."""
        left = self.until - monotonic()
        if left <= 0:
            raise TimeoutError
        return left

    def timed(self) -> socket.socket:
        """Return the socket, with what is left as its timeout."""
        assert self.wire is not None, "who reads and writes is connected"
        self.wire.settimeout(self.left())
        return self.wire

    def connect(self) -> None:
        """Connect before the deadline."""
        wire = socket.create_connection((self.host, self.port), self.left())
        self.wire = wire
        wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._secure is not None:
            self.wire = self._secure.wrap_socket(wire, server_hostname=self.host)
        self.sock = Wire(self)

    def hang_up(self) -> None:
        """Close the socket; a next request connects again."""
        self.close()
        if self.wire is not None:
            self.wire.close()
            self.wire = None


class HttpTransport:
    """Keeps a few connections open between calls."""

    def __init__(self, endpoint: str) -> None:
        """Prepare to call *endpoint*: ``http://host:port/path`` or ``https://…``."""
        parts = urlsplit(endpoint)
        secure = parts.scheme == "https"
        self._secure = ssl.create_default_context() if secure else None
        self._host = parts.hostname or ""
        self._port = parts.port or (443 if secure else 80)
        self._path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._idle: list[Connection] = []
        self._lock = threading.Lock()

    def classify(self, classifier: str, texts: Sequence[str], seconds: float) -> Sequence[object]:
        """Return the scores; raise Failed. The path chooses the model, not *classifier*."""
        del classifier
        body = msgspec.json.encode({"texts": texts})
        until = monotonic() + seconds
        connection = self._take(until)
        try:
            try:
                response = self._send(connection, body)
            except (ConnectionError, http.client.BadStatusLine):
                # A server may close a connection that was idle; on a new one it has no excuse.
                if not connection.used:
                    raise
                connection.hang_up()
                response = self._send(connection, body)
            raw = read_answer(response)
        except TimeoutError:
            connection.hang_up()
            raise Failed("timeout", late(seconds)) from None
        except Failed:
            connection.hang_up()
            raise
        except (OSError, http.client.HTTPException) as error:
            connected = connection.wire is not None
            connection.hang_up()
            raise failure_of(error, connected=connected) from None
        self._give_back(connection, keep=not response.will_close)
        try:
            return msgspec.json.decode(raw, type=Scores).scores
        except msgspec.DecodeError:
            raise Failed("invalid", "its answer is no JSON with scores") from None

    def _send(self, connection: Connection, body: bytes) -> http.client.HTTPResponse:
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        connection.request("POST", self._path, body, headers)
        return connection.getresponse()

    def _take(self, until: float) -> Connection:
        with self._lock:
            found = self._idle.pop() if self._idle else None
        connection = found or Connection(self._host, self._port, self._secure)
        connection.until = until
        return connection

    def _give_back(self, connection: Connection, *, keep: bool) -> None:
        connection.used = True
        with self._lock:
            keep = keep and len(self._idle) < IDLE
            if keep:
                self._idle.append(connection)
        if not keep:
            connection.hang_up()

    def close(self) -> None:
        """Close the connections that no call uses."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.hang_up()


def read_answer(response: http.client.HTTPResponse) -> bytes:
    """Return the body; raise Failed for another status than 200 and for one that is too long."""
    if response.status != FINE:
        raise Failed("status", f"it answered with the status {response.status}")
    too_long = Failed("invalid", f"its answer is longer than {ANSWER_BYTES} bytes")
    if response.length is not None:
        if response.length > ANSWER_BYTES:
            raise too_long
        return response.read()
    raw = response.read(ANSWER_BYTES + 1)
    if len(raw) > ANSWER_BYTES:
        raise too_long
    return raw


def failure_of(error: Exception, *, connected: bool) -> Failed:
    """Return what *error* means; the server's own words are not repeated."""
    match error:
        case http.client.IncompleteRead() | ConnectionError() if connected:
            return Failed("ended", "it ended the call before its answer was complete")
        case http.client.HTTPException():
            return Failed("invalid", "its answer is no HTTP")
        case _:
            return Failed("unreachable", "it cannot be reached")
