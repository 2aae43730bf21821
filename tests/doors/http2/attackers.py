"""A server in a process of its own, an honest client of it, and clients that are anything but."""

from __future__ import annotations

import json
import os
import select
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import grpc
from hpack import Decoder, Encoder

from engine.doors.http2 import frames
from engine.doors.http2.frames import Code

ROOT = Path(__file__).parents[3]
PATIENCE = 60.0
GROWTH = 48 << 20
"""How much more memory the server may have while it is attacked, where no test says more."""
HEAD_BYTES = 9

FIELDS = (
    (b":method", b"POST"),
    (b":scheme", b"http"),
    (b":path", b"/t.T/Echo"),
    (b":authority", b"localhost"),
    (b"content-type", b"application/grpc"),
    (b"te", b"trailers"),
)


class Neighbour(threading.Thread):
    """Another client, which asks all the while; and what of the server's memory it sees."""

    def __init__(self, channel: Any, process: int) -> None:
        super().__init__()
        self.process = process
        self.taken: list[float] = []
        self.most = 0
        self.failed: Exception | None = None
        self._over = threading.Event()
        self._ask = channel.unary_unary("/t.T/Echo")

    def run(self) -> None:
        """Ask until it is over."""
        try:
            while not self._over.is_set():
                self.ask()
        except (grpc.RpcError, AssertionError) as error:
            self.failed = error

    def ask(self) -> None:
        """Ask once, and look at the server."""
        began = time.perf_counter()
        assert self._ask(b"still here", timeout=PATIENCE) == b"still here"
        self.taken.append(time.perf_counter() - began)
        self.most = max(self.most, resident(self.process))

    def stop(self) -> None:
        """Ask no more. Raises what went wrong."""
        self._over.set()
        self.join()
        self.ask()
        if self.failed is not None:
            raise self.failed


def resident(process: int) -> int:
    """Return the resident memory of a process in bytes."""
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGESIZE")


@dataclass
class Target:
    """A server under attack."""

    port: int
    honest: Any
    process: int

    def echo(self, body: bytes = b"still here", timeout: float = PATIENCE) -> bytes:
        """Return what another client gets."""
        answer: bytes = self.honest.unary_unary("/t.T/Echo")(body, timeout=timeout)
        return answer

    def held(self) -> dict[str, int]:
        """Return what the server holds."""
        told: dict[str, int] = json.loads(
            self.honest.unary_unary("/t.Held/Ask")(b"", timeout=PATIENCE)
        )
        return told


