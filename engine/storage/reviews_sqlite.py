"""A file in, the store of reviews that the processes of one machine share out: SQLite in WAL mode.

An act is one ``BEGIN IMMEDIATE`` transaction; who looks waits for nobody. After a loss of power the
newest acts may be gone, never a part of one.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from threading import Lock
from time import monotonic, sleep
from typing import Any, TypeVar

from engine.remedies import remedy_for, why_none_opens
from engine.storage.chest import WrongKey
from engine.storage.reviews import ReviewsUnavailable
from engine.storage.reviews_database import Manner, Session
from engine.storage.reviews_kept import KeptReviews
from engine.storage.reviews_rows import COLUMNS, Rows, Value

FORM = 2
PATIENCE = 1.0
"""Seconds that a transaction waits for those of other processes."""

AGAIN = 0.005
"""Seconds until a file that others are just opening is tried again."""

SCHEMA = """
CREATE TABLE reviews (
    review_id TEXT NOT NULL PRIMARY KEY,
    tenant TEXT NOT NULL,
    queue TEXT NOT NULL,
    state TEXT NOT NULL,
    rank INTEGER NOT NULL,
    opened_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    held_until INTEGER NOT NULL,
    ended_at INTEGER NOT NULL,
    free_at INTEGER NOT NULL,
    erased INTEGER NOT NULL,
    session TEXT NOT NULL,
    body BLOB NOT NULL
);
CREATE INDEX by_rank ON reviews (rank, opened_at, review_id);
CREATE INDEX by_state ON reviews (state, rank, opened_at, review_id);
CREATE INDEX by_queue ON reviews (queue, rank, opened_at, review_id);
CREATE INDEX by_queue_state ON reviews (queue, state, rank, opened_at, review_id);
CREATE INDEX by_tenant ON reviews (tenant, rank, opened_at, review_id);
CREATE INDEX by_tenant_state ON reviews (tenant, state, rank, opened_at, review_id);
CREATE INDEX by_tenant_queue ON reviews (tenant, queue, state, rank, opened_at, review_id);
CREATE INDEX by_deadline ON reviews (expires_at, review_id) WHERE state = 'open';
CREATE INDEX by_end ON reviews (ended_at) WHERE state <> 'open';
CREATE INDEX by_session ON reviews (session, opened_at) WHERE session <> '';
CREATE TABLE review_history (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    review_id TEXT NOT NULL,
    told INTEGER NOT NULL DEFAULT 0,  -- 1: recorded; else until when it is left alone
    body BLOB NOT NULL
);
CREATE INDEX of_review ON review_history (review_id, number);
CREATE INDEX untold ON review_history (number) WHERE told <> 1;
"""

LEFT_BEHIND = """
INSERT INTO review_history (number, review_id, told, body)
    SELECT number, review_id, told, body FROM history;
DROP TABLE history;
DROP TABLE former_reviews;
"""
"""What remains to be done with the first form when its reviews were written anew."""

FORMER_INDEXES = ("by_rank", "by_state", "by_queue", "by_tenant", "by_deadline")
FORMER_INDEXES_OF_HISTORY = ("of_review", "untold")

MANNER = Manner(
    by_deadline="INDEXED BY by_deadline",  # Else all open ones are read.
    each="SELECT {keys} FROM json_each(?) AS scope "
    "CROSS JOIN reviews AS one ON one.rowid IN (SELECT rowid {of})",
    part="json_extract(scope.value, '$[{}]')",
)

Made = TypeVar("Made")


class SqliteReviews(KeptReviews):
    """Owns connections to the file at *path*; see `ReviewStore`."""

    def __init__(self, path: Path, patience: float = PATIENCE, key: bytes | None = None) -> None:
        """Open the file, made where there is none. Raises ReviewsUnavailable.

        With a *key* of 32 bytes what reviews and deeds say is sealed with it; their tenants, queues
        and times are not.
        """
        self.path = path
        rows = Rows(key)
        database = SqliteDatabase(path, patience)
        super().__init__(database, rows)
        with ExitStack() as undo:
            undo.callback(database.close)
            self.do(lambda session: prepare(session, rows, database.name))
            self.look(lambda session: check_key(session, rows, database.name))
            undo.pop_all()


FULL = "is there room on the disk?"
CLOSED = "may {0}, {0}-wal and {0}-shm be written to?"
REPLACED = "another file was put in its place while it was open; start the engine again"
READ_ONLY = ("SQLITE_READONLY", "SQLITE_CANTOPEN")
OF_THE_DISK = frozenset({"SQLITE_FULL", "SQLITE_IOERR_WRITE", "SQLITE_IOERR_SHMSIZE"})
"""What SQLite says of a full disk; but for the first it calls it an error of the disk."""


def is_full(error: sqlite3.Error) -> bool:
    """Return whether SQLite says with *error* that there is no room."""
    return isinstance(error, sqlite3.OperationalError) and error.sqlite_errorname in OF_THE_DISK


def is_closed(error: sqlite3.Error) -> bool:
    """Return whether SQLite says with *error* that it may not write."""
    return isinstance(error, sqlite3.OperationalError) and error.sqlite_errorname.startswith(
        READ_ONLY
    )


class SqliteDatabase:
    """A connection to look with and one to act with, so that who looks never waits for an act."""

    def __init__(self, path: Path, patience: float) -> None:
        self.name = str(path)
        self.manner = MANNER
        self._path = path
        self._patience = patience
        self._lines: list[sqlite3.Connection] = []
        self._locks = Lock(), Lock()
        with self._told():
            make_file(path)
            for _ in self._locks:
                self._lines.append(self._connect(path))
            self._file = which_file(path)
        try:
            with self._told():
                share(self._lines[0], monotonic() + patience)
                for line in self._lines:
                    line.execute(f"PRAGMA busy_timeout = {int(patience * 1000)}").close()
                    line.execute("PRAGMA synchronous = NORMAL").close()
        except ReviewsUnavailable:
            self.close()
            raise

    def _connect(self, path: Path) -> sqlite3.Connection:
        return sqlite3.connect(path, timeout=0, isolation_level=None, check_same_thread=False)

    def close(self) -> None:
        """Close the file; closing twice is fine."""
        for line in self._lines:
            line.close()

    def read(self, work: Callable[[Session], Made]) -> Made:
        """Return what *work* finds."""
        return self._together(0, "BEGIN", work)

    def write(self, work: Callable[[Session], Made]) -> Made:
        """Do all of *work* or nothing, while nobody else writes."""
        return self._together(1, "BEGIN IMMEDIATE", work)

    def _together(self, which: int, begin: str, work: Callable[[Session], Made]) -> Made:
        """Do *work* in one transaction of one of the connections."""
        lock, line = self._locks[which], self._lines[which]
        if not lock.acquire(timeout=self._patience):
            raise ReviewsUnavailable(f"the reviews in {self.name}: others take too long")
        try:
            with self._told():
                # One that was put aside would be written to on, and nobody else would see it.
                if which_file(self._path) != self._file:
                    raise ReviewsUnavailable(f"the reviews in {self.name}: {REPLACED}")
                line.execute(begin)
                try:
                    made = work(Talk(line))
                    line.execute("COMMIT")
                finally:
                    line.rollback()  # After the commit there is nothing to take back.
                return made
        finally:
            lock.release()

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Turn what SQLite and the disk say into ReviewsUnavailable."""
        try:
            yield
        except OSError as error:
            remedy = remedy_for(error, "")
            told = f"cannot open {self.name}: {error.strerror}"
            raise ReviewsUnavailable(f"{told}; {remedy}" if remedy else told) from None
        except sqlite3.Error as error:
            hint = FULL if is_full(error) else self._why_closed() if is_closed(error) else ""
            hint = hint and f" ({hint})"
            raise ReviewsUnavailable(f"the reviews in {self.name}: {error}{hint}") from None

    def _why_closed(self) -> str:
        """Return what to do where the file can be opened or written no more."""
        none = why_none_opens()
        remedy = "" if none is None else remedy_for(none, "")
        return f"{none.strerror}; {remedy}" if none and remedy else CLOSED.format(self.name)


