"""A connection that one thread at a time writes and reads: no event loop, no other thread."""

from __future__ import annotations

import math
import socket
import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from queue import Empty, SimpleQueue
from struct import Struct
from threading import Thread
from typing import Any, NoReturn, cast

from pol_client._http2.stream import Stream
from pol_client._lean.calls import Unary
from pol_client._lean.dial import Target, secured
from pol_client._lean.peer import Peer
from pol_client.connect import Tls
from pol_client.errors import NoDecision, Unavailable

CHUNK = 1 << 16
LIMIT = Struct("@ll")
"""A struct timeval."""
LEAST_SECONDS = 0.000_1
GIVE_UP_SECONDS = 0.001
"""How long the frame that gives a call up may take to be sent."""
CLOSE = 1.02
"""A limit that is longer by so much is as good."""
NOTHING_YET = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class Socket:
    """What a connection writes to; its names are those of asyncio's transports.

    The kernel keeps the time of what blocks: Python's own timeouts ask it twice as often.
    """

    def __init__(self, inner: socket.socket) -> None:
        self.inner = inner
        self._deadline = math.inf
        """Until when what blocks may take."""
        self._limit = 0.0
        """What the kernel was told of that, in seconds."""
        self._secure = isinstance(inner, ssl.SSLSocket)
        inner.settimeout(None)

    def limit(self, deadline: float) -> None:
        """Let what blocks take until *deadline*. Raises TimeoutError when that is over."""
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._deadline = deadline
        if self._secure:
            self.inner.settimeout(left)
        elif not left <= self._limit <= left * CLOSE:  # Hot path: calls alike change nothing.
            self._limit = max(left, LEAST_SECONDS)
            value = LIMIT.pack(int(self._limit), int(self._limit % 1 * 1e6))
            self.inner.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, value)
            self.inner.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, value)

    def write(self, data: bytes) -> None:
        """Send all of it. Raises OSError, which is a TimeoutError too."""
        try:
            # The kernel's time begins anew with each piece, and whenever a little of one is read.
            if time.monotonic() >= self._deadline:
                raise TimeoutError
            sent = self.inner.send(data)
            if sent == len(data):  # Hot path.
                return
            rest = memoryview(data)[sent:]
            while rest:
                self.limit(self._deadline)
                rest = rest[self.inner.send(rest) :]
        except BlockingIOError:
            raise TimeoutError from None

    def receive(self) -> bytes:
        """Return what comes next. Raises OSError, which is a TimeoutError too."""
        try:
            return self.inner.recv(CHUNK)
        except BlockingIOError:
            raise TimeoutError from None

    def here(self) -> bytes | None:
        """Return what has come already; None where nothing has. Raises OSError."""
        try:
            if not self._secure:
                return self.inner.recv(CHUNK, socket.MSG_DONTWAIT)
            self.inner.settimeout(0)
            return self.inner.recv(CHUNK)
        except NOTHING_YET:
            return None

    def get_extra_info(self, name: str) -> object:
        """Return the TLS object."""
        return self.inner if name == "ssl_object" and self._secure else None

    def is_closing(self) -> bool:
        """Return whether it is closed."""
        return self.inner.fileno() < 0

    def close(self) -> None:
        """Close it."""
        self.inner.close()

    def abort(self) -> None:
        """Close it."""
        self.inner.close()


class NoLoop:
    """In place of an event loop: there is never more than one call, and nothing to wait for."""

    def call_soon(self, function: Callable[[], object], /) -> object:
        """Call it."""
        return function()

    def call_later(self, _seconds: float, _function: Callable[[], object], /) -> object:
        """Do nothing: a socket that is closed does not linger."""
        return None

    def create_future(self) -> NoReturn:
        """Refuse."""
        raise NotImplementedError


class BlockingPeer(Peer):
    """A connection without an event loop."""

    def _block(self, stream: Stream, *, progress: bool) -> None:
        del progress
        self._blocked[stream.id] = stream


