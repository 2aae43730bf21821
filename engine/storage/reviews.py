"""A question to a person and the acts so far in; how the review stands after one more act out.

A review is open until someone approves, rejects or edits it, or until its deadline has passed.
Everything here is a function of the review, the act and the instant, so every store that applies it
in one transaction behaves alike. An answer may be used again for as long as the review might have
waited; asked later, the same thing is a new round of the same review.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from typing import Literal, Protocol, assert_never

import msgspec

from engine.runtime.decision import Message, Reason, ReviewState

Verb = Literal["claim", "release", "hand_over", "approve", "reject", "edit", "comment"]
Act = Literal[
    "opened",
    "claimed",
    "released",
    "handed_over",
    "endorsed",
    "approved",
    "rejected",
    "edited",
    "commented",
    "expired",
    "refused",
]

SEVERITIES = ("", "low", "medium", "high", "critical")
"""From the least to the gravest: how soon a person should look."""

SECOND = 1_000_000_000
LEASE = 15 * 60 * SECOND
"""How long a claim lasts unless it says otherwise."""
LONGEST_LEASE = 24 * 3600 * SECOND

MOST_NAME = 256
MOST_NOTE = 4096
MOST_TEXT = 1_048_576
"""Characters of a reviewer's name, of a note, and of all that a reviewer puts in place."""


class Refused(Exception):
    """An act that may not be done; the text says why, and never repeats content."""


class NoReview(Exception):
    """There is no review of this id."""


class ReviewsUnavailable(Exception):
    """The store cannot answer; the text says why."""


