"""Batches, from bytes to bytes."""

from __future__ import annotations

import asyncio

import pytest
from google.protobuf.message import DecodeError
from hypothesis import given
from hypothesis import strategies as some

from engine.doors.grpc.lay import field
from engine.doors.grpc.methods import (
    BATCH_BREATH,
    BATCH_LIMIT,
    LIGHT_BYTES,
    InTime,
    decide_batch,
    requests_in,
)
from engine.doors.grpc.service import Service
from engine.doors.grpc.status import TooLate
from engine.runtime.request import InvalidRequest
from engine.service.journal import Journal
from engine.wire import engine_pb2 as wire
from tests.doors.grpc.serving import ask, make_gate

BIG = b"\x0a\x82\x80\x80\x00"
"""A length of two, spelt in more bytes than it needs."""


def in_time() -> None:
    """Let it be early."""


def batch(*requests: wire.DecideRequest) -> bytes:
    """Return the bytes of a batch."""
    return wire.DecideBatchRequest(requests=requests).SerializeToString()


def decided(raw: bytes, when: InTime = in_time, service: Service | None = None) -> list[str]:
    """Return the request ids of the decisions on the batch *raw*, and `!` where one has failed."""

    async def run() -> bytes:
        made = decide_batch(service or Service(make_gate(), ""), raw, when)
        return made if isinstance(made, bytes) else await made(lambda: None)

    answer = wire.DecideBatchResponse.FromString(asyncio.run(run()))
    return [one.request_id + "!" * one.HasField("error") for one in answer.decisions]


def numbered(count: int) -> list[wire.DecideRequest]:
    """Return *count* requests."""
    return [ask(request_id=f"r{number}") for number in range(count)]


@pytest.mark.parametrize("count", [0, 1, BATCH_BREATH, BATCH_BREATH + 1, 3 * BATCH_BREATH])
def test_each_request_is_decided_in_its_turn(count: int) -> None:
    assert decided(batch(*numbered(count))) == [f"r{number}" for number in range(count)]


def test_too_many_are_none() -> None:
    with pytest.raises(InvalidRequest, match="at most"):
        decided(batch(*numbered(BATCH_LIMIT + 1)))


def test_one_that_is_no_message_fails_alone() -> None:
    good = ask(request_id="r").SerializeToString()
    raw = b"".join(b"\x0a" + bytes([len(one)]) + one for one in (good, b"\xff\xff", good))
    assert decided(raw) == ["r", "!", "r"]


@pytest.mark.parametrize("length", [0, 0x80, 0x4000, 0x40000])
def test_one_that_is_no_message_fails_alone_however_long_the_others_are(length: int) -> None:
    whole = ask(request_id="r", content="x" * length).SerializeToString()
    raw = b"".join([field(b"\x0a", one) for one in (whole, b"\x0a\x01\xff", whole)])
    assert decided(raw) == ["r", "!", "r"]


def test_one_that_is_invalid_fails_alone() -> None:
    assert decided(batch(ask(), ask(request_id="x", tenant_id=""), ask())) == ["", "x!", ""]


def test_where_time_is_over_the_rest_is_not_decided() -> None:
    left = [None, None]

    def hurry() -> None:
        if not left:
            raise TooLate
        left.pop()

    with pytest.raises(TooLate):
        decided(batch(*numbered(3)), hurry)


def test_records_that_are_written_one_by_one_are(tmp_path: object) -> None:
    gate = make_gate()
    gate.recorder = journal = Journal(tmp_path / "record.jsonl", "deny")  # type: ignore[operator]
    assert decided(batch(*numbered(3)), service=Service(gate, "")) == ["r0", "r1", "r2"]
    assert len(journal.path.read_text().splitlines()) == 3
    gate.close()


@pytest.mark.parametrize(
    "raw",
    [
        batch(ask(content="x" * 20_000), ask()),
        batch(ask()) + b"\x10\x01",
        BIG + b"\x50\x01" + batch(ask()),
    ],
)
def test_what_is_unusual_is_split_by_protobuf(raw: bytes) -> None:
    found = [wire.DecideRequest.FromString(one) for one in requests_in(raw)]
    assert found == list(wire.DecideBatchRequest.FromString(raw).requests)


@given(some.lists(some.binary(max_size=300), max_size=5))
def test_requests_are_split_where_protobuf_splits_them(parts: list[bytes]) -> None:
    raw = b"".join(parts)
    try:
        whole = wire.DecideBatchRequest.FromString(raw)
    except DecodeError:
        return
    made = wire.DecideBatchRequest()
    for one in requests_in(raw):
        made.requests.add().MergeFromString(one)
    assert list(made.requests) == list(whole.requests)


@pytest.mark.parametrize("raw", [b"\x0a", b"\x0a\x05ab", b"\x0a\x80", b"\x00", b"\x0b"])
def test_what_is_no_batch_is_none(raw: bytes) -> None:
    with pytest.raises(DecodeError):
        requests_in(raw)


def test_a_batch_of_long_texts_leaves_the_others_their_turn() -> None:
    long = LIGHT_BYTES // 8
    raw = batch(*[ask(request_id=f"r{number}", content="word " * long) for number in range(8)])
    told: list[str] = []

    async def run() -> bytes:
        made = decide_batch(Service(make_gate(), ""), raw, lambda: told.append("decided"))
        assert not isinstance(made, bytes)
        waited = asyncio.ensure_future(made(lambda: None))
        await asyncio.sleep(0)
        told.append("another's turn")
        return await waited

    answer = wire.DecideBatchResponse.FromString(asyncio.run(run()))
    assert [one.request_id for one in answer.decisions] == [f"r{number}" for number in range(8)]
    assert told.index("another's turn") == 1
    assert told.count("decided") == len(answer.decisions)
