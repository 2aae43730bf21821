"""What a reviewer wants with a review -> the protobuf message; both clients send the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypedDict

from pol_client._wire import engine_pb2 as wire
from pol_client.errors import InvalidRequest
from pol_client.request import refused, to_json
from pol_client.results import Message, ReviewState

STATES: dict[str, wire.ReviewState] = {
    "open": wire.REVIEW_STATE_OPEN,
    "approved": wire.REVIEW_STATE_APPROVED,
    "rejected": wire.REVIEW_STATE_REJECTED,
    "edited": wire.REVIEW_STATE_EDITED,
    "expired": wire.REVIEW_STATE_EXPIRED,
}


class Sentence(TypedDict, total=False):
    """What may be said with every act."""

    note: str
    """One sentence for the history."""
    reviewer: str
    """Who acts, where the daemon knows no reviewers; else the token says so."""


class Wanted(TypedDict, total=False):
    """Which reviews; what is left out does not choose."""

    queue: str
    tenant: str
    state: ReviewState
    most: int
    """At most so many, up to 1000; left out: a hundred."""
    after: str
    """``ReviewPage.after`` of the page before."""


def build_list(wanted: Wanted) -> wire.ListReviewsRequest:
    """Return the message that lists reviews; raise InvalidRequest for what cannot be sent."""
    state = wanted.get("state")
    if state is not None and state not in STATES:
        raise refused("state", f"must be one of {', '.join(STATES)}")
    return wire.ListReviewsRequest(
        queue=wanted.get("queue", ""),
        tenant_id=wanted.get("tenant", ""),
        state=STATES[state] if state else wire.REVIEW_STATE_UNSPECIFIED,
        page_size=wanted.get("most", 0),
        page_token=wanted.get("after", ""),
    )


def build_claim(
    review_id: str, seconds: float | None, sentence: Sentence
) -> wire.ClaimReviewRequest:
    """Return the message that claims a review."""
    message = wire.ClaimReviewRequest(review_id=review_id, **sentence)
    if seconds is not None:
        message.lease.FromNanoseconds(round(seconds * 1_000_000_000))
    return message


def build_hand_over(
    review_id: str, to: str, seconds: float | None, sentence: Sentence
) -> wire.HandOverReviewRequest:
    """Return the message that gives a claim to someone else."""
    message = wire.HandOverReviewRequest(review_id=review_id, to=to, **sentence)
    if seconds is not None:
        message.lease.FromNanoseconds(round(seconds * 1_000_000_000))
    return message


def build_edit(
    review_id: str,
    content: str | None,
    messages: Sequence[Message | Mapping[str, str]] | None,
    arguments: object,
    sentence: Sentence,
) -> wire.ResolveReviewRequest:
    """Return the message that lets something else pass; raise InvalidRequest for what is none."""
    made = wire.ResolveReviewRequest(
        review_id=review_id, state=wire.REVIEW_STATE_EDITED, **sentence
    )
    try:
        if content is not None:
            made.content = content
        if messages is not None:
            made.messages.SetInParent()
        for each in messages or ():
            part = each if isinstance(each, Message) else Message(**each)
            made.messages.messages.add(role=part.role, text=part.text)
    except (TypeError, ValueError, UnicodeError) as error:
        raise cannot_be_sent(error) from error
    if arguments is not None:
        made.arguments_json = to_json(arguments, "arguments")
    return made


def cannot_be_sent(error: Exception) -> InvalidRequest:
    """Return the error for an edit that has no form on the wire."""
    return refused("edit", f"cannot be sent ({type(error).__name__})")
