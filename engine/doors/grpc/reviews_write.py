"""Reviews and what was done with them in, the wire's messages out."""

from __future__ import annotations

from typing import Any

from engine.doors.grpc.convert import ACTIONS, REVIEW_STATES, STAGES, encode_json, write_reason
from engine.service.approvals import ends_at
from engine.service.desk import UNSHOWN, Seen
from engine.service.earlier import Passed
from engine.storage.reviews import Deed, Review, Shown
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
    question = review.question
    answer = wire.Review(
        review_id=question.review_id,
        state=REVIEW_STATES[review.state],
        queue=question.queue,
        revision=question.revision,
        otherwise=ACTIONS[question.otherwise],
        severity=question.severity,
        approvals_needed=question.needed,
        round=review.round,
        decision_id=question.decision_id,
    )
    answer.opened_at.FromNanoseconds(review.opened_at)
    answer.expires_at.FromNanoseconds(question.expires_at)
    if review.resolved_at:
        answer.resolved_at.FromNanoseconds(review.resolved_at)
    if review.used_at:
        answer.approval_used_at.FromNanoseconds(review.used_at)
    return answer


def write_review(review: Review, now: int) -> wire.Review:
    """Return the wire's review as it stands at *now*."""
    question = review.question
    answer = write_standing(review)
    answer.MergeFrom(
        wire.Review(
            tenant_id=question.tenant,
            user_id=question.user,
            stage=STAGE_NUMBERS[question.stage],
            resolved_by=review.resolved_by,
            note=review.note,
            claimed_by=review.claimant(now),
            approved_by=review.approvals,
            hidden=question.hidden,
            tool=question.tool,
            session=question.session,
            keeps_full=bool(question.original),
        )
    )
    for reason in question.reasons:
        write_reason(answer.reasons.add(), reason)
    if answer.claimed_by:
        answer.claimed_until.FromNanoseconds(review.held_until)
    write_shown(answer, review.released)
    return answer


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
