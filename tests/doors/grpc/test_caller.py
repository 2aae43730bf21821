"""The command line's one call says the same as the daemon, and errors name their remedy."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.doors.grpc.bounds import Bounds
from engine.doors.grpc.caller import CallError, ask, read_decision, write_request
from engine.doors.grpc.convert import read_whole, write_decision
from engine.runtime.decision import Message
from engine.runtime.request import InvalidRequest, Request
from engine.wire import engine_pb2 as wire
from tests.doors.grpc.serving import Daemon, serve
from tests.doors.grpc.test_convert import EVERYTHING

HELLO = Request(tenant={"id": "north"}, user={"id": "u1"}, stage="request", content="hello")


def test_a_decision_comes_back_whole() -> None:
    answer = read_decision(write_decision(EVERYTHING))
    assert write_decision(answer) == write_decision(EVERYTHING)
    bare = write_decision(read_decision(wire.Decision(content="x")))
    assert (bare.action, bare.content) == (wire.ACTION_DENY, "")


def test_a_request_arrives_whole() -> None:
    request = Request(
        tenant={"id": "t", "plan": "pro"},
        user={"id": "u", "roles": ["r"]},
        stage="tool_call",
        request_id="r",
        tool={"name": "n", "args": {"a": 1}},
        context={"b": 2},
        messages=(Message(role="user", text="hi"),),
        capabilities=frozenset({"mask"}),
    )
    assert read_whole(write_request(request)) == {
        "request_id": "r",
        "tenant": {"id": "t", "plan": "pro"},
        "user": {"id": "u", "roles": ["r"]},
        "stage": "tool_call",
        "tool": {"name": "n", "args": {"a": 1}},
        "context": {"b": 2},
        "messages": [{"role": "user", "text": "hi"}],
        "capabilities": ["mask"],
    }


def test_a_running_daemon_answers(daemon: Daemon) -> None:
    assert ask(daemon.address, HELLO, 5).action == "allow"


def test_wrong_paths_are_told(daemon: Daemon) -> None:
    request = Request(tenant={}, user={"id": "u"}, stage="request", context={"purpos": "x"})
    with pytest.raises(InvalidRequest) as caught:
        ask(daemon.address, request, 5)
    assert [each.path for each in caught.value.problems] == ["context.purpos", "tenant.id"]


def test_an_unknown_stage_is_refused_before_anything_is_sent() -> None:
    with pytest.raises(InvalidRequest, match="stage"):
        write_request(Request(tenant={}, user={}, stage="requst"))


def test_nobody_there_names_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(CallError, match="engine serve"):
        ask(f"unix://{tmp_path}/nobody.sock", HELLO, 5)


def test_a_daemon_without_policies_is_told() -> None:
    with (
        serve(ready=False) as daemon,
        pytest.raises(CallError, match="answers: no policies are loaded yet"),
    ):
        ask(daemon.address, HELLO, 5)


def test_no_answer_in_time_names_the_remedy(daemon: Daemon) -> None:
    with pytest.raises(CallError, match="--timeout"):
        ask(daemon.address, HELLO, -1)


def test_a_request_that_the_transport_refuses_is_told() -> None:
    with (
        serve(bounds=Bounds(message_bytes=10)) as daemon,
        pytest.raises(CallError, match="RESOURCE_EXHAUSTED"),
    ):
        ask(daemon.address, HELLO, 5)
