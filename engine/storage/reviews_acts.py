"""A review and an act in, how it stands afterwards out; or why the act is refused.

A review is open until someone approves, rejects or edits it, or until its deadline has passed.
Everything here is a function of the review, the act and the instant, so every store that applies it
in one transaction behaves alike. An answer may be used again for as long as the review might have
waited; asked later, the same thing is a new round of the same review.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Literal, assert_never

import msgspec

from engine.content.normalize import INVISIBLE
from engine.runtime.decision import ReviewState
from engine.storage.reviews import (
    LONGEST_LEASE,
    MOST_DEPTH,
    MOST_NAME,
    MOST_NOTE,
    MOST_TEXT,
    Act,
    Move,
    Question,
    Refused,
    Review,
    Shown,
)

BLANKS = "\u2800"
"""Braille without a dot: it is no blank by its kind, and looks like one."""

_encode = msgspec.json.Encoder(enc_hook=str).encode
unseen = re.compile(f"[{INVISIBLE}{BLANKS}]")

Answering = Literal["claim", "release", "hand_over", "approve", "reject", "edit"]
"""What may only be done while a review is open."""


def begin(question: Question, now: int, before: Review | None = None) -> Review:
    """Return the review of *question*: the next round, when there was one *before*."""
    return Review(question=question, opened_at=now, round=1 if before is None else before.round + 1)


def stands(review: Review, now: int) -> bool:
    """Return whether *review* answers the same question asked again at *now*.

    One that was good for once does not when its token was presented.
    """
    if review.question.once and review.used_at:
        return False
    return review.state == "open" or now < review.resolved_at + review.question.within


def in_time(review: Review, now: int) -> Review:
    """Return *review*, expired where its time is over at *now*."""
    question = review.question
    if review.state != "open" or now < question.expires_at:
        return review
    return msgspec.structs.replace(
        review, state="expired", holder="", held_until=0, resolved_at=question.expires_at
    )


def apply(review: Review, move: Move, now: int) -> tuple[Review, Act]:
    """Return *review* after *move*, and what that was. Raises Refused."""
    if move.barred:
        raise Refused(move.barred)
    check_name(move.who)
    check_text("the note", move.note, MOST_NOTE)
    match move.verb:
        case "comment":
            if not move.note.strip():
                raise Refused("a comment says something")
            return review, "commented"
        case "read":
            return review, "read"
        case "read_full":
            if not review.question.original:
                raise Refused("what came was not kept")
            return review, "read_full"
        case "present":
            return _presented(review, move, now), "presented"
        case "claim" | "release" | "hand_over" | "approve" | "reject" | "edit" as verb:
            return _answered(review, verb, move, now)
        case _:
            assert_never(move.verb)


def _presented(review: Review, move: Move, now: int) -> Review:
    """Return *review* when the token of its approval was shown, which can be done once."""
    if review.state not in {"approved", "edited"} or move.round != review.round:
        raise Refused("the approval token is of an approval that does not hold any more")
    if review.used_at:
        raise Refused("the approval token was used already")
    if now >= review.resolved_at + review.question.within:
        raise Refused("the approval token has expired")
    return msgspec.structs.replace(review, used_at=now)


def _answered(review: Review, verb: Answering, move: Move, now: int) -> tuple[Review, Act]:
    """Return *review* after what may only be done while it is open."""
    if review.state != "open":
        raise Refused(f"the review is over: {review.state}")
    claimant = review.claimant(now)
    if claimant and claimant != move.who:
        raise Refused(f"{claimant} has claimed it")
    # Invariant: an edit ends the claim, so whoever has one was given it with the edited form.
    if verb in {"approve", "edit"} and review.edited is not None and claimant != move.who:
        raise Refused("it was edited after it was asked for: claim it, look at it, then answer")
    match verb:
        case "reject":
            return _resolved(review, move, now, "rejected"), "rejected"
        case "approve":
            return _approved(review, move, now)
        case "edit":
            edited = put_in_place(review, move.shown or Shown())
            # Invariant: whoever approved has not seen this, so it counts for nobody.
            fresh = msgspec.structs.replace(review, edited=edited, approvals=(), aliases=())
            return _approved(fresh, move, now)
        case "claim":
            _not_own(review, move.who, *move.aliases)
            return _held(review, move.who, move.lease, now), "claimed"
        case "release" | "hand_over":
            return _given_up(review, move, now, claimant)
        case _:
            assert_never(verb)


def _given_up(review: Review, move: Move, now: int, claimant: str) -> tuple[Review, Act]:
    """Return *review* when its claimant leaves it to someone, or to anyone."""
    if not claimant:
        raise Refused("nobody has claimed it")
    if move.verb == "release":
        return msgspec.structs.replace(review, holder="", held_until=0), "released"
    check_name(move.to)
    return _held(review, move.to, move.lease, now), "handed_over"


def _held(review: Review, who: str, lease: int, now: int) -> Review:
    _not_own(review, who)
    if not 0 < lease <= LONGEST_LEASE:
        raise Refused("a claim lasts for more than nothing, and a day at most")
    return msgspec.structs.replace(review, holder=who, held_until=now + lease)


def _not_own(review: Review, *names: str) -> None:
    if any(same_person(review.question.user, one) for one in names):
        raise Refused("nobody answers their own request")


def _approved(review: Review, move: Move, now: int) -> tuple[Review, Act]:
    """Return *review* with one approval more: it may be that others are needed."""
    names = (move.who, *move.aliases)
    _not_own(review, *names)
    others = (*review.approvals, *review.aliases)
    if any(same_person(one, name) for one in others for name in names):
        raise Refused(f"{move.who} has approved it already: someone else must too")
    given = msgspec.structs.replace(
        review,
        approvals=(*review.approvals, move.who),
        aliases=(*review.aliases, *move.aliases),
    )
    if len(given.approvals) < review.question.needed:
        return msgspec.structs.replace(given, holder="", held_until=0), "endorsed"
    state: ReviewState = "approved" if given.edited is None else "edited"
    return _resolved(given, move, now, state), "edited" if move.verb == "edit" else "approved"


def _resolved(review: Review, move: Move, now: int, state: ReviewState) -> Review:
    return msgspec.structs.replace(
        review,
        state=state,
        holder="",
        held_until=0,
        resolved_by=move.who,
        resolved_at=now,
        note=move.note,
    )


def put_in_place(review: Review, new: Shown) -> Shown:
    """Return what is released when *new* is put in the place of what *review* shows.

    It has the same parts: a text for the text, as many messages of the same roles, arguments for
    arguments. Raises Refused.
    """
    old = review.released
    if review.question.hidden:
        raise Refused("what is not shown cannot be edited")
    if new.content is None and new.messages is None and new.arguments is None:
        raise Refused("an edit says what is released instead")
    if new.content is not None and old.content is None:
        raise Refused("there is no content to edit")
    if new.messages is not None and [one.role for one in new.messages] != [
        one.role for one in old.messages or ()
    ]:
        raise Refused("an edit has the messages of the review, in their order and with their roles")
    if new.arguments is not None and old.arguments is None:
        raise Refused("there are no arguments to edit")
    if too_deep(new.arguments):
        raise Refused(f"the arguments are nested deeper than {MOST_DEPTH}, which no request may be")
    made = msgspec.structs.replace(
        old,
        content=old.content if new.content is None else new.content,
        messages=old.messages if new.messages is None else new.messages,
        arguments=old.arguments if new.arguments is None else new.arguments,
    )
    texts: Sequence[str] = [one.text for one in new.messages or ()]
    arguments = "" if new.arguments is None else _encode(new.arguments).decode()
    check_text("the edit", "".join((new.content or "", *texts, arguments)), MOST_TEXT)
    return made


def too_deep(value: object) -> bool:
    """Return whether a JSON *value* is nested deeper than arguments may be."""
    level = [value]
    for _ in range(MOST_DEPTH + 1):
        level = [
            inner
            for one in level
            for inner in (
                one.values() if isinstance(one, dict) else one if isinstance(one, list) else ()
            )
        ]
    return bool(level)


def same_person(one: str, other: str) -> bool:
    """Return whether two names are one but for case, width, and blanks and marks nobody sees."""
    return _plain(one) == _plain(other)


def _plain(name: str) -> str:
    seen = unseen.sub("", unicodedata.normalize("NFKC", name))
    shown = "".join(one for one in seen if one.isprintable())
    return unicodedata.normalize("NFKC", " ".join(shown.split()).casefold())


def check_name(name: str) -> None:
    """Raise Refused when *name* is none that a history can show."""
    if not _plain(name) or not name.isprintable():
        raise Refused("a reviewer has a name, of characters that can be shown")
    check_text("a reviewer's name", name, MOST_NAME)


def check_text(what: str, text: str, most: int) -> None:
    """Raise Refused when *text* is too long or no Unicode."""
    if len(text) > most:
        raise Refused(f"{what} has {len(text):,} characters, and {most:,} are the most")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise Refused(f"{what} holds half a character: a lone surrogate") from None
