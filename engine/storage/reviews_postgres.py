"""An address in, the store of reviews that the nodes of a deployment share out: PostgreSQL.

An act is one transaction in which the review's row is locked, so others wait who act on the same
review, and nobody else. What the server asks to be tried again is, and what a connection has lost
before it was committed. A server that is away or frozen fails a call after the time that a call may
take, and those that come in the next second at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from time import monotonic
from typing import Any, TypeVar

import psycopg
from psycopg.pq import TransactionStatus

from engine.storage.chest import WrongKey
from engine.storage.reviews import Refused, ReviewsUnavailable
from engine.storage.reviews_database import Manner, Raced, Session
from engine.storage.reviews_kept import KeptReviews
from engine.storage.reviews_postgres_address import Address
from engine.storage.reviews_postgres_lines import Line, Lines, primary
from engine.storage.reviews_postgres_schema import prepare
from engine.storage.reviews_rows import Rows, Value

TIMEOUT = 1.0
"""Seconds that a call may take."""

STARTING = 30.0
"""Seconds that a start waits for others that are just making the tables."""

REST = 1.0
"""Seconds that a server is left alone which did not answer."""

MOST_LINES = 5
"""Connections of a process: one more than it has threads that wait for reviews."""

MANNER = Manner(
    lock=" FOR UPDATE",
    skip=" FOR UPDATE SKIP LOCKED",
    each="SELECT {keys} FROM json_array_elements(?::json) AS scope "
    "CROSS JOIN LATERAL (SELECT {keys} {of}) AS one",
    part="scope.value ->> {}",
)

AGAIN = (psycopg.errors.SerializationFailure, psycopg.errors.DeadlockDetected, Raced)
"""The act was not done, and may be the next time."""

SLOW = (psycopg.errors.QueryCanceled, psycopg.errors.LockNotAvailable)
"""The server is there, and gave up after the time that a statement may take."""

NO_ROOM = (
    psycopg.errors.ProgramLimitExceeded,
    psycopg.errors.DiskFull,
    psycopg.errors.OutOfMemory,
)
"""What was to be written is longer than an index holds, or there is no room for it: no other
connection can do it either, and what is only read is read."""

LOST = (psycopg.OperationalError, psycopg.errors.ReadOnlySqlTransaction)
"""The connection was lost, or leads to what is no primary server any more."""

UNDER_WAY = (TransactionStatus.INTRANS, TransactionStatus.INERROR)

Made = TypeVar("Made")


class ReviewsAway(ReviewsUnavailable):
    """No server answers: it may later."""


class Unsure(Exception):
    """The connection was lost while the act was committed: it may be done or not."""


class PostgresReviews(KeptReviews):
    """Owns connections to the server at *address*; see `ReviewStore`."""

    def __init__(
        self, address: Address, key: bytes | None = None, timeout: float = TIMEOUT
    ) -> None:
        """Connect when first asked. A call that takes *timeout* seconds fails."""
        rows = Rows(key)
        self._server = PostgresDatabase(address, rows, timeout)
        super().__init__(self._server, rows)

    def prepare(self, patience: float = STARTING) -> None:
        """Make the tables where they are missing.

        Raises ReviewsAway when no server answers, and ReviewsUnavailable for what waiting will not
        mend: a newer form, another secret, a missing right.
        """
        self._server.prepare(patience)


class PostgresDatabase:
    """See `Database`."""

    def __init__(self, address: Address, rows: Rows, timeout: float) -> None:
        self.name = str(address)
        self.manner = MANNER
        self._rows = rows
        self._timeout = timeout
        self._lines = Lines(address, timeout, MOST_LINES)
        self._rests_until = 0.0
        self._why = ""

    def close(self) -> None:
        """Disconnect; closing twice is fine."""
        self._lines.close()

    def prepare(self, patience: float) -> None:
        """Make the tables where they are missing."""
        self._within(patience, lambda _: None)

    def read(self, work: Callable[[Session], Made]) -> Made:
        """Return what *work* finds."""
        return self._within(self._timeout, lambda line: work(Talk(line)))

    def write(self, work: Callable[[Session], Made]) -> Made:
        """Do all of *work* or nothing; others that act on the same rows wait."""
        hanging = self._lines.hanging()
        if hanging >= MOST_LINES:
            raise ReviewsUnavailable(
                f"{self.name} has not answered the end of {hanging} acts: a standby that must have "
                "them may be away"
            )
        return self._within(self._timeout, lambda line: together(line, work))

    def _within(self, seconds: float, work: Callable[[Line], Made]) -> Made:
        """Do *work* in as many tries as it takes, and as the time allows."""
        if monotonic() < self._rests_until:
            raise ReviewsAway(self._why)
        until = monotonic() + seconds
        while True:
            old = False
            with self._told():
                try:
                    with self._lines.lend(until) as line:
                        old = line.used > 0
                        if not line.ready:
                            self._make_ready(line)
                        return work(line)
                except AGAIN:
                    if monotonic() >= until:
                        raise ReviewsUnavailable(f"{self.name}: too many act at once") from None
                except NO_ROOM:
                    raise
                except LOST:
                    # One that was used before may be older than the server is: a new one may do.
                    if not old or monotonic() >= until:
                        raise
                    self._lines.drop()

    def _make_ready(self, line: Line) -> None:
        """Look at the tables, over a connection that is new."""
        try:
            prepare(line, self._rows, self.name)
        except WrongKey:
            raise ReviewsUnavailable(
                f"the reviews in {self.name} are sealed with another secret: all nodes that share "
                "them need the same file in `secret_key_file`"
            ) from None
        line.ready = True

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Turn what PostgreSQL and the network say into ReviewsUnavailable."""
        try:
            yield
        except Unsure:
            raise ReviewsUnavailable(
                f"{self.name} was lost in the middle of an act: whether it was done is not known"
            ) from None
        except SLOW:
            raise ReviewsUnavailable(f"{self.name} takes too long") from None
        except psycopg.DataError:
            raise Refused("a character that PostgreSQL does not keep is in no name") from None
        except NO_ROOM as error:  # The server is there, for all others.
            raise ReviewsUnavailable(f"the reviews in {self.name}: {primary(error)}") from None
        except (psycopg.OperationalError, psycopg.InterfaceError) as error:
            self._why = f"{self.name} cannot be reached: {primary(error)}"
            self._rests_until = monotonic() + REST
            raise ReviewsAway(self._why) from None
        except psycopg.Error as error:
            raise ReviewsUnavailable(f"the reviews in {self.name}: {primary(error)}") from None


