"""Reviews in, one SQLite file in WAL mode out, that the processes of one machine share.

Each act is one ``BEGIN IMMEDIATE`` transaction: read the review, apply the act (see ``reviews``),
write the review and a row of history. So of two that race for a claim the second one reads what the
first has written. A process may be killed at any moment: the act is there, or it is not.
After a loss of power the newest acts may be gone, never a part of one.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from time import monotonic, sleep

import msgspec

from engine.runtime.decision import Reason
from engine.storage.chest import Chest, Open, WrongKey
from engine.storage.reviews import (
    Act,
    Answer,
    Deed,
    Move,
    NoReview,
    Page,
    Question,
    Refused,
    Review,
    ReviewsUnavailable,
    Shown,
    Wanted,
    apply,
    begin,
    in_time,
    stands,
)

VERSION = 1
PATIENCE = 1.0
"""Seconds that a transaction waits for those of other processes."""

AGAIN = 0.005
"""Seconds until a file that others are just opening is tried again."""

FARTHEST = 1 << 62
"""No number in the file is beyond it."""

NAMED = 500
"""How many reviews one statement asks for by name."""

OVERDUE = 500
"""How many reviews one transaction ends whose time is over."""

SCHEMA = """
CREATE TABLE reviews (
    review_id TEXT PRIMARY KEY,
    tenant TEXT NOT NULL,
    queue TEXT NOT NULL,
    state TEXT NOT NULL,
    rank INTEGER NOT NULL,       -- 0 is the gravest
    opened_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    body BLOB NOT NULL           -- the whole review, JSON
) WITHOUT ROWID;
CREATE INDEX by_rank ON reviews (rank, opened_at, review_id);
CREATE INDEX by_state ON reviews (state, rank, opened_at, review_id);
CREATE INDEX by_queue ON reviews (queue, state, rank, opened_at, review_id);
CREATE INDEX by_tenant ON reviews (tenant, state, rank, opened_at, review_id);
CREATE INDEX by_deadline ON reviews (expires_at) WHERE state = 'open';
CREATE TABLE history (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    review_id TEXT NOT NULL,
    told INTEGER NOT NULL DEFAULT 0,
    body BLOB NOT NULL           -- the deed, JSON
);
CREATE INDEX of_review ON history (review_id, number);
CREATE INDEX untold ON history (number) WHERE told = 0;
"""

LISTED = "SELECT rank, opened_at, review_id, body FROM reviews WHERE "
AFTER = "(rank, opened_at, review_id) > (?, ?, ?) ORDER BY rank, opened_at, review_id LIMIT ?"

encode = msgspec.json.Encoder(enc_hook=str).encode
read_review = msgspec.json.Decoder(Review).decode
read_deed = msgspec.json.Decoder(Deed).decode

Key = tuple[int, int, str]
"""Where a review stands in the order: rank, opening, id."""


class SqliteReviews:
    """Owns a connection to the file at *path*; see `ReviewStore`. One thread at a time."""

    def __init__(self, path: Path, patience: float = PATIENCE, key: bytes | None = None) -> None:
        """Open the file, made where there is none. Raises ReviewsUnavailable.

        With a *key* of 32 bytes what reviews and deeds say is sealed with it; their tenants, queues
        and times are not.
        """
        self.path = path
        self._chest = Open() if key is None else Chest(key)
        with self._told():
            make_file(path)
            self._line = sqlite3.connect(
                path, timeout=0, isolation_level=None, check_same_thread=False
            )
        try:
            with self._told():
                self._share(monotonic() + patience)
                self._line.execute(f"PRAGMA busy_timeout = {int(patience * 1000)}").close()
                self._line.execute("PRAGMA synchronous = NORMAL").close()
            self._prepare()
        except ReviewsUnavailable:
            self._line.close()
            raise

    def _share(self, until: float) -> None:
        """Go into WAL mode. Of several that do so at once SQLite lets some fail without waiting."""
        while True:
            try:
                self._line.execute("PRAGMA journal_mode = WAL").close()
            except sqlite3.OperationalError:
                if monotonic() >= until:
                    raise
                sleep(AGAIN)
            else:
                return

    def _prepare(self) -> None:
        with self._writing():
            (version,) = self._line.execute("PRAGMA user_version").fetchone()
            if version == 0:
                for statement in SCHEMA.split(";\n"):
                    self._line.execute(statement)
                self._line.execute(f"PRAGMA user_version = {VERSION}")
            elif version != VERSION:
                raise ReviewsUnavailable(
                    f"{self.path} has form {version}, and this engine knows {VERSION}"
                )

    def close(self) -> None:
        """Close the file; closing twice is fine."""
        self._line.close()

    # --- what is asked, and acts ------------------------------------------------------------------

    def open_or_join(self, question: Question, now: int) -> Review:
        """Return the review that stands for *question*, opened where none does."""
        with self._told():  # Reading alone locks nobody out, and most questions are asked again.
            found = self._read(question.review_id)
        if found is None or not self._joins(found, question, now):
            with self._writing():
                found = self._caught_up(question.review_id, now)
                if found is None or not stands(found, now):
                    found = begin(question, now, found)
                    self._write(found, "opened", now)
        same_question(found.question, question)
        return found

    def _joins(self, review: Review, question: Question, now: int) -> bool:
        """Return whether *review* answers *question* without a word to be written."""
        same_question(review.question, question)
        return stands(review, now) and in_time(review, now) is review

    def find(self, review_id: str, now: int) -> Review:
        """Return a review as it stands. Raises NoReview."""
        with self._told():
            found = self._read(review_id)
        if found is None:
            raise NoReview("there is no such review")
        return in_time(found, now)

    def act(self, review_id: str, move: Move, now: int) -> Review:
        """Return the review after *move*. Raises NoReview, and Refused, which is kept too."""
        with self._writing():
            review = self._caught_up(review_id, now)
            if review is None:
                raise NoReview("there is no such review")
            made = attempt(review, move, now)
            if isinstance(made, Refused):
                told = Move(verb=move.verb, who=printable(move.who), note=f"{move.verb}: {made}")
                self._write(review, "refused", now, told)
            else:
                self._write(*made, now, move)
        if isinstance(made, Refused):
            raise made
        return made[0]

    def expire(self, now: int, most: int) -> int:
        """End up to *most* reviews whose time is over; return how many there were."""
        overdue = (
            "SELECT review_id FROM reviews INDEXED BY by_deadline "  # Else all open ones are read.
            "WHERE state = 'open' AND expires_at <= ? ORDER BY expires_at LIMIT ?"
        )
        with self._told():  # Nearly always there is nothing, and then nobody is locked out.
            if self._line.execute(overdue, (now, 1)).fetchone() is None:
                return 0
        with self._writing():
            rows = self._line.execute(overdue, (now, most)).fetchall()
            for (review_id,) in rows:
                self._caught_up(review_id, now)
        return len(rows)

    # --- what there is ----------------------------------------------------------------------------

    def browse(self, wanted: Wanted, token: str, most: int, now: int) -> Page:
        """Return up to *most* reviews after *token*. Raises Refused for a token that is none."""
        after = read_token(token)
        while self.expire(now, OVERDUE):
            pass
        chosen = {name: value for name, value in msgspec.structs.asdict(wanted).items() if value}
        where = "".join(f"{name} = ? AND " for name in chosen)
        with self._told():
            rows = self._line.execute(
                f"{LISTED}{where}{AFTER}", (*chosen.values(), *after, most + 1)
            ).fetchall()
            found = tuple(self._review(row[3]) for row in rows[:most])
        rank, opened_at, review_id = rows[most - 1][:3] if len(rows) > most else (0, 0, "")
        return Page(
            reviews=found, token=f"{rank}-{opened_at}-{review_id}" if len(rows) > most else ""
        )

    def begin_with(self, text: str, most: int) -> tuple[str, ...]:
        """Return up to *most* ids that begin with *text*, in their order."""
        with self._told():
            rows = self._line.execute(
                "SELECT review_id FROM reviews WHERE review_id >= ? ORDER BY review_id LIMIT ?",
                (text, most),
            ).fetchall()
        return tuple(row[0] for row in rows if text and row[0].startswith(text))

    def history(self, review_id: str) -> tuple[Deed, ...]:
        """Return what was done with a review, the oldest first. Raises NoReview."""
        with self._told():
            rows = self._line.execute(
                "SELECT number, body FROM history WHERE review_id = ? ORDER BY number", (review_id,)
            ).fetchall()
            if not rows:
                raise NoReview("there is no such review")
            return tuple(self._numbered(*row) for row in rows)

    def answers(self, now: int) -> tuple[Answer, ...]:
        """Return every round that has ended."""
        while self.expire(now, OVERDUE):
            pass
        with self._together("BEGIN"):
            reasons: dict[str, tuple[Reason, ...]] = {}
            for (body,) in self._line.execute("SELECT body FROM reviews"):
                question = self._review(body).question
                reasons[question.review_id] = question.reasons
            opened: dict[tuple[str, int], int] = {}
            ended: dict[tuple[str, int], Deed] = {}
            for (body,) in self._line.execute("SELECT body FROM history ORDER BY number"):
                deed = self._deed(body)
                where = deed.review_id, deed.round
                if deed.act == "opened":
                    opened[where] = deed.time
                elif deed.state != "open":
                    ended.setdefault(where, deed)
        return tuple(
            Answer(
                rules=tuple(one.rule or one.policy for one in reasons[where[0]]),
                queue=deed.queue,
                state=deed.state,
                who=deed.who,
                opened_at=opened[where],
                ended_at=deed.time,
            )
            for where, deed in ended.items()
        )

    def stamps(self, review_ids: Sequence[str]) -> dict[str, int]:
        """Return the number of the newest deed of each of these reviews that there is."""
        found: dict[str, int] = {}
        for begins in range(0, len(review_ids), NAMED):
            some = review_ids[begins : begins + NAMED]
            marks = ", ".join("?" * len(some))
            with self._told():
                rows = self._line.execute(
                    "SELECT review_id, MAX(number) FROM history "  # noqa: S608  question marks
                    f"WHERE review_id IN ({marks}) GROUP BY review_id",
                    some,
                ).fetchall()
            found.update(rows)
        return found

    def tell(self, keep: Callable[[Deed], None], most: int) -> int:
        """Hand up to *most* deeds to *keep* that no call has handed over; return how many."""
        untold = "SELECT number, body FROM history WHERE told = 0 ORDER BY number LIMIT ?"
        with self._told():
            if self._line.execute(untold, (1,)).fetchone() is None:
                return 0
        with self._writing():
            rows = self._line.execute(untold, (most,)).fetchall()
            for row in rows:
                keep(self._numbered(*row))
            self._line.executemany(
                "UPDATE history SET told = 1 WHERE number = ?", [(row[0],) for row in rows]
            )
        return len(rows)

    # --- rows -------------------------------------------------------------------------------------

    def _read(self, review_id: str) -> Review | None:
        row = self._line.execute(
            "SELECT body FROM reviews WHERE review_id = ?", (review_id,)
        ).fetchone()
        return None if row is None else self._review(row[0])

    def _review(self, body: bytes) -> Review:
        return read_review(self._chest.open(body))

    def _deed(self, body: bytes) -> Deed:
        return read_deed(self._chest.open(body))

    def _numbered(self, number: int, body: bytes) -> Deed:
        return msgspec.structs.replace(self._deed(body), number=number)

    def _caught_up(self, review_id: str, now: int) -> Review | None:
        """Return a review as it stands, its end written down where its time is over."""
        found = self._read(review_id)
        if found is None:
            return None
        standing = in_time(found, now)
        if standing is not found:
            self._write(standing, "expired", standing.resolved_at)
        return standing

    def _write(self, review: Review, act: Act, now: int, move: Move | None = None) -> None:
        """Write *review* as it stands after *act*, and the row of history."""
        question = review.question
        self._line.execute(
            "INSERT OR REPLACE INTO reviews VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                question.review_id,
                question.tenant,
                question.queue,
                review.state,
                -question.priority,
                review.opened_at,
                question.expires_at,
                self._chest.seal(encode(review)),
            ),
        )
        deed = Deed(
            review_id=question.review_id,
            round=review.round,
            time=now,
            act=act,
            who="" if move is None else move.who,
            note=note_of(move),
            state=review.state,
            shown=edit_of(act, review.edited),
            tenant=question.tenant,
            user=question.user,
            queue=question.queue,
        )
        self._line.execute(
            "INSERT INTO history (review_id, body) VALUES (?, ?)",
            (question.review_id, self._chest.seal(encode(deed))),
        )

    def _writing(self) -> AbstractContextManager[None]:
        """Do what is inside while nobody else writes; all of it or nothing."""
        return self._together("BEGIN IMMEDIATE")

    @contextmanager
    def _together(self, begin: str) -> Iterator[None]:
        """Do what is inside in one transaction."""
        with self._told():
            self._line.execute(begin)
            try:
                yield
                self._line.execute("COMMIT")
            finally:
                self._line.rollback()  # After the commit there is nothing to take back.

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Turn what SQLite and the disk say into ReviewsUnavailable."""
        try:
            yield
        except OSError as error:
            raise ReviewsUnavailable(f"cannot open {self.path}: {error.strerror}") from None
        except sqlite3.Error as error:
            raise ReviewsUnavailable(f"the reviews in {self.path}: {error}") from None
        except UnicodeEncodeError:
            raise Refused("half a character, a lone surrogate, is in no name") from None
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise ReviewsUnavailable(f"{self.path} holds a review that is none") from None
        except WrongKey as error:
            raise ReviewsUnavailable(f"a review in {self.path} cannot be read: {error}") from None


