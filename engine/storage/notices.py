"""Notices that wait in, one SQLite file that the processes of a machine share, out.

A notice waits for each sink on its own, from an instant on. It is gone when it was sent, and stays
when it was not: at least once. How many wait is bounded; those that a review is nearly over wait
as long as it is open, so they have a bound of their own and take nobody's place. Triggers count
them: looking through all that waits at each one that comes would take ever longer.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

SCHEMA = """
CREATE TABLE IF NOT EXISTS notices (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    sink TEXT NOT NULL,
    key TEXT NOT NULL,
    born INTEGER NOT NULL,
    ready INTEGER NOT NULL,      -- from when on it may be sent
    tries INTEGER NOT NULL DEFAULT 0,
    body BLOB NOT NULL,
    UNIQUE (sink, key)
)
"""
READY = "CREATE INDEX IF NOT EXISTS ready ON notices (sink, ready)"

COUNTED = (
    """
CREATE TABLE held (
    sink TEXT NOT NULL,
    due INTEGER NOT NULL,        -- 1: that a review is nearly over
    number INTEGER NOT NULL,
    PRIMARY KEY (sink, due)
)
""",
    """
CREATE TRIGGER came AFTER INSERT ON notices BEGIN
    INSERT OR IGNORE INTO held VALUES (NEW.sink, NEW.key LIKE '%.due', 0);
    UPDATE held SET number = number + 1 WHERE sink = NEW.sink AND due = (NEW.key LIKE '%.due');
END
""",
    """
CREATE TRIGGER went AFTER DELETE ON notices BEGIN
    UPDATE held SET number = number - 1 WHERE sink = OLD.sink AND due = (OLD.key LIKE '%.due');
END
""",
    """
INSERT INTO held SELECT sink, key LIKE '%.due' AS due, COUNT(*) FROM notices GROUP BY sink, due
""",
)
"""What counts them, and how many there are already: a file of an earlier engine has no counts."""

HELD = "SELECT 1 FROM sqlite_master WHERE name = 'held'"
PATIENCE = 0.25
"""Seconds that one waits for another process: each holds the file for a moment only."""


class SpoolError(Exception):
    """The file cannot be used; the text says why."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A notice that is ready: its *key* and *body*, since when, and how often it was tried."""

    number: int
    key: str
    body: bytes
    born: int
    tries: int


class Spool:
    """Owns a connection to the file at *path*; one thread at a time. Times are ns."""

    def __init__(self, path: Path, most: int) -> None:
        """Open it, made where there is none; of each sink *most* may wait, and as many be due.

        Raises SpoolError.
        """
        self._path = path
        self._most = most
        with self._told():
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
            self._line = sqlite3.connect(
                path, timeout=PATIENCE, isolation_level=None, check_same_thread=False
            )
        try:
            with self._told():
                # Of several processes that do so at once some fail; the file is in WAL mode then.
                with suppress(sqlite3.OperationalError):
                    self._line.execute("PRAGMA journal_mode = WAL").close()
                self._line.execute("PRAGMA synchronous = NORMAL").close()
                self._line.execute(SCHEMA).close()
                self._line.execute(READY).close()
                if self._line.execute(HELD).fetchone() is None:
                    self._count()
        except SpoolError:
            self._line.close()
            raise

    def _count(self) -> None:
        """Begin to count, unless another process just has."""
        self._line.execute("BEGIN IMMEDIATE").close()
        if self._line.execute(HELD).fetchone() is None:
            for statement in COUNTED:
                self._line.execute(statement).close()
        self._line.execute("COMMIT").close()

    def add(self, wanted: Sequence[tuple[str, str]], body: bytes, now: int) -> tuple[str, ...]:
        """Let *body* wait from *now* on, for each sink and key in *wanted*; once for each.

        All of them or, when this raises, none. Returns the sinks for which too many wait.
        """
        with self._told():
            self._line.execute("BEGIN IMMEDIATE").close()
            try:
                full = tuple(sink for sink, key in wanted if not self._added(sink, key, body, now))
                self._line.execute("COMMIT").close()
            finally:
                self._line.rollback()  # After the commit there is nothing to take back.
        return full

    def _added(self, sink: str, key: str, body: bytes, now: int) -> bool:
        added = self._line.execute(
            "INSERT OR IGNORE INTO notices (sink, key, born, ready, body) "
            "SELECT ?1, ?2, ?3, ?3, ?4 "
            "WHERE NOT EXISTS (SELECT 1 FROM held "
            "WHERE sink = ?1 AND due = (?2 LIKE '%.due') AND number >= ?5)",
            (sink, key, now, body, self._most),
        ).rowcount
        return added == 1 or self._has(sink, key)

    def _has(self, sink: str, key: str) -> bool:
        found = self._line.execute(
            "SELECT 1 FROM notices WHERE sink = ? AND key = ?", (sink, key)
        ).fetchone()
        return found is not None

    def ready(self, sink: str, now: int, most: int) -> list[Waiting]:
        """Return up to *most* that may be sent to *sink* at *now*, the longest ready first."""
        with self._told():
            rows = self._line.execute(
                "SELECT number, key, body, born, tries FROM notices "
                "WHERE sink = ? AND ready <= ? ORDER BY ready, number LIMIT ?",
                (sink, now, most),
            ).fetchall()
        return [Waiting(*row) for row in rows]

    def done(self, number: int) -> None:
        """Forget it: it was sent, or nobody needs it any more."""
        with self._told():
            self._line.execute("DELETE FROM notices WHERE number = ?", (number,))

    def later(self, number: int, ready: int, *, failed: bool = False) -> None:
        """Let it wait until *ready*; *failed*: it was tried once more."""
        with self._told():
            self._line.execute(
                "UPDATE notices SET ready = ?, tries = tries + ? WHERE number = ?",
                (ready, int(failed), number),
            )

    def waiting(self) -> dict[str, int]:
        """Return how many wait, by sink."""
        with self._told():
            rows = self._line.execute(
                "SELECT sink, SUM(number) FROM held WHERE number > 0 GROUP BY sink"
            ).fetchall()
        return dict(rows)

    def keep_only(self, sinks: tuple[str, ...]) -> None:
        """Forget what waits for sinks that there are no more."""
        marks = ", ".join("?" * len(sinks))
        with self._told():
            self._line.execute(f"DELETE FROM notices WHERE sink NOT IN ({marks})", sinks)  # noqa: S608  marks only

    def close(self) -> None:
        """Close the file; closing twice is fine."""
        self._line.close()

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Turn what SQLite and the disk say into SpoolError."""
        try:
            yield
        except OSError as error:
            raise SpoolError(f"cannot open {self._path}: {error.strerror}") from None
        except sqlite3.Error as error:
            raise SpoolError(f"the notices in {self._path}: {error}") from None
