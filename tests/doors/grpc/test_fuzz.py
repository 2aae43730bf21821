"""Whatever bytes arrive: a decision or a refusal, never a failure of the daemon."""

from __future__ import annotations

import functools
import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as some

from engine.doors.grpc.methods import decide_next
from engine.doors.grpc.service import Service
from engine.wire import engine_pb2 as wire
from tests.doors.grpc.serving import ask, make_gate

INVALID_ARGUMENT = 3

JSON = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats() | some.text(),
    lambda inner: some.lists(inner) | some.dictionaries(some.text(), inner),
    max_leaves=8,
)
FULL = ask(
    request_id="r",
    user_roles=["nurse"],
    stage=wire.STAGE_TOOL_CALL,
    context_json=b'{"amount": 1, "purpose": "care"}',
    attributes_json=b'{"tenant": {"plan": "pro"}}',
    model=wire.Model(name="m"),
    tool=wire.Tool(name="mail", args_json=b'{"to": ["a@example.com"]}'),
    session=wire.Session(id="s", labels=["l"], turn=1),
    usage=wire.Usage(input_tokens=1, cost_usd="0.1"),
    source_ip="192.0.2.1",
    capabilities=wire.Capabilities(mask=True),
).SerializeToString()


@functools.cache
def service() -> Service:
    """Return a service that has policies."""
    return Service(make_gate(), "")


def answer(raw: bytes) -> None:
    """Ask, and check that what comes is a decision or says what is wrong with the request."""
    made = decide_next(service(), raw)
    assert isinstance(made, bytes)
    decision = wire.Decision.FromString(made)
    assert decision.effective_action
    if decision.HasField("error"):
        assert decision.error.code == INVALID_ARGUMENT, decision
        assert decision.effective_action == wire.ACTION_DENY
    else:
        assert all("Error at" not in reason.failure for reason in decision.reasons), decision


@given(some.binary(max_size=200))
def test_any_bytes(raw: bytes) -> None:
    answer(raw)


@example(47, b"   \x80", 4)  # a key in context_json that is no UTF-8
@given(some.integers(0, len(FULL) - 1), some.binary(max_size=4), some.integers(0, 4))
def test_a_request_with_damage(at: int, put: bytes, cut: int) -> None:
    answer(FULL[:at] + put + FULL[at + cut :])


@pytest.mark.slow
@given(JSON, JSON, JSON)
def test_any_json_as_attributes(context: object, attributes: object, args: object) -> None:
    request = ask(
        stage=wire.STAGE_TOOL_CALL,
        context_json=json.dumps(context).encode(),
        attributes_json=json.dumps(attributes).encode(),
        tool=wire.Tool(name="mail", args_json=json.dumps(args).encode()),
    )
    answer(request.SerializeToString())


@pytest.mark.slow
@given(some.dictionaries(some.sampled_from(["tenant", "user", "context", "tool", "usage"]), JSON))
def test_any_json_in_known_groups(attributes: dict[str, object]) -> None:
    answer(ask(attributes_json=json.dumps(attributes).encode()).SerializeToString())
