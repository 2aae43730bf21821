"""Reviews and what was done with them in, the wire's messages out."""

from __future__ import annotations

from typing import Any

from engine.doors.grpc.convert import ACTIONS, REVIEW_STATES, STAGES, encode_json, write_reason
from engine.service.approvals import ends_at
from engine.service.desk import UNSHOWN, Seen
from engine.service.earlier import Passed
from engine.storage.reviews import SECOND, Deed, Review, Shown
from engine.wire import engine_pb2 as wire

STAGE_NUMBERS: dict[str, Any] = {name: number for number, name in STAGES.items()}


def write_seen(seen: Seen, now: int) -> wire.Review:
    """Return a review as someone may see it at *now*."""
    review = seen.review
    if seen.bare:
        answer = write_standing(review)
        answer.hidden = UNSHOWN
    else:
        answer = write_review(review, now)
    if seen.token:
        answer.approval_token = seen.token
        answer.approval_expires_at.FromSeconds(ends_at(review))
    if seen.full is not None:
        for name in ("content", "messages", "arguments_json"):
            answer.ClearField(name)
        answer.full = True
        write_shown(answer, seen.full)
    if seen.earlier is not None:
        answer.earlier_missing = seen.earlier.missing
        for one in seen.earlier.decisions:
            write_earlier(answer.earlier.add(), one)
    return answer


def write_earlier(into: wire.EarlierDecision, one: Passed) -> None:
    """Fill a decision of the conversation."""
    into.time.FromJsonString(one.time)
    into.decision_id = one.decision_id
    into.stage = STAGE_NUMBERS.get(one.stage, wire.STAGE_UNSPECIFIED)
    into.action = ACTIONS.get(one.action, wire.ACTION_DENY)
    into.effective_action = ACTIONS.get(one.effective_action, wire.ACTION_DENY)
    into.rules.extend(one.rules)
    into.labels.extend(one.labels)


def write_standing(review: Review) -> wire.Review:
    """Return how a review stands, and nothing of what it is about."""
    answer = wire.Review()
    fill_standing(answer, review)
    return answer


def fill_standing(answer: wire.Review, review: Review) -> None:
    """Fill how a review stands."""
    # A page has up to a thousand reviews: each field is set where it is, and no message copied.
    question = review.question
    answer.review_id = question.review_id
    answer.state = REVIEW_STATES[review.state]
    answer.queue = question.queue
    answer.revision = question.revision
    answer.otherwise = ACTIONS[question.otherwise]
    answer.severity = question.severity
    answer.approvals_needed = question.needed
    answer.round = review.round
    answer.decision_id = question.decision_id
    answer.opened_at.seconds, answer.opened_at.nanos = divmod(review.opened_at, SECOND)
    answer.expires_at.seconds, answer.expires_at.nanos = divmod(question.expires_at, SECOND)
    if review.resolved_at:
        answer.resolved_at.FromNanoseconds(review.resolved_at)
    if review.used_at:
        answer.approval_used_at.FromNanoseconds(review.used_at)


def write_review(review: Review, now: int) -> wire.Review:
    """Return the wire's review as it stands at *now*."""
    answer = wire.Review()
    fill_review(answer, review, now)
    return answer


def fill_review(answer: wire.Review, review: Review, now: int) -> None:
    """Fill a review as it stands at *now*."""
    fill_standing(answer, review)
    question = review.question
    answer.tenant_id = question.tenant
    answer.user_id = question.user
    answer.stage = STAGE_NUMBERS[question.stage]
    answer.resolved_by = review.resolved_by
    answer.note = review.note
    answer.hidden = question.hidden
    answer.tool = question.tool
    answer.session = question.session
    answer.keeps_full = bool(question.original)
    if review.approvals:
        answer.approved_by.extend(review.approvals)
    for reason in question.reasons:
        write_reason(answer.reasons.add(), reason)
    claimed_by = review.claimant(now)
    if claimed_by:
        answer.claimed_by = claimed_by
        answer.claimed_until.FromNanoseconds(review.held_until)
    write_shown(answer, review.released)


def write_shown(into: wire.Review, shown: Shown) -> None:
    """Fill what is to be released, or what came."""
    if shown.content is not None:
        into.content = shown.content
    if shown.messages is not None:
        into.messages.SetInParent()
        for message in shown.messages:
            into.messages.messages.add(role=message.role, text=message.text)
    if shown.arguments is not None:
        into.arguments_json = encode_json(shown.arguments)


def write_deed(deed: Deed) -> wire.ReviewDeed:
    """Return one row of the history."""
    answer = wire.ReviewDeed(
        number=deed.number,
        act=deed.act,
        who=deed.who,
        note=deed.note,
        state=REVIEW_STATES[deed.state],
        round=deed.round,
    )
    answer.time.FromNanoseconds(deed.time)
    return answer
