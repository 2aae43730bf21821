"""The contract of the calls, over real sockets."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import partial
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2

from engine.doors.grpc.bounds import Bounds
from engine.doors.grpc.methods import BATCH_BREATH, BATCH_LIMIT
from engine.wire import engine_pb2 as wire
from tests.doors.grpc.serving import (
    Channel,
    Daemon,
    ask,
    call,
    decide,
    decide_stream,
    refused,
    serve,
)


def violations(error: Any) -> dict[str, str]:
    """Return the wrong paths that an error lists."""
    details = dict(error.trailing_metadata())["grpc-status-details-bin"]
    status = status_pb2.Status.FromString(details)
    bad = error_details_pb2.BadRequest()
    assert status.code == error.code().value[0]
    assert status.message == error.details()
    assert status.details[0].Unpack(bad)
    return {each.field: each.description for each in bad.field_violations}


def test_what_no_rule_restricts_is_allowed(channel: Channel) -> None:
    decision = decide(channel, ask(request_id="r-1"))
    assert decision.action == decision.effective_action == wire.ACTION_ALLOW
    assert decision.request_id == "r-1"
    assert decision.decision_id
    assert decision.revision
    assert decision.evaluated_in_ns > 0
    assert not decision.HasField("content")
    assert not decision.HasField("error")


def test_a_denial_carries_its_reason(channel: Channel) -> None:
    (reason,) = decide(channel, ask(content="forbidden")).reasons
    assert reason.rule == "desk.guard.no_word"
    assert reason.policy == "desk.guard"
    assert reason.action == wire.ACTION_DENY
    assert reason.message == "that word is not spoken here"
    assert (reason.severity, reason.owner) == ("high", "desk")
    assert list(reason.tags) == ["desk:word", "test"]
    assert reason.place.startswith("desk.pol:")


def test_a_redaction_carries_the_text_to_use(channel: Channel) -> None:
    decision = decide(channel, ask(content="é write to ann@example.com now"))
    assert decision.action == wire.ACTION_REDACT
    assert decision.content == "é write to [EMAIL] now"
    (span,) = decision.redactions
    assert (span.path, span.start, span.end) == ("content", 11, 26)
    assert (span.entity, span.strategy) == ("pii.email", "label")


def test_redacted_messages_keep_their_roles(channel: Channel) -> None:
    request = ask()
    request.ClearField("content")
    request.messages.add(role="system", text="be kind")
    request.messages.add(role="user", text="I am ann@example.com")
    decision = decide(channel, request)
    texts = [(each.role, each.text) for each in decision.messages.messages]
    assert texts == [("system", "be kind"), ("user", "I am [EMAIL]")]


def test_redacted_arguments_come_as_json(channel: Channel) -> None:
    tool = wire.Tool(name="mail", args_json=b'{"to": ["ann@example.com"], "n": 1}')
    decision = decide(channel, ask(stage=wire.STAGE_TOOL_CALL, tool=tool))
    assert json.loads(decision.arguments_json) == {"to": ["[EMAIL]"], "n": 1}


def test_redacted_attributes_come_by_path(channel: Channel) -> None:
    decision = decide(channel, ask(context_json=b'{"note": "I am ann@example.com"}'))
    assert decision.action == wire.ACTION_REDACT
    assert dict(decision.attributes) == {"context.note": "I am [EMAIL]"}
    assert not decision.HasField("content")


def test_an_escalation_names_its_review(channel: Channel) -> None:
    request = ask(
        stage=wire.STAGE_TOOL_CALL,
        tool=wire.Tool(name="refund"),
        context_json=b'{"amount": "500.01"}',
    )
    decision = decide(channel, request)
    assert decision.action == wire.ACTION_ESCALATE
    assert decision.escalation.queue == "money"
    assert decision.escalation.otherwise == wire.ACTION_DENY
    assert decision.escalation.expires_at.seconds > 0
    assert decision.escalation.review_id == decide(channel, request).escalation.review_id


def test_a_decision_that_the_caller_cannot_carry_out_is_strengthened(channel: Channel) -> None:
    request = ask(content="ann@example.com", capabilities=wire.Capabilities(wait=True))
    decision = decide(channel, request)
    assert decision.action == wire.ACTION_REDACT
    assert decision.effective_action == wire.ACTION_DENY
    assert "mask" in decision.downgrade_reason


def test_a_throttle_says_when_to_try_again(channel: Channel) -> None:
    first, second, third = (decide(channel, ask(user_id="flood")) for _ in range(3))
    assert first.throttle.remaining == "1"
    assert second.action == wire.ACTION_ALLOW
    assert third.action == wire.ACTION_THROTTLE
    assert third.throttle.rule == "desk.guard.fair"
    assert third.throttle.unit == "requests"
    assert third.throttle.limit == "2"
    assert 0 < third.throttle.retry_after.ToTimedelta().total_seconds() <= 30


def test_advice_labels_and_shadow_arrive(channel: Channel) -> None:
    decision = decide(
        channel,
        ask(
            content="taint, watched",
            attributes_json=b'{"tenant": {"plan": "free"}}',
            session=wire.Session(id="s1"),
        ),
    )
    assert json.loads(decision.advice_json) == {"route": "small"}
    assert list(decision.labels) == ["tainted"]
    assert decision.shadow.action == wire.ACTION_DENY
    assert [each.rule for each in decision.shadow.reasons] == ["desk.guard.watched"]


def test_the_two_forms_of_attributes_mean_the_same(channel: Channel) -> None:
    struct = ask(stage=wire.STAGE_TOOL_CALL)
    struct.context.update({"amount": 501})
    struct.attributes.update({"tenant": {"plan": "free"}})
    struct.tool.name = "mail"
    struct.tool.args.update({"to": "ann@example.com"})
    fast = ask(
        stage=wire.STAGE_TOOL_CALL,
        context_json=b'{"amount": 501}',
        attributes_json=b'{"tenant": {"plan": "free"}}',
        tool=wire.Tool(name="mail", args_json=b'{"to": "ann@example.com"}'),
    )
    first, second = decide(channel, struct), decide(channel, fast)
    for each in (first, second):
        each.ClearField("decision_id")
        each.ClearField("evaluated_in_ns")
        each.escalation.ClearField("expires_at")
    assert first.action == wire.ACTION_ESCALATE
    assert first == second


def test_every_wrong_path_is_listed_at_once(channel: Channel) -> None:
    request = ask(
        user_id="",
        context_json=b'{"purpos": "x", "amount": true}',
        attributes_json=b'{"tenant": {"plan": "gold"}}',
        source_ip="nowhere",
    )
    error = refused(lambda: decide(channel, request))
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    wrong = violations(error)
    assert set(wrong) == {
        "user.id",
        "context.purpos",
        "context.amount",
        "tenant.plan",
        "source.ip",
    }
    assert "`context.purpose`" in wrong["context.purpos"]


def test_an_empty_request_says_what_is_required(channel: Channel) -> None:
    error = refused(lambda: decide(channel, wire.DecideRequest()))
    assert {"tenant.id", "user.id", "stage"} <= set(violations(error))


def test_an_unknown_stage_is_refused(channel: Channel) -> None:
    raw = ask(stage=0).SerializeToString() + bytes([5 << 3, 99])
    error = refused(lambda: decide(channel, raw))
    assert set(violations(error)) == {"stage"}


@pytest.mark.parametrize(
    "raw",
    [b"\xff\xff\xff\xff", b"\x0a\xff", ask().SerializeToString()[:-1], b"\x12\x03\xed\xa0\x80"],
    ids=["garbage", "cut length", "cut text", "lone surrogate"],
)
def test_bytes_that_are_no_request_are_refused(channel: Channel, raw: bytes) -> None:
    error = refused(lambda: decide(channel, raw))
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "UTF-8" in error.details()


def test_a_surrogate_escaped_in_json_is_refused(channel: Channel) -> None:
    error = refused(lambda: decide(channel, ask(context_json=b'{"purpose": "\\ud800"}')))
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT


@pytest.mark.parametrize("raw", [b"{", b'{"a": }', b"\xff", b"[1]", b'"text"'])
def test_context_that_is_no_json_object_is_refused(channel: Channel, raw: bytes) -> None:
    error = refused(lambda: decide(channel, ask(context_json=raw)))
    assert [path.partition(".")[0] for path in violations(error)] == ["context"]


def test_json_nested_too_deep_is_refused(channel: Channel) -> None:
    deep = b"[" * 100_000 + b"]" * 100_000
    for request in (
        ask(context_json=b'{"purpose": ' + deep + b"}"),
        ask(attributes_json=deep),
        ask(stage=wire.STAGE_TOOL_CALL, tool=wire.Tool(name="mail", args_json=deep)),
    ):
        error = refused(partial(decide, channel, request))
        assert error.code() is grpc.StatusCode.INVALID_ARGUMENT


@pytest.mark.slow
def test_content_that_is_too_long_is_told_so(channel: Channel) -> None:
    error = refused(lambda: decide(channel, ask(content="x" * 10_000_000)))
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "10,000,000 characters" in violations(error)["content"]


def test_a_message_above_the_transport_limit_is_refused_by_the_transport() -> None:
    with (
        serve(bounds=Bounds(message_bytes=1000)) as daemon,
        grpc.insecure_channel(daemon.address) as channel,
    ):
        error = refused(lambda: decide(channel, ask(content="x" * 2000)))
        # The connection goes on: who sent too much is told so, and is not cut off.
        assert decide(channel, ask(content="x")).action == wire.ACTION_ALLOW
    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert re.search(r"larger than max \(\d{4} vs\. 1000\)", error.details() or "")


def test_what_was_sent_is_never_repeated_in_an_error(channel: Channel) -> None:
    request = ask(
        context_json=b'{"amount": "my-secret-amount"}',
        attributes_json=b'{"tenant": {"plan": "my-secret-plan"}}',
        source_ip="my-secret-address",
    )
    error = refused(lambda: decide(channel, request))
    assert "my-secret" not in f"{error.details()} {violations(error)}"


def test_one_failure_in_a_batch_leaves_its_neighbours_alone(channel: Channel) -> None:
    batch = wire.DecideBatchRequest(
        requests=[ask(request_id="a"), ask(request_id="b", user_id=""), ask(content="forbidden")]
    )
    raw = call(channel, "PolicyEngine/DecideBatch", batch)
    first, second, third = wire.DecideBatchResponse.FromString(raw).decisions
    assert first.action == wire.ACTION_ALLOW
    assert (second.request_id, second.action) == ("b", wire.ACTION_DENY)
    assert second.effective_action == wire.ACTION_DENY
    assert second.error.code == grpc.StatusCode.INVALID_ARGUMENT.value[0]
    assert [each.path for each in second.error.violations] == ["user.id"]
    assert third.reasons[0].rule == "desk.guard.no_word"


def test_a_long_batch_is_answered_in_order(channel: Channel) -> None:
    count = BATCH_BREATH * 2 + 1
    batch = wire.DecideBatchRequest(requests=[ask(request_id=str(n)) for n in range(count)])
    raw = call(channel, "PolicyEngine/DecideBatch", batch)
    decisions = wire.DecideBatchResponse.FromString(raw).decisions
    assert [each.request_id for each in decisions] == [str(n) for n in range(count)]


def test_a_batch_that_is_too_long_is_refused(channel: Channel) -> None:
    batch = wire.DecideBatchRequest(requests=[wire.DecideRequest()] * (BATCH_LIMIT + 1))
    error = refused(lambda: call(channel, "PolicyEngine/DecideBatch", batch))
    assert set(violations(error)) == {"requests"}


def stream(channel: Channel, messages: list[bytes]) -> Iterator[wire.Decision]:
    return map(wire.Decision.FromString, decide_stream(channel, iter(messages)))


def test_a_stream_answers_each_request_and_goes_on_after_a_bad_one(channel: Channel) -> None:
    messages = [
        ask(request_id="a").SerializeToString(),
        b"\xff\xff",
        ask(request_id="c", user_id="").SerializeToString(),
        ask(request_id="d", content="forbidden").SerializeToString(),
    ]
    first, second, third, fourth = stream(channel, messages)
    assert (first.request_id, first.action) == ("a", wire.ACTION_ALLOW)
    assert second.error.code == grpc.StatusCode.INVALID_ARGUMENT.value[0]
    assert (third.request_id, third.error.violations[0].path) == ("c", "user.id")
    assert (fourth.request_id, fourth.action) == ("d", wire.ACTION_DENY)
    assert not fourth.HasField("error")


def test_settling_corrects_a_reservation_once(channel: Channel) -> None:
    request = ask(
        user_id="spender", usage=wire.Usage(input_tokens=600, output_tokens=300, cost_usd="0.5")
    )
    first = decide(channel, request)
    assert first.throttle.remaining == "100"
    assert decide(channel, request).action == wire.ACTION_THROTTLE
    settle = wire.SettleRequest(
        decision_id=first.decision_id, usage=wire.Usage(input_tokens=50, output_tokens=50)
    )
    answers = [
        wire.SettleResponse.FromString(call(channel, "PolicyEngine/Settle", settle)).settled
        for _ in range(2)
    ]
    assert answers == [True, False]
    assert decide(channel, request).action == wire.ACTION_ALLOW


@pytest.mark.parametrize(
    ("message", "path"),
    [
        (wire.SettleRequest(), "decision_id"),
        (wire.SettleRequest(decision_id="x", usage=wire.Usage(cost_usd="nan")), "usage.cost_usd"),
        (wire.SettleRequest(decision_id="x", usage=wire.Usage(cost_usd="one")), "usage.cost_usd"),
        (wire.SettleRequest(decision_id="x", usage=wire.Usage(cost_usd="-1")), "usage.cost_usd"),
    ],
)
def test_wrong_figures_are_refused(
    channel: Channel, message: wire.SettleRequest, path: str
) -> None:
    error = refused(lambda: call(channel, "PolicyEngine/Settle", message))
    assert set(violations(error)) == {path}


def test_settling_the_unknown_changes_nothing(channel: Channel) -> None:
    message = wire.SettleRequest(decision_id="nobody", usage=wire.Usage(cost_usd="1"))
    raw = call(channel, "PolicyEngine/Settle", message)
    assert not wire.SettleResponse.FromString(raw).settled


def test_explaining_consumes_nothing(daemon: Daemon, channel: Channel) -> None:
    request = ask(user_id="flood", context_json=b'{"purpose": "care"}')
    for _ in range(5):
        raw = call(channel, "PolicyEngine/Explain", request)
        explanation = wire.Explanation.FromString(raw)
        assert explanation.decision.action == wire.ACTION_ALLOW
    assert decide(channel, request).throttle.remaining == "1"
    assert daemon.gate.status().serving


def test_an_explanation_tells_every_condition_with_its_value(channel: Channel) -> None:
    raw = call(channel, "PolicyEngine/Explain", ask(content="forbidden"))
    explanation = wire.Explanation.FromString(raw)
    (policy,) = explanation.policies
    assert (policy.policy, policy.applied, policy.shadow) == ("desk.guard", True, False)
    assert policy.outcome == wire.ACTION_DENY
    assert policy.place.startswith("desk.pol:")
    rules = {rule.rule: rule for rule in policy.rules}
    denied, passed = rules["desk.guard.no_word"], rules["desk.guard.fair"]
    assert (denied.matched, denied.action) == (True, wire.ACTION_DENY)
    assert (denied.when.value_json, passed.when.value_json) == (b"true", b"false")
    assert not denied.HasField("unless")
    assert passed.when.text == 'user.id == "flood"'
    assert [json.loads(part.value_json) for part in passed.when.parts] == ["u1"]
    assert rules["desk.guard.watched"].shadow
    assert "desk.guard.no_word" in explanation.text
    assert explanation.misses


def test_parts_that_were_not_needed_have_no_value(channel: Channel) -> None:
    raw = call(channel, "PolicyEngine/Explain", ask())
    (policy,) = wire.Explanation.FromString(raw).policies
    refunds = next(rule for rule in policy.rules if rule.rule == "desk.guard.refunds")
    first, second = refunds.when.parts
    assert first.value_json == b"false"
    assert (second.value_json, second.unknown) == (b"", "")


def test_explaining_refuses_what_deciding_refuses(channel: Channel) -> None:
    for request in (ask(user_id=""), ask(context_json=b"{")):
        error = refused(partial(call, channel, "PolicyEngine/Explain", request))
        assert error.code() is grpc.StatusCode.INVALID_ARGUMENT


@pytest.mark.parametrize(
    "method",
    [
        "Admin/ListBundles",
        "Admin/ActivateBundle",
        "Admin/RollbackBundle",
    ],
)
def test_what_is_not_served_yet_says_so(channel: Channel, method: str) -> None:
    error = refused(lambda: call(channel, method, b""))
    assert error.code() is grpc.StatusCode.UNIMPLEMENTED
    assert " yet: " in error.details()
