"""An approval token that a gateway presents in, the review that it is of out; or why it is refused.

That it was presented is one act of the store on the review, like a claim: of two that present the
same token, in whichever process or on whichever machine, one is refused. What is refused is
recorded: with the review that the token names, else, where nobody can believe it, on its own.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from engine.runtime.record import Record
from engine.service.approvals import Approvals, BadToken, Claims, objection
from engine.service.entries import ReviewEntry
from engine.service.times import iso_time
from engine.storage.chest import Chest, WrongKey
from engine.storage.reviews import (
    MOST_NAME,
    Move,
    NoReview,
    Question,
    Refused,
    Review,
    ReviewStore,
    Shown,
)

REFUSED = "the approval token was refused"
GATEWAY = "gateway"
"""Who presents the token of a user whose name cannot be shown."""

_encode = msgspec.json.Encoder(enc_hook=str, decimal_format="string").encode
_read_shown = msgspec.json.Decoder(Shown).decode


@dataclass(frozen=True, slots=True)
class Terms:
    """What reviews of a deployment are like."""

    approvals: Approvals | None = None
    """Signs what was approved; None: tokens are neither given nor taken."""
    chest: Chest | None = None
    """Seals what came as it came; None: that is not kept."""
    once: bool = False
    """Whether an approval lets one decision pass, which presents its token."""

    def bind(self, question: Question, record: Record) -> Question:
        """Return *question* with what binds a token to *record*, and with what came, if kept."""
        if self.approvals is None:
            return question
        return msgspec.structs.replace(
            question,
            content_hash=self.approvals.hash_content(record),
            arguments_hash=self.approvals.hash_arguments(record),
            original="" if self.chest is None else self._sealed(self.chest, record),
            once=self.once,
        )

    def _sealed(self, chest: Chest, record: Record) -> str:
        # Nothing of what was too large to be looked at, as in `shown_of`.
        if record.too_large:
            return ""
        came = Shown(content=record.content, messages=record.messages, arguments=record.tool.args)
        return base64.b64encode(chest.seal(_encode(came))).decode()

    def original(self, review: Review) -> Shown:
        """Return what came as it came. Raises Refused where it was not kept or cannot be opened."""
        kept = review.question.original
        if not kept or self.chest is None:
            raise Refused("what came was not kept: see `reviews.keep_full`")
        try:
            return _read_shown(self.chest.open(base64.b64decode(kept)))
        except WrongKey:
            raise Refused("what came was sealed with another secret") from None


def present(
    terms: Terms,
    store: ReviewStore,
    token: str,
    question: Question,
    now: int,
    refused: Callable[[str], None],
) -> Review:
    """Return the review whose approval *token* proves to answer *question*, used up from now on.

    *refused* is given who presented a token that no review can be told of. Raises Refused with the
    reason, and ReviewsUnavailable.
    """
    who = name_of(question.user)
    try:
        claims = read(terms, token)
        why = objection(claims, question, now)
        move = Move(
            verb="present",
            who=who,
            round=claims.round,
            barred=f"{REFUSED}: {why}" if why else "",
        )
        return store.act(claims.review_id, move, now)
    except BadToken as error:
        refused(who)
        raise Refused(f"{REFUSED}: {error}") from None
    except NoReview:
        refused(who)
        raise Refused(f"{REFUSED}: its review is gone") from None


def refusal_of(question: Question, who: str, now: int) -> ReviewEntry:
    """Return the line about a token of no review that *who* presented for *question*."""
    return ReviewEntry(
        time=iso_time(now),
        review_id=question.review_id,
        act="refused",
        who=who,
        state="open",
        round=0,
        tenant=question.tenant,
        user=question.user,
        queue=question.queue,
        number=0,
    )


def read(terms: Terms, token: str) -> Claims:
    """Return what *token* says. Raises BadToken."""
    if terms.approvals is None:
        raise BadToken("this engine signs none")
    return terms.approvals.read(token)


def name_of(user: str) -> str:
    """Return *user* where a history can show it."""
    shown = "".join(one for one in user if one.isprintable()).strip()[:MOST_NAME]
    return shown or GATEWAY
