from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from threading import Timer
from typing import Any

import grpc
import pytest

from engine.service.record import NoRecorder
from engine.service.reviews import Reviews
from engine.storage.reviews import PAGE_BYTES, Move, ReviewsUnavailable
from engine.storage.reviews_sqlite import SqliteReviews
from engine.wire import engine_pb2 as wire
from tests.doors.grpc.reviewing import Place, reviews_in, until, watch
from tests.doors.grpc.serving import (
    PATIENCE,
    Channel,
    ask,
    call,
    decide,
    decide_stream,
    in_time,
    refused,
    run,
    serve,
)


@pytest.fixture
def store(tmp_path: Path) -> SqliteReviews:
    return SqliteReviews(tmp_path / "reviews.db")


@pytest.fixture
def place(store: SqliteReviews) -> Iterator[Place]:
    reviews = Reviews(store, NoRecorder(), time.time_ns)
    with serve(reviews=reviews) as daemon, grpc.insecure_channel(daemon.address) as channel:
        yield Place(daemon, channel)
    reviews.close()


def test_a_review_says_what_a_person_is_asked(place: Place) -> None:
    made = place.pay()
    assert made.escalation.state == wire.REVIEW_STATE_OPEN
    review = place.get(made.escalation.review_id)
    assert (review.tenant_id, review.user_id, review.queue) == ("north", "u1", "money")
    assert (review.stage, review.tool) == (wire.STAGE_TOOL_CALL, "refund")
    assert (review.content, review.arguments_json) == ("hello", b'{"to":"ann"}')
    assert review.reasons[0].rule == "desk.guard.refunds"
    assert (review.approvals_needed, review.round) == (1, 1)
    assert review.decision_id == made.decision_id
    assert review.expires_at == made.escalation.expires_at
    assert not review.HasField("resolved_at")


def test_what_a_reviewer_approves_passes(place: Place) -> None:
    review_id = place.pay().escalation.review_id
    done = place.resolve(review_id, wire.REVIEW_STATE_APPROVED, note="known")
    assert (done.state, done.resolved_by, done.note) == (
        wire.REVIEW_STATE_APPROVED,
        "bob",
        "known",
    )
    assert list(done.approved_by) == ["bob"]
    made = place.pay()
    assert made.effective_action == wire.ACTION_ALLOW
    assert made.escalation.state == wire.REVIEW_STATE_APPROVED
    assert place.pay(60_000).effective_action == wire.ACTION_ESCALATE


def test_what_a_reviewer_rejects_is_denied_with_the_reason(place: Place) -> None:
    place.resolve(place.pay().escalation.review_id, wire.REVIEW_STATE_REJECTED, note="too much")
    made = place.pay()
    assert made.effective_action == wire.ACTION_DENY
    assert made.reasons[0].message == "a reviewer rejected it: too much"


def test_what_a_reviewer_edits_is_what_is_used(place: Place) -> None:
    review_id = place.pay().escalation.review_id
    place.resolve(
        review_id, wire.REVIEW_STATE_EDITED, content="bye", arguments_json=b'{"to": "eve"}'
    )
    made = place.pay()
    assert made.effective_action == wire.ACTION_REDACT
    assert (made.content, made.arguments_json) == ("bye", b'{"to":"eve"}')
    assert place.get(review_id).arguments_json == b'{"to":"eve"}'


PAY = ask(
    request_id="pay",
    stage=wire.STAGE_TOOL_CALL,
    tool=wire.Tool(name="refund", args_json=b'{"to": "ann"}'),
    context_json=b'{"amount": 600}',
)


def alone(channel: Channel) -> wire.Decision:
    return decide(channel, PAY)


def in_batch(channel: Channel) -> wire.Decision:
    batch = wire.DecideBatchRequest(requests=[ask(), PAY, ask()])
    raw = call(channel, "PolicyEngine/DecideBatch", batch)
    before, made, after = wire.DecideBatchResponse.FromString(raw).decisions
    assert before.action == after.action == wire.ACTION_ALLOW
    return made


def in_stream(channel: Channel) -> wire.Decision:
    raws = [one.SerializeToString() for one in (ask(), PAY, ask())]
    found = [wire.Decision.FromString(one) for one in decide_stream(channel, iter(raws))]
    others = [one for one in found if one.request_id != "pay"]
    assert [one.action for one in others] == [wire.ACTION_ALLOW] * 2
    return next(one for one in found if one.request_id == "pay")


