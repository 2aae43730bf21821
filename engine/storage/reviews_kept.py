"""Reviews in, rows of a database out: what all stores of reviews do alike.

Each act is one transaction: read the review and lock it, apply the act (see ``reviews_acts``),
write the review and a row of history. So of two that race for a claim the second one reads what the
first has written. A process may be killed at any moment: the act is there, or it is not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

import msgspec

from engine.runtime.decision import ReviewState
from engine.storage.chest import WrongKey
from engine.storage.reviews import (
    PAGE_BYTES,
    SECOND,
    SEVERITIES,
    Act,
    Answer,
    Count,
    Deed,
    History,
    Move,
    NoReview,
    Page,
    Question,
    Refused,
    Review,
    ReviewsUnavailable,
    Upkeep,
    Wanted,
)
from engine.storage.reviews_acts import apply, begin, in_time, stands
from engine.storage.reviews_database import Database, Raced, Session
from engine.storage.reviews_deeds import answers_in, deed_of, printable
from engine.storage.reviews_lists import listing
from engine.storage.reviews_rows import (
    COLUMNS,
    Rows,
    Value,
    read_number,
    read_token,
    token_after,
)
from engine.storage.reviews_upkeep import delete_over, erase_over

OVERDUE = 500
"""How many reviews one transaction ends whose time is over."""

NAMED = 500
"""How many reviews one statement asks for by name."""

TELLING = 60 * SECOND
"""How long a deed is left to who was handed it, before somebody else is."""

_READ = "SELECT body FROM reviews WHERE review_id = ?"
OPENED = (
    f"INSERT INTO reviews ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))}) "  # noqa: S608  our names
    "ON CONFLICT (review_id) DO NOTHING"
)
_CHANGED = f"UPDATE reviews SET {', '.join(f'{one} = ?' for one in COLUMNS)} WHERE review_id = ?"  # noqa: S608  our names
_DONE = "INSERT INTO review_history (review_id, body) VALUES (?, ?)"
_COUNTED = (
    "SELECT queue, tenant, state, COUNT(*), SUM(CASE WHEN held_until > ? THEN 1 ELSE 0 END), "
    "MIN(opened_at), rank FROM reviews {} GROUP BY queue, tenant, state, rank "
    "ORDER BY queue, tenant, state, rank"
)

Made = TypeVar("Made")


class KeptReviews:
    """Owns a *database*; see `ReviewStore`. With a *key* of 32 bytes what reviews say is sealed."""

    def __init__(self, database: Database, rows: Rows) -> None:
        self._database = database
        self._manner = database.manner
        self.rows = rows

    @property
    def name(self) -> str:
        """What to call it in messages; without secrets."""
        return self._database.name

    def close(self) -> None:
        """Release it; closing twice is fine."""
        self._database.close()

    # --- what is asked, and acts ------------------------------------------------------------------

    def open_or_join(self, question: Question, now: int) -> Review:
        """Return the review that stands for *question*, opened where none does."""

        def opened(session: Session) -> Review:
            found = self._caught_up(session, question.review_id, now)
            if found is not None and stands(found, now):
                return found
            made = begin(question, now, found)
            self._write(session, made, "opened", now, new=found is None)
            return made

        # Reading alone locks nobody out, and most questions are asked again.
        found = self.look(lambda session: self._read(session, question.review_id))
        if found is None or not self._joins(found, question, now):
            found = self.do(opened)
        same_question(found.question, question)
        return found

    def _joins(self, review: Review, question: Question, now: int) -> bool:
        """Return whether *review* answers *question* without a word to be written."""
        same_question(review.question, question)
        return stands(review, now) and in_time(review, now) is review

    def find(self, review_id: str, now: int) -> Review:
        """Return a review as it stands. Raises NoReview."""
        found = self.look(lambda session: self._read(session, review_id))
        if found is None:
            raise NoReview("there is no such review")
        return in_time(found, now)

    def act(self, review_id: str, move: Move, now: int) -> Review:
        """Return the review after *move*. Raises NoReview, and Refused, which is kept too."""

        def acted(session: Session) -> Review | Refused:
            review = self._caught_up(session, review_id, now)
            if review is None:
                raise NoReview("there is no such review")
            made = attempt(review, move, now)
            if isinstance(made, Refused):
                told = Move(verb=move.verb, who=printable(move.who), note=f"{move.verb}: {made}")
                self._write(session, review, "refused", now, told)
                return made
            self._write(session, *made, now, move)
            return made[0]

        found = self.do(acted)
        if isinstance(found, Refused):
            raise found
        return found

    def expire(self, now: int, most: int) -> int:
        """End up to *most* reviews whose time is over; return how many there were."""
        overdue = (
            f"SELECT review_id FROM reviews {self._manner.by_deadline} "  # noqa: S608  our words
            "WHERE state = 'open' AND expires_at <= ? ORDER BY expires_at, review_id LIMIT ?"
        )

        def ended(session: Session) -> int:
            found = session.rows(overdue + self._manner.lock, (now, most))
            for (review_id,) in found:
                self._caught_up(session, review_id, now)
            return len(found)

        # Nearly always there is nothing, and then nobody is locked out.
        if not self.look(lambda session: session.rows(overdue, (now, 1))):
            return 0
        return self.do(ended)

    # --- what there is ----------------------------------------------------------------------------

    def browse(
        self, wanted: Wanted, token: str, most: int, now: int, room: int = PAGE_BYTES
    ) -> Page:
        """Return up to *most* reviews after *token*, fewer where they take more than *room* bytes.

        Raises Refused for a token that is none.
        """
        wanted_after = listing(wanted, read_token(token))
        while self.expire(now, OVERDUE):
            pass
        if not wanted_after.choices:
            return Page(reviews=())

        def listed(session: Session) -> Page:
            # Their sizes first: what does not fit is not even read.
            keys = session.rows(*wanted_after.statement(most + 1, self._manner))
            number = fitting([row[3] for row in keys[:most]], room)
            bodies = _bodies(session, [row[2] for row in keys[:number]])
            return Page(
                reviews=tuple(map(self.rows.review, bodies)),
                token=token_after(keys[number - 1][:3]) if len(keys) > number else "",
                sizes=tuple(map(len, bodies)),
            )

        return self.look(listed)

    def begin_with(self, text: str, most: int) -> tuple[str, ...]:
        """Return up to *most* ids that begin with *text*, in their order."""
        asked = "SELECT review_id FROM reviews WHERE review_id >= ? ORDER BY review_id LIMIT ?"
        found = self.look(lambda session: session.rows(asked, (text, most)))
        return tuple(row[0] for row in found if text and row[0].startswith(text))

    def history(self, review_id: str) -> tuple[Deed, ...]:
        """Return what was done with a review, the oldest first. Raises NoReview."""
        asked = "SELECT number, body FROM review_history WHERE review_id = ? ORDER BY number"
        found = self.look(lambda session: self._deeds(session.rows(asked, (review_id,))))
        if not found:
            raise NoReview("there is no such review")
        return found

    def recall(self, review_id: str, token: str, most: int, room: int = PAGE_BYTES) -> History:
        """Return up to *most* deeds after *token*, fewer where they take more than *room* bytes.

        Raises NoReview, and Refused for a token that is none.
        """
        after = read_number(token)
        asked = (
            "SELECT number, {} FROM review_history WHERE review_id = ? AND number > ? "
            "ORDER BY number LIMIT ?"
        )

        def recalled(session: Session) -> History:
            values = (review_id, after)
            rows = session.rows(asked.format("LENGTH(body)"), (*values, most + 1))
            number = fitting([row[1] for row in rows[:most]], room)
            found = self._deeds(session.rows(asked.format("body"), (*values, number)))
            more = found and len(rows) > number
            return History(deeds=found, token=str(found[-1].number) if more else "")

        made = self.look(recalled)
        if not made.deeds and not after:
            raise NoReview("there is no such review")
        return made

    def of_session(self, tenant: str, session: str, most: int) -> tuple[Review, ...]:
        """Return the newest reviews of a conversation, up to *most* of them."""
        asked = "SELECT body FROM reviews WHERE session = ? ORDER BY opened_at DESC LIMIT ?"

        def found(at: Session) -> tuple[Review, ...]:
            named = self.rows.session(tenant, session)
            return tuple(self.rows.review(row[0]) for row in at.rows(asked, (named, most)))

        return self.look(found) if session else ()

    def counts(self, now: int, state: ReviewState | None = None) -> tuple[Count, ...]:
        """Return how many there are of each queue, tenant, state and severity."""
        asked = _COUNTED.format("WHERE state = ?" if state else "")
        values = (now, state) if state else (now,)
        return tuple(
            Count(
                queue=queue,
                tenant=tenant,
                state=which,
                number=number,
                claimed=int(claimed),
                oldest=oldest,
                severity=SEVERITIES[-rank],
            )
            for queue, tenant, which, number, claimed, oldest, rank in self.look(
                lambda session: session.rows(asked, values)
            )
        )

    def answers(self, now: int) -> tuple[Answer, ...]:
        """Return every round that has ended."""
        while self.expire(now, OVERDUE):
            pass

        def found(session: Session) -> tuple[Answer, ...]:
            # The history first: its reviews are there when they are read, unless they were deleted.
            deeds = self._deeds(
                session.rows("SELECT number, body FROM review_history ORDER BY number")
            )
            reasons = {
                one.question.review_id: one.question.reasons
                for one in (
                    self.rows.review(row[0]) for row in session.rows("SELECT body FROM reviews")
                )
            }
            return answers_in(deeds, reasons)

        return self.look(found)

    def stamps(self, review_ids: Sequence[str]) -> dict[str, int]:
        """Return the number of the newest deed of each of these reviews that there is."""
        found: dict[str, int] = {}
        for begins in range(0, len(review_ids), NAMED):
            some = review_ids[begins : begins + NAMED]
            asked = (
                "SELECT review_id, MAX(number) FROM review_history "  # noqa: S608  question marks
                f"WHERE review_id IN ({_marks(some)}) GROUP BY review_id"
            )
            found.update(self.look(lambda session: session.rows(asked, some)))  # noqa: B023  at once
        return found

    # --- what is recorded, and upkeep -------------------------------------------------------------

    def untold(self, most: int, now: int) -> tuple[Deed, ...]:
        """Return up to *most* deeds that are not `told`; for a minute they are the caller's."""
        asked = (
            "SELECT number, body FROM review_history WHERE told <> 1 AND told <= ? "
            "ORDER BY number LIMIT ?"
        )

        def handed(session: Session) -> tuple[Deed, ...]:
            found = session.rows(asked + self._manner.skip, (now, most))
            _mark(session, [row[0] for row in found], now + TELLING)
            return self._deeds(found)

        if not self.look(lambda session: session.rows(asked, (now, 1))):
            return ()
        return self.do(handed)

    def told(self, numbers: Sequence[int], *, kept: bool = True) -> None:
        """Note that what was handed over was kept; or that it was not: it is handed over again."""
        if numbers:
            self.do(lambda session: _mark(session, numbers, int(kept)))

    def prune(self, upkeep: Upkeep, now: int, most: int) -> int:
        """Erase what up to *most* reviews show, and delete as many; return how many there were."""

        def pruned(session: Session) -> int:
            done = 0
            if upkeep.keep_content:
                ended = now - upkeep.keep_content
                done += erase_over(session, self.rows, self._manner, now, ended, most)
            if upkeep.keep:
                done += delete_over(session, self.rows, self._manner, now, now - upkeep.keep, most)
            return done

        return self.do(pruned)

    # --- rows -------------------------------------------------------------------------------------

    def _read(self, session: Session, review_id: str, lock: str = "") -> Review | None:
        found = session.rows(_READ + lock, (review_id,))
        if not found:
            return None
        review = self.rows.review(found[0][0])
        if review.question.review_id != review_id:
            raise ReviewsUnavailable(f"{self.name} holds one review in the place of another")
        return review

    def _deeds(self, rows: Sequence[tuple[int, bytes]]) -> tuple[Deed, ...]:
        return tuple(self.rows.deed(*row) for row in rows)

    def _caught_up(self, session: Session, review_id: str, now: int) -> Review | None:
        """Return a review as it stands, its end written down where its time is over."""
        found = self._read(session, review_id, self._manner.lock)
        if found is None:
            return None
        standing = in_time(found, now)
        if standing is not found:
            self._write(session, standing, "expired", standing.resolved_at)
        return standing

    def _write(
        self,
        session: Session,
        review: Review,
        act: Act,
        now: int,
        move: Move | None = None,
        *,
        new: bool = False,
    ) -> None:
        """Write *review* as it stands after *act*, and the row of history."""
        values = self.rows.of_review(review)
        review_id = review.question.review_id
        if not new:
            session.do(_CHANGED, (*values, review_id))
        elif not session.do(OPENED, values):
            raise Raced
        session.do(_DONE, (review_id, self.rows.of_deed(deed_of(review, act, now, move))))

    def look(self, work: Callable[[Session], Made]) -> Made:
        """Return what *work* finds. Nothing of it may write."""
        with self._told_apart():
            return self._database.read(work)

    def do(self, work: Callable[[Session], Made]) -> Made:
        """Do all of *work* or nothing; it may be begun several times."""
        with self._told_apart():
            return self._database.write(work)

    @contextmanager
    def _told_apart(self) -> Iterator[None]:
        """Say of what cannot be read, or written, why."""
        try:
            yield
        except UnicodeEncodeError:
            raise Refused("half a character, a lone surrogate, is in no name") from None
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise ReviewsUnavailable(f"{self.name} holds a review that is none") from None
        except WrongKey as error:
            raise ReviewsUnavailable(f"a review in {self.name} cannot be read: {error}") from None


