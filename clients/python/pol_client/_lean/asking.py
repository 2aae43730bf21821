"""The half of a client's connection that asks: calls begun, given up, and counted."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Protocol, TypeVar, cast

from pol_client._http2.control import Control
from pol_client._http2.frames import (
    DATA,
    END_HEADERS,
    END_STREAM,
    HEADERS,
    Code,
    head,
    headers,
    ping,
)
from pol_client._http2.limits import Limits
from pol_client._http2.stream import Stream
from pol_client._lean.calls import PREFIX, Call
from pol_client.connect import AWAY
from pol_client.errors import NoDecision, Unavailable

PROBE = b"alive?\0\0"
MOST_STREAM = 2**31 - 1
UNBOUND = 2**31 - 1
LINGER_SECONDS = 5.0
"""How long a connection that is closed may take to send what it still has."""

Made = TypeVar("Made", bound=Call)
Make = Callable[[Control, int, int, int], Made]
"""Makes a call on a connection: its number, what may be sent on it and what may come."""


class Loop(Protocol):
    """What a connection needs of an event loop."""

    def call_soon(self, function: Callable[[], object], /) -> object:
        """Call it when this turn is over."""
        ...

    def call_later(self, seconds: float, function: Callable[[], object], /) -> object:
        """Call it then."""
        ...

    def create_future(self) -> asyncio.Future[None]:
        """Return a future."""
        ...


class Asking(Control):
    """What callers ask a connection for."""

    def __init__(self, limits: Limits, loop: Loop, lost: Callable[[NoDecision], None]) -> None:
        """*lost* hears, once, that no more calls are taken, and why."""
        super().__init__(limits)
        self.calls = cast("dict[int, Call]", self.streams)
        """Those that run, by number."""
        self.most = UNBOUND
        """How many the daemon lets run at once."""
        self.heard = 0
        """How many times anything came."""
        self.doubted = False
        """Whether it is being found out if the daemon is still there."""
        self._lost_call = lost
        self._taken = True
        """Whether calls are taken."""
        self._next = 1
        self._closing = False
        self._failure: NoDecision = Unavailable("UNAVAILABLE", AWAY)
        self._gathering = False
        """Whether what is sent in this turn of the loop is written at its end."""
        self._room: deque[asyncio.Future[None]] = deque()
        self._loop = loop

    @property
    def open(self) -> bool:
        """Whether it takes calls."""
        return self._taken and self._settled

    @property
    def crowded(self) -> bool:
        """Whether a call must wait: the daemon takes no more at once, or the kernel nothing."""
        return len(self.streams) >= self.most or self._full

    def start(self, make: Make[Made], block: bytes, message: bytes | None) -> Made:
        """Begin a call; with a *message* that is all it asks. To be asked only while it is open."""
        number = self._last = self._next
        self._next += 2
        if self._next > MOST_STREAM:
            self._end(self._failure)
        call = make(self, number, self._first_window, self.limits.window_bytes)
        self.calls[number] = call
        self._calm.give(self.limits.earned)
        if message is None:
            self.send(headers(number, block, self._frame_bytes, end=False))
            return call
        size = PREFIX + len(message)
        # Hot path: most messages fit.
        if (
            size <= self._frame_bytes
            and size <= self._window
            and size <= call.window
            and len(block) <= self._frame_bytes
        ):
            self._window -= size
            call.told = True
            self.send(
                b"".join(
                    (
                        head(len(block), HEADERS, END_HEADERS, number),
                        block,
                        head(size, DATA, END_STREAM, number),
                        b"\0",
                        len(message).to_bytes(4),
                        message,
                    )
                )
            )
            return call
        self.send(headers(number, block, self._frame_bytes, end=False))
        call.write(b"\0" + len(message).to_bytes(4) + message)
        call.finish(b"")
        return call

    def drop(self, call: Call) -> None:
        """Break a call off that nobody waits for any more."""
        call.reset(Code.CANCEL)

    def leave(self, failure: NoDecision) -> None:
        """Take no more calls, and close when the last one is over."""
        self._end(failure)
        self.left()

    def probe(self) -> None:
        """Ask the daemon whether it is there."""
        self.send(ping(PROBE, ack=False))

    def room(self) -> asyncio.Future[None]:
        """Return what is done when it may be crowded no more, or takes no calls at all."""
        waiting: asyncio.Future[None] = self._loop.create_future()
        self._room.append(waiting)
        return waiting

    def abort(self, failure: NoDecision | None = None) -> None:
        """End now."""
        if failure is not None:
            self._failure = failure
        self._closing = True
        if self._transport is not None:
            self._transport.abort()

    def left(self) -> None:
        """Close when the last call is over, if that is wanted; let those in that wait."""
        if not self.streams and not self._taken:
            self._close()
        elif self._room and not self.crowded:
            self._wake()

    def resume_writing(self) -> None:
        """Go on: the kernel takes more again."""
        super().resume_writing()
        self._wake()

    def send(self, data: bytes) -> None:
        """Send *data*: with all else of this turn of the loop, if more than one call runs."""
        if self._reading or self._gathering:
            self._out.append(data)
        elif len(self.streams) > 1:
            self._out.append(data)
            self._gathering = True
            self._loop.call_soon(self._gathered)
        elif self._transport is not None:
            self._transport.write(data)

    def hold(self) -> bool:
        """Keep what is sent from now on until `release`; return False where it is kept anyway."""
        if self._reading or self._gathering:
            return False
        self._gathering = True
        return True

    def release(self) -> None:
        """Write what was kept since `hold`."""
        self._gathered()

    def _gathered(self) -> None:
        self._gathering = False
        self.flush()

    def _wake(self) -> None:
        """Let as many go on as there is room for; all of them when it takes no calls."""
        free = self.most - len(self.streams) if self._taken else UNBOUND
        while self._room and free > 0:
            waiting = self._room.popleft()
            if not waiting.done():
                waiting.set_result(None)
                free -= 1

    def _end(self, failure: NoDecision) -> None:
        """Take no more calls."""
        if self._taken:
            self._taken = False
            self._failure = failure
            self._lost_call(failure)
            self._wake()

    def _close(self) -> None:
        self._closing = True
        self._gathered()
        if self._transport is not None:
            self._transport.close()
            self._loop.call_later(LINGER_SECONDS, self.abort)

    def _fail_calls(self) -> None:
        """Fail what runs."""
        for call in tuple(self.calls.values()):
            self.streams.pop(call.id, None)
            call.close()
            call.ended(self._failure)
        self._blocked.clear()
        self._wake()

    def _finish(self, stream: Stream, trailers: bytes) -> None:
        """End what is asked: a client sends no trailers."""
        del trailers
        stream.told = True
        stream.trailers = None
        self.send(head(0, DATA, END_STREAM, stream.id))
