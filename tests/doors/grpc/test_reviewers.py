from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import grpc
import pytest
from pol_client import Client

from engine.service.approvals import Approvals
from engine.service.desk import UNSHOWN
from engine.service.earlier import NO_SESSION
from engine.service.presenting import Terms
from engine.service.reviewers import Reviewers, hash_of
from engine.storage.chest import Chest
from engine.storage.reviews_sqlite import SqliteReviews
from engine.wire import engine_pb2 as wire
from tests.cli.calling import call
from tests.doors.grpc.reviewing import Place, reviews_in
from tests.doors.grpc.serving import PATIENCE, SECRET, refused, serve
from tests.service.roll import ROLL, write_roll
from tests.service.test_earlier import Book
from tests.storage.asked import asked

APPROVED, EDITED = wire.REVIEW_STATE_APPROVED, wire.REVIEW_STATE_EDITED
SEVERAL = f"""
[[reviewer]]
name = "dora"
tokens = ["{hash_of("dora's")}"]
queues = ["money"]
tenants = ["north"]
may = ["approve", "edit"]
"""

OTHERS = 'queues = ["people"]\ntenants = ["*"]'


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Place]:
    """Return the daemon as a gateway sees it: it has no credential."""
    terms = Terms(approvals=Approvals(SECRET), chest=Chest(b"k" * 32))
    reviews = reviews_in(tmp_path, terms=terms)
    reviewers = Reviewers(write_roll(tmp_path, ROLL + SEVERAL), lambda _: None, lambda: 0)
    with (
        # As on an address that others reach: the Admin service is not served.
        serve(reviews=reviews, reviewers=reviewers, admin=False) as daemon,
        grpc.insecure_channel(daemon.address) as channel,
    ):
        yield Place(daemon, channel)
    reviews.close()


def test_a_reviewer_answers_under_the_name_of_the_credential(gateway: Place) -> None:
    review_id = gateway.pay().escalation.review_id
    bob = gateway.by("bob's")
    assert bob.get(review_id).content == "hello"
    assert bob.act("Claim", wire.ClaimReviewRequest(review_id=review_id)).claimed_by == "bob"
    done = bob.resolve(review_id, APPROVED, reviewer=" BOB ")
    assert (done.state, done.resolved_by) == (APPROVED, "bob")
    assert gateway.pay().effective_action == wire.ACTION_ALLOW


def test_a_gateway_learns_how_a_review_stands_and_no_more(gateway: Place) -> None:
    made = gateway.pay()
    review = gateway.get(made.escalation.review_id)
    assert (review.state, review.queue) == (wire.REVIEW_STATE_OPEN, "money")
    assert (review.hidden, review.decision_id) == (UNSHOWN, made.decision_id)
    assert (review.user_id, review.arguments_json, len(review.reasons)) == ("", b"", 0)
    assert not review.HasField("content")
    assert gateway.by("somebody's mesh token").get(review.review_id) == review
    assert next(gateway.watch(review.review_id)) == review


def test_a_gateway_that_waits_is_given_the_token_that_passes_once(gateway: Place) -> None:
    review_id = gateway.pay().escalation.review_id
    changes = gateway.watch(review_id)
    assert next(changes).approval_token == ""
    gateway.by("bob's").resolve(review_id, APPROVED)
    *_, last = changes
    assert last.state == APPROVED
    assert last.approval_expires_at.seconds > last.resolved_at.seconds
    assert gateway.by("bob's").get(review_id).approval_token == ""
    assert gateway.pay(approval=last.approval_token).effective_action == wire.ACTION_ALLOW
    again = gateway.pay(approval=last.approval_token)
    assert again.effective_action == wire.ACTION_DENY
    assert "used already" in again.reasons[0].message
    assert gateway.get(review_id).HasField("approval_used_at")
    acts = [(one.act, one.who) for one in gateway.by("ann's").history(review_id)]
    assert acts[-2:] == [("presented", "u1"), ("refused", "u1")]


def resolve(place: Place, review_id: str, state: Any = APPROVED, **more: Any) -> Callable[[], Any]:
    return partial(place.resolve, review_id, state, **more)