class Shown(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a reviewer sees, and what is released: already redacted where the policies redact."""

    content: str | None = None
    messages: tuple[Message, ...] | None = None
    arguments: object = None
    attributes: dict[str, str] = {}


class Question(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a person is asked. Times are ns since the epoch, durations ns."""

    review_id: str
    tenant: str
    user: str
    stage: str
    queue: str
    revision: str
    reasons: tuple[Reason, ...]
    shown: Shown
    expires_at: int
    within: int
    otherwise: Literal["allow", "deny"]
    needed: int = 1
    """How many reviewers must approve."""
    decision_id: str = ""
    """The decision that opened it."""
    session: str = ""
    tool: str = ""
    hidden: str = ""
    """Why nothing is shown; empty where it is."""

    @property
    def severity(self) -> str:
        """The gravest severity of its reasons."""
        return max((one.severity for one in self.reasons), key=SEVERITIES.index, default="")

    @property
    def priority(self) -> int:
        """The greater the sooner: 0 to 4."""
        return SEVERITIES.index(self.severity)


class Review(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A question and how it stands."""

    question: Question
    opened_at: int
    state: ReviewState = "open"
    round: int = 1
    """How often the same thing was asked anew."""
    holder: str = ""
    """Who has claimed it, until *held_until*."""
    held_until: int = 0
    approvals: tuple[str, ...] = ()
    edited: Shown | None = None
    """What is released instead."""
    resolved_by: str = ""
    resolved_at: int = 0
    note: str = ""
    """The sentence of who resolved it."""

    @property
    def released(self) -> Shown:
        """What may pass when it may pass."""
        return self.question.shown if self.edited is None else self.edited

    def claimant(self, now: int) -> str:
        """Return who has it now; empty for nobody."""
        return self.holder if self.state == "open" and now < self.held_until else ""


class Move(msgspec.Struct, frozen=True, kw_only=True):
    """What *who* wants to do with a review."""

    verb: Verb
    who: str
    note: str = ""
    to: str = ""
    """Whom it is handed to."""
    lease: int = LEASE
    """How long a claim lasts, in ns."""
    shown: Shown | None = None
    """What an edit puts in place: what is absent stays as it was."""


class Deed(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A row of the history: what was done, by whom, and how the review stood after it."""

    number: int = 0
    review_id: str
    round: int
    time: int
    act: Act
    who: str = ""
    """Empty for what nobody did: the opening, and the end of the time."""
    note: str = ""
    state: ReviewState
    shown: Shown | None = None
    tenant: str = ""
    user: str = ""
    queue: str = ""


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which reviews: what is empty does not choose."""

    queue: str = ""
    tenant: str = ""
    state: ReviewState | Literal[""] = ""


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """Some reviews, the gravest first and then the oldest; *token* leads on, empty at the end."""

    reviews: tuple[Review, ...]
    token: str = ""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """One round that has ended: for the figures."""

    rules: tuple[str, ...]
    queue: str
    state: ReviewState
    who: str
    opened_at: int
    ended_at: int


class ReviewStore(Protocol):
    """Keeps reviews. Every method raises ReviewsUnavailable, and those that act are atomic."""

    def open_or_join(self, question: Question, now: int) -> Review:
        """Return the review that stands for *question*, opened where none does."""
        ...

    def find(self, review_id: str, now: int) -> Review:
        """Return a review as it stands. Raises NoReview."""
        ...

    def act(self, review_id: str, move: Move, now: int) -> Review:
        """Return the review after *move*. Raises NoReview and Refused; what is refused is kept."""
        ...

    def browse(self, wanted: Wanted, token: str, most: int, now: int) -> Page:
        """Return up to *most* reviews after *token*. Raises Refused for a token that is none."""
        ...

    def history(self, review_id: str) -> tuple[Deed, ...]:
        """Return what was done with a review, the oldest first. Raises NoReview."""
        ...

    def answers(self, now: int) -> tuple[Answer, ...]:
        """Return every round that has ended."""
        ...

    def expire(self, now: int, most: int) -> int:
        """End up to *most* reviews whose time is over; return how many there were."""
        ...

    def tell(self, keep: Callable[[Deed], None], most: int) -> int:
        """Hand up to *most* deeds to *keep* that no call has handed over; return how many.

        When *keep* raises, so does this, and what was not kept is handed over again.
        """
        ...

    def close(self) -> None:
        """Release it."""
        ...


def begin(question: Question, now: int, before: Review | None = None) -> Review:
    """Return the review of *question*: the next round, when there was one *before*."""
    return Review(question=question, opened_at=now, round=1 if before is None else before.round + 1)


def stands(review: Review, now: int) -> bool:
    """Return whether *review* answers the same question asked again at *now*."""
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
    check_name(move.who)
    check_text("the note", move.note, MOST_NOTE)
    if move.verb == "comment":
        if not move.note.strip():
            raise Refused("a comment says something")
        return review, "commented"
    if review.state != "open":
        raise Refused(f"the review is over: {review.state}")
    claimant = review.claimant(now)
    if claimant and claimant != move.who:
        raise Refused(f"{claimant} has claimed it")
    match move.verb:
        case "reject":
            return _resolved(review, move, now, "rejected"), "rejected"
        case "approve":
            return _approved(review, move, now)
        case "edit":
            edited = put_in_place(review, move.shown or Shown())
            # Invariant: whoever approved has not seen this, so it counts for nobody.
            fresh = msgspec.structs.replace(review, edited=edited, approvals=())
            return _approved(fresh, move, now)
        case "claim":
            return _held(review, move.who, move.lease, now), "claimed"
        case "release" | "hand_over":
            return _given_up(review, move, now, claimant)
        case _:
            assert_never(move.verb)


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


def _not_own(review: Review, who: str) -> None:
    if same_person(review.question.user, who):
        raise Refused("nobody answers their own request")


def _approved(review: Review, move: Move, now: int) -> tuple[Review, Act]:
    """Return *review* with one approval more: it may be that others are needed."""
    _not_own(review, move.who)
    if any(same_person(one, move.who) for one in review.approvals):
        raise Refused(f"{move.who} has approved it already: someone else must too")
    given = msgspec.structs.replace(review, approvals=(*review.approvals, move.who))
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
    made = msgspec.structs.replace(
        old,
        content=old.content if new.content is None else new.content,
        messages=old.messages if new.messages is None else new.messages,
        arguments=old.arguments if new.arguments is None else new.arguments,
    )
    texts: Sequence[str] = [one.text for one in made.messages or ()]
    check_text("the edit", "".join((made.content or "", *texts)), MOST_TEXT)
    return made


def same_person(one: str, other: str) -> bool:
    """Return whether two names are one but for case, width and blanks around them."""
    return _plain(one) == _plain(other)


def _plain(name: str) -> str:
    return unicodedata.normalize("NFKC", name).strip().casefold()


def check_name(name: str) -> None:
    """Raise Refused when *name* is none that a history can show."""
    if not name.strip() or not name.isprintable():
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
