"""Calls on a connection: what is still to be sent of one, and what has come of its answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from pol_client._http2.stream import Peer, Stream
from pol_client._lean.head import Answer
from pol_client.errors import NoDecision, Unavailable

PREFIX = 5
"""Bytes before a message: whether it is compressed, and its length."""
MOST_BYTES = 64 << 20
"""Of an answer."""


class Undecided(Unavailable):
    """The call has certainly not been looked at: it may be made again elsewhere."""


def packed(message: bytes) -> bytes:
    """Return *message* as it is sent."""
    return b"\0" + len(message).to_bytes(4) + message


class Call(Stream):
    """One call. What comes for it is told to its methods, none of which raises."""

    __slots__ = ("_buffer", "_wanted", "first")

    holds = False
    """Whether what came counts until somebody has read it."""

    def __init__(self, peer: Peer, number: int, window: int, allowed: int) -> None:
        super().__init__(peer, number, window, allowed)
        self.first: Answer | None = None
        """The fields before the messages."""
        self._buffer = bytearray()
        """What came of a message that is not whole."""
        self._wanted = PREFIX

    def took(self, data: bytes) -> NoDecision | None:
        """Take a piece of the answer; return why the call is to be broken off, if it is."""
        if self._buffer:
            self._buffer += data
            if len(self._buffer) < self._wanted:
                return None
            data, self._buffer = bytes(self._buffer), bytearray()
        at, end = 0, len(data)
        self._wanted = PREFIX
        while end - at >= PREFIX:
            size = data[at + 1] << 24 | data[at + 2] << 16 | data[at + 3] << 8 | data[at + 4]
            if size > MOST_BYTES:
                return NoDecision("RESOURCE_EXHAUSTED", f"an answer of {size:,} bytes")
            if data[at]:
                return NoDecision("INTERNAL", "an answer is compressed, which was not asked for")
            begin = at + PREFIX
            if begin + size > end:
                self._wanted = PREFIX + size
                break
            at = begin + size
            wrong = self.message(data[begin:at])
            if wrong is not None:
                return wrong
        if at < end:
            self._buffer += data[at:]
        return None

    def message(self, message: bytes) -> NoDecision | None:
        """Take a message; return why the call is to be broken off, if it is."""
        raise NotImplementedError

    def finished(self, failure: NoDecision | None) -> None:
        """Hear that the answer is whole, or that the call is over, and why."""
        raise NotImplementedError

    def ended(self, failure: NoDecision | None) -> None:
        """Hear the status."""
        if failure is None and self._buffer:
            failure = NoDecision("INTERNAL", "the last message of the answer is not whole")
        self._buffer = bytearray()
        self.finished(failure)


class Unary(Call):
    """A call that one message asks and one answers, which *done* is told."""

    __slots__ = ("_answer", "done")

    def __init__(
        self,
        peer: Peer,
        number: int,
        window: int,
        allowed: int,
        done: Callable[[bytes | None, NoDecision | None], None],
    ) -> None:
        super().__init__(peer, number, window, allowed)
        self._answer: bytes | None = None
        self.done = done

    def message(self, message: bytes) -> NoDecision | None:
        """Keep the answer."""
        if self._answer is not None:
            return NoDecision("INTERNAL", "more than one answer to one question")
        self._answer = message
        return None

    def finished(self, failure: NoDecision | None) -> None:
        """Tell it."""
        if failure is None and self._answer is None:
            failure = NoDecision("INTERNAL", "the daemon said that all is well, and no answer")
        self.done(self._answer, failure)


def resolver(
    future: asyncio.Future[bytes],
) -> Callable[[bytes | None, NoDecision | None], None]:
    """Return what tells *future* how a call went."""

    def done(answer: bytes | None, failure: NoDecision | None) -> None:
        if future.done():
            return
        if failure is None and answer is not None:
            future.set_result(answer)
        else:
            future.set_exception(failure or NoDecision("INTERNAL", "no answer"))

    return done
