"""Calls out and answers in over one HTTP/2 connection, each call on a stream of its own.

It needs no generality, so it has little: header blocks that were seen before are known by their
bytes (while the server's dynamic table stands still), answers by what they must hold.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from struct import Struct

import hpack

from bench.load.answers import Tally
from bench.load.frames import (
    ACK,
    DATA,
    END_HEADERS,
    END_STREAM,
    FIRST_WINDOW,
    GOAWAY,
    HEADERS,
    PING,
    RESET,
    SETTINGS,
    WINDOW,
    Template,
    frame,
    greeting,
)
from bench.load.sockets import Socket

HEAD = Struct(">IBI").unpack_from
STREAM = Struct(">I").pack
PADDED, PRIORITY = 8, 32
MOST_STREAMS, INITIAL_WINDOW = 3, 4
FEW_STREAMS = 100
"""Until the server says how many there may be."""


class Blocks:
    """The server's header blocks, and whether they say that all is well."""

    def __init__(self) -> None:
        self.good: set[bytes] = set()
        """Blocks that are good and change no table."""
        self._decoder = hpack.Decoder()

    def look(self, block: bytes, *, last: bool) -> str:
        """Return what is wrong in a *block* that was not seen before: "" for nothing."""
        table = self._decoder.header_table.dynamic_entries
        before = (len(table), table[0] if table else None)
        fields = {str(one[0]): str(one[1]) for one in self._decoder.decode(block)}
        problem = ""
        if fields.get(":status", "200") != "200" or (not last and ":status" not in fields):
            problem = f"status {fields.get(':status')}"
        elif last and fields.get("grpc-status") != "0":
            problem = f"gRPC status {fields.get('grpc-status')}: {fields.get('grpc-message')}"
        if len(table) != before[0] or (table and table[0] is not before[1]):
            self.good.clear()
        elif not problem:
            self.good.add(block)
        return problem


class Http2:
    """One connection."""

    def __init__(self, socket: Socket, templates: Sequence[Template], tally: Tally) -> None:
        self.socket = socket
        self.templates = templates
        self.tally = tally
        self.finished = 0
        """Answers since somebody looked."""
        self.open = 0
        self.ready = False
        """Whether the server has told its settings."""
        self.most = FEW_STREAMS
        self.window = FIRST_WINDOW
        self._out: list[bytes | bytearray] = [greeting()]
        self._left = b""
        self._next = 1
        self._waiting: dict[int, tuple[int, int]] = {}
        self._proved: set[int] = set()
        self._parts: dict[int, bytes] = {}
        self._blocks = Blocks()
        self._blocked: deque[tuple[int, int, int]] = deque()

    @property
    def free(self) -> bool:
        """Whether one more call may be begun."""
        return self.open < self.most

    def ask(self, number: int, call: int, due: int) -> None:
        """Begin a call with the body of that *number*."""
        self.open += 1
        template = self.templates[number]
        if template.weight > self.window or self._blocked:
            self._blocked.append((number, call, due))
            return
        self.window -= template.weight
        stream = self._next
        self._next = stream + 2
        self._waiting[stream] = (number, due)
        self._out.append(template.write(STREAM(stream), call))

    def flush(self) -> None:
        """Send what was begun."""
        if self._out:
            data = b"".join(self._out)
            self._out.clear()
            self.socket.write(data)
        elif self.socket.waits:
            self.socket.write(b"")

    def read(self, now: int) -> bool:
        """Take what has come by *now*; return False when the connection has ended."""
        data = self.socket.read()
        if data is None:
            return True
        if not data:
            return False
        buffer = self._left + data if self._left else data
        at, end = 0, len(buffer)
        while end - at >= 9:
            word, flags, stream = HEAD(buffer, at)
            size = word >> 8
            after = at + 9 + size
            if after > end:
                break
            kind = word & 255
            if kind == HEADERS:
                self._headers(stream, flags, buffer[at + 9 : after], now)
            elif kind == DATA:
                self._data(stream, flags, buffer[at + 9 : after], now)
            else:
                self._control(kind, flags, stream, buffer[at + 9 : after])
            at = after
        self._left = buffer[at:]
        return True

    def _data(self, stream: int, flags: int, body: bytes, now: int) -> None:
        """Look whether *body* is what is expected."""
        del now
        asked = self._waiting.get(stream)
        if asked is None or flags & (END_STREAM | PADDED):
            self._end(stream, "an answer without trailers")
            return
        if stream in self._parts:
            body = self._parts.pop(stream) + body
        if len(body) >= 5 and len(body) == 5 + int.from_bytes(body[1:5], "big"):
            if self.tally.proved(asked[0], body):
                self._proved.add(stream)
            return
        self._parts[stream] = body

    def _headers(self, stream: int, flags: int, block: bytes, now: int) -> None:
        """Look whether the block is good; with the trailers a call is over."""
        last = bool(flags & END_STREAM)
        problem = ""
        if flags & (PADDED | PRIORITY) or not flags & END_HEADERS:
            problem = "a header block of a shape that the generator does not know"
        elif block not in self._blocks.good:
            problem = self._blocks.look(block, last=last)
        if problem:
            self._end(stream, problem)
        elif last:
            _, due = self._waiting.pop(stream, (0, 0))
            if stream not in self._proved:
                self._end(stream, "an answer with another body")
                return
            self._proved.remove(stream)
            self.open -= 1
            self.finished += 1
            self.tally.answer(due, now)

    def _end(self, stream: int, problem: str) -> None:
        """Note that a call failed."""
        self._waiting.pop(stream, None)
        self._parts.pop(stream, None)
        self._proved.discard(stream)
        self.open -= 1
        self.finished += 1
        self.tally.fail(problem)

    def _control(self, kind: int, flags: int, stream: int, body: bytes) -> None:
        """Take a frame that is no part of an answer."""
        if kind == SETTINGS and not flags & ACK:
            self._settings(body)
            self._out.append(frame(SETTINGS, ACK, 0, b""))
        elif kind == PING and not flags & ACK:
            self._out.append(frame(PING, ACK, 0, body))
        elif kind == WINDOW:
            self._widen(stream, int.from_bytes(body, "big"))
        elif kind == RESET and stream in self._waiting:
            self._end(stream, f"the stream was reset, code {int.from_bytes(body, 'big')}")
        elif kind == GOAWAY:
            self.tally.problem = self.tally.problem or f"the server went away: {body[8:]!r}"

    def _settings(self, body: bytes) -> None:
        """Take the server's settings."""
        self.ready = True
        self.most = 1 << 30
        for at in range(0, len(body), 6):
            name, value = int.from_bytes(body[at : at + 2], "big"), body[at + 2 : at + 6]
            if name == MOST_STREAMS:
                self.most = int.from_bytes(value, "big")
            elif name == INITIAL_WINDOW:
                self._first_window(int.from_bytes(value, "big"))

    def _first_window(self, size: int) -> None:
        """Take the size of a new stream's window, which a body must fit into."""
        if max(one.weight for one in self.templates) > size:
            self.tally.fail("a body does not fit into the window of a stream")

    def _widen(self, stream: int, size: int) -> None:
        """Take more room for bodies, and begin what has waited for it."""
        if stream:
            return
        self.window += size
        blocked, self._blocked = self._blocked, deque()
        self.open -= len(blocked)
        for number, call, due in blocked:
            self.ask(number, call, due)
