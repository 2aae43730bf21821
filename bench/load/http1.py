"""Questions out and answers in over HTTP/1.1 connections, one at a time on each."""

from __future__ import annotations

from collections.abc import Sequence

from bench.load.answers import Tally
from bench.load.frames import Template
from bench.load.sockets import Socket

OK = b"HTTP/1.1 200 "
LENGTH = b"content-length:"


class Http1:
    """One connection."""

    def __init__(self, socket: Socket, templates: Sequence[Template], tally: Tally) -> None:
        self.socket = socket
        self.templates = templates
        self.tally = tally
        self.finished = 0
        self.open = 0
        self.ready = True
        self._asked = (0, 0)
        self._out = b""
        self._left = b""

    @property
    def free(self) -> bool:
        """Whether nothing is in flight."""
        return self.open == 0

    def ask(self, number: int, call: int, due: int) -> None:
        """Send the request of that *number*."""
        self.open = 1
        self._asked = (number, due)
        self._out = bytes(self.templates[number].write(b"", call))

    def flush(self) -> None:
        """Send what was begun."""
        if self._out or self.socket.waits:
            data, self._out = self._out, b""
            self.socket.write(data)

    def read(self, now: int) -> bool:
        """Take what has come by *now*; return False when the connection has ended."""
        data = self.socket.read()
        if data is None:
            return True
        if not data:
            return False
        whole = self._left + data if self._left else data
        body = whole_body(whole)
        if body is None:
            self._left = whole
            return True
        self._left = b""
        self.open = 0
        self.finished += 1
        number, due = self._asked
        if not whole.startswith(OK):
            self.tally.fail(whole[:80].decode(errors="replace"))
        elif self.tally.proved(number, body):
            self.tally.answer(due, now)
        else:
            self.tally.fail("an answer with another body")
        return True


def whole_body(data: bytes) -> bytes | None:
    """Return the body of the one response that *data* holds, None while it is not whole."""
    end = data.find(b"\r\n\r\n")
    if end < 0:
        return None
    head = data[:end].lower()
    place = head.find(LENGTH)
    if place < 0:
        # Chunked: what is looked for in a body is never cut, since it comes in one piece.
        return data[end + 4 :] if data.endswith(b"\r\n0\r\n\r\n") else None
    stop = head.find(b"\r\n", place)
    size = int(head[place + len(LENGTH) : stop if stop >= 0 else None])
    return data[end + 4 :] if len(data) - end - 4 >= size else None