@contextmanager
def serving(**settings: Any) -> Iterator[Target]:
    """Serve in a process of its own."""
    command = [sys.executable, "-m", "tests.doors.http2.victim", json.dumps(settings)]
    pipe = subprocess.PIPE
    with subprocess.Popen(  # noqa: S603 - our own
        command, stdin=pipe, stdout=pipe, text=True, cwd=ROOT
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        with grpc.insecure_channel(address) as honest:
            # A server that waits for no slow preface may have met one: it is dialled again then.
            grpc.channel_ready_future(honest).result(PATIENCE)
            target = Target(int(address.rpartition(":")[2]), honest, process.pid)
            assert target.echo() == b"still here"
            yield target
        process.stdin.close()
        assert process.wait(PATIENCE) == 0


@contextmanager
def attacked(target: Target, growth: int = GROWTH) -> Iterator[Target]:
    """Let a neighbour ask all the while: it gets its answers, and the server's memory is bounded.

    In the end the server must hold nothing of the attack.
    """
    before = resident(target.process)
    neighbour = Neighbour(target.honest, target.process)
    neighbour.start()
    try:
        yield target
    finally:
        neighbour.stop()
    assert neighbour.most - before < growth
    until = time.monotonic() + PATIENCE
    while (held := target.held()) != NOTHING:
        assert time.monotonic() < until, held


@contextmanager
def attacked_with(growth: int = GROWTH, **settings: Any) -> Iterator[Target]:
    """Let a server with other settings be attacked."""
    with serving(**settings) as target, attacked(target, growth):
        yield target


NOTHING = {"tasks": 0, "calls": 0, "held": 0, "connections": 1}


class Raw:
    """A client that sends what it wants."""

    def __init__(self, target: Target, *, greet: bool = True, settings: bytes = b"") -> None:
        self.socket = socket.create_connection(("127.0.0.1", target.port))
        self.socket.setblocking(False)  # noqa: FBT003 - the library's
        self.encoder = Encoder()
        self.came = bytearray()
        self.closed = False
        if greet:
            self.send(frames.PREFACE + (settings or frames.settings(())))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.socket.close()

    def send(self, data: bytes, *, read: bool = True, patience: float = PATIENCE) -> bool:
        """Send *data*; return whether all was taken before the server closed or stopped reading."""
        view = memoryview(data)
        while view and not self.closed:
            reads = [self.socket] if read else []
            ready, free, _ = select.select(reads, [self.socket], [], patience)
            if not (ready or free):
                return False
            if ready:
                self.take()
            if free and not self.closed:
                try:
                    view = view[self.socket.send(view) :]
                except (BrokenPipeError, ConnectionResetError):
                    self.closed = True
        return not view

    def flood(self, pieces: Iterable[bytes]) -> bool:
        """Send *pieces* until the server has enough; return whether it had."""
        for piece in pieces:
            if not self.send(piece):
                return self.closed
        return self.closes()

    def take(self) -> None:
        """Read what came."""
        try:
            data = self.socket.recv(1 << 16)
        except BlockingIOError:
            return
        except ConnectionResetError:
            data = b""
        self.closed = not data
        self.came += data

    def closes(self, patience: float = PATIENCE) -> bool:
        """Read until the server closes; return whether it did."""
        while not self.closed:
            if not select.select([self.socket], [], [], patience)[0]:
                return False
            self.take()
        return True

    def frames(self) -> list[tuple[int, int, int, bytes]]:
        """Return the whole frames that came: type, flags, stream, payload."""
        found, at = [], 0
        while at + HEAD_BYTES <= len(self.came):
            high, low, kind, flags, stream = frames.HEAD.unpack_from(self.came, at)
            end = at + HEAD_BYTES + (high << 8 | low)
            if end > len(self.came):
                break
            found.append((kind, flags, stream, bytes(self.came[at + HEAD_BYTES : end])))
            at = end
        return found

    def failure(self) -> Code | None:
        """Return why the server ended the connection."""
        codes = [one[3][4:8] for one in self.frames() if one[0] == frames.GOAWAY]
        return Code(int.from_bytes(codes[-1])) if codes else None

    def wait_for(self, kind: int, stream: int, count: int = 1) -> list[tuple[int, int, bytes]]:
        """Read until so many frames of a kind came for a stream; return flags, stream, payload."""
        while True:
            found = [one[1:] for one in self.frames() if one[0] == kind and stream in (one[2], ANY)]
            if len(found) >= count or self.closed:
                return found
            assert select.select([self.socket], [], [], PATIENCE)[0], "nothing came"
            self.take()

    def status_of(self, stream: int) -> int:
        """Return the gRPC status with which a stream ended."""
        decoder = Decoder()
        status = None
        while status is None:
            for kind, _, number, payload in self.frames():
                if kind == frames.HEADERS and number == stream:
                    said = dict(decoder.decode(payload, raw=True))
                    status = said.get(b"grpc-status", status)
            if status is None:
                assert not self.closed, "no status came"
                assert select.select([self.socket], [], [], PATIENCE)[0], "no status came"
                self.take()
        return int(status)

    def request(self, stream: int, *more: tuple[bytes, bytes], path: bytes = b"/t.T/Echo") -> bytes:
        """Return the HEADERS of a request."""
        fields = [(name, path if name == b":path" else value) for name, value in FIELDS]
        block = self.encoder.encode([*fields, *more])
        return frames.headers(stream, block, frames.FRAME_BYTES, end=False)


ANY = -1


def data(stream: int, body: bytes, *, end: bool = False, padded: int | None = None) -> bytes:
    """Return a DATA frame."""
    flags = frames.END_STREAM if end else 0
    if padded is not None:
        body, flags = bytes((padded,)) + body + bytes(padded), flags | frames.PADDED
    return frames.head(len(body), frames.DATA, flags, stream) + body


def message(body: bytes, *, flag: int = 0, size: int | None = None) -> bytes:
    """Return a message of gRPC; *size* is what it claims to have."""
    return bytes((flag,)) + (len(body) if size is None else size).to_bytes(4) + body
