"""What stands on the wire and what the runtime sees are the same."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from ipaddress import ip_address

import msgspec
import pytest

from engine.doors.grpc.convert import read_standard, read_whole, write_decision
from engine.runtime.decision import (
    Decision,
    Escalation,
    Message,
    Reason,
    Redaction,
    Shadow,
    ThrottleState,
)
from engine.runtime.request import InvalidRequest
from engine.wire import engine_pb2 as wire


def test_an_empty_message_says_nothing() -> None:
    assert read_standard(wire.DecideRequest()) == {"tenant": {}, "user": {}}


LATER = bytes([0xFA, 0x07, 3]) + b"new"
"""A field of a protocol to come: number 127, a text."""


@pytest.mark.parametrize(
    "message",
    [
        wire.DecideRequest.FromString(LATER),
        wire.DecideRequest(messages=[wire.Message(text="a"), wire.Message.FromString(LATER)]),
        wire.DecideRequest(model=wire.Model.FromString(LATER)),
        wire.DecideRequest(tool=wire.Tool.FromString(LATER)),
        wire.DecideRequest(session=wire.Session.FromString(LATER)),
    ],
)
def test_what_a_newer_gateway_says_is_refused_and_not_passed_over(
    message: wire.DecideRequest,
) -> None:
    asked = wire.DecideRequest.FromString(message.SerializeToString())
    with pytest.raises(InvalidRequest, match="has fields that this engine does not know"):
        read_standard(asked)


def test_every_field_arrives_in_its_place() -> None:
    message = wire.DecideRequest(
        request_id="r",
        tenant_id="t",
        user_id="u",
        user_roles=["nurse"],
        stage=wire.STAGE_TOOL_RESULT,
        content="",
        messages=[wire.Message(role="user", text="hi")],
        context_json=b'{"a": 1}',
        attributes_json=b'{"tenant": {"plan": "pro"}, "model": {"region": "eu"}, "user": {}}',
        model=wire.Model(name="m", version="1"),
        tool=wire.Tool(name="n", server="s", args_json=b"[1]"),
        session=wire.Session(id="s", labels=["l"], turn=3),
        usage=wire.Usage(input_tokens=0, output_tokens=2, cost_usd="0.1"),
        source_ip="192.0.2.1",
        capabilities=wire.Capabilities(mask=True, route=True),
    )
    assert read_whole(message) == {
        "request_id": "r",
        "tenant": {"id": "t", "plan": "pro"},
        "user": {"id": "u", "roles": ["nurse"]},
        "stage": "tool_result",
        "content": "",
        "messages": [{"role": "user", "text": "hi"}],
        "context": {"a": 1},
        "model": {"name": "m", "version": "1", "region": "eu"},
        "tool": {"name": "n", "server": "s", "args": [1]},
        "session": {"id": "s", "labels": ["l"], "turn": 3},
        "usage": {"input_tokens": 0, "output_tokens": 2, "cost_usd": "0.1"},
        "source": {"ip": "192.0.2.1"},
        "capabilities": ["mask", "route"],
    }


def test_groups_without_standard_parts_are_empty() -> None:
    message = wire.DecideRequest(
        model=wire.Model(), tool=wire.Tool(), session=wire.Session(), usage=wire.Usage()
    )
    message.capabilities.SetInParent()
    read = read_standard(message)
    assert all(read[name] == {} for name in ("model", "tool", "session", "usage"))
    assert read["capabilities"] == []


def test_attributes_can_make_a_group() -> None:
    message = wire.DecideRequest(attributes_json=b'{"model": {"region": "eu"}}')
    assert read_standard(message)["model"] == {"region": "eu"}


def wrong(message: wire.DecideRequest) -> list[str]:
    with pytest.raises(InvalidRequest) as caught:
        read_whole(message)
    return [problem.path for problem in caught.value.problems]


def test_what_has_a_field_of_its_own_is_not_given_twice() -> None:
    attributes = b'{"tenant": {"id": "other"}, "user": {"roles": ["admin"], "id": "x"}}'
    message = wire.DecideRequest(
        tenant_id="t", user_id="u", user_roles=["r"], attributes_json=attributes
    )
    assert wrong(message) == ["tenant.id", "user.id", "user.roles"]


def test_both_forms_of_the_same_are_refused() -> None:
    message = wire.DecideRequest(context_json=b"{}", attributes_json=b"{}")
    message.context.update({"a": 1})
    message.attributes.update({"tenant": {"plan": "pro"}})
    message.tool.args_json = b"{}"
    message.tool.args.update({"a": 1})
    assert wrong(message) == ["tool.args", "context", "attributes"]


def test_broken_json_is_named_by_its_path() -> None:
    message = wire.DecideRequest(attributes_json=b"[]", tool=wire.Tool(args_json=b"{"))
    assert wrong(message) == ["tool.args", "attributes"]
    assert wrong(wire.DecideRequest(attributes_json=b"{")) == ["attributes"]
    assert wrong(wire.DecideRequest(attributes_json=b'{"context": {}, "user": 1}')) == [
        "attributes.context",
        "attributes.user",
    ]


def test_a_struct_that_is_no_json_is_named_by_its_path() -> None:
    message = wire.DecideRequest()
    message.context.update({"a": float("nan")})
    message.attributes.update({"tenant": {"a": float("inf")}})
    message.tool.args.update({"a": [float("-inf")]})
    assert wrong(message) == ["tool.args", "context", "attributes"]


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (b'{"path": "/etc/passwd", "path": "/tmp/ok"}', "an object holds a name twice"),
        (b'{"path": ', "is not JSON"),
        (b'{"a":' * 900 + b"1" + b"}" * 900, "nested too deeply"),
    ],
)
def test_arguments_that_a_tool_could_read_otherwise_are_refused(args: bytes, told: str) -> None:
    with pytest.raises(InvalidRequest) as raised:
        read_standard(wire.DecideRequest(tool=wire.Tool(name="t", args_json=args)))
    assert [str(one) for one in raised.value.problems] == [f"tool.args: {told}"]


def test_too_many_messages_are_refused_before_they_are_values() -> None:
    message = wire.DecideRequest(messages=[wire.Message()] * 10_001)
    with pytest.raises(InvalidRequest) as raised:
        read_standard(message)
    told = "messages: 10,001 messages, and the limit is 10,000"
    assert [str(one) for one in raised.value.problems] == [told]


REASON = Reason(
    policy="p",
    rule="p.r",
    action="redact",
    message="m",
    severity="low",
    tags=("a", "b"),
    owner="o",
    failure="f",
    place="p.pol:1:1",
)


EVERYTHING = Decision(
    action="redact",
    effective_action="deny",
    reasons=(REASON, Reason(policy="q", action="allow")),
    revision="rev",
    downgrade_reason="cannot mask",
    messages=(Message(role="user", text="[EMAIL]"),),
    arguments={"n": Decimal("1.5")},
    attributes={"context.note": "[EMAIL]"},
    redactions=(Redaction(path="content", start=1, end=2, entity="pii.email", strategy="label"),),
    throttle=ThrottleState(
        rule="p.t",
        unit="usd",
        limit=Decimal("1E+3"),
        remaining=Decimal("0.1"),
        retry_after=timedelta(milliseconds=1500),
        key="north",
        reset=timedelta(minutes=2),
        window=timedelta(days=1),
    ),
    reserved=True,
    degraded="the state store (it is away): `p.t` was not counted",
    escalation=Escalation(
        review_id="v",
        queue="q",
        expires_at=datetime(2026, 1, 1, tzinfo=UTC),
        otherwise="allow",
    ),
    advice={
        "tier": Decimal("0.10"),
        "wait": timedelta(seconds=90),
        "from": ip_address("192.0.2.1"),
        "set": frozenset({"x"}),
    },
    labels=("l",),
    shadow=Shadow(action="deny", reasons=(REASON,)),
    request_id="r",
    decision_id="d",
    evaluated_in=42,
)


def test_a_decision_with_everything_arrives() -> None:
    answer = write_decision(EVERYTHING)
    assert (answer.action, answer.effective_action) == (wire.ACTION_REDACT, wire.ACTION_DENY)
    assert answer.downgrade_reason == "cannot mask"
    first, second = answer.reasons
    assert (first.rule, first.failure, first.owner) == ("p.r", "f", "o")
    assert list(first.tags) == ["a", "b"]
    assert (second.policy, second.rule, second.action) == ("q", "", wire.ACTION_ALLOW)
    assert answer.messages.messages[0].text == "[EMAIL]"
    assert json.loads(answer.arguments_json) == {"n": "1.5"}
    assert answer.redactions[0].entity == "pii.email"
    assert answer.attributes["context.note"] == "[EMAIL]"
    assert (answer.throttle.limit, answer.throttle.remaining) == ("1000", "0.1")
    assert answer.throttle.retry_after.ToTimedelta() == timedelta(milliseconds=1500)
    assert answer.throttle.reset.ToTimedelta() == timedelta(minutes=2)
    assert answer.throttle.window.ToTimedelta() == timedelta(days=1)
    assert answer.reserved
    assert answer.degraded == EVERYTHING.degraded
    assert answer.escalation.expires_at.ToDatetime(tzinfo=UTC) == datetime(2026, 1, 1, tzinfo=UTC)
    assert answer.escalation.otherwise == wire.ACTION_ALLOW
    assert json.loads(answer.advice_json) == {
        "tier": "0.10",
        "wait": 90.0,
        "from": "192.0.2.1",
        "set": ["x"],
    }
    assert list(answer.labels) == ["l"]
    assert answer.shadow.reasons[0].place == "p.pol:1:1"
    assert (answer.revision, answer.request_id, answer.decision_id) == ("rev", "r", "d")
    assert answer.evaluated_in_ns == 42


def test_a_decision_with_nothing_special_says_nothing_special() -> None:
    answer = write_decision(
        Decision(action="allow", effective_action="allow", reasons=(), revision="rev")
    )
    fields = {field.name for field, _ in answer.ListFields()}
    assert fields == {"action", "effective_action", "revision", "reserved"}
    assert not answer.reserved


def test_a_limit_that_never_refills_has_no_reset_and_slots_no_window() -> None:
    limit = msgspec.structs.replace(EVERYTHING.throttle, reset=None, window=None)  # type: ignore[type-var]
    answer = write_decision(msgspec.structs.replace(EVERYTHING, throttle=limit))
    assert not answer.throttle.HasField("reset")
    assert not answer.throttle.HasField("window")


def test_what_is_used_instead_is_sent_though_no_span_was_replaced() -> None:
    edited = Decision(
        action="redact", effective_action="redact", reasons=(), revision="rev", content="edited"
    )
    restored = msgspec.structs.replace(edited, effective_action="allow", restored=1)
    assert write_decision(edited).content == "edited"
    assert (write_decision(restored).content, write_decision(restored).restored) == ("edited", 1)