class Wire:
    """One connection, made and used by whichever thread has its turn."""

    def __init__(self, target: Target, tls: Tls | None, deadline: float) -> None:
        """Connect, until the daemon has spoken. Raises OSError, ValueError and NoDecision."""
        self._socket = Socket(dialled(target, tls, deadline))
        self.peer = BlockingPeer(_nothing, _nothing, _nothing, NoLoop())
        try:
            self.peer.connection_made(cast("Any", self._socket))
            while not self.peer.open:
                self.receive(deadline)
        except BaseException:
            self.close()
            raise

    def usable(self, deadline: float) -> bool:
        """Return whether calls can be made, with regard to all that has come meanwhile."""
        try:
            while self.peer.open:
                data = self._socket.here()
                if data is None:
                    return self.peer.open
                self._socket.limit(deadline)
                self._take(data)
        except (OSError, NoDecision):
            self.close()
        except BaseException:  # Interrupted: a part of what came may be lost.
            self.close()
            raise
        return False

    def start(
        self,
        block: bytes,
        message: bytes,
        deadline: float,
        done: Callable[[bytes | None, NoDecision | None], None],
    ) -> Unary:
        """Begin a call. Raises OSError, which is a TimeoutError too."""
        self._socket.limit(deadline)
        return self.peer.start(partial(Unary, done=done), block, message)

    def receive(self, deadline: float) -> None:
        """Take what comes next. Raises TimeoutError at *deadline*, NoDecision when it is over."""
        self._socket.limit(deadline)
        self._take(self._socket.receive())

    def place(self) -> int:
        """Return the descriptor of its socket; below zero for none."""
        return self._socket.inner.fileno()

    def interrupt(self) -> None:
        """Have the thread that waits here find the connection at its end. For other threads."""
        with suppress(OSError):
            self._socket.inner.shutdown(socket.SHUT_RDWR)

    def give_up(self) -> bool:
        """Break off what runs; return whether the connection can still be used."""
        try:
            self._socket.limit(time.monotonic() + GIVE_UP_SECONDS)
            for call in tuple(self.peer.calls.values()):
                whole = call.told and not call.waiting
                self.peer.drop(call)
                if not whole:
                    return False
        except OSError:
            return False
        return self.peer.open

    def close(self) -> None:
        """Close it; what runs fails."""
        self._socket.close()
        self.peer.connection_lost(None)

    def _take(self, data: bytes) -> None:
        if data:
            try:
                self.peer.data_received(data)
            except OSError:  # What it was to be told is lost: it can be told nothing more.
                self.close()
                raise
        if not data or self._socket.is_closing():
            self.close()
            raise Unavailable("UNAVAILABLE", "the daemon went away")


def dialled(target: Target, tls: Tls | None, deadline: float) -> socket.socket:
    """Return a socket that is connected. Raises OSError (at *deadline*, too) and ValueError."""
    if target.path:
        made = reached(socket.AF_UNIX, target.path, deadline)
    else:
        made = first_of(found(target.host, target.port, deadline), deadline)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if tls is None:
        return made
    try:
        made.settimeout(left_of(deadline))
        name = tls.server_name or target.host or target.authority
        return secured(tls).wrap_socket(made, server_hostname=name)
    except BaseException:
        made.close()
        raise


def found(host: str, port: int, deadline: float) -> list[Any]:
    """Return the addresses of *host*. Raises OSError.

    Whoever knows names takes its time, so that is asked by a thread that nobody waits for longer.
    """
    kind = socket.SOCK_STREAM
    with suppress(socket.gaierror):
        return socket.getaddrinfo(host, port, type=kind, flags=socket.AI_NUMERICHOST)
    answers: SimpleQueue[list[Any] | OSError] = SimpleQueue()

    def look() -> None:
        try:
            answers.put(socket.getaddrinfo(host, port, type=kind))
        except OSError as error:
            answers.put(error)
        except UnicodeError as error:
            answers.put(OSError(str(error)))

    try:
        Thread(target=look, name="pol-client-names", daemon=True).start()
    except RuntimeError as error:  # No thread can be had.
        raise OSError(str(error)) from None
    try:
        answer = answers.get(timeout=left_of(deadline))
    except Empty:
        raise TimeoutError from None
    if isinstance(answer, OSError):
        raise answer
    return answer


def first_of(addresses: list[Any], deadline: float) -> socket.socket:
    """Return a socket that is connected to the first of the *addresses* that takes it.

    Each has its share of the time: one that says nothing does not hide those behind it.
    """
    failure = OSError("no address")
    for number, (family, _kind, _number, _name, where) in enumerate(addresses):
        left = left_of(deadline)
        try:
            return reached(family, where, deadline - left + left / (len(addresses) - number))
        except OSError as error:
            failure = error
    raise failure


def reached(family: int, where: Any, deadline: float) -> socket.socket:
    """Return a socket that is connected. Raises OSError."""
    made = socket.socket(family)
    try:
        made.settimeout(left_of(deadline))
        made.connect(where)
    except BaseException:
        made.close()
        raise
    return made


def left_of(deadline: float) -> float:
    """Return the seconds until *deadline*. Raises TimeoutError when there are none."""
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _nothing(*_given: object) -> None:
    """Do nothing."""
