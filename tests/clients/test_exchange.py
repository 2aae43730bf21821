"""Decide, call the model, decide on the response, settle."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from pol_client import (
    AsyncClient,
    Decision,
    Denied,
    Escalated,
    InvalidRequest,
    Message,
    NotAllowed,
    Throttled,
    Usage,
)
from pol_client.aio_exchange import _SETTLING
from pol_client.ledger import NOTHING, Ledger

from engine.runtime.memory import MemoryStore
from engine.runtime.store import Settled
from tests.clients.asking import KINDS, PATIENCE
from tests.doors.grpc.serving import Daemon, run, serve

SPENDER: dict[str, Any] = {"tenant": "north", "user": "spender"}
BUSY: dict[str, Any] = {"tenant": "north", "user": "busy"}
"""Who may do one thing at a time."""
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


def leave_with(client: Any, error: type[BaseException], **options: Any) -> None:
    """Have the model call end with *error* before its usage is known."""
    with client.exchange(**options) as exchange:
        exchange.request(content="hello", usage=ESTIMATE)
        raise error


def test_a_failed_call_may_count_as_estimated(client: Any) -> None:
    with pytest.raises(ConnectionError):
        leave_with(client, ConnectionError, on_failure="estimate", **SPENDER)
    assert remaining(client) == 200


@pytest.mark.parametrize("error", [KeyboardInterrupt, TimeoutError, asyncio.CancelledError])
def test_what_only_ended_the_waiting_leaves_the_estimate(
    client: Any, error: type[BaseException]
) -> None:
    with pytest.raises(error):
        leave_with(client, error, **SPENDER)
    assert remaining(client) == 200


def test_a_usage_that_cannot_be_sent_is_refused_at_once(client: Any) -> None:
    with client.exchange(**SPENDER) as exchange:
        exchange.request(content="hello", usage=ESTIMATE)
        with pytest.raises(InvalidRequest) as caught:
            exchange.used(input_tokens=2**63)
    assert [each.path for each in caught.value.violations] == ["usage.input_tokens"]
    assert remaining(client) == 200


@pytest.mark.parametrize(
    "used", [{"input_tokens": -1}, {"cost_usd": "-0.1"}, {"cost_usd": "NaN"}, {"cost_usd": "1e99"}]
)
def test_a_usage_that_is_none_is_kept_and_the_estimate_stands(
    client: Any, used: dict[str, Any]
) -> None:
    with client.exchange(**SPENDER) as exchange:
        exchange.request(content="hello", usage=ESTIMATE)
        exchange.used(**used)
    assert [usage for _, usage in exchange.unsettled] == [used]
    assert remaining(client) == 200


# --- what may run at once ------------------------------------------------------------------------


def test_a_place_is_held_while_the_exchange_lasts_and_no_longer(client: Any) -> None:
    with client.exchange(**BUSY) as exchange:
        assert exchange.request(content="hello").decision.reserved
        with pytest.raises(Throttled) as caught, client.exchange(**BUSY) as other:
            other.request(content="me too")
        assert caught.value.decision.throttle
        assert caught.value.decision.throttle.unit == "concurrent"
        exchange.response(content="hi")
    with client.exchange(**BUSY) as exchange:
        assert exchange.request(content="hello").passes


@pytest.mark.parametrize("error", [ConnectionError, KeyboardInterrupt, TimeoutError])
def test_a_place_is_given_back_however_the_exchange_ends(
    client: Any, error: type[BaseException]
) -> None:
    for _ in range(2):
        with pytest.raises(error):
            leave_with(client, error, **BUSY)


def test_one_call_after_the_other_needs_one_place(client: Any) -> None:
    with client.exchange(**BUSY) as exchange:
        for _ in range(3):
            exchange.request(content="hello")
            exchange.response(content="hi", usage={"input_tokens": 1})
            exchange.tool_call(tool={"name": "look"})
    assert [each.reserved for each in exchange.decisions] == [True, False, True] * 3


def test_a_call_that_is_not_answered_keeps_its_place(client: Any) -> None:
    with client.exchange(raise_on_block=False, **BUSY) as exchange:
        exchange.request(content="hello")
        assert not exchange.request(content="at the same time").passes


def test_nothing_is_settled_where_nothing_waits(daemon: Daemon, client: Any) -> None:
    asked: list[str] = []

    class Listening(MemoryStore):
        def settle(self, reservation: str, amounts: Mapping[str, int], now: int) -> Settled | None:
            asked.append(reservation)
            return super().settle(reservation, amounts, now)

    daemon.gate.store = Listening()
    with client.exchange(tenant="north", user="u1") as exchange:
        exchange.request(content="hello")
        exchange.response(content="hi", usage={"input_tokens": 5})
    assert asked == []
    client.settle("none", input_tokens=5)
    assert asked == ["none"]


def test_a_daemon_that_does_not_say_is_told_what_was_used() -> None:
    ledger = Ledger()
    ledger.use({"input_tokens": 7})  # There was no request that this could be of.
    usages: tuple[Usage | None, ...] = ({"input_tokens": 1}, None)
    for usage in usages:
        ledger.note("request", Decision("allow", "allow", decision_id=f"{usage}"))
        ledger.use(usage)
    ledger.note("request", Decision("deny", "deny", decision_id="blocked"))
    assert [usage for _, usage in ledger.due(None)] == [{"input_tokens": 1}, NOTHING]


def test_a_task_that_is_cancelled_gives_its_place_back(daemon: Daemon) -> None:
    """Even when it is cancelled once more while it settles."""

    async def wait_for_ever(client: AsyncClient, begun: asyncio.Event) -> None:
        async with client.exchange(**BUSY) as exchange:
            await exchange.request(content="hello")
            begun.set()
            await asyncio.sleep(600)

    async def cancel_twice() -> list[str]:
        async with AsyncClient(daemon.address, timeout=PATIENCE) as client:
            begun = asyncio.Event()
            task = asyncio.create_task(wait_for_ever(client, begun))
            await begun.wait()
            task.cancel()
            await asyncio.sleep(0)
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            while _SETTLING:
                await asyncio.wait(_SETTLING)
            async with client.exchange(**BUSY) as exchange:
                passed = await exchange.request(content="hello")
            return [passed.decision.action]

    assert run(cancel_twice()) == ["allow"]


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
            exchange.request(content="hello", usage=ESTIMATE, timeout=PATIENCE)
        exchange.used(input_tokens=7)
    ((decision_id, usage),) = exchange.unsettled
    assert decision_id == exchange.decisions[0].decision_id
    assert usage == {"input_tokens": 7}