def test_what_a_reviewer_has_no_right_to_is_refused_by_name_and_kept(gateway: Place) -> None:
    review_id = gateway.pay().escalation.review_id
    bob, cid, eve = (gateway.by(f"{name}'s") for name in ("bob", "cid", "eve"))
    claim = wire.ClaimReviewRequest(review_id=review_id)
    over = wire.HandOverReviewRequest(review_id=review_id, to="cid")
    tries: list[tuple[Callable[[], object], str]] = [
        (resolve(cid, review_id), "cid may not answer reviews of queue `money`"),
        (partial(cid.act, "Claim", claim), "cid may not answer"),
        (resolve(bob, review_id, EDITED, content="x"), "bob may not edit"),
        (partial(bob.get, review_id, full=True), "bob may not read what came"),
        (resolve(eve, review_id), "eve may not see"),
        (partial(eve.get, review_id), "eve may not see"),
        (partial(eve.history, review_id), "eve may not see"),
        (lambda: next(eve.watch(review_id)), "eve may not see"),
        (partial(bob.act, "HandOver", over), "no reviewer of queue `money`"),
        (resolve(bob, review_id, reviewer="ann"), "bob cannot act as ann"),
    ]
    for attempt, words in tries:
        error = refused(attempt)
        assert error.code() is grpc.StatusCode.PERMISSION_DENIED, words
        assert words in error.details()
    deeds = gateway.by("ann's").history(review_id)
    assert [one.act for one in deeds] == ["opened", *["refused"] * len(tries)]
    assert [one.who for one in deeds[1:]] == (
        "cid cid bob bob eve eve eve eve bob bob".split()  # noqa: SIM905
    )
    assert all(words in deed.note for (_, words), deed in zip(tries, deeds[1:], strict=True))


def test_nobody_answers_without_a_credential(gateway: Place) -> None:
    review_id = gateway.pay().escalation.review_id
    stranger = gateway.by("a stranger's")
    for place in (gateway, stranger):
        for attempt in (
            resolve(place, review_id, reviewer="ann"),
            place.list,
            partial(place.history, review_id),
            partial(place.get, review_id, full=True),
        ):
            error = refused(attempt)
            assert error.code() is grpc.StatusCode.UNAUTHENTICATED
            assert "stranger" not in error.details()
    assert gateway.get(review_id).state == wire.REVIEW_STATE_OPEN


@pytest.mark.parametrize("user", ["u1", "U1", "ann", " A\u200bNN ", "\uff21nn"])
def test_nobody_approves_their_own_request_under_any_of_their_names(
    gateway: Place, user: str
) -> None:
    review_id = gateway.pay(user_id=user).escalation.review_id
    ann = gateway.by("ann's")
    for attempt in (resolve(ann, review_id), resolve(ann, review_id, EDITED, content="x")):
        error = refused(attempt)
        assert error.code() is grpc.StatusCode.FAILED_PRECONDITION
        assert "their own request" in error.details()
    assert ann.history(review_id)[-1].act == "refused"


def test_a_list_holds_what_the_reviewer_may_see(gateway: Place) -> None:
    north = [gateway.pay(600 + one).escalation.review_id for one in range(5)]
    south = [gateway.pay(tenant_id="south").escalation.review_id]
    everything = gateway.by("cid's").list()
    assert {one.review_id for one in everything.reviews} == {*north, *south}
    assert [one.review_id for one in gateway.by("eve's").list(page_size=1).reviews] == south
    bob = gateway.by("bob's")
    first = bob.list(page_size=3)
    rest = bob.list(page_size=3, page_token=first.next_page_token)
    assert [one.review_id for one in (*first.reviews, *rest.reviews)] == north
    assert gateway.by("bob's").list(tenant_id="south").reviews == []
    error = refused(partial(bob.list, page_size=9999))
    assert error.code() is grpc.StatusCode.FAILED_PRECONDITION


def test_what_came_is_read_by_those_with_the_right_and_that_is_kept(gateway: Place) -> None:
    review_id = gateway.pay(content="mail a@b.example").escalation.review_id
    ann = gateway.by("ann's")
    shown = ann.get(review_id)
    assert (shown.content, shown.keeps_full, shown.full) == ("mail [EMAIL]", True, False)
    full = ann.get(review_id, full=True)
    assert (full.content, full.full, full.arguments_json) == (
        "mail a@b.example",
        True,
        b'{"to":"ann"}',
    )
    deeds = ann.history(review_id)
    assert [(one.act, one.who) for one in deeds] == [("opened", ""), ("read_full", "ann")]
    gateway.by("bob's").resolve(review_id, APPROVED)
    assert ann.get(review_id, full=True).content == "mail a@b.example"


def test_two_people_approve_where_two_must(gateway: Place, tmp_path: Path) -> None:
    now = time.time_ns()
    store = SqliteReviews(tmp_path / "reviews.db")
    question = asked("two", at=now, user="zoe", queue="money", needed=2)
    store.open_or_join(question, now)
    store.close()
    first = gateway.by("ann's").resolve("two", APPROVED)
    assert (first.state, list(first.approved_by)) == (wire.REVIEW_STATE_OPEN, ["ann"])
    assert (first.approvals_needed, gateway.get("two").approvals_needed) == (2, 2)
    assert gateway.get("two").approval_token == ""
    again = refused(resolve(gateway.by("ann's"), "two"))
    assert "someone else must too" in again.details()
    second = gateway.by("bob's").resolve("two", APPROVED)
    assert (second.state, list(second.approved_by)) == (APPROVED, ["ann", "bob"])
    acts = [one.act for one in gateway.by("ann's").history("two")]
    assert acts == ["opened", "endorsed", "refused", "approved"]


