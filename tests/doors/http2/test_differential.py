"""The same bytes to grpcio's server and to ours: the same status and the same answer."""

# ruff: noqa: E501 - a table has one line for each case

from __future__ import annotations

import gzip
from collections.abc import Iterator

import grpc
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.doors.grpc.serving import PATIENCE, ask
from tests.doors.http2.attackers import (
    Raw,
    Target,
    data,
    message,
    serving,
)
from tests.doors.http2.victim import MESSAGE_BYTES


@pytest.fixture(scope="module")
def both(server: Target) -> Iterator[tuple[Target, Target]]:
    """Serve the same methods over both."""
    with serving(transport="grpcio") as grpcio:
        yield server, grpcio


BODIES = st.one_of(
    st.binary(max_size=64),
    st.sampled_from([b"", b"x" * 16_384, b"x" * 70_000, ask().SerializeToString()]),
)
PATHS = st.sampled_from([b"/t.T/Echo", b"/t.T/Stream", b"/t.T/None", b"/none"])
MORE = st.lists(
    st.sampled_from(
        [
            (b"x-key", b"value"),
            (b"x-key-bin", b"AAEC"),
            (b"x-other", b"a, b"),
        ]
    ),
    max_size=3,
    unique_by=lambda one: one[0],
)


def asked(target: Target, path: bytes, body: bytes, more: list[tuple[bytes, bytes]]) -> object:
    """Return the status of a call, and the messages that came."""
    metadata = [
        (name.decode(), value if name.endswith(b"-bin") else value.decode()) for name, value in more
    ]
    try:
        call = target.honest.stream_stream(path.decode())(
            iter((body,)), metadata=metadata, timeout=PATIENCE
        )
        return grpc.StatusCode.OK, list(call)
    except grpc.RpcError as error:
        return error.code(), []


@pytest.mark.slow
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(path=PATHS, body=BODIES, more=MORE)
def test_calls_get_the_same_status_and_answer(
    both: tuple[Target, Target], path: bytes, body: bytes, more: list[tuple[bytes, bytes]]
) -> None:
    lean, grpcio = (asked(one, path, body, more) for one in both)
    assert lean == grpcio


@pytest.mark.parametrize(
    ("path", "sent", "more"),
    [
        pytest.param(b"/t.T/Echo", message(b"x", size=MESSAGE_BYTES + 1), (), id="too long"),
        pytest.param(b"/t.T/Stream", message(b"x", size=MESSAGE_BYTES + 1), (), id="too long, many"),
        pytest.param(b"/t.T/Echo", message(b"x", flag=1), (), id="compressed, nobody says how"),
        pytest.param(b"/t.T/None", b"anything", (), id="unknown method"),
        pytest.param(
            b"/t.T/Echo",
            message(gzip.compress(b"hello"), flag=1),
            ((b"grpc-encoding", b"gzip"),),
            id="gzip",
        ),
        pytest.param(
            b"/t.T/Echo", message(b"no gzip", flag=1), ((b"grpc-encoding", b"gzip"),), id="no gzip"
        ),
        pytest.param(
            b"/t.T/Echo",
            message(gzip.compress(b"hello") + b"more", flag=1),
            ((b"grpc-encoding", b"gzip"),),
            id="something behind gzip",
        ),
        pytest.param(
            b"/t.T/Stream",
            message(gzip.compress(b"hello") + gzip.compress(b"hidden"), flag=1),
            ((b"grpc-encoding", b"gzip"),),
            id="gzip behind gzip",
        ),
        pytest.param(
            b"/t.T/Echo", message(b"", flag=1), ((b"grpc-encoding", b"gzip"),), id="nothing as gzip"
        ),
    ],
)  # fmt: skip
def test_wrong_calls_get_the_same_status(
    both: tuple[Target, Target], path: bytes, sent: bytes, more: tuple[tuple[bytes, bytes], ...]
) -> None:
    found = []
    for target in both:
        with Raw(target) as client:
            client.send(client.request(1, *more, path=path) + data(1, sent, end=True))
            found.append(client.status_of(1))
    assert found[0] == found[1]
