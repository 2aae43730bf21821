"""An address in; connections with a PostgreSQL server, used again and again, out.

A connection waits for no answer beyond an instant that is set for each use, so that a frozen server
is noticed. It is made by who needs it: why it cannot be made is known at once, and a server that is
back is found by the next who asks. (The pool of psycopg connects in the background, later and
later, and says only that there is no connection in time.)
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from math import inf
from threading import Semaphore
from time import monotonic
from typing import Any, TypeVar

import psycopg
from psycopg.pq import TransactionStatus

from engine.storage.reviews_postgres_address import Address

POLL = 0.05
"""Seconds between two looks whether an answer takes too long."""

IDLE_SECONDS = 600.0
"""A connection that nobody has used for so long is not used again: something on the way may have
forgotten it."""

Made = TypeVar("Made")
Given = TypeVar("Given")
Sent = TypeVar("Sent")


class TooLate(psycopg.OperationalError):
    """The server took longer than it may."""


class Line(psycopg.Connection[tuple[Any, ...]]):
    """A connection that waits for no answer beyond an instant."""

    until: float = inf
    used: float = 0.0
    """When it was last used; 0 while it is new."""
    ready: bool = False
    """Whether the tables have been looked at."""

    def wait(
        self, gen: Generator[Any, Any, Made], interval: float = POLL, timeout: float | None = None
    ) -> Made:
        """Wait for *gen*. Raises TooLate."""
        return super().wait(limited(gen, self), min(interval, POLL), timeout)


def limited(gen: Generator[Given, Sent, Made], line: Line) -> Generator[Given, Sent, Made]:
    """Do *gen*, which hears at least every `POLL` seconds whether there is news, in time."""
    try:
        wanted = next(gen)
        while True:
            news = yield wanted
            if not news and monotonic() >= line.until:
                raise TooLate("no answer in time")
            wanted = gen.send(news)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]


class Lines:
    """Owns up to *most* connections. May be used by several threads at a time."""

    def __init__(self, address: Address, timeout: float, most: int) -> None:
        """Connect when first asked. *timeout*, in seconds, also bounds what the server does."""
        self._address = address
        self._timeout = timeout
        self._room = Semaphore(most)
        self._idle: deque[Line] = deque()
        self._closed = False

    @contextmanager
    def lend(self, until: float) -> Iterator[Line]:
        """Lend a connection until an instant. Raises OperationalError when there is none."""
        if not self._room.acquire(timeout=max(0.0, until - monotonic())):
            raise TooLate("too many ask at once")
        try:
            line = self._take()
            line.until = until
            try:
                yield line
            finally:
                self._give_back(line)
        finally:
            self._room.release()

    def drop(self) -> None:
        """Close those that nobody uses: the server was restarted, maybe, and has forgotten them."""
        while self._idle:
            self._idle.pop().close()

    def close(self) -> None:
        """Disconnect; closing twice is fine."""
        self._closed = True
        self.drop()

    def _take(self) -> Line:
        if self._closed:
            raise psycopg.OperationalError("it was closed")
        while self._idle:
            line = self._idle.pop()
            if monotonic() - line.used < IDLE_SECONDS and not line.closed:
                return line
            line.close()
        line = Line.connect(self._address.conninfo(self._timeout), autocommit=True)
        try:
            line.until = monotonic() + self._timeout
            bound(line, self._timeout)
        except psycopg.Error:
            line.close()
            raise
        return line

    def _give_back(self, line: Line) -> None:
        # What it has begun, and not committed, is taken back by the server.
        if line.pgconn.transaction_status != TransactionStatus.IDLE or self._closed:
            line.close()
            return
        line.used = monotonic()
        self._idle.append(line)


def bound(line: Line, timeout: float) -> None:
    """Let the server give up what takes longer, and what a client that is frozen has begun."""
    milliseconds = str(int(timeout * 1000))
    line.execute(
        "SELECT set_config('statement_timeout', %s, false), set_config('lock_timeout', %s, false), "
        "set_config('idle_in_transaction_session_timeout', %s, false)",
        (milliseconds, milliseconds, str(int(timeout * 2000))),
    )


def primary(error: psycopg.Error) -> str:
    """Return what *error* says in one sentence, without the values of a statement."""
    said = error.diag.message_primary or str(error).partition("\n")[0]
    return said or type(error).__name__
