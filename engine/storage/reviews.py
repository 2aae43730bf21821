"""What people are asked and have answered: the data, and what a store of it can do.

How a review changes is told in ``reviews_acts``; what the stores share in ``reviews_kept``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol

import msgspec

from engine.runtime.certificate import Certificate
from engine.runtime.decision import Message, Reason, ReviewState

Verb = Literal[
    "claim",
    "release",
    "hand_over",
    "approve",
    "reject",
    "edit",
    "comment",
    "read",
    "read_full",
    "present",
]
"""What someone wants to do; ``present`` is the gateway that shows an approval token."""

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
    "read",
    "read_full",
    "presented",
    "erased",
    "deleted",
]

ENDED: frozenset[Act] = frozenset({"approved", "rejected", "edited", "expired"})
"""The acts after which a round is over."""

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

MOST_DEPTH = 64
"""How deeply arguments may be nested, as in a request: what is deeper could only be denied."""

PAGE_BYTES = 3 << 20
"""What the reviews of a page take at most, unless it is one alone: gRPC's clients take 4 MB."""


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
    asked: dict[str, object] = {}
    """The attributes of who asked and about what, by group, as a door takes them: for a test."""
    content_hash: str = ""
    arguments_hash: str = ""
    """Keyed hashes of what was asked about, as it came: what an approval token is bound to."""
    original: str = ""
    """What was asked about as it came, sealed with a key of its own, base64; mostly not kept."""
    once: bool = False
    """Whether an approval lets one decision pass, which must present its token."""

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
    aliases: tuple[str, ...] = ()
    """Other names of those who have approved: nobody counts twice, whichever comes next."""
    edited: Shown | None = None
    """What is released instead."""
    resolved_by: str = ""
    resolved_at: int = 0
    note: str = ""
    """The sentence of who resolved it."""
    used_at: int = 0
    """When the token of its approval was presented; 0 for not yet."""

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
    aliases: tuple[str, ...] = ()
    """Other names of *who*: under none of them they answer their own request."""
    barred: str = ""
    """Why it may not be done however the review stands; empty where it may."""
    round: int = 0
    """Of which round the token is that is presented."""
    certificate: Certificate | None = None
    """Which *who* has shown, over TLS."""


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
    opened_at: int = 0
    """When the round was opened."""
    certificate: Certificate | None = None
    """Which *who* has shown, over TLS."""


Scope = tuple[str, str]
"""A queue and a tenant; empty stands for all of them."""


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which reviews: what is empty does not choose."""

    queue: str = ""
    tenant: str = ""
    state: ReviewState | Literal[""] = ""
    within: tuple[Scope, ...] = ()
    """Those that one of these holds."""


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """Some reviews, the gravest first and then the oldest; *token* leads on, empty at the end."""

    reviews: tuple[Review, ...]
    token: str = ""
    sizes: tuple[int, ...] = ()
    """How many bytes each of them takes in its store."""


class History(msgspec.Struct, frozen=True, kw_only=True):
    """Some of what was done with a review, the oldest first; *token* leads on, empty at the end."""

    deeds: tuple[Deed, ...]
    token: str = ""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """One round that has ended: for the figures."""

    rules: tuple[str, ...]
    queue: str
    state: ReviewState
    who: str
    opened_at: int
    ended_at: int
    review_id: str = ""
    endorsed: tuple[str, ...] = ()
    """Who had approved it before, where several must."""


class Count(msgspec.Struct, frozen=True, kw_only=True):
    """How many reviews of one queue, tenant, state and severity there are."""

    queue: str
    tenant: str
    state: ReviewState
    number: int
    severity: str = ""
    claimed: int = 0
    """How many of them somebody has claimed."""
    oldest: int
    """When the oldest of them was opened, in ns since the epoch."""


class Upkeep(msgspec.Struct, frozen=True, kw_only=True):
    """How long what is over is kept, in ns; 0 for ever. An answer that still stands is kept."""

    keep: int = 0
    keep_content: int = 0
    """The same for what was shown, and for notes."""


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

    def browse(
        self, wanted: Wanted, token: str, most: int, now: int, room: int = PAGE_BYTES
    ) -> Page:
        """Return up to *most* reviews after *token*, fewer where they take more than *room* bytes.

        Raises Refused for a token that is none.
        """
        ...

    def begin_with(self, text: str, most: int) -> tuple[str, ...]:
        """Return up to *most* ids that begin with *text*, in their order."""
        ...

    def history(self, review_id: str) -> tuple[Deed, ...]:
        """Return what was done with a review, the oldest first. Raises NoReview."""
        ...

    def recall(self, review_id: str, token: str, most: int, room: int = PAGE_BYTES) -> History:
        """Return up to *most* deeds after *token*, fewer where they take more than *room* bytes.

        Raises NoReview, and Refused for a token that is none.
        """
        ...

    def answers(self, now: int) -> tuple[Answer, ...]:
        """Return every round that has ended."""
        ...

    def expire(self, now: int, most: int) -> int:
        """End up to *most* reviews whose time is over; return how many there were."""
        ...

    def stamps(self, review_ids: Sequence[str]) -> dict[str, int]:
        """Return the number of the newest deed of each of these reviews that there is."""
        ...

    def untold(self, most: int, now: int) -> tuple[Deed, ...]:
        """Return up to *most* deeds that are not `told`, the oldest first.

        Nobody else is handed them within the next minute, and everybody is again after that.
        """
        ...

    def told(self, numbers: Sequence[int], *, kept: bool = True) -> None:
        """Note that what was handed over was kept; or that it was not: it is handed over again."""
        ...

    def counts(self, now: int, state: ReviewState | None = None) -> tuple[Count, ...]:
        """Return how many there are of each queue, tenant, state and severity, or of one state."""
        ...

    def of_session(self, tenant: str, session: str, most: int) -> tuple[Review, ...]:
        """Return the newest reviews of a conversation, up to *most* of them."""
        ...

    def prune(self, upkeep: Upkeep, now: int, most: int) -> int:
        """Erase what up to *most* reviews show, and delete as many; return how many there were."""
        ...

    def close(self) -> None:
        """Release it."""
        ...