def make_file(path: Path) -> None:
    """Make the file before SQLite does: for the owner only, and so are those beside it.

    Invariant: a file that exists is not opened here. Closing it would drop the locks that other
    connections of this process hold on it (POSIX).
    """
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))


def attempt(review: Review, move: Move, now: int) -> tuple[Review, Act] | Refused:
    """Return what `apply` does, or why it refuses."""
    try:
        return apply(review, move, now)
    except Refused as error:
        return error


def same_question(held: Question, asked: Question) -> None:
    """Raise ReviewsUnavailable when two questions of one id are not of the same user.

    Ids are keyed hashes of who asks what: this is for a file that was changed by hand.
    """
    if (held.tenant, held.user, held.revision) != (asked.tenant, asked.user, asked.revision):
        raise ReviewsUnavailable("a review of this id belongs to someone else")


def edit_of(act: Act, edited: Shown | None) -> Shown | None:
    """Return what the history keeps of an edit: what was put in place."""
    return edited if act in {"edited", "endorsed"} else None


def note_of(move: Move | None) -> str:
    """Return the note of *move*: also to whom it hands the review over."""
    if move is None:
        return ""
    if move.verb == "hand_over" and move.to:
        return f"to {move.to}" + (f": {move.note}" if move.note else "")
    return move.note


def printable(name: str) -> str:
    """Return what a history can show of a name that was refused."""
    return name[:64].encode("ascii", "backslashreplace").decode()


def read_token(token: str) -> Key:
    """Return the place that *token* names: after it the page begins. Raises Refused."""
    if not token:
        return (1 - FARTHEST, 0, "")
    parts = token.rsplit("-", 2)
    try:
        rank, opened_at, review_id = parts
        place = int(rank), int(opened_at), review_id
    except ValueError:
        place = (FARTHEST, FARTHEST, "")
    if max(abs(place[0]), abs(place[1])) >= FARTHEST:
        raise Refused("this page token is none of ours")
    return place
