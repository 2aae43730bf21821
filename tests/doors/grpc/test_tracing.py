"""A call's trace is that of what is decided for it; what is asked of the daemon is recorded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import grpc
import pytest

from engine.language.diagnostics import Diagnostic
from engine.service.entries import AdminEntry
from engine.service.record import RecordError
from engine.wire import engine_pb2 as wire
from tests.doors.grpc.serving import PATIENCE, Channel, Daemon, ask, call, refused, serve
from tests.service.test_gate import Kept

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
PARENT = ("traceparent", f"00-{TRACE}-{SPAN}-01")
ENGINE = "/engine.v1.PolicyEngine"


async def reload() -> Sequence[Diagnostic]:
    return ()


@pytest.fixture
def daemon() -> Iterator[Daemon]:
    with serve(reload=reload) as made:
        made.gate.recorder = Kept()
        yield made


@pytest.fixture
def kept(daemon: Daemon) -> Kept:
    assert isinstance(daemon.gate.recorder, Kept)
    return daemon.gate.recorder


@pytest.fixture
def channel(daemon: Daemon) -> Iterator[Channel]:
    with grpc.insecure_channel(daemon.address) as made:
        yield made


def traces(kept: Kept) -> list[tuple[str, str]]:
    return [(one.trace_id, one.span_id) for one in kept.entries]


def send(channel: Channel, method: str, message: Any, *headers: tuple[str, str]) -> None:
    channel.unary_unary(f"{ENGINE}/{method}")(
        message.SerializeToString(), timeout=PATIENCE, wait_for_ready=True, metadata=headers
    )


def test_a_decision_belongs_to_the_trace_of_its_call(channel: Channel, kept: Kept) -> None:
    send(channel, "Decide", ask(), ("other", "x"), PARENT)
    send(channel, "Decide", ask())
    send(channel, "Decide", ask(), ("traceparent", "nonsense"))
    assert traces(kept) == [(TRACE, SPAN), ("", ""), ("", "")]


def test_a_batch_and_a_stream_do_so_too(channel: Channel, kept: Kept) -> None:
    send(channel, "DecideBatch", wire.DecideBatchRequest(requests=[ask(), ask()]), PARENT)
    stream = channel.stream_stream(f"{ENGINE}/DecideStream")
    assert list(stream(iter([ask().SerializeToString()]), timeout=PATIENCE, metadata=[PARENT]))
    assert traces(kept) == [(TRACE, SPAN)] * 3


def test_a_guarded_stream_does_so_too(channel: Channel, kept: Kept) -> None:
    known = wire.DecideRequest(tenant_id="north", user_id="u1", stage=wire.STAGE_RESPONSE)
    opening = wire.Chunk(open=known)
    pieces = [opening, wire.Chunk(text="hello", last=True)]
    guarded = channel.stream_stream(f"{ENGINE}/Guard")
    assert list(
        guarded((one.SerializeToString() for one in pieces), timeout=PATIENCE, metadata=[PARENT])
    )
    assert traces(kept) == [(TRACE, SPAN)]


def test_who_asks_for_a_reload_is_recorded(channel: Channel, kept: Kept) -> None:
    call(channel, "Admin/Reload", wire.ReloadRequest())
    [line] = kept.others
    assert isinstance(line, AdminEntry)
    assert (line.act, line.who) == ("reload_asked", "the Admin service")


def test_what_cannot_be_recorded_is_refused(
    channel: Channel, kept: Kept, caplog: pytest.LogCaptureFixture
) -> None:
    kept.problem = RecordError("the disk is full")
    error = refused(lambda: call(channel, "Admin/Reload", wire.ReloadRequest()))
    assert (error.code(), error.details()) == (
        grpc.StatusCode.UNAVAILABLE,
        "it cannot be recorded",
    )
    settle = wire.SettleRequest(decision_id="d", usage=wire.Usage(input_tokens=1))
    error = refused(lambda: call(channel, "PolicyEngine/Settle", settle))
    assert error.code() == grpc.StatusCode.UNAVAILABLE
    assert "the disk is full" in caplog.text