@pytest.mark.parametrize("asked", [alone, in_batch, in_stream])
def test_what_a_reviewer_edits_is_decided_on_before_it_is_used(
    place: Place, asked: Callable[[Channel], wire.Decision]
) -> None:
    review_id = asked(place.channel).escalation.review_id
    place.resolve(review_id, wire.REVIEW_STATE_EDITED, content="forbidden")
    assert place.wait(review_id).state == wire.REVIEW_STATE_EDITED
    made = asked(place.channel)
    assert (made.action, made.effective_action) == (wire.ACTION_DENY, wire.ACTION_DENY)
    assert made.reasons[0].message == "that word is not spoken here"
    assert made.escalation.state == wire.REVIEW_STATE_EDITED
    assert not made.HasField("content")
    assert not made.arguments_json
    until(lambda: place.history(review_id)[-1].act == "refused")
    assert "deny by `desk.guard.no_word`" in place.history(review_id)[-1].note


def test_what_a_reviewer_puts_in_is_redacted(place: Place) -> None:
    review_id = place.pay().escalation.review_id
    place.resolve(review_id, wire.REVIEW_STATE_EDITED, content="to a@b.example")
    made = place.pay()
    assert (made.action, made.content) == (wire.ACTION_REDACT, "to [EMAIL]")
    assert made.arguments_json == b'{"to":"ann"}'


def test_messages_are_shown_and_edited(place: Place) -> None:
    message = ask(
        stage=wire.STAGE_TOOL_CALL,
        tool=wire.Tool(name="refund"),
        context_json=b'{"amount": 600}',
        messages=[wire.Message(role="user", text="pay a@b.example")],
    )
    message.ClearField("content")
    review_id = decide(place.channel, message).escalation.review_id
    assert place.get(review_id).messages.messages[0].role == "user"
    assert not place.get(review_id).HasField("content")
    edited = wire.Messages(messages=[wire.Message(role="user", text="pay")])
    place.resolve(review_id, wire.REVIEW_STATE_EDITED, messages=edited)
    assert decide(place.channel, message).messages == edited


def test_who_has_claimed_it_is_told(place: Place) -> None:
    review_id = place.pay().escalation.review_id
    place.reviews.act(review_id, Move(verb="claim", who="bob"))
    review = place.get(review_id)
    assert review.claimed_by == "bob"
    assert review.claimed_until.seconds > review.opened_at.seconds


def test_each_change_is_sent_until_the_answer(place: Place) -> None:
    review_id = place.pay().escalation.review_id
    changes = watch(place.channel, wire.WaitReviewRequest(review_id=review_id), PATIENCE)
    assert next(changes).claimed_by == ""
    place.reviews.act(review_id, Move(verb="claim", who="bob"))  # as another process would
    assert next(changes).claimed_by == "bob"
    place.resolve(review_id, wire.REVIEW_STATE_REJECTED)
    assert [one.state for one in changes] == [wire.REVIEW_STATE_REJECTED]


def test_who_stops_waiting_waits_no_more(place: Place) -> None:
    review_id = place.pay().escalation.review_id
    changes: Any = watch(place.channel, wire.WaitReviewRequest(review_id=review_id), PATIENCE)
    next(changes)
    assert place.watcher.waiting == 1
    changes.cancel()
    with pytest.raises(grpc.RpcError):
        next(changes)
    until(lambda: place.watcher.waiting == 0)


def test_one_more_than_may_wait_is_told_so(tmp_path: Path) -> None:
    reviews = reviews_in(tmp_path)
    with (
        serve(reviews=reviews, most_waiting=1) as daemon,
        grpc.insecure_channel(daemon.address) as channel,
    ):
        place = Place(daemon, channel)
        message = wire.WaitReviewRequest(review_id=place.pay().escalation.review_id)
        first = watch(channel, message, PATIENCE)
        next(first)
        error = refused(lambda: [*watch(channel, message, PATIENCE)])
        assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    reviews.close()


def test_a_daemon_that_stops_lets_go_of_those_who_wait(tmp_path: Path) -> None:
    reviews = reviews_in(tmp_path)
    with serve(reviews=reviews) as daemon, grpc.insecure_channel(daemon.address) as channel:
        place = Place(daemon, channel)
        message = wire.WaitReviewRequest(review_id=place.pay().escalation.review_id)
        changes = watch(channel, message, PATIENCE)
        next(changes)
        run(daemon.door.drain(20))
        error = refused(lambda: next(changes))
        assert error.code() is grpc.StatusCode.UNAVAILABLE
        assert "stopping" in error.details()
    reviews.close()


