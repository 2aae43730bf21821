"""Errors become statuses that help and leak nothing."""

from __future__ import annotations

import logging

import grpc
import pytest
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2

from engine.doors.grpc.status import (
    DETAILS_BYTES,
    NotServed,
    Refusal,
    TooLate,
    error_decision,
    list_violations,
    refusal_of,
)
from engine.runtime.objections import Problem
from engine.runtime.request import InvalidRequest
from engine.runtime.store import StoreUnavailable
from engine.service.gate import NotReady
from engine.wire import engine_pb2 as wire


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (InvalidRequest((Problem("a", "b"),)), grpc.StatusCode.INVALID_ARGUMENT),
        (DecodeError("secret"), grpc.StatusCode.INVALID_ARGUMENT),
        (StoreUnavailable("secret"), grpc.StatusCode.UNAVAILABLE),
        (NotReady("none"), grpc.StatusCode.UNAVAILABLE),
        (NotServed("not yet"), grpc.StatusCode.UNIMPLEMENTED),
        (TooLate(), grpc.StatusCode.DEADLINE_EXCEEDED),
        (KeyError("secret"), grpc.StatusCode.INTERNAL),
    ],
)
def test_each_error_has_its_status(error: Exception, code: grpc.StatusCode) -> None:
    refusal = refusal_of(error)
    assert refusal.code is code
    assert "secret" not in refusal.message


def test_the_unexpected_is_logged_by_kind_and_place_only(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(ValueError, match="secret") as caught:
        int("my secret content")
    with caplog.at_level(logging.ERROR, logger="engine.doors.grpc"):
        refusal = refusal_of(caught.value)
    assert "ValueError at test_status.py:" in refusal.message
    assert "ValueError at test_status.py:" in caplog.text
    assert "secret" not in f"{refusal.message} {caplog.text}"


def test_one_wrong_path_is_not_counted_in_the_plural() -> None:
    one, two = Problem("a", "b"), Problem("c", "d")
    assert refusal_of(InvalidRequest((one,))).message == "the request is invalid: 1 wrong path"
    assert refusal_of(InvalidRequest((one, two))).message.endswith("2 wrong paths")


def test_trailers_stay_small_enough_for_every_client() -> None:
    many = tuple((f"context.{'é' * 50}{n}", "unknown attribute") for n in range(1000))
    listed = list_violations(many)
    assert isinstance(listed, error_details_pb2.BadRequest)
    assert listed.ByteSize() < DETAILS_BYTES + 200
    *_, last = listed.field_violations
    assert last.description == f"and {1000 - len(listed.field_violations) + 1} more"


def test_an_error_in_a_batch_fails_closed() -> None:
    refusal = Refusal(grpc.StatusCode.INVALID_ARGUMENT, "m", (("p", "d"),))
    answer = error_decision("r", refusal)
    assert (answer.action, answer.effective_action) == (wire.ACTION_DENY, wire.ACTION_DENY)
    assert answer.request_id == "r"
    assert answer.error.violations[0].description == "d"


def test_an_error_without_a_trace_has_no_place() -> None:
    assert refusal_of(RuntimeError("x")).message == "the daemon failed: RuntimeError at ?"
