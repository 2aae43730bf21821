"""Reviews on the wire: asked for, waited for, listed and answered."""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import Any

from engine.doors.grpc.convert import (
    ACTIONS,
    REVIEW_STATES,
    STAGES,
    encode_json,
    read_arguments,
    write_reason,
)
from engine.doors.grpc.service import Service
from engine.doors.grpc.status import NotServed
from engine.runtime.decision import Message, ReviewState
from engine.runtime.objections import Problem
from engine.runtime.request import InvalidRequest
from engine.service.asking import TimeLeft
from engine.service.reviews import Reviews
from engine.storage.reviews import Move, Review, Shown, Verb, Wanted
from engine.wire import engine_pb2 as wire

NO_STORE = "this daemon keeps no reviews: its setting `reviews.store` is empty"

SOONEST = 0.05
LONGEST = 0.5
LATER = 1.5
"""Seconds between two looks at a review that is waited for: few at first, then half a second. What
answers it may be another process."""

MARGIN = 0.05
"""Seconds before the caller's deadline at which it is told how the review stands."""

STAGE_NUMBERS: dict[str, Any] = {name: number for number, name in STAGES.items()}
STATE_NAMES: dict[int, ReviewState] = {number: name for name, number in REVIEW_STATES.items()}  # type: ignore[misc]
VERBS: dict[int, Verb] = {
    wire.REVIEW_STATE_APPROVED: "approve",
    wire.REVIEW_STATE_REJECTED: "reject",
    wire.REVIEW_STATE_EDITED: "edit",
}


def kept(service: Service) -> Reviews:
    """Return the reviews; raise NotServed where none are kept."""
    if service.gate.reviews is None:
        raise NotServed(NO_STORE)
    return service.gate.reviews


def get_review(service: Service, message: wire.GetReviewRequest) -> wire.Review:
    """Return a review as it stands."""
    return write_review(kept(service).find(message.review_id), service.gate.now)


async def wait_review(
    service: Service, message: wire.WaitReviewRequest, _in_time: object, left: TimeLeft
) -> wire.Review:
    """Return a review when it is not open any more, or as it stands when the wait is over."""
    reviews = kept(service)
    until = None
    if message.HasField("timeout"):
        until = monotonic() + message.timeout.ToTimedelta().total_seconds()
    pause = SOONEST
    while True:
        review = reviews.find(message.review_id)
        remaining = left()
        ends = [] if remaining is None else [remaining - MARGIN]
        ends += [] if until is None else [until - monotonic()]
        rest = min(ends, default=pause)
        if review.state != "open" or rest <= 0:
            return write_review(review, service.gate.now)
        await asyncio.sleep(min(pause, rest))
        pause = min(pause * LATER, LONGEST)


def list_reviews(service: Service, message: wire.ListReviewsRequest) -> wire.ListReviewsResponse:
    """Return a page of reviews."""
    reviews = kept(service)
    if message.state and message.state not in STATE_NAMES:
        raise InvalidRequest((Problem("state", f"there is no state {message.state}"),))
    wanted = Wanted(
        queue=message.queue,
        tenant=message.tenant_id,
        state=STATE_NAMES[message.state] if message.state else "",
    )
    page = reviews.browse(wanted, message.page_token, message.page_size)
    now = service.gate.now
    return wire.ListReviewsResponse(
        reviews=[write_review(one, now) for one in page.reviews], next_page_token=page.token
    )


def resolve_review(service: Service, message: wire.ResolveReviewRequest) -> wire.Review:
    """Approve, reject or edit, and return how the review stands then."""
    reviews = kept(service)
    verb = VERBS.get(message.state)
    problems: list[Problem] = []
    if verb is None:
        problems.append(Problem("state", "must be approved, rejected or edited"))
    arguments: object = None
    if message.arguments_json:
        arguments = read_arguments(message.arguments_json, problems)
    shown = Shown(
        content=message.content if message.HasField("content") else None,
        messages=read_messages(message.messages) if message.HasField("messages") else None,
        arguments=arguments,
    )
    if verb != "edit" and shown != Shown():
        problems.append(Problem("state", "what is released instead is only for edited"))
    if verb is None or problems:
        raise InvalidRequest(tuple(problems))
    move = Move(verb=verb, who=message.reviewer, note=message.note, shown=shown)
    return write_review(reviews.act(message.review_id, move), service.gate.now)


def read_messages(messages: wire.Messages) -> tuple[Message, ...]:
    """Return the messages to use instead."""
    return tuple(Message(role=one.role, text=one.text) for one in messages.messages)


def write_review(review: Review, now: int) -> wire.Review:
    """Return the wire's review as it stands at *now*."""
    question = review.question
    answer = wire.Review(
        review_id=question.review_id,
        state=REVIEW_STATES[review.state],
        queue=question.queue,
        tenant_id=question.tenant,
        user_id=question.user,
        stage=STAGE_NUMBERS[question.stage],
        revision=question.revision,
        otherwise=ACTIONS[question.otherwise],
        resolved_by=review.resolved_by,
        note=review.note,
        severity=question.severity,
        claimed_by=review.claimant(now),
        approved_by=review.approvals,
        approvals_needed=question.needed,
        hidden=question.hidden,
        round=review.round,
        decision_id=question.decision_id,
        tool=question.tool,
    )
    for reason in question.reasons:
        write_reason(answer.reasons.add(), reason)
    answer.opened_at.FromNanoseconds(review.opened_at)
    answer.expires_at.FromNanoseconds(question.expires_at)
    if review.resolved_at:
        answer.resolved_at.FromNanoseconds(review.resolved_at)
    if answer.claimed_by:
        answer.claimed_until.FromNanoseconds(review.held_until)
    write_shown(answer, review.released)
    return answer


def write_shown(into: wire.Review, shown: Shown) -> None:
    """Fill what is to be released."""
    if shown.content is not None:
        into.content = shown.content
    if shown.messages is not None:
        into.messages.SetInParent()
        for message in shown.messages:
            into.messages.messages.add(role=message.role, text=message.text)
    if shown.arguments is not None:
        into.arguments_json = encode_json(shown.arguments)