@pytest.mark.parametrize(
    ("held", "instead"),
    [(hash_of("cid's"), hash_of("another")), ('queues = ["money"]\ntenants = ["*"]', OTHERS)],
)
def test_a_right_that_is_taken_away_ends_at_once(
    gateway: Place, tmp_path: Path, held: str, instead: str
) -> None:
    review_id = gateway.pay().escalation.review_id
    changes = gateway.by("cid's").watch(review_id)
    assert next(changes).content == "hello"
    write_roll(tmp_path, ROLL.replace(held, instead))
    gateway.by("bob's").act("Claim", wire.ClaimReviewRequest(review_id=review_id))
    assert next(changes).hidden == UNSHOWN
    error = refused(partial(gateway.by("cid's").get, review_id, full=True))
    assert error.code() in {grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED}


@pytest.mark.parametrize(
    "metadata",
    [
        [("authorization", "Basic bob's")],
        [("authorization", "bob's")],
        [("authorization", "Bearer bob's"), ("authorization", "Bearer ann's")],
        [("x-authorization", "Bearer bob's")],
    ],
)
def test_a_credential_comes_once_and_as_a_bearer(gateway: Place, metadata: Any) -> None:
    method = gateway.channel.unary_unary("/engine.v1.PolicyEngine/ListReviews")
    error = refused(lambda: method(b"", timeout=PATIENCE, metadata=metadata))
    assert error.code() is grpc.StatusCode.UNAUTHENTICATED
    assert method(b"", timeout=PATIENCE, metadata=[("authorization", "bearer bob's")]) == b""


def test_a_review_is_handed_over_to_who_may_answer_it(gateway: Place) -> None:
    review_id = gateway.pay().escalation.review_id
    gateway.by("bob's").act("Claim", wire.ClaimReviewRequest(review_id=review_id))
    over = wire.HandOverReviewRequest(review_id=review_id, to="dora")
    assert gateway.by("bob's").act("HandOver", over).claimed_by == "dora"
    done = gateway.by("dora's").resolve(review_id, EDITED, content="bye")
    assert (done.state, done.content) == (EDITED, "bye")


def test_what_was_decided_before_is_told_to_reviewers_who_ask(tmp_path: Path) -> None:
    book = Book(tmp_path)
    for number, action in enumerate(("allow", "deny")):
        book.write(number, action, session="s1", labels=("tainted",))
    book.write(2, session="another")
    reviews = reviews_in(tmp_path)
    reviewers = Reviewers(write_roll(tmp_path), lambda _: None, lambda: 0)
    with (
        serve(reviews=reviews, reviewers=reviewers, trail=book.folder) as daemon,
        grpc.insecure_channel(daemon.address) as channel,
    ):
        gateway = Place(daemon, channel)
        made = gateway.pay(session=wire.Session(id="s1"))
        asked = wire.GetReviewRequest(review_id=made.escalation.review_id, earlier=True)
        assert not gateway.act("Get", asked).earlier
        assert not gateway.by("bob's").get(asked.review_id).earlier
        review = gateway.by("bob's").act("Get", asked)
        assert [(one.decision_id, one.action) for one in review.earlier] == [
            ("d0", wire.ACTION_ALLOW),
            ("d1", wire.ACTION_DENY),
        ]
        assert (review.earlier[0].stage, review.earlier_missing) == (wire.STAGE_REQUEST, "")
        assert list(review.earlier[0].rules) == ["p.r"]
        assert list(review.earlier[0].labels) == ["tainted"]
        asked.review_id = gateway.pay(700).escalation.review_id
        assert gateway.by("bob's").act("Get", asked).earlier_missing == NO_SESSION
        place = ["--address", daemon.address, "--token-file", str(tmp_path / "token")]
        (tmp_path / "token").write_text("bob's")
        shown = call("reviews", "show", review.review_id, *place).stdout
        assert "what was decided in this conversation before" in shown
        assert "request  deny: p.r" in shown
        with Client(daemon.address, token="bob's") as client:
            (_, second) = client.reviews.get(review.review_id, earlier=True).earlier
            assert (second.decision_id, second.stage, second.action) == ("d1", "request", "deny")
    book.audit.close()
    reviews.close()
