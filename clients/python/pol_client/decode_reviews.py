"""Protobuf reviews -> frozen values."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from pol_client import results, results_reviews
from pol_client._wire import engine_pb2 as wire
from pol_client.decode import REVIEW_STATES, or_no_decision, read_action, read_reason
from pol_client.request import STAGES

STAGE_NAMES: dict[int, str] = {number: name for name, number in STAGES.items()}


@or_no_decision
def read_review(answer: wire.Review) -> results_reviews.Review:
    """Return the review."""
    return results_reviews.Review(
        review_id=answer.review_id,
        state=REVIEW_STATES.get(answer.state, "open"),
        queue=answer.queue,
        tenant=answer.tenant_id,
        user=answer.user_id,
        stage=STAGE_NAMES.get(answer.stage, ""),
        reasons=tuple(map(read_reason, answer.reasons)),
        revision=answer.revision,
        opened_at=answer.opened_at.ToDatetime(tzinfo=UTC),
        expires_at=answer.expires_at.ToDatetime(tzinfo=UTC),
        otherwise=read_action(answer.otherwise),
        content=answer.content if answer.HasField("content") else None,
        messages=(
            tuple(results.Message(each.role, each.text) for each in answer.messages.messages)
            if answer.HasField("messages")
            else None
        ),
        arguments=json.loads(answer.arguments_json) if answer.arguments_json else None,
        severity=answer.severity,
        hidden=answer.hidden,
        tool=answer.tool,
        session=answer.session,
        decision_id=answer.decision_id,
        round=answer.round,
        claimed_by=answer.claimed_by,
        claimed_until=read_time(answer, "claimed_until"),
        approved_by=tuple(answer.approved_by),
        approvals_needed=answer.approvals_needed,
        resolved_by=answer.resolved_by,
        resolved_at=read_time(answer, "resolved_at"),
        note=answer.note,
        earlier=tuple(map(read_earlier, answer.earlier)),
        earlier_missing=answer.earlier_missing,
        approval_token=answer.approval_token,
        approval_expires_at=read_time(answer, "approval_expires_at"),
        approval_used_at=read_time(answer, "approval_used_at"),
        keeps_full=answer.keeps_full,
        full=answer.full,
    )


def read_time(answer: Any, name: str) -> datetime | None:
    """Return the time in the field *name*; None where it is absent."""
    if not answer.HasField(name):
        return None
    found: datetime = getattr(answer, name).ToDatetime(tzinfo=UTC)
    return found


def read_earlier(one: wire.EarlierDecision) -> results_reviews.EarlierDecision:
    """Return a decision on the same conversation."""
    return results_reviews.EarlierDecision(
        time=one.time.ToDatetime(tzinfo=UTC),
        decision_id=one.decision_id,
        stage=STAGE_NAMES.get(one.stage, ""),
        action=read_action(one.action),
        effective_action=read_action(one.effective_action),
        rules=tuple(one.rules),
        labels=tuple(one.labels),
    )


@or_no_decision
def read_page(answer: wire.ListReviewsResponse) -> results_reviews.ReviewPage:
    """Return a page of reviews."""
    return results_reviews.ReviewPage(
        tuple(map(read_review, answer.reviews)), answer.next_page_token
    )


@or_no_decision
def read_history(answer: wire.ReviewHistory) -> tuple[results_reviews.ReviewDeed, ...]:
    """Return what was done with a review, the oldest first."""
    return tuple(
        results_reviews.ReviewDeed(
            number=one.number,
            time=one.time.ToDatetime(tzinfo=UTC),
            act=one.act,
            who=one.who,
            note=one.note,
            state=REVIEW_STATES.get(one.state, "open"),
            round=one.round,
        )
        for one in answer.deeds
    )