class Talk:
    """A connection that is used; see `Session`."""

    def __init__(self, line: Line) -> None:
        self._line = line

    def rows(self, statement: str, values: Sequence[Value] = ()) -> list[tuple[Any, ...]]:
        """Return what *statement* finds."""
        return self._line.execute(marked(statement), values, binary=True).fetchall()

    def do(self, statement: str, values: Sequence[Value] = ()) -> int:
        """Do it; return how many rows it has changed."""
        return self._line.execute(marked(statement), values).rowcount


def together(line: Line, work: Callable[[Session], Made]) -> Made:
    """Do *work* in one transaction. Raises Unsure."""
    line.execute("BEGIN")
    with ExitStack() as undo:
        undo.callback(take_back, line)
        made = work(Talk(line))
        undo.pop_all()
    line.ending = True
    try:
        line.execute("COMMIT")
    except AGAIN:
        raise
    except psycopg.OperationalError:
        raise Unsure from None
    return made


def take_back(line: Line) -> None:
    """End a transaction that is under way, unless the connection is lost, and it with it."""
    if line.pgconn.transaction_status in UNDER_WAY:
        with suppress(psycopg.Error):
            line.execute("ROLLBACK")


@cache
def marked(statement: str) -> bytes:
    """Return *statement* with the marks of psycopg. None of ours has a per cent sign."""
    return statement.replace("?", "%s").encode()
