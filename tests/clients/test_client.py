"""What the clients promise, both of them, against a real daemon."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from threading import Event, Thread, Timer
from typing import Any

import pytest
from pol_client import (
    Client,
    DeadlineExceeded,
    InvalidRequest,
    Message,
    NoDecision,
    NotPermitted,
    PolError,
    Unavailable,
)
from pol_client import Tls as ClientTls

from engine.doors.grpc.listener import Listener, Tls
from engine.doors.grpc.service import Service
from engine.service.record import NoRecorder
from engine.service.reviews import Reviews
from engine.storage.reviews import Move
from engine.storage.reviews_sqlite import SqliteReviews
from tests.clients.asking import ASK, KINDS, PATIENCE, WHO, wait_in_vain
from tests.doors.grpc.serving import Daemon, make_door, make_gate, policies, run, serve

CERTIFICATE = (Path(__file__).parents[1] / "doors" / "grpc" / "localhost.crt").read_bytes()
KEY = (Path(__file__).parents[1] / "doors" / "grpc" / "localhost.key").read_bytes()


def test_an_allowed_request_passes(client: Any) -> None:
    decision = client.decide(**ASK, request_id="r-1")
    assert decision.passes
    assert (decision.action, decision.effective_action) == ("allow", "allow")
    assert decision.request_id == "r-1"
    assert decision.revision == policies().revision
    assert decision.content is None
    assert decision.failure is None


def test_a_denial_says_why(client: Any) -> None:
    decision = client.decide(**{**ASK, "content": "forbidden"})
    assert not decision.passes
    assert decision.reason == "that word is not spoken here"
    assert decision.reasons[0].tags == ("desk:word", "test")
    assert decision.reasons[0].severity == "high"


def test_redactions_arrive_as_values(client: Any) -> None:
    messages = [Message("system", "be kind"), {"role": "user", "text": "I am ann@example.com"}]
    decision = client.decide(**WHO, stage="request", messages=messages)
    assert decision.action == "redact"
    assert decision.passes
    assert decision.messages == (Message("system", "be kind"), Message("user", "I am [EMAIL]"))
    assert decision.redactions[0].entity == "pii.email"


def test_redacted_attributes_arrive_by_path(client: Any) -> None:
    decision = client.decide(**ASK, context={"note": "I am ann@example.com"})
    assert decision.action == "redact"
    assert decision.content is None
    assert decision.attributes == {"context.note": "I am [EMAIL]"}


def test_a_throttle_arrives_as_values(client: Any) -> None:
    asked = {**ASK, "user": "flood"}
    states = [client.decide(**asked) for _ in range(3)]
    assert states[0].throttle.limit == Decimal(2)
    assert states[2].action == "throttle"
    assert timedelta(0) < states[2].throttle.retry_after <= timedelta(seconds=30)


def test_an_escalation_arrives_as_values(client: Any) -> None:
    decision = client.decide(
        **WHO,
        stage="tool_call",
        tool={"name": "refund", "args": {"order": 7}},
        context={"amount": Decimal("500.01")},
    )
    assert decision.action == "escalate"
    assert decision.escalation.queue == "money"
    assert decision.escalation.otherwise == "deny"
    assert decision.escalation.expires_at > datetime.now(UTC)


def test_groups_take_an_id_or_attributes(client: Any) -> None:
    decision = client.decide(
        tenant={"id": "north", "plan": "free"},
        user={"id": "u1", "roles": {"nurse"}, "clearance": 3},
        stage="request",
        content="taint",
        session="s-1",
        model={"name": "m", "provider": "p"},
        source="192.0.2.1",
        usage={"input_tokens": 3, "output_tokens": None, "cost_usd": Decimal("0.1")},
        capabilities=["mask", "wait"],
        context=None,
    )
    assert decision.advice == {"route": "small"}
    assert decision.labels == ("tainted",)


def test_shadow_rules_are_told(client: Any) -> None:
    decision = client.decide(**{**ASK, "content": "watched"})
    assert decision.action == "allow"
    assert decision.shadow.action == "deny"


def test_every_wrong_path_is_listed(client: Any) -> None:
    with pytest.raises(InvalidRequest) as caught:
        client.decide(**{**ASK, "context": {"purpos": "x", "amount": True}})
    assert {each.path for each in caught.value.violations} == {"context.purpos", "context.amount"}
    assert "context.purpos: " in str(caught.value)


def test_a_batch_keeps_order_and_neighbours(client: Any) -> None:
    first, second, third = client.decide_batch(
        [ASK, {**ASK, "user": {}}, {**ASK, "content": "forbidden"}]
    )
    assert first.action == "allow"
    assert second.action == "deny"
    assert second.failure.code == "INVALID_ARGUMENT"
    assert second.failure.violations[0].path == "user.id"
    assert third.reasons[0].rule == "desk.guard.no_word"


def test_an_explanation_consumes_nothing(client: Any) -> None:
    asked = {**ASK, "user": "flood"}
    explanations = [client.explain(**asked) for _ in range(4)]
    assert all(each.decision.action == "allow" for each in explanations)
    assert client.decide(**asked).throttle.remaining == 1
    assert explanations[0].policies[0].policy == "desk.guard"
    assert "desk.guard" in explanations[0].text


def test_settling_corrects_an_estimate_once(client: Any) -> None:
    decision = client.decide(**{**ASK, "user": "spender", "usage": {"input_tokens": 900}})
    assert client.settle(decision.decision_id, input_tokens=10, output_tokens=5, cost_usd="0.01")
    assert not client.settle(decision.decision_id, input_tokens=10)


@pytest.mark.parametrize("kind", [*KINDS])
def test_a_review_is_waited_for_and_then_decides(kind: str, tmp_path: Path) -> None:
    reviews = Reviews(SqliteReviews(tmp_path / "reviews.db"), NoRecorder(), time.time_ns)
    tool = {"name": "refund", "args": {"to": "ann"}}
    ask = {**WHO, "stage": "tool_call", "tool": tool, "context": {"amount": Decimal(600)}}
    with serve(reviews=reviews) as daemon, KINDS[kind](daemon.address, timeout=PATIENCE) as client:
        review = client.decide(**ask).escalation
        assert review.state == "open"
        assert wait_in_vain(client, review.review_id).state == "open"
        reviews.act(review.review_id, Move(verb="approve", who="bob"))
        assert client.wait_review(review.review_id, timeout=PATIENCE).state == "approved"
        made = client.decide(**ask)
        assert (made.passes, made.escalation.state) == (True, "approved")
        with pytest.raises(NoDecision, match="no such review"):
            client.wait_review("r9", timeout=PATIENCE)
    reviews.close()


def test_the_status_is_told(client: Any, daemon: Daemon) -> None:
    status = client.status()
    assert status.serving
    assert status.revision == daemon.gate.status().revision
    assert status.loaded_at < datetime.now(UTC)


@pytest.mark.parametrize("kind", [*KINDS])
def test_a_daemon_without_policies_is_unavailable_at_once(kind: str) -> None:
    with serve(ready=False) as daemon, KINDS[kind](daemon.address, timeout=PATIENCE) as client:
        for ask in (client.decide, client.explain):
            with pytest.raises(Unavailable, match="no policies are loaded yet"):
                ask(**ASK)
        assert client.status().loaded_at is None


@pytest.mark.parametrize("kind", [*KINDS])
def test_nobody_there_ends_with_the_deadline(kind: str, tmp_path: Path) -> None:
    with (
        KINDS[kind](f"unix://{tmp_path}/nobody.sock", timeout=0.1) as client,
        pytest.raises(DeadlineExceeded),
    ):
        client.decide(**ASK)


@pytest.mark.parametrize("kind", [*KINDS])
def test_nobody_there_is_unavailable_at_once_if_you_wish(kind: str, tmp_path: Path) -> None:
    address = f"unix://{tmp_path}/nobody.sock"
    with (
        KINDS[kind](address, timeout=PATIENCE, wait_for_ready=False) as client,
        pytest.raises(Unavailable),
    ):
        client.decide(**ASK)


@pytest.mark.parametrize("kind", [*KINDS])
def test_a_call_that_may_be_repeated_is_until_its_deadline(kind: str, tmp_path: Path) -> None:
    address = f"unix://{tmp_path}/nobody.sock"
    with (
        KINDS[kind](address, timeout=0.2, wait_for_ready=False) as client,
        pytest.raises(NoDecision),
    ):
        client.explain(**ASK)


@pytest.mark.slow
@pytest.mark.parametrize("kind", [*KINDS])
def test_a_repeated_call_succeeds_when_the_daemon_comes(kind: str, tmp_path: Path) -> None:
    address = f"unix://{tmp_path}/engine.sock"
    daemon = serve(address)
    start = Timer(0.1, daemon.__enter__)
    with KINDS[kind](address, timeout=PATIENCE, wait_for_ready=False) as client:
        start.start()
        assert client.status().serving
    start.join()
    daemon.__exit__()


@pytest.mark.slow
@pytest.mark.parametrize("kind", [*KINDS])
def test_a_restart_of_the_daemon_is_not_noticed(kind: str, tmp_path: Path) -> None:
    address = f"unix://{tmp_path}/engine.sock"
    with KINDS[kind](address, timeout=PATIENCE) as client, client.pipeline() as pipeline:
        for _ in range(3):
            with serve(address):
                assert client.decide(**ASK).passes
                assert pipeline.decide(**ASK).passes
            for ask in (client.decide, pipeline.decide):
                with pytest.raises(NoDecision):
                    ask(**ASK, timeout=0.05)


@pytest.mark.parametrize("kind", [*KINDS])
def test_a_deadline_of_its_own_can_be_given(kind: str, tmp_path: Path) -> None:
    with KINDS[kind](f"unix://{tmp_path}/nobody.sock", timeout=60) as client:
        for ask in (client.decide, client.explain, client.pipeline().decide):
            with pytest.raises(DeadlineExceeded):
                ask(**ASK, timeout=0.02)
        with pytest.raises(DeadlineExceeded):
            client.settle("d", timeout=0.02, input_tokens=1)


@pytest.mark.parametrize("kind", [*KINDS])
@pytest.mark.parametrize("mutual", [False, True])
def test_tls_is_spoken(kind: str, *, mutual: bool) -> None:
    server = Tls(CERTIFICATE, KEY, CERTIFICATE if mutual else None)
    mine = ClientTls(
        CERTIFICATE,
        CERTIFICATE if mutual else None,
        KEY if mutual else None,
        server_name="localhost",
    )
    gate = make_gate()
    door = run(make_door(Service(gate, ""), (Listener("127.0.0.1:0", server),)))
    with (
        Daemon(gate, door) as daemon,
        KINDS[kind](daemon.address, tls=mine, timeout=PATIENCE) as client,
    ):
        assert client.decide(**ASK).passes
    assert "PRIVATE" not in repr(mine)


@pytest.mark.parametrize("kind", [*KINDS])
def test_a_token_goes_with_every_call(kind: str, daemon: Daemon) -> None:
    asked: list[str] = []

    def token() -> str:
        asked.append("now")
        return "t"

    with KINDS[kind](daemon.address, token=token, metadata=[("x-gateway", "g1")]) as client:
        assert client.decide(**ASK, timeout=PATIENCE).passes
        with client.pipeline() as pipeline:
            assert pipeline.decide(**ASK, timeout=PATIENCE).passes
    assert asked == ["now", "now"]


@pytest.mark.parametrize("kind", [*KINDS])
@pytest.mark.parametrize("made", [None, b"secret", "", "  ", "secret\n", "sécret", 5])
def test_a_token_that_is_none_is_told_and_never_sent(kind: str, made: Any, daemon: Daemon) -> None:
    for token in (made, lambda: made):
        if token is None:
            continue
        with (
            KINDS[kind](daemon.address, token=token, timeout=PATIENCE) as client,
            pytest.raises(NotPermitted, match="the token cannot be sent") as caught,
        ):
            client.decide(**ASK)
        assert "cret" not in str(caught.value)


def test_a_coroutine_is_no_token(daemon: Daemon) -> None:
    async def token() -> str:
        return "t"

    with (
        KINDS["sync"](daemon.address, token=token, timeout=PATIENCE) as client,
        pytest.raises(NotPermitted, match="it is coroutine"),
    ):
        client.decide(**ASK)


def test_a_token_that_takes_long_holds_up_no_other_thread(daemon: Daemon) -> None:
    slow, free, came = Event(), Event(), list[bool]()

    def token() -> str:
        if not slow.is_set():
            slow.set()
            came.append(free.wait(PATIENCE))
        return "t"

    with KINDS["sync"](daemon.address, token=token, timeout=10 * PATIENCE) as client:
        other = Thread(target=client.status)
        other.start()
        assert slow.wait(PATIENCE)
        assert client.status().serving
        with client.guard(["hello"], **WHO) as guard:
            assert "".join(guard) == "hello"
        free.set()
        other.join(PATIENCE)
    assert came == [True]


@pytest.mark.parametrize("kind", [*KINDS])
def test_a_closed_client_says_so_to_whoever_asks(kind: str, daemon: Daemon) -> None:
    with KINDS[kind](daemon.address, timeout=PATIENCE) as client:
        assert client.decide(**ASK).passes
        pipeline = client.pipeline()
        client.close()
        for ask in (client.decide, client.explain, pipeline.decide, client.pipeline().decide):
            with pytest.raises(Unavailable, match="closed"):
                ask(**ASK)
        with pytest.raises(Unavailable, match="closed"):
            client.wait_review("r", timeout=PATIENCE)


@pytest.mark.parametrize("transport", ["lean", "grpcio"])
def test_a_closed_client_guards_nothing(transport: Any, daemon: Daemon) -> None:
    client = Client(daemon.address, transport=transport)
    client.close()
    with pytest.raises(Unavailable, match="closed"):
        list(client.guard(["hello"], **WHO))


def test_all_errors_are_of_one_family() -> None:
    assert issubclass(NoDecision, PolError)
