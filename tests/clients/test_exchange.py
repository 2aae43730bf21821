"""Decide, call the model, decide on the response, settle."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pol_client import Denied, Escalated, Message, NotAllowed, Throttled

from tests.clients.asking import KINDS
from tests.doors.grpc.serving import serve

SPENDER: dict[str, Any] = {"tenant": "north", "user": "spender"}
ESTIMATE: dict[str, Any] = {"input_tokens": 400, "output_tokens": 400}


def remaining(client: Any) -> int:
    """Return how many of the spender's 1000 tokens are left."""
    explanation = client.explain(**SPENDER, stage="request", usage={"input_tokens": 0})
    return int(explanation.decision.throttle.remaining)


def test_what_may_go_on_is_the_redacted_form(client: Any) -> None:
    with client.exchange(tenant="north", user="u1") as exchange:
        prompt = exchange.request(content="I am ann@example.com")
        answer = exchange.response(content="Hello Ann", usage={"input_tokens": 5})
    assert prompt.content == "I am [EMAIL]"
    assert prompt.decision.action == "redact"
    assert answer.content == "Hello Ann"
    assert answer.passes
    assert [each.action for each in exchange.decisions] == ["redact", "allow"]


def test_messages_and_arguments_go_on_too(client: Any) -> None:
    with client.exchange(tenant="north", user="u1") as exchange:
        plain = exchange.request(messages=[{"role": "user", "text": "hello"}])
        hidden = exchange.document(messages=[Message("doc", "ann@example.com")])
        called = exchange.tool_call(tool={"name": "mail", "args": {"to": "ann@example.com"}})
        kept = exchange.tool_call(tool={"name": "look", "args": {"at": 1}})
        result = exchange.tool_result(tool="look", content="found")
    assert plain.messages == (Message("user", "hello"),)
    assert hidden.messages == (Message("doc", "[EMAIL]"),)
    assert called.arguments == {"to": "[EMAIL]"}
    assert kept.arguments == {"at": 1}
    assert kept.messages is None
    assert result.content == "found"


def test_the_real_usage_is_settled_on_leaving(client: Any) -> None:
    with client.exchange(**SPENDER) as exchange:
        exchange.request(content="hello", usage=ESTIMATE)
        assert remaining(client) == 200
        exchange.response(content="hi", usage={"input_tokens": 10, "output_tokens": 0})
    # The request is settled with 10; the response took 10 more, which were known.
    assert remaining(client) == 980
    assert exchange.unsettled == ()


def fail_after_asking(client: Any, **used: int) -> None:
    """Lose the model after the prompt was decided."""
    with client.exchange(**SPENDER) as exchange:
        exchange.request(content="hello", usage=ESTIMATE)
        if used:
            exchange.used(**used)
        raise ConnectionError


def test_a_model_call_that_fails_gives_the_estimate_back(client: Any) -> None:
    with pytest.raises(ConnectionError):
        fail_after_asking(client)
    assert remaining(client) == 1000


def test_a_failure_after_the_call_settles_what_it_used(client: Any) -> None:
    with pytest.raises(ConnectionError):
        fail_after_asking(client, input_tokens=100, output_tokens=100)
    assert remaining(client) == 800


def test_an_estimate_stands_when_the_usage_stays_unknown(client: Any) -> None:
    with client.exchange(**SPENDER) as exchange:
        exchange.request(content="hello", usage=ESTIMATE)
    assert remaining(client) == 200


@pytest.mark.parametrize(
    ("user", "asked", "error"),
    [
        ("u1", {"content": "forbidden"}, Denied),
        ("flood", {"content": "hello"}, Throttled),
    ],
)
def test_a_block_raises_what_it_is(
    client: Any, user: str, asked: dict[str, Any], error: type[NotAllowed]
) -> None:
    with client.exchange(raise_on_block=False, tenant="north", user=user) as exchange:
        for _ in range(2):
            exchange.request(**asked)
    with pytest.raises(error) as caught, client.exchange(tenant="north", user=user) as exchange:
        exchange.request(**asked)
    assert caught.value.decision.action == {Denied: "deny", Throttled: "throttle"}[error]
    assert caught.value.decision.reasons
    assert str(caught.value).startswith(caught.value.decision.action)


def test_an_escalation_raises_with_its_review(client: Any) -> None:
    with (
        pytest.raises(Escalated) as caught,
        client.exchange(tenant="north", user="u1", context={"amount": 501}) as exchange,
    ):
        exchange.tool_call(tool={"name": "refund"})
    assert caught.value.decision.escalation
    assert caught.value.decision.escalation.queue == "money"


def test_a_block_can_be_looked_at_instead(client: Any) -> None:
    with client.exchange(raise_on_block=False, tenant="north", user="u1") as exchange:
        prompt = exchange.request(content="forbidden")
    assert not prompt.passes
    assert prompt.content is None
    assert prompt.decision.action == "deny"


@pytest.mark.parametrize("kind", [*KINDS])
def test_a_usage_that_cannot_be_reported_is_kept(kind: str, tmp_path: Path) -> None:
    address = f"unix://{tmp_path}/engine.sock"
    with KINDS[kind](address, timeout=0.2) as client, client.exchange(**SPENDER) as exchange:
        with serve(address):
            exchange.request(content="hello", usage=ESTIMATE, timeout=5)
        exchange.used(input_tokens=7)
    ((decision_id, usage),) = exchange.unsettled
    assert decision_id == exchange.decisions[0].decision_id
    assert usage == {"input_tokens": 7}
