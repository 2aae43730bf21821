"""An act on a review in, its row of history out; and a whole history in, the ended rounds out."""

from __future__ import annotations

from collections.abc import Sequence

from engine.runtime.decision import Reason
from engine.storage.reviews import Act, Answer, Deed, Move, Review, Shown


def deed_of(review: Review, act: Act, now: int, move: Move | None) -> Deed:
    """Return the row of history of *act*."""
    question = review.question
    return Deed(
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
        opened_at=review.opened_at,
        certificate=None if move is None else move.certificate,
    )


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


def answers_in(deeds: Sequence[Deed], reasons: dict[str, tuple[Reason, ...]]) -> tuple[Answer, ...]:
    """Return the rounds in a history that have ended."""
    opened: dict[tuple[str, int], int] = {}
    ended: dict[tuple[str, int], Deed] = {}
    endorsed: dict[tuple[str, int], tuple[str, ...]] = {}
    for deed in deeds:
        where = deed.review_id, deed.round
        if deed.act == "opened":
            opened[where] = deed.time
        elif deed.act == "endorsed":
            endorsed[where] = (*endorsed.get(where, ()), deed.who)
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
            review_id=where[0],
            endorsed=endorsed.get(where, ()),
        )
        for where, deed in ended.items()
        if where in opened and where[0] in reasons
    )
