"""An address in; connections with a PostgreSQL server, used again and again, out.

A connection waits for no answer beyond an instant that is set for each use, so that a frozen server
is noticed. It is made by who needs it: why it cannot be made is known at once, and a server that is
back is found by the next who asks. (The pool of psycopg connects in the background, later and
later, and says only that there is no connection in time.)
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from math import inf
from threading import Lock, Semaphore
from time import monotonic
from typing import Any, TypeVar

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg.generators import connect
from psycopg.pq import TransactionStatus
from psycopg.waiting import wait_conn

from engine.storage.reviews_postgres_address import Address

POLL = 0.05
"""Seconds between two looks whether an answer takes too long."""

IDLE_SECONDS = 600.0
"""A connection that nobody has used for so long is not used again: something on the way may have
forgotten it."""

CONNECTING = 2.0
"""Seconds that a server may take to connect; less where a call has less, or others may be asked."""

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
    place: str = ""
    """Where it leads to."""
    ending: bool = False
    """Whether it is at the end of an act."""

    def wait(
        self, gen: Generator[Any, Any, Made], interval: float = POLL, timeout: float | None = None
    ) -> Made:
        """Wait for *gen*. Raises TooLate."""
        return super().wait(limited(gen, lambda: self.until), min(interval, POLL), timeout)

    @classmethod
    def reach(cls, place: str, until: float) -> Line:
        """Connect with the server at *place*. Raises OperationalError, and TooLate."""
        # What psycopg does, whose time-out is two seconds at least.
        line = cls(wait_conn(limited(connect(place), lambda: until), interval=POLL))
        line.autocommit = True
        line.place = place
        return line


def limited(
    gen: Generator[Given, Sent, Made], until: Callable[[], float]
) -> Generator[Given, Sent, Made]:
    """Do *gen*, which hears at least every `POLL` seconds whether there is news, in time."""
    try:
        wanted = next(gen)
        while True:
            news = yield wanted
            if not news and monotonic() >= until():
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
        self._hanging: list[Line] = []
        """Those that have not been answered at the end of an act."""
        self._lock = Lock()
        """Of these."""
        self._closed = False
        self._last = ""
        """Where it was connected last: there is who takes writes."""

    @contextmanager
    def lend(self, until: float) -> Iterator[Line]:
        """Lend a connection until an instant. Raises OperationalError when there is none."""
        if not self._room.acquire(timeout=max(0.0, until - monotonic())):
            raise TooLate("too many ask at once")
        try:
            line = self._take(until)
            line.until, line.ending = until, False
            try:
                yield line
            finally:
                self._give_back(line)
        finally:
            self._room.release()

    def hanging(self) -> int:
        """Return at the end of how many acts the server that takes writes has not answered yet.

        It holds what each has locked, and a process for each, until a standby has them too: to hang
        up ends neither.
        """
        with self._lock:
            for line in [one for one in self._hanging if ended(one)]:
                self._hanging.remove(line)
                line.close()
            return sum(line.place == self._last for line in self._hanging)

    def drop(self) -> None:
        """Close those that nobody uses: the server was restarted, maybe, and has forgotten them."""
        while self._idle:
            self._idle.pop().close()

    def close(self) -> None:
        """Disconnect; closing twice is fine."""
        self._closed = True
        self.drop()
        with self._lock:
            while self._hanging:
                self._hanging.pop().close()

    def _take(self, until: float) -> Line:
        if self._closed:
            raise psycopg.OperationalError("it was closed")
        while self._idle:
            line = self._idle.pop()
            if monotonic() - line.used < IDLE_SECONDS and not line.closed:
                return line
            line.close()
        line = self._reach(until)
        try:
            line.until = until
            bound(line, self._timeout)
        except psycopg.Error:
            line.close()
            raise
        return line

    def _reach(self, until: float) -> Line:
        """Return a connection with the first server that takes writes; the last one is asked first.

        One that does not answer leaves the others their share of the time.
        """
        places = sorted(self._address.places(self._timeout), key=lambda one: one != self._last)
        problems: list[str] = []
        for number, place in enumerate(places):
            now = monotonic()
            share = min(CONNECTING, max(0.0, until - now) / (len(places) - number))
            try:
                line = Line.reach(place, now + share)
            except TooLate:
                problems.append(f"no answer in time from {server_of(place)}")
            except psycopg.OperationalError as error:
                problems.append(primary(error))
            else:
                self._last = place
                return line
        raise psycopg.OperationalError("; ".join(dict.fromkeys(problems)))

    def _give_back(self, line: Line) -> None:
        status = line.pgconn.transaction_status
        if line.ending and status == TransactionStatus.ACTIVE and not self._closed:
            with self._lock:
                self._hanging.append(line)
            return
        # What it has begun, and not committed, is taken back by the server.
        if status != TransactionStatus.IDLE or self._closed:
            line.close()
            return
        line.used = monotonic()
        self._idle.append(line)


def ended(line: Line) -> bool:
    """Return whether what *line* waits for was answered, or will never be."""
    try:
        line.pgconn.consume_input()
    except psycopg.OperationalError:
        return True
    return not line.pgconn.is_busy()


def bound(line: Line, timeout: float) -> None:
    """Let the server give up what takes longer, and what a client that is frozen has begun."""
    milliseconds = str(int(timeout * 1000))
    line.execute(
        "SELECT set_config('statement_timeout', %s, false), set_config('lock_timeout', %s, false), "
        "set_config('idle_in_transaction_session_timeout', %s, false)",
        (milliseconds, milliseconds, str(int(timeout * 2000))),
    )


def server_of(place: str) -> str:
    """Return the host and port of a *place*."""
    told = conninfo_to_dict(place)
    return f"{told.get('host') or told.get('hostaddr')}:{told.get('port')}"


def primary(error: psycopg.Error) -> str:
    """Return what *error* says in one sentence, without the values of a statement."""
    said = error.diag.message_primary or str(error).partition("\n")[0]
    return said or type(error).__name__
