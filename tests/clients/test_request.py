"""What callers write becomes what the wire says, and what cannot is refused by name."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from ipaddress import ip_address
from types import MappingProxyType
from typing import Any

import pytest
from pol_client import InvalidRequest, Message
from pol_client._wire import engine_pb2 as wire
from pol_client.connect import Connection, More
from pol_client.request import STAGES, build_request, build_usage


def test_a_request_arrives_whole() -> None:
    message = build_request(
        {
            "tenant": {"id": "t", "plan": "pro", "none": None},
            "user": {"id": "u", "roles": ("a", "b")},
            "stage": "tool_call",
            "request_id": "r",
            "messages": [Message("user", "hi")],
            "model": {"name": "m", "version": "1", "region": "eu"},
            "tool": {"name": "n", "server": "s", "args": {"x": 1}, "risk": 2},
            "session": {"id": "s", "labels": ["l"], "turn": 2},
            "source": {"ip": ip_address("192.0.2.1")},
            "usage": {"input_tokens": 1, "output_tokens": 2, "cost_usd": 0.5},
            "context": {},
            "capabilities": ["mask_stream"],
            "content": None,
        }
    )
    assert (message.tenant_id, message.user_id, message.request_id) == ("t", "u", "r")
    assert list(message.user_roles) == ["a", "b"]
    assert message.stage == wire.STAGE_TOOL_CALL
    assert message.messages[0] == wire.Message(role="user", text="hi")
    assert message.model == wire.Model(name="m", version="1")
    assert message.tool == wire.Tool(name="n", server="s", args_json=b'{"x": 1}')
    assert message.session == wire.Session(id="s", labels=["l"], turn=2)
    assert message.source_ip == "192.0.2.1"
    assert message.usage == wire.Usage(input_tokens=1, output_tokens=2, cost_usd="0.5")
    assert message.context_json == b"{}"
    assert message.capabilities == wire.Capabilities(mask_stream=True)
    assert not message.HasField("content")
    assert json.loads(message.attributes_json) == {
        "tenant": {"plan": "pro"},
        "model": {"region": "eu"},
        "tool": {"risk": 2},
    }


def test_a_bare_name_is_an_id() -> None:
    message = build_request(
        {"tenant": "t", "user": "u", "model": "m", "tool": "n", "session": "s", "source": "::1"}
    )
    assert (message.tenant_id, message.user_id, message.session.id) == ("t", "u", "s")
    assert (message.model.name, message.tool.name, message.source_ip) == ("m", "n", "::1")
    assert not message.attributes_json


def test_every_stage_of_the_wire_has_a_name() -> None:
    assert sorted(STAGES.values()) == sorted(set(wire.Stage.values()) - {0})


def test_values_that_json_does_not_know_are_written_as_the_daemon_reads_them() -> None:
    context = {
        "money": Decimal("0.10"),
        "time": datetime(2026, 1, 1, tzinfo=UTC),
        "duration": timedelta(minutes=1.5),
        "ip": ip_address("192.0.2.1"),
        "set": {"b", "a"},
        "list": (1, 2),
        "map": MappingProxyType({"é": range(2)}),
    }
    assert json.loads(build_request({"context": context}).context_json) == {
        "money": "0.10",
        "time": "2026-01-01T00:00:00+00:00",
        "duration": "PT90.000000S",
        "ip": "192.0.2.1",
        "set": ["a", "b"],
        "list": [1, 2],
        "map": {"é": [0, 1]},
    }


SURROGATE = "\ud800"
CIRCLE: list[Any] = []
CIRCLE.append(CIRCLE)


@pytest.mark.parametrize(
    ("asked", "path"),
    [
        ({"tenent": "t"}, "tenent"),
        ({"tenant": 1}, "tenant"),
        ({"tenant": {"id": 1}}, "tenant"),
        ({"tenant": {"id": "t", "plan": object()}}, "attributes"),
        ({"user": {"id": "u", "roles": 3}}, "user"),
        ({"user": {"id": "u", "roles": "clerk"}}, "user"),
        ({"stage": "requst"}, "stage"),
        ({"stage": ["request"]}, "stage"),
        ({"content": 3}, "content"),
        ({"content": SURROGATE}, "content"),
        ({"messages": 3}, "messages"),
        ({"messages": [{"role": "user"}]}, "messages"),
        ({"messages": ["hi"]}, "messages"),
        ({"context": {"x": float("nan")}}, "context"),
        ({"context": {"x": SURROGATE}}, "context"),
        ({"context": {"x": CIRCLE}}, "context"),
        ({"context": {"x": b"bytes?"[0:1].__class__}}, "context"),
        ({"context": {"x": b"bytes"}}, "context"),
        ({"tool": {"name": "n", "args": object()}}, "tool.args"),
        ({"tool": {"name": "n", "args": b"bytes"}}, "tool.args"),
        ({"tool": {"name": "n", "args": {"x": [bytearray(b"bytes")]}}}, "tool.args"),
        ({"tool": {"name": "n", "args": {"x": memoryview(b"bytes")}}}, "tool.args"),
        ({"session": {"turn": "x"}}, "session"),
        ({"session": {"labels": "tainted"}}, "session"),
        ({"usage": {"input": 1}}, "usage.input"),
        ({"usage": 3}, "usage"),
        ({"usage": {"input_tokens": "x"}}, "usage.input_tokens"),
        ({"usage": {"output_tokens": 2**63}}, "usage.output_tokens"),
        ({"capabilities": ["fly"]}, "capabilities"),
        ({"request_id": 3}, "request_id"),
    ],
)
def test_what_cannot_be_sent_is_refused_by_its_path(asked: dict[str, Any], path: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        build_request(asked)
    assert [each.path for each in caught.value.violations] == [path]


def test_unknown_figures_stay_away() -> None:
    assert build_usage({"input_tokens": None, "cost_usd": None}) == wire.Usage()


def test_a_token_is_sent_as_bearer() -> None:
    assert Connection("a").headers() == ()
    assert Connection("a", token="t", metadata=[("k", "v")]).headers() == (
        ("k", "v"),
        ("authorization", "Bearer t"),
    )
    assert Connection("a", token=lambda: "u").headers() == (("authorization", "Bearer u"),)
    assert "secret" not in repr(Connection("a", token="secret"))


def test_options_of_the_caller_win() -> None:
    more: More = {"options": [("grpc.max_reconnect_backoff_ms", 7)]}
    options = Connection("a", more=more).channel_options()
    assert dict(options)["grpc.max_reconnect_backoff_ms"] == 7
