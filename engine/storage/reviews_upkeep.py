"""Reviews that are over in; what they showed is erased, and later they are deleted.

An answer that still stands for the same question is left alone. That something was erased or
deleted is a deed as any other, so it is recorded; and what is not recorded yet is not deleted.
"""

from __future__ import annotations

import msgspec

from engine.storage.reviews import Act, Deed, Review, Shown
from engine.storage.reviews_database import Manner, Session
from engine.storage.reviews_rows import Rows

ERASED = "it was erased"

_OVER = "state <> 'open' AND ended_at <= ? AND free_at <= ?"
_DONE = "INSERT INTO review_history (review_id, body) VALUES (?, ?)"
_DELETABLE = (
    f"SELECT body FROM reviews WHERE {_OVER} AND NOT EXISTS (SELECT 1 FROM review_history "  # noqa: S608  our words
    "WHERE review_history.review_id = reviews.review_id AND told <> 1) ORDER BY ended_at LIMIT ?"
)


def erase_over(
    session: Session, rows: Rows, manner: Manner, now: int, ended: int, most: int
) -> int:
    """Erase what up to *most* reviews showed that were over at *ended*; return how many."""
    asked = f"SELECT body FROM reviews WHERE {_OVER} AND erased = 0 ORDER BY ended_at LIMIT ?"  # noqa: S608  our words
    found = session.rows(asked + manner.skip, (ended, now, most))
    for (body,) in found:
        review = without_content(rows.review(body))
        review_id = review.question.review_id
        session.do(
            "UPDATE reviews SET body = ?, erased = 1 WHERE review_id = ?",
            (rows.of_review(review)[-1], review_id),
        )
        deeds = "SELECT number, body FROM review_history WHERE review_id = ?"
        for number, deed_body in session.rows(deeds, (review_id,)):
            deed = rows.deed(number, deed_body)
            if deed.note or deed.shown is not None:
                bare = msgspec.structs.replace(deed, number=0, note="", shown=None)
                changed = "UPDATE review_history SET body = ? WHERE number = ?"
                session.do(changed, (rows.of_deed(bare), number))
        session.do(_DONE, (review_id, rows.of_deed(noted(review, "erased", now))))
    return len(found)


def delete_over(
    session: Session, rows: Rows, manner: Manner, now: int, ended: int, most: int
) -> int:
    """Delete up to *most* reviews that were over at *ended*, and their history; return how many."""
    found = session.rows(_DELETABLE + manner.skip, (ended, now, most))
    for (body,) in found:
        review = rows.review(body)
        review_id = review.question.review_id
        # Invariant: what somebody did since it was looked for is kept, until it was recorded too.
        session.do("DELETE FROM review_history WHERE review_id = ? AND told = 1", (review_id,))
        session.do("DELETE FROM reviews WHERE review_id = ?", (review_id,))
        # It goes when it was recorded.
        session.do(_DONE, (review_id, rows.of_deed(noted(review, "deleted", now))))
    return len(found)


def without_content(review: Review) -> Review:
    """Return *review* without what was shown, what was put in its place, and the note."""
    question = msgspec.structs.replace(
        review.question,
        shown=Shown(),
        original="",
        asked={},
        hidden=review.question.hidden or ERASED,
    )
    return msgspec.structs.replace(
        review, question=question, edited=None if review.edited is None else Shown(), note=""
    )


def noted(review: Review, act: Act, now: int) -> Deed:
    """Return the deed of the upkeep."""
    question = review.question
    return Deed(
        review_id=question.review_id,
        round=review.round,
        time=now,
        act=act,
        state=review.state,
        tenant=question.tenant,
        user=question.user,
        queue=question.queue,
    )
