"""Reviews on the wire: asked for, waited for, listed and answered."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from time import monotonic

from engine.doors.grpc.convert import REVIEW_STATES, read_arguments
from engine.doors.grpc.reviews_write import fill_review, write_deed, write_review, write_seen
from engine.doors.grpc.service import Service
from engine.doors.grpc.status import NotServed
from engine.runtime.decision import Message, ReviewState
from engine.runtime.objections import Problem
from engine.runtime.request import InvalidRequest
from engine.service.asking import TimeLeft
from engine.service.desk import Desk
from engine.storage.reviews import LEASE, Move, Shown, Verb, Wanted
from engine.wire import engine_pb2 as wire

NO_STORE = "this daemon keeps no reviews: its setting `reviews.store` is empty"

LONGEST = 86_400.0
"""Seconds until a wait in which nothing changes ends well, whatever the caller says."""
MARGIN = 1.0
"""Seconds before the caller's deadline at which a wait ends well; of a short one a quarter."""

STATE_NAMES: dict[int, ReviewState] = {number: name for name, number in REVIEW_STATES.items()}  # type: ignore[misc]
Act = (
    wire.ClaimReviewRequest
    | wire.ReleaseReviewRequest
    | wire.HandOverReviewRequest
    | wire.CommentReviewRequest
    | wire.ResolveReviewRequest
)
VERBS: dict[int, Verb] = {
    wire.REVIEW_STATE_APPROVED: "approve",
    wire.REVIEW_STATE_REJECTED: "reject",
    wire.REVIEW_STATE_EDITED: "edit",
}


def desk_of(service: Service) -> Desk:
    """Return where reviews are answered; raise NotServed where none are kept."""
    if service.desk is None:
        raise NotServed(NO_STORE)
    return service.desk


async def get_review(
    service: Service, message: wire.GetReviewRequest, credential: str
) -> wire.Review:
    """Return a review as it stands."""
    seen = await desk_of(service).get(
        credential, message.review_id, full=message.full, earlier=message.earlier
    )
    return write_seen(seen, service.gate.now)


async def wait_review(
    service: Service,
    message: wire.WaitReviewRequest,
    credential: str,
    left: TimeLeft,
    send: Callable[[wire.Review], Awaitable[None]],
) -> None:
    """Send a review as it stands and as that changes, until it is answered or time is over."""
    until = None
    if message.HasField("timeout"):
        until = monotonic() + message.timeout.seconds + message.timeout.nanos / 1e9
    async with aclosing(desk_of(service).follow(credential, message.review_id)) as changes:
        await send(write_seen(await anext(changes), service.gate.now))
        while True:
            try:
                async with asyncio.timeout(rest_of(left, until)):
                    seen = await anext(changes)
            except (StopAsyncIteration, TimeoutError):
                return
            await send(write_seen(seen, service.gate.now))


def rest_of(left: TimeLeft, until: float | None) -> float:
    """Return the seconds that may be waited: at most a day, then the caller may wait again."""
    remaining = left()
    ends = [] if remaining is None else [remaining - min(MARGIN, remaining / 4)]
    ends += [] if until is None else [until - monotonic()]
    return min((LONGEST, *ends))


async def list_reviews(
    service: Service, message: wire.ListReviewsRequest, credential: str
) -> wire.ListReviewsResponse:
    """Return a page of reviews."""
    desk = desk_of(service)
    if message.state and message.state not in STATE_NAMES:
        raise InvalidRequest((Problem("state", f"there is no state {message.state}"),))
    wanted = Wanted(
        queue=message.queue,
        tenant=message.tenant_id,
        state=STATE_NAMES[message.state] if message.state else "",
    )
    page = await desk.browse(credential, wanted, message.page_token, message.page_size)
    now = service.gate.now
    answer = wire.ListReviewsResponse(next_page_token=page.token)
    for one in page.reviews:
        fill_review(answer.reviews.add(), one, now)
    return answer


async def get_history(
    service: Service, message: wire.GetReviewHistoryRequest, credential: str
) -> wire.ReviewHistory:
    """Return a page of what was done with a review."""
    page = await desk_of(service).history(
        credential, message.review_id, message.page_token, message.page_size
    )
    return wire.ReviewHistory(deeds=map(write_deed, page.deeds), next_page_token=page.token)


async def claim_review(
    service: Service, message: wire.ClaimReviewRequest, credential: str
) -> wire.Review:
    """Claim, and return how the review stands then."""
    move = Move(verb="claim", who="", note=message.note, lease=read_lease(message))
    return await act(service, message, credential, move)


async def release_review(
    service: Service, message: wire.ReleaseReviewRequest, credential: str
) -> wire.Review:
    """Release, and return how the review stands then."""
    return await act(service, message, credential, Move(verb="release", who="", note=message.note))


async def hand_over_review(
    service: Service, message: wire.HandOverReviewRequest, credential: str
) -> wire.Review:
    """Hand over, and return how the review stands then."""
    move = Move(
        verb="hand_over", who="", note=message.note, to=message.to, lease=read_lease(message)
    )
    return await act(service, message, credential, move)


async def comment_review(
    service: Service, message: wire.CommentReviewRequest, credential: str
) -> wire.Review:
    """Comment, and return how the review stands then."""
    return await act(service, message, credential, Move(verb="comment", who="", note=message.note))


async def resolve_review(
    service: Service, message: wire.ResolveReviewRequest, credential: str
) -> wire.Review:
    """Approve, reject or edit, and return how the review stands then."""
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
    move = Move(verb=verb, who="", note=message.note, shown=shown)
    return await act(service, message, credential, move)


async def act(service: Service, message: Act, credential: str, move: Move) -> wire.Review:
    """Do it, and return how the review stands then."""
    done = await desk_of(service).act(credential, message.reviewer, message.review_id, move)
    return write_review(done, service.gate.now)


def read_lease(message: wire.ClaimReviewRequest | wire.HandOverReviewRequest) -> int:
    """Return how long a claim is to last, in ns."""
    return message.lease.ToNanoseconds() if message.HasField("lease") else LEASE


def read_messages(messages: wire.Messages) -> tuple[Message, ...]:
    """Return the messages to use instead."""
    return tuple(Message(role=one.role, text=one.text) for one in messages.messages)
