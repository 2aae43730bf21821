from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from threading import Event, Thread, Timer
from typing import Any

import pytest
from pol_client import (
    DeadlineExceeded,
    InvalidRequest,
    Message,
    NoDecision,
    NotPermitted,
    Refused,
    Unavailable,
)

from engine.service.approvals import Approvals
from engine.service.presenting import Terms
from engine.service.reviewers import Reviewers
from engine.storage.chest import Chest
from engine.storage.reviews import Move
from tests.clients.asking import KINDS, PATIENCE, WHO, wait_in_vain
from tests.doors.grpc.reviewing import reviews_in, until
from tests.doors.grpc.serving import SECRET, Daemon, run, serve
from tests.service.roll import write_roll

PAY: Any = {
    **WHO,
    "stage": "tool_call",
    "tool": {"name": "refund", "args": {"to": "ann"}},
    "context": {"amount": Decimal(600)},
}


class Desk:
    """A daemon that knows reviewers, and clients of one kind."""

    def __init__(self, daemon: Daemon, kind: str, opened: list[Any]) -> None:
        self.daemon = daemon
        self._make = KINDS[kind]
        self._opened = opened
        self.gateway = self.client("")

    def client(self, who: str) -> Any:
        token = f"{who}'s" if who else None
        made = self._make(self.daemon.address, timeout=PATIENCE, token=token)
        self._opened.append(made)
        return made.__enter__()

    def open(self, content: str = "pay a@b.example", **parts: Any) -> str:
        escalation = self.gateway.decide(**{**PAY, "content": content, **parts}).escalation
        found: str = escalation.review_id
        return found


@pytest.fixture(params=[*KINDS])
def desk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Desk]:
    reviews = reviews_in(tmp_path, terms=Terms(Approvals(SECRET), Chest(b"k" * 32), once=True))
    reviewers = Reviewers(write_roll(tmp_path), lambda _: None, lambda: 0)
    opened: list[Any] = []
    with serve(reviews=reviews, reviewers=reviewers) as daemon:
        yield Desk(daemon, request.param, opened)
        for one in opened:
            one.__exit__(None, None, None)
    reviews.close()


def test_a_review_is_shown_to_a_reviewer(desk: Desk) -> None:
    review_id = desk.open(session="s1")
    bob, ann = desk.client("bob"), desk.client("ann")
    review = bob.reviews.get(review_id)
    assert (review.state, review.queue, review.tenant, review.user) == (
        "open",
        "money",
        "north",
        "u1",
    )
    assert (review.stage, review.tool, review.session) == ("tool_call", "refund", "s1")
    assert (review.content, review.arguments) == ("pay [EMAIL]", {"to": "ann"})
    assert (review.otherwise, review.approvals_needed, review.round) == ("deny", 1, 1)
    assert review.reasons[0].rule == "desk.guard.refunds"
    assert review.opened_at < review.expires_at
    assert (review.resolved_at, review.approval_token, review.earlier) == (None, "", ())
    assert review.keeps_full
    full = ann.reviews.get(review_id, full=True)
    assert (full.content, full.full) == ("pay a@b.example", True)


def test_every_act_of_a_reviewer(desk: Desk) -> None:
    review_id = desk.open(user="u2")
    ann = desk.client("ann")
    claimed = ann.reviews.claim(review_id, seconds=60, note="mine")
    assert claimed.claimed_by == "ann"
    assert 0 < (claimed.claimed_until - claimed.opened_at).total_seconds() <= 65
    assert ann.reviews.comment(review_id, note="hm").state == "open"
    assert ann.reviews.hand_over(review_id, "bob", seconds=30).claimed_by == "bob"
    assert desk.client("bob").reviews.release(review_id).claimed_by == ""
    edited = ann.reviews.edit(review_id, content="bye", arguments={"to": "eve"}, note="less")
    assert (edited.state, edited.content, edited.arguments) == ("edited", "bye", {"to": "eve"})
    assert (edited.resolved_by, edited.note, edited.approved_by) == ("ann", "less", ("ann",))
    history = ann.reviews.history(review_id)
    assert [(one.act, one.who, one.note) for one in history] == [
        ("opened", "", ""),
        ("claimed", "ann", "mine"),
        ("commented", "ann", "hm"),
        ("handed_over", "ann", "to bob"),
        ("released", "bob", ""),
        ("edited", "ann", "less"),
    ]
    assert history[0].time < history[-1].time
    assert (history[-1].state, history[-1].round) == ("edited", 1)
    assert history[0].number < history[-1].number


def test_a_history_of_several_pages_comes_whole(desk: Desk) -> None:
    review_id = desk.open()
    reviews = desk.daemon.gate.reviews
    assert reviews is not None
    for number in range(1000):
        reviews.act(review_id, Move(verb="comment", who="bob", note=str(number)))
    history = desk.client("ann").reviews.history(review_id)
    assert [one.note for one in history] == ["", *map(str, range(1000))]


