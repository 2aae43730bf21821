"""A thread that asks alone writes and reads a socket by itself: nothing need be handed to and fro.

Handing a call to the loop's thread and its answer back costs two switches of threads, more than the
rest of the call. Whoever finds the socket taken, or gone, asks through the loop, with the others.
"""

from __future__ import annotations

import time
from threading import Lock

from pol_client import connect
from pol_client._lean.blocking import Wire
from pol_client._lean.calls import Undecided
from pol_client._lean.coalescer import Pairs
from pol_client._lean.forking import give_up
from pol_client._lean.link import SILENCE_SECONDS
from pol_client._lean.transport import LeanTransport
from pol_client.errors import DeadlineExceeded, NoDecision, Unavailable
from pol_client.reading import read_answer
from pol_client.results import Decision

AGAIN_SECONDS = 1.0
"""After a connection could not be made, or was refused, until the next is tried."""


class Lone:
    """One socket, used by one thread at a time. Safe to share between threads."""

    def __init__(self, transport: LeanTransport) -> None:
        self._transport = transport
        self._lock = Lock()
        self._wire: Wire | None = None
        self._not_before = 0.0
        self._silent_since = 0.0
        """When a call first got no answer in time while nothing came at all; 0.0 if it did not."""
        self._closed = False

    def decide(self, message: bytes, pairs: Pairs, seconds: float) -> Decision | None:
        """Return the decision; None if it must be asked for elsewhere. Raises NoDecision."""
        # A thread that is interrupted before `try` holds it for ever: nobody ever waits for it.
        if not self._lock.acquire(blocking=False):
            return None
        try:
            deadline = time.monotonic() + seconds
            found = self._connected(deadline)
            if found is None or self._closed:
                return None
            return self._ask(
                found, self._transport.block(connect.DECIDE.path, seconds, pairs), message, deadline
            )
        except Undecided:  # It was not looked at.
            self._leave(AGAIN_SECONDS)
            return None
        finally:
            self._lock.release()
            if self._closed:
                self._end()

    def close(self) -> None:
        """Close the socket; the call that runs on it fails. It may be the caller's own.

        That is so where a signal's handler closes what the thread under it waits for.
        """
        self._closed = True
        found = self._wire
        if found is not None:
            found.interrupt()
        self._end()

    def forked(self) -> None:
        """Give the socket up: it is another process's. This is not used any more."""
        if self._wire is not None:
            give_up(self._wire.place())

    def _end(self) -> None:
        """Close the socket, unless somebody uses it, who does it then."""
        if self._lock.acquire(blocking=False):
            try:
                self._leave(0.0)
            finally:
                self._lock.release()

    def _connected(self, deadline: float) -> Wire | None:
        """Return the connection, made if need be."""
        found = self._wire
        if found is not None:
            if found.usable(deadline):
                return found
            self._leave(0.0)
        now = time.monotonic()
        if self._closed or now < self._not_before:
            return None
        try:
            self._wire = self._transport.wire(min(deadline, now + AGAIN_SECONDS))
        except (OSError, ValueError, NoDecision):  # Who asks through the loop is told why.
            self._not_before = time.monotonic() + AGAIN_SECONDS
        return self._wire

    def _ask(self, found: Wire, block: bytes, message: bytes, deadline: float) -> Decision:
        answers: list[bytes | None] = []
        failures: list[NoDecision | None] = []

        def done(answer: bytes | None, failure: NoDecision | None) -> None:
            answers.append(answer)
            failures.append(failure)

        heard, begun = found.peer.heard, False
        try:
            found.start(block, message, deadline, done)
            begun = True
            while not answers:
                found.receive(deadline)
        except TimeoutError:
            if begun:
                self._doubt(found, heard)
            else:  # A part of the call may be sent.
                self._leave(0.0)
            raise DeadlineExceeded("DEADLINE_EXCEEDED", "no answer in time") from None
        except (OSError, NoDecision) as error:
            self._leave(0.0)
            if not answers:  # The connection told nobody: it was not begun.
                raise Unavailable("UNAVAILABLE", "the daemon went away") from error
        except BaseException:  # Interrupted: the answer may still come, and is nobody's.
            self._leave(0.0)
            raise
        if failures[0] is not None:
            raise failures[0]
        return read_answer(answers[0] or b"")

    def _doubt(self, found: Wire, heard: int) -> None:
        """Give a call up; and its connection, when nothing came on it for long."""
        now = time.monotonic()
        if found.peer.heard != heard:
            self._silent_since = 0.0
        elif not self._silent_since:
            self._silent_since = now
        if not found.give_up() or (
            self._silent_since and now - self._silent_since > SILENCE_SECONDS
        ):
            self._leave(0.0)

    def _leave(self, seconds: float) -> None:
        """End the connection; make no other for so many *seconds*."""
        found, self._wire = self._wire, None  # First: whatever interrupts this, it is not used.
        if found is not None:
            found.close()
        self._silent_since = 0.0
        self._not_before = time.monotonic() + seconds
