"""A rate and a request in, how long each answer took out: an open loop over one HTTP/2 connection.

    python -m bench.steady HOST:PORT PATH BODY OUT --rate 2000 --seconds 10 [--core 1]

A request leaves when it is due, whether or not the one before was answered, and its time counts
from when it was due: a server that pauses is charged for everybody who had to wait (no coordinated
omission). *OUT* also says when the loop itself was held up by the machine: what it measures then is
not the server. It is JSON, see `Taken`.
"""

from __future__ import annotations

import argparse
import os
import select
import signal
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from time import perf_counter_ns, time_ns

import msgspec

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RESET, SETTINGS, PING, GOAWAY, WINDOW = 0, 1, 3, 4, 6, 7, 8
ACK = END_STREAM = 1
END_HEADERS = 4
LARGEST_WINDOW = (1 << 31) - 1
FIRST_WINDOW = 65_535
PAUSE_NS = 200_000
"""Held up for so long, the loop is not what it was asked to be."""
FIRST_NS = 50_000_000
WAIT_NS = 5_000_000_000
"""For the last answers."""


class Taken(msgspec.Struct, frozen=True):
    """What one run has measured."""

    latencies: list[tuple[int, int]]
    """When each request was due (ns since the epoch), and the ns until its answer was there."""
    pauses: list[tuple[int, int]]
    """When the loop itself was held up, and for how many ns."""
    wrong: int
    """Answers that were none, or never came."""


def frame(kind: int, flags: int, stream: int, body: bytes) -> bytes:
    """Return an HTTP/2 frame."""
    return len(body).to_bytes(3, "big") + bytes((kind, flags)) + stream.to_bytes(4, "big") + body


def literal(name: str, value: str) -> bytes:
    """Return a header field that changes no table: a literal with a new name, without indexing."""
    parts = (name.encode(), value.encode())
    assert all(len(one) < 127 for one in parts)
    return b"\x00" + b"".join(bytes((len(one),)) + one for one in parts)


def headers(authority: str, path: str) -> bytes:
    """Return the header block of a gRPC call."""
    fields = {
        ":method": "POST",
        ":scheme": "http",
        ":path": path,
        ":authority": authority,
        "content-type": "application/grpc",
        "te": "trailers",
    }
    return b"".join(literal(name, value) for name, value in fields.items())


def message(raw: bytes) -> bytes:
    """Return *raw* as a gRPC message."""
    return b"\0" + len(raw).to_bytes(4, "big") + raw


def connect(address: str) -> socket.socket:
    """Return a connection to which HTTP/2 has been spoken already."""
    host, _, port = address.rpartition(":")
    made = socket.create_connection((host, int(port)))
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    window = (4).to_bytes(2, "big") + LARGEST_WINDOW.to_bytes(4, "big")
    more = (LARGEST_WINDOW - FIRST_WINDOW).to_bytes(4, "big")
    made.sendall(PREFACE + frame(SETTINGS, 0, 0, window) + frame(WINDOW, 0, 0, more))
    return made


class Reader:
    """Bytes from the server in, the streams that ended out."""

    def __init__(self) -> None:
        self._left = b""
        self.reply = b""
        """What must be sent: acknowledgements."""
        self.wrong = 0
        self._trailers = b""
        """Of the first answer, that all others must have."""

    def read(self, data: bytes) -> Iterator[int]:
        """Yield the streams that *data* ends."""
        buffer = self._left + data
        at = 0
        while len(buffer) - at >= 9:
            size = int.from_bytes(buffer[at : at + 3], "big")
            if len(buffer) - at < 9 + size:
                break
            kind, flags = buffer[at + 3], buffer[at + 4]
            stream = int.from_bytes(buffer[at + 5 : at + 9], "big")
            body = buffer[at + 9 : at + 9 + size]
            at += 9 + size
            if kind == HEADERS and flags & END_STREAM:
                self._trailers = self._trailers or body
                self.wrong += body != self._trailers
                yield stream
            elif kind in {SETTINGS, PING} and not flags & ACK:
                self.reply += frame(kind, ACK, 0, b"" if kind == SETTINGS else body)
            elif kind in {RESET, GOAWAY}:
                self.wrong += 1
        self._left = buffer[at:]


class Loop:
    """Sends requests when they are due, and takes answers. Made for one run."""

    def __init__(self, address: str, path: str, raw: bytes, rate: float) -> None:
        self._connection = connect(address)
        self._block, self._body = headers(address, path), message(raw)
        self._reader = Reader()
        self._step = 1e9 / rate
        self._begun = perf_counter_ns() + FIRST_NS
        self._sent = 0
        self._asked = self._begun
        """When the newest request left."""
        self._waiting: dict[int, int] = {}
        self._offset = time_ns() - perf_counter_ns()
        self._latencies: list[tuple[int, int]] = []
        self._pauses: list[tuple[int, int]] = []
        self.last = 0
        """How many requests there will be."""

    @property
    def _due(self) -> int:
        return self._begun + int(self._sent * self._step)

    def run(self, last: int) -> Taken:
        """Ask so many times, or until *last* of this object is made less."""
        self.last = last
        before = perf_counter_ns()
        while self._sent < self.last or self._waiting:
            now = perf_counter_ns()
            if now - before > PAUSE_NS:
                self._pauses.append((before + self._offset, now - before))
            if now - self._asked > WAIT_NS:
                break
            self._ask(now)
            before = now
            rest = self._due - perf_counter_ns() if self._sent < self.last else WAIT_NS
            ready, _, _ = select.select((self._connection,), (), (), max(rest, 0) / 1e9)
            before = max(before, min(perf_counter_ns(), self._due))
            if ready and not self._take():
                break
        self._connection.close()
        return Taken(self._latencies, self._pauses, self._reader.wrong + len(self._waiting))

    def _ask(self, now: int) -> None:
        """Send what is due."""
        out = self._reader.reply
        self._reader.reply = b""
        while self._sent < self.last and (due := self._due) <= now:
            stream = 2 * self._sent + 1
            out += frame(HEADERS, END_HEADERS, stream, self._block)
            out += frame(DATA, END_STREAM, stream, self._body)
            self._waiting[stream] = due
            self._sent += 1
            self._asked = now
        if out:
            self._connection.sendall(out)

    def _take(self) -> bool:
        """Take what has come; return whether more may come."""
        data = self._connection.recv(1 << 18)
        now = perf_counter_ns()
        for stream in self._reader.read(data):
            due = self._waiting.pop(stream)
            self._latencies.append((due + self._offset, now - due))
        return bool(data)


def run(address: str, path: str, raw: bytes, rate: float, seconds: float) -> Taken:
    """Ask *rate* times a second for so many *seconds*, or until SIGTERM."""
    loop = Loop(address, path, raw, rate)

    def end_early(*_: object) -> None:
        loop.last = 0

    signal.signal(signal.SIGTERM, end_early)
    return loop.run(int(rate * seconds))


def main() -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("address")
    parser.add_argument("path")
    parser.add_argument("body", type=Path, help="a file with the request's bytes")
    parser.add_argument("out", type=Path)
    parser.add_argument("--rate", type=float, default=2000.0)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--core", type=int)
    given = parser.parse_args()
    if given.core is not None:
        os.sched_setaffinity(0, {given.core})
    with suppress(PermissionError):
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    taken = run(given.address, given.path, given.body.read_bytes(), given.rate, given.seconds)
    given.out.write_bytes(msgspec.json.encode(taken))


if __name__ == "__main__":
    main()
