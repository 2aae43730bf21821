"""Questions out and answers in as messages on one gRPC stream of one HTTP/2 connection."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from bench.load.answers import Tally
from bench.load.frames import (
    DATA,
    END_HEADERS,
    END_STREAM,
    FIRST_WINDOW,
    HEADERS,
    LETTERS,
    Template,
    frame,
    name_of,
)
from bench.load.http2 import HEAD, PADDED, STREAM, Http2
from bench.load.sockets import Socket

ONLY = 1
"""The number of the stream."""
NAME = b"load-"
"""Stands before the letters of a question, and so of its answer: they tell answers apart."""


class Streamed(Http2):
    """One connection with one stream."""

    def __init__(
        self, socket: Socket, templates: Sequence[Template], tally: Tally, block: bytes
    ) -> None:
        super().__init__(socket, templates, tally)
        self._out.append(frame(HEADERS, END_HEADERS, ONLY, block))
        self._asked: dict[bytes, tuple[int, int]] = {}
        self._room = FIRST_WINDOW
        self._first = FIRST_WINDOW
        self._message = b""
        self._rest = 0
        """Bytes that the frame still has whose first have been taken."""
        self._parts_of = [one.parts(STREAM(ONLY)) for one in templates]

    @property
    def free(self) -> bool:
        """Whether there may be one more: always, windows make it wait."""
        return True

    def ask(self, number: int, call: int, due: int) -> None:
        """Send the message of that *number*."""
        self.open += 1
        template = self.templates[number]
        if template.weight > min(self.window, self._room) or self._blocked:
            self._blocked.append((number, call, due))
            return
        self.window -= template.weight
        self._room -= template.weight
        name = name_of(call)
        self._asked[name] = (number, due)
        before, *after = self._parts_of[number]
        self._out.append(before)
        for part in after:
            self._out += (name, part)

    def read(self, now: int) -> bool:
        """Take what has come by *now*; return False when the connection has ended.

        A frame may hold all answers that there are: those that have come are taken, and the next
        questions asked, before the rest of it is there.
        """
        data = self.socket.read()
        if data is None:
            return True
        if not data:
            return False
        buffer = self._left + data if self._left else data
        at, end = 0, len(buffer)
        while self._rest or end - at >= 9:
            if self._rest:
                some = min(self._rest, end - at)
                if not some:
                    break
                self._answers(buffer[at : at + some], now)
                self._rest -= some
                at += some
                continue
            word, flags, stream = HEAD(buffer, at)
            size, kind = word >> 8, word & 255
            if kind == DATA and not flags & (END_STREAM | PADDED):
                self._rest = size
                at += 9
                continue
            after = at + 9 + size
            if after > end:
                break
            if kind == HEADERS:
                self._headers(stream, flags, buffer[at + 9 : after], now)
            elif kind == DATA:
                self._end(stream, "the stream ended")
            else:
                self._control(kind, flags, stream, buffer[at + 9 : after])
            at = after
        self._left = buffer[at:]
        return True

    def _answers(self, body: bytes, now: int) -> None:
        """Take the answers in *body*, a part of what the server says."""
        whole = self._message + body if self._message else body
        at, end = 0, len(whole)
        while end - at >= 5:
            after = at + 5 + int.from_bytes(whole[at + 1 : at + 5], "big")
            if after > end:
                break
            self._answer(whole[at:after], now)
            at = after
        self._message = whole[at:]

    def _answer(self, body: bytes, now: int) -> None:
        """Take one answer."""
        place = body.find(NAME) + len(NAME)
        number, due = self._asked.pop(body[place : place + LETTERS], (-1, 0))
        self.open -= 1
        self.finished += 1
        if number < 0:
            self.tally.fail("an answer to no question")
        elif self.tally.proved(number, body):
            self.tally.answer(due, now)
        else:
            self.tally.fail("an answer with another body")

    def _headers(self, stream: int, flags: int, block: bytes, now: int) -> None:
        """Look whether the block is good; the stream must not end."""
        del now
        problem = self._blocks.look(block, last=False)
        if problem or flags & 1:
            self._end(stream, problem or "the stream ended")

    def _first_window(self, size: int) -> None:
        """Take the size of the stream's window."""
        self._room += size - self._first
        self._first = size
        self._again()

    def _widen(self, stream: int, size: int) -> None:
        """Take more room for messages, and send what has waited for it."""
        if stream:
            self._room += size
        else:
            self.window += size
        self._again()

    def _again(self) -> None:
        """Send what has waited."""
        blocked, self._blocked = self._blocked, deque()
        self.open -= len(blocked)
        for number, call, due in blocked:
            self.ask(number, call, due)