def _bodies(session: Session, review_ids: Sequence[str]) -> list[bytes]:
    """Return the bodies of these reviews, in this order; of those that there still are."""
    found: dict[str, bytes] = {}
    for begins in range(0, len(review_ids), NAMED):
        some = review_ids[begins : begins + NAMED]
        asked = f"SELECT review_id, body FROM reviews WHERE review_id IN ({_marks(some)})"  # noqa: S608  question marks
        found.update(session.rows(asked, some))
    return [found[one] for one in review_ids if one in found]


def _marks(some: Sequence[Value]) -> str:
    """Return a question mark for each of *some*."""
    return ", ".join("?" * len(some))


def fitting(sizes: Sequence[int], room: int) -> int:
    """Return how many of *sizes*, from the first on, fit into *room*; one always does."""
    for number, size in enumerate(sizes):
        room -= size
        if room < 0:
            return max(1, number)
    return len(sizes)


def _mark(session: Session, numbers: Sequence[int], told: int) -> None:
    """Set until when deeds are left alone; 1: for ever. Those of deleted reviews go then."""
    for begins in range(0, len(numbers), NAMED):
        some = numbers[begins : begins + NAMED]
        these = f"number IN ({_marks(some)})"
        session.do(f"UPDATE review_history SET told = ? WHERE {these}", (told, *some))  # noqa: S608  question marks
        if told == 1:
            gone = "NOT EXISTS (SELECT 1 FROM reviews WHERE reviews.review_id = of.review_id)"
            session.do(f"DELETE FROM review_history AS of WHERE {these} AND {gone}", some)  # noqa: S608  question marks


def attempt(review: Review, move: Move, now: int) -> tuple[Review, Act] | Refused:
    """Return what `apply` does, or why it refuses."""
    try:
        return apply(review, move, now)
    except Refused as error:
        return error


def same_question(held: Question, asked: Question) -> None:
    """Raise ReviewsUnavailable when two questions of one id are not of the same user.

    Ids are keyed hashes of who asks what: this is for a store that was changed by hand.
    """
    if (held.tenant, held.user, held.revision) != (asked.tenant, asked.user, asked.revision):
        raise ReviewsUnavailable("a review of this id belongs to someone else")