class Talk:
    """A transaction that runs; see `Session`."""

    def __init__(self, line: sqlite3.Connection) -> None:
        self._line = line

    def rows(self, statement: str, values: Sequence[Value] = ()) -> list[tuple[Any, ...]]:
        """Return what *statement* finds."""
        return self._line.execute(statement, values).fetchall()

    def do(self, statement: str, values: Sequence[Value] = ()) -> int:
        """Do it; return how many rows it has changed."""
        return self._line.execute(statement, values).rowcount


def share(line: sqlite3.Connection, until: float) -> None:
    """Go into WAL mode. Of several that do so at once SQLite lets some fail without waiting."""
    while True:
        try:
            line.execute("PRAGMA journal_mode = WAL").close()
        except sqlite3.OperationalError:
            if monotonic() >= until:
                raise
            sleep(AGAIN)
        else:
            return


def prepare(session: Session, rows: Rows, name: str) -> None:
    """Bring the tables to the form that is known here. Raises ReviewsUnavailable if it is newer."""
    ((form,),) = session.rows("PRAGMA user_version")
    if form == FORM:
        return
    if form > FORM:
        raise ReviewsUnavailable(f"{name} has form {form}, and this engine knows {FORM}")
    if form == 1:
        session.do("ALTER TABLE reviews RENAME TO former_reviews")
        for index in (*FORMER_INDEXES, *FORMER_INDEXES_OF_HISTORY):
            session.do(f"DROP INDEX {index}")
    do_all(session, SCHEMA)
    if form == 1:
        marks = ", ".join("?" * len(COLUMNS))
        for (body,) in session.rows("SELECT body FROM former_reviews"):
            written = rows.of_review(rows.review(body))
            session.do(f"INSERT INTO reviews VALUES ({marks})", written)  # noqa: S608  question marks
        do_all(session, LEFT_BEHIND)
    session.do(f"PRAGMA user_version = {FORM}")


def check_key(session: Session, rows: Rows, name: str) -> None:
    """Raise ReviewsUnavailable where *rows* have another key than who wrote last.

    Else those of before could not be read, nor ended when their time is over, and beside them there
    would be others.
    """
    for (body,) in session.rows("SELECT body FROM review_history ORDER BY number DESC LIMIT 1"):
        try:
            rows.open(body)
        except WrongKey:
            raise ReviewsUnavailable(
                f"the reviews in {name} are sealed with another secret, or were changed: put back "
                f"the `secret.key` (`secret_key_file`) that was there, or move {name} away, with "
                "what is named like it, to begin without them"
            ) from None


def do_all(session: Session, statements: str) -> None:
    """Do one statement after the other."""
    for statement in filter(str.strip, statements.split(";\n")):
        session.do(statement)


def which_file(path: Path) -> tuple[int, int]:
    """Return what tells the file at *path* from one that is put in its place. Raises OSError."""
    found = path.stat()
    return found.st_dev, found.st_ino


def make_file(path: Path) -> None:
    """Make the file before SQLite does: for the owner only, and so are those beside it.

    Invariant: a file that exists is not opened here. Closing it would drop the locks that other
    connections of this process hold on it (POSIX).
    """
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
