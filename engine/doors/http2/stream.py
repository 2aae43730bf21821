"""One stream of a connection: what its peer may still send, and what waits to be sent to it."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Final, Protocol

from engine.doors.http2.frames import MOST_WINDOW, Code

ENOUGH: Final = 65_536
"""So many bytes may wait to be sent on a stream before whoever writes waits, too."""


class Peer(asyncio.Protocol):
    """What a stream needs of its connection; no Protocol, so that compiled calls are quick."""

    def consumed(self, stream: Stream, size: int) -> None:
        """Let the peer send *size* bytes more."""
        raise NotImplementedError

    def give_back(self, size: int) -> None:
        """Let the peer send *size* bytes more on all streams together."""
        raise NotImplementedError

    def begin(self, stream: Stream, block: bytes, *, end: bool) -> None:
        """Send HEADERS."""
        raise NotImplementedError

    def answer(
        self, stream: Stream, block: bytes, body: bytes, trailers: bytes, prefix: bytes = b""
    ) -> None:
        """Send a whole answer: fields, *prefix* and *body*, fields."""
        raise NotImplementedError

    def pour(self, stream: Stream, data: bytes) -> None:
        """Send DATA, or keep it until it may be sent."""
        raise NotImplementedError

    def gather(self) -> None:
        """Write all that is sent in this turn of the loop together."""
        raise NotImplementedError

    def pump(self, stream: Stream, most: int = MOST_WINDOW) -> None:
        """Send of what waits as much as may be sent; about *most*."""
        raise NotImplementedError

    def reset(self, stream: Stream, code: Code) -> None:
        """Send RST_STREAM and forget the stream."""
        raise NotImplementedError


class App(Protocol):
    """What answers one stream. None of its methods may raise."""

    def data(self, data: bytes) -> None:
        """Take a piece of the request's body, which counts until `Stream.consumed` is told."""
        ...

    def end(self) -> None:
        """Hear that the request is whole."""
        ...

    def turn(self) -> None:
        """Hear that all of a read has come; only of streams with `Stream.turns`."""
        ...

    def gone(self) -> None:
        """Hear that the stream is over, and that nobody hears an answer any more."""
        ...

    def look(self, now: float) -> None:
        """End what takes too long; called every few seconds with the loop's time."""
        ...


class Nobody:
    """An app for streams that nobody answers."""

    def data(self, data: bytes) -> None:
        """Forget it."""

    def end(self) -> None:
        """Do nothing."""

    def turn(self) -> None:
        """Do nothing."""

    def gone(self) -> None:
        """Do nothing."""

    def look(self, now: float) -> None:
        """Do nothing."""


NOBODY: Final = Nobody()
NOTHING: Final[deque[bytes | memoryview]] = deque()
NO_WRITERS: Final[list[asyncio.Future[None]]] = []
"""What waits on a stream on which nothing has waited yet. Never filled: most streams need none."""


class Stream:
    """A request and its answer. Belongs to one connection, and to one event loop."""

    __slots__ = (
        "allowed",
        "app",
        "begun",
        "body",
        "closed",
        "due",
        "eager",
        "expected",
        "fed",
        "heard",
        "id",
        "peer",
        "since",
        "stalled",
        "told",
        "trailers",
        "turns",
        "unread",
        "waiting",
        "waiting_bytes",
        "window",
        "writers",
    )

    def __init__(self, peer: Peer, number: int, window: int, allowed: int) -> None:
        """Make stream *number*, on which *window* bytes may be sent and *allowed* may come."""
        self.peer = peer
        self.id = number
        self.app: App = NOBODY
        self.window = window
        self.allowed = allowed
        """What the peer may still send."""
        self.unread = 0
        """Bytes that came and were not consumed."""
        self.expected = -1
        """Bytes of the body that `content-length` still promises; -1 if it says nothing."""
        self.heard = False
        """Whether the request is whole."""
        self.eager = False
        """Whether what comes counts as consumed when it has come."""
        self.turns = False
        """Whether its app has its turn when all of a read has come."""
        self.due = False
        """Whether that is so in this read, or it is to hear of the end."""
        self.stalled = False
        """Whether its app waits until little waits to be sent."""
        self.fed = False
        """Whether the app was given a piece of it."""
        self.body = b""
        """All of it, where it came in one frame and the stream is eager: the app is given none."""
        self.begun = False
        """Whether HEADERS were sent."""
        self.told = False
        """Whether the answer's end was sent."""
        self.closed = False
        self.since = 0.0
        """When it last could send something, if it waits for the peer."""
        self.waiting = NOTHING
        self.waiting_bytes = 0
        self.trailers: bytes | None = None
        """What is sent behind all that waits."""
        self.writers = NO_WRITERS

    def consumed(self, size: int) -> None:
        """Tell that *size* bytes of the body were used, so that more may come."""
        if self.closed:  # All was given back when it closed.
            return
        if self.heard:  # Hot path: nothing more comes on this stream.
            self.unread -= size
            self.peer.give_back(size)
        else:
            self.peer.consumed(self, size)

    def begin(self, block: bytes, *, end: bool = False) -> None:
        """Send the answer's fields; with *end* they are all of it."""
        if not self.closed:
            self.begun = True
            self.peer.begin(self, block, end=end)

    def write(self, data: bytes) -> None:
        """Send a piece of the answer's body, or keep it until it may be sent."""
        if not self.closed and data:
            if self.waiting is NOTHING:
                self.waiting = deque()
            self.waiting.append(data)
            self.waiting_bytes += len(data)
            self.peer.pump(self)

    def pour(self, data: bytes) -> None:
        """Send a piece of the body like `write`; quicker where all of it may be sent at once."""
        if not self.closed and data:
            self.peer.pour(self, data)

    def finish(self, trailers: bytes) -> None:
        """End the answer with *trailers*, behind all that was written."""
        if not self.closed:
            self.trailers = trailers
            self.peer.pump(self)

    def tell(self) -> None:
        """Tell the app that all of a read has come, or all of the request."""
        self.due = False
        if self.closed:
            return
        if self.heard:
            self.app.end()
        else:
            self.app.turn()

    def reset(self, code: Code) -> None:
        """Break the stream off."""
        if not self.closed:
            self.peer.reset(self, code)

    async def room(self) -> None:
        """Return when little waits to be sent, or the stream is over."""
        while self.waiting_bytes > ENOUGH and not self.closed:
            writer = asyncio.get_running_loop().create_future()
            if self.writers is NO_WRITERS:
                self.writers = []
            self.writers.append(writer)
            try:
                await writer
            finally:
                if writer in self.writers:
                    self.writers.remove(writer)

    def wake(self) -> None:
        """Let those go on who wait for room."""
        for writer in self.writers:
            if not writer.done():
                writer.set_result(None)
        self.writers.clear()

    def close(self) -> None:
        """Forget what waits, and who answers: nothing is sent any more."""
        self.closed = True
        self.body = b""
        self.app = NOBODY  # Else each call would be garbage that only the collector finds.
        if self.waiting:
            self.waiting.clear()
            self.waiting_bytes = 0
        self.trailers = None
        if self.writers:
            self.wake()
