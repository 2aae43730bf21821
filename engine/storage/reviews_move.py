"""Two stores of reviews in; everything of the first is in the second as well, or nothing is.

Reviews, their histories, and what is recorded already. What the second has under the same id stays,
and then nothing is moved.
"""

from __future__ import annotations

import msgspec

from engine.storage.reviews import Deed, Refused, Review
from engine.storage.reviews_database import Session
from engine.storage.reviews_kept import OPENED, KeptReviews

Everything = tuple[list[tuple[Review, bool]], list[tuple[Deed, int]]]


def move_all(source: KeptReviews, target: KeptReviews) -> tuple[int, int]:
    """Copy everything; return how many reviews and how many deeds there were. Raises Refused."""
    reviews, deeds = source.look(lambda session: everything(session, source))

    def write(session: Session) -> None:
        for review, erased in reviews:
            if not session.do(OPENED, target.rows.of_review(review, erased=erased)):
                raise Refused(f"{target.name} has reviews of the same ids already")
        for deed, told in deeds:
            # Numbers are given anew, in the same order: the target may have had others.
            body = target.rows.of_deed(msgspec.structs.replace(deed, number=0))
            done = "INSERT INTO review_history (review_id, told, body) VALUES (?, ?, ?)"
            session.do(done, (deed.review_id, told, body))

    target.do(write)
    return len(reviews), len(deeds)


def everything(session: Session, store: KeptReviews) -> Everything:
    """Return all that *store* has, as it stands at one instant."""
    reviews = [
        (store.rows.review(body), bool(erased))
        for body, erased in session.rows("SELECT body, erased FROM reviews ORDER BY opened_at")
    ]
    deeds = [
        (store.rows.deed(number, body), told)
        for number, body, told in session.rows(
            "SELECT number, body, told FROM review_history ORDER BY number"
        )
    ]
    return reviews, deeds
