"""What is said of a call, and of its answer."""

from __future__ import annotations

import base64
from typing import Any, cast

import pytest
from google.rpc import error_details_pb2, status_pb2
from hypothesis import given
from hypothesis import strategies as st
from pol_client import InvalidRequest
from pol_client._http2.fields import literal
from pol_client._lean.head import (
    Answer,
    Timeouts,
    metadata_block,
    of_reset,
    read_answer,
    timeout_field,
)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (1.0, b"1000000u"),
        (0.9973, b"1000000u"),
        (0.000_000_1, b"100n"),
        (0.0, b"1n"),
        (-1.0, b"1n"),
        (3.14, b"3200000u"),
        (99.5, b"99999999u"),
        (600.0, b"600000m"),
        (1e6, b"1000000S"),
        (1e9, b"17000000M"),
        (1e10, b"2800000H"),
    ],
)
def test_timeouts_are_told_in_two_digits_rounded_up(seconds: float, text: bytes) -> None:
    assert timeout_field(seconds) == literal(b"grpc-timeout", text)


@given(
    st.lists(
        st.sampled_from([1.0, 29.9, 99.5, 600.0, 1e9, 1e15])
        | st.floats(29.0, 30.0)
        | st.floats(-1.0, 1e16)
    )
)
def test_a_timeout_that_is_remembered_is_the_one_that_would_be_told(asked: list[float]) -> None:
    timeouts = Timeouts()
    for seconds in asked:
        for near in (seconds, seconds * 0.999, seconds):
            assert timeouts.field(near) == timeout_field(near)


def test_no_timeout_is_told_that_no_daemon_outlives() -> None:
    assert timeout_field(1e15) == b""
    assert timeout_field(float("inf")) == b""


def test_metadata_of_bytes_are_packed() -> None:
    pairs = cast("Any", [("X-Bin", "text"), ("x-bin", b"\xff\xfe")])
    assert metadata_block(pairs) == literal(b"x-bin", b"text") + literal(b"x-bin", b"//4")
    with pytest.raises(InvalidRequest):
        metadata_block(cast("Any", [("x", b"raw")]))


def test_what_an_answer_lists_is_read_and_what_cannot_be_read_is_not() -> None:
    status = status_pb2.Status(code=3, message="m")
    bad = error_details_pb2.BadRequest()
    bad.field_violations.add(field="user.id", description="required")
    status.details.add().Pack(bad)
    name = b"grpc-status-details-bin"
    packed = base64.b64encode(status.SerializeToString()).rstrip(b"=")
    said = read_answer(((b"grpc-status", b"3"), (name, packed)))
    assert [one.path for one in said.violations] == ["user.id"]
    for wrong in (b"a", base64.b64encode(b"\xff\xff\xff")):
        assert read_answer(((b"grpc-status", b"3"), (name, wrong))).violations == ()


def test_an_answer_that_went_well_is_no_failure() -> None:
    assert Answer(code="OK").failure() is None


def test_a_reset_means_something() -> None:
    assert of_reset(12).code == "PERMISSION_DENIED"
    assert of_reset(0).code == "INTERNAL"