def test_every_act_can_be_done_and_stands_in_the_history(place: Place) -> None:
    review_id = place.pay().escalation.review_id
    claim = wire.ClaimReviewRequest(review_id=review_id, reviewer="bob", note="mine")
    claim.lease.FromSeconds(60)
    before = int(time.time())
    made = place.act("Claim", claim)
    assert made.claimed_by == "bob"
    assert before <= made.claimed_until.seconds - 60 <= time.time()
    over = wire.HandOverReviewRequest(review_id=review_id, reviewer="bob", to="eve")
    assert place.act("HandOver", over).claimed_by == "eve"
    free = wire.ReleaseReviewRequest(review_id=review_id, reviewer="eve")
    assert place.act("Release", free).claimed_by == ""
    said = wire.CommentReviewRequest(review_id=review_id, reviewer="eve", note="hm")
    assert place.act("Comment", said).state == wire.REVIEW_STATE_OPEN
    place.resolve(review_id, wire.REVIEW_STATE_APPROVED)
    deeds = place.history(review_id)
    assert [(one.act, one.who, one.note) for one in deeds] == [
        ("opened", "", ""),
        ("claimed", "bob", "mine"),
        ("handed_over", "bob", "to eve"),
        ("released", "eve", ""),
        ("commented", "eve", "hm"),
        ("approved", "bob", ""),
    ]
    assert deeds[-1].state == wire.REVIEW_STATE_APPROVED
    assert all(one.round == 1 and one.time.seconds for one in deeds)


def test_a_history_comes_in_pages(place: Place) -> None:
    review_id = place.pay().escalation.review_id
    for note in ("a", "b", "c"):
        said = wire.CommentReviewRequest(review_id=review_id, reviewer="eve", note=note)
        place.act("Comment", said)
    asked = wire.GetReviewHistoryRequest(review_id=review_id, page_size=3)
    first = wire.ReviewHistory.FromString(place.call("GetReviewHistory", asked))
    assert [one.note for one in first.deeds] == ["", "a", "b"]
    asked.page_token = first.next_page_token
    second = wire.ReviewHistory.FromString(place.call("GetReviewHistory", asked))
    assert [one.note for one in second.deeds] == ["c"]
    assert second.next_page_token == ""
    asked.page_token = "x"
    error = refused(partial(place.call, "GetReviewHistory", asked))
    assert error.code() is grpc.StatusCode.FAILED_PRECONDITION
    assert "none of ours" in error.details()


def test_a_page_of_a_history_is_one_that_clients_of_grpc_take(place: Place) -> None:
    review_id = place.pay().escalation.review_id
    move = Move(verb="comment", who="eve", note="\U0001f600" * 4096)
    number = PAGE_BYTES // len(move.note.encode()) + 9
    for _ in range(number):
        place.reviews.act(review_id, move)
    asked = wire.GetReviewHistoryRequest(review_id=review_id)
    pages: list[wire.ReviewHistory] = []
    while asked.page_token or not pages:
        raw = place.call("GetReviewHistory", asked)
        assert len(raw) <= PAGE_BYTES
        pages.append(wire.ReviewHistory.FromString(raw))
        asked.page_token = pages[-1].next_page_token
    assert len(pages) == 2
    assert sum(len(one.deeds) for one in pages) == number + 1


def test_what_came_is_shown_to_nobody_where_no_reviewers_are_known(place: Place) -> None:
    review_id = place.pay().escalation.review_id
    error = refused(partial(place.get, review_id, full=True))
    assert error.code() is grpc.StatusCode.PERMISSION_DENIED
    assert "reviews.reviewers" in error.details()


def test_waiting_ends_with_the_answer(place: Place) -> None:
    review_id = place.pay().escalation.review_id
    answering = Timer(
        0.1, partial(place.resolve, review_id, wire.REVIEW_STATE_APPROVED, reviewer="eve")
    )
    answering.start()
    assert place.wait(review_id).state == wire.REVIEW_STATE_APPROVED
    answering.join()
    assert place.wait(review_id, 0).resolved_by == "eve"


@pytest.mark.parametrize("seconds", [0.1, 0.0])
def test_waiting_ends_when_its_time_is_over(place: Place, seconds: float) -> None:
    review_id = place.pay().escalation.review_id
    assert place.wait(review_id, seconds).state == wire.REVIEW_STATE_OPEN


@pytest.mark.parametrize("seconds", [None, 90])
def test_waiting_ends_before_the_deadline_of_the_call(place: Place, seconds: float | None) -> None:
    review_id = place.pay().escalation.review_id
    made = in_time(partial(place.wait, review_id, seconds))
    assert made.state == wire.REVIEW_STATE_OPEN