def test_messages_are_edited(desk: Desk) -> None:
    parts = [{"role": "user", "text": "pay"}]
    request = {**PAY, "user": "u2", "messages": parts}
    review_id = desk.gateway.decide(**request).escalation.review_id
    ann = desk.client("ann")
    assert ann.reviews.get(review_id).messages == (Message("user", "pay"),)
    done = ann.reviews.edit(review_id, messages=[Message("user", "no")])
    assert done.messages == (Message("user", "no"),)
    for wrong in ([{"role": "user"}], [{"role": 7, "text": "x"}]):
        with pytest.raises(InvalidRequest, match="cannot be sent"):
            ann.reviews.edit(review_id, messages=wrong)
    with pytest.raises(InvalidRequest, match="arguments"):
        ann.reviews.edit(review_id, arguments=object())


def test_reviews_are_listed_in_pages(desk: Desk) -> None:
    names = [desk.open(f"pay {number}") for number in range(3)]
    bob = desk.client("bob")
    first = bob.reviews.list(queue="money", tenant="north", state="open", most=2)
    rest = bob.reviews.list(most=2, after=first.after)
    assert [one.review_id for one in (*first.reviews, *rest.reviews)] == names
    assert rest.after == ""
    assert bob.reviews.list(state="approved").reviews == ()
    with pytest.raises(InvalidRequest, match="state"):
        bob.reviews.list(state="done")


def test_an_approval_is_waited_for_and_presented_once(desk: Desk) -> None:
    review_id = desk.open()
    bob = desk.client("bob")
    answering = Timer(0.1, bob.reviews.approve, (review_id,), {"note": "known"})
    answering.start()
    review = desk.gateway.wait_review(review_id, timeout=PATIENCE)
    answering.join()
    assert (review.state, review.approval_expires_at is None) == ("approved", False)
    assert review.hidden == "it is shown to reviewers only"
    request = {**PAY, "content": "pay a@b.example"}
    waiting = desk.gateway.decide(**request)
    assert (waiting.effective_action, waiting.escalation.state) == ("escalate", "approved")
    made = desk.gateway.decide(**request, approval=review.approval_token)
    assert (made.effective_action, made.content) == ("redact", "pay [EMAIL]")
    again = desk.gateway.decide(**request, approval=review.approval_token)
    assert again.effective_action == "deny"
    assert "used already" in again.reason
    assert bob.reviews.get(review_id).approval_used_at is not None


def test_a_wait_ends_with_its_time(desk: Desk) -> None:
    review_id = desk.open()
    assert wait_in_vain(desk.gateway, review_id).state == "open"
    with pytest.raises(NoDecision, match="no such review"):
        desk.gateway.wait_review("f" * 32, timeout=PATIENCE)


def test_what_may_not_be_done_is_told_apart(desk: Desk) -> None:
    review_id = desk.open()
    with pytest.raises(NotPermitted, match="cid may not answer"):
        desk.client("cid").reviews.approve(review_id)
    with pytest.raises(NotPermitted, match="no reviewer's"):
        desk.client("zoe").reviews.list()
    with pytest.raises(Refused, match="their own request"):
        desk.client("ann").reviews.approve(review_id)
    desk.client("bob").reviews.reject(review_id, note="no")
    with pytest.raises(Refused, match="over: rejected"):
        desk.client("bob").reviews.claim(review_id)


@pytest.mark.parametrize("kind", [*KINDS])
def test_who_watches_a_daemon_that_is_away_is_told_in_the_end(kind: str, tmp_path: Path) -> None:
    address = f"unix://{tmp_path}/none.sock"
    with (
        KINDS[kind](address, wait_for_ready=False) as client,
        pytest.raises((Unavailable, DeadlineExceeded)),
    ):
        client.wait_review("r", timeout=0.3)


@pytest.mark.parametrize("kind", [*KINDS])
def test_a_wait_at_a_daemon_that_goes_away_ends_with_what_was_seen(
    kind: str, tmp_path: Path
) -> None:
    reviews = reviews_in(tmp_path)
    daemon = serve(f"unix://{tmp_path}/s", reviews=reviews)
    daemon.__enter__()
    with KINDS[kind](daemon.address, timeout=PATIENCE) as client:
        review_id = client.decide(**PAY).escalation.review_id

        def stop() -> None:
            until(lambda: daemon.desk is not None and daemon.desk.watcher.waiting == 1)
            run(daemon.door.drain(5))

        stopping = Thread(target=stop)
        stopping.start()
        assert client.wait_review(review_id, timeout=3).state == "open"
        stopping.join()
    reviews.close()


@pytest.mark.parametrize("kind", [*KINDS])
def test_a_wait_goes_on_at_the_daemon_that_comes_after(kind: str, tmp_path: Path) -> None:
    address = f"unix://{tmp_path}/s"
    reviews = reviews_in(tmp_path)
    first, over = serve(address, reviews=reviews), Event()
    with KINDS[kind](address, timeout=PATIENCE) as client:
        first.__enter__()
        review_id = client.decide(**PAY).escalation.review_id

        def restart() -> None:
            assert first.desk is not None
            until(lambda: first.desk is not None and first.desk.watcher.waiting == 1)
            run(first.door.drain(5))
            with serve(address, reviews=reviews):
                reviews.act(review_id, Move(verb="approve", who="bob"))
                over.wait(PATIENCE)

        restarting = Thread(target=restart)
        restarting.start()
        seen = client.wait_review(review_id, timeout=PATIENCE)
        over.set()
        restarting.join()
        assert (seen.state, seen.resolved_by) == ("approved", "bob")
    reviews.close()