@pytest.mark.parametrize("seconds", [-(2**63), -1, 2**63 - 1])
def test_any_time_may_be_named(place: Place, seconds: int) -> None:
    review_id = place.pay().escalation.review_id
    message = wire.WaitReviewRequest(review_id=review_id)
    message.timeout.seconds = seconds
    (seen,) = in_time(lambda left: [*watch(place.channel, message, left)])
    assert seen.state == wire.REVIEW_STATE_OPEN
    claim = wire.ClaimReviewRequest(review_id=review_id, reviewer="bob")
    claim.lease.seconds = seconds
    error = refused(partial(place.act, "Claim", claim))
    assert error.code() is grpc.StatusCode.FAILED_PRECONDITION
    assert "a day at most" in error.details()


def test_reviews_are_listed_in_pages(place: Place) -> None:
    ids = {place.pay(amount).escalation.review_id for amount in (501, 502, 503)}
    first = place.list(queue="money", tenant_id="north", state=wire.REVIEW_STATE_OPEN, page_size=2)
    rest = place.list(page_size=2, page_token=first.next_page_token)
    assert {one.review_id for one in (*first.reviews, *rest.reviews)} == ids
    assert rest.next_page_token == ""
    assert len(place.list(state=wire.REVIEW_STATE_APPROVED).reviews) == 0


def test_what_may_not_be_done_is_refused_by_name(place: Place) -> None:
    review_id = place.pay().escalation.review_id
    approved, edited = wire.REVIEW_STATE_APPROVED, wire.REVIEW_STATE_EDITED
    tries: list[tuple[Callable[[], object], grpc.StatusCode, str]] = [
        (partial(place.get, "r9"), grpc.StatusCode.NOT_FOUND, "no such review"),
        (partial(place.wait, "r9"), grpc.StatusCode.NOT_FOUND, "no such review"),
        (
            partial(place.resolve, review_id, approved, reviewer="u1"),
            grpc.StatusCode.FAILED_PRECONDITION,
            "their own request",
        ),
        (
            partial(place.resolve, review_id, approved, reviewer=""),
            grpc.StatusCode.FAILED_PRECONDITION,
            "has a name",
        ),
        (
            partial(place.resolve, review_id, wire.REVIEW_STATE_OPEN),
            grpc.StatusCode.INVALID_ARGUMENT,
            "1 wrong path",
        ),
        (
            partial(place.resolve, review_id, approved, content="other"),
            grpc.StatusCode.INVALID_ARGUMENT,
            "1 wrong path",
        ),
        (
            partial(place.resolve, review_id, edited, arguments_json=b"{"),
            grpc.StatusCode.INVALID_ARGUMENT,
            "1 wrong path",
        ),
        (partial(place.list, state=77), grpc.StatusCode.INVALID_ARGUMENT, "1 wrong path"),
        (partial(place.list, page_token="x"), grpc.StatusCode.FAILED_PRECONDITION, "page token"),
        (partial(place.list, page_size=9999), grpc.StatusCode.FAILED_PRECONDITION, "1,000"),
    ]
    for attempt, code, words in tries:
        error = refused(attempt)
        assert (error.code(), words in error.details()) == (code, True), error.details()
    assert place.get(review_id).state == wire.REVIEW_STATE_OPEN


def test_a_store_that_cannot_answer_is_told_of_without_its_place(
    place: Place, store: SqliteReviews, caplog: pytest.LogCaptureFixture
) -> None:
    store.close()
    with pytest.raises(ReviewsUnavailable):
        place.reviews.find("r")
    error = refused(partial(place.get, "r9"))
    assert error.code() is grpc.StatusCode.UNAVAILABLE
    assert "reviews.db" not in error.details()
    assert "reviews.db" in caplog.text


METHODS = ["Claim", "Release", "HandOver", "Comment", "Resolve"]


@pytest.mark.parametrize(
    "method", ["GetReview", "ListReviews", "GetReviewHistory", *(f"{one}Review" for one in METHODS)]
)
def test_a_daemon_that_keeps_no_reviews_says_so(channel: Channel, method: str) -> None:
    asked = b"\x10\x02" if method == "ResolveReview" else b""
    error = refused(lambda: call(channel, f"PolicyEngine/{method}", asked))
    assert error.code() is grpc.StatusCode.UNIMPLEMENTED
    assert "reviews.store" in error.details()


def test_reviewers_are_answered_only_where_the_admin_service_is(tmp_path: Path) -> None:
    reviews = reviews_in(tmp_path)
    with (
        serve(reviews=reviews, admin=False) as daemon,
        grpc.insecure_channel(daemon.address) as channel,
    ):
        place = Place(daemon, channel)
        review_id = place.pay().escalation.review_id
        assert place.get(review_id).state == wire.REVIEW_STATE_OPEN
        for attempt in (place.list, partial(place.resolve, review_id, wire.REVIEW_STATE_APPROVED)):
            error = refused(attempt)
            assert error.code() is grpc.StatusCode.UNIMPLEMENTED
            assert "Admin" in error.details()
    reviews.close()
