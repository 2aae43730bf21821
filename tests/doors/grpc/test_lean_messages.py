from __future__ import annotations

import gzip
import random

import grpc
import pytest

from engine.doors.grpc.lean_messages import (
    GZIP_FROM,
    GZIP_TO,
    UNPACKED,
    RefusedMessage,
    Unpacker,
    is_whole,
    packed,
    packed_gzip,
    unpacked,
)

MOST = 100


def unpacker() -> Unpacker:
    return Unpacker(MOST)


def zipped(body: bytes, flag: int = 1) -> bytes:
    return bytes((flag,)) + len(body).to_bytes(4) + body


def test_many_messages_come_in_one_frame() -> None:
    assert unpacker().feed(packed(b"a") + packed(b"") + packed(b"c")) == [
        packed(b"a"),
        packed(b""),
        packed(b"c"),
    ]


def test_a_message_may_come_byte_by_byte() -> None:
    made, found = unpacker(), []
    for byte in packed(b"one") + packed(b"two"):
        found += made.feed(bytes((byte,)))
    assert found == [packed(b"one"), packed(b"two")]
    assert made.rest == 0


def test_what_is_not_whole_is_kept() -> None:
    made = unpacker()
    assert made.feed(packed(b"whole") + packed(b"half")[:7]) == [packed(b"whole")]
    assert made.rest == 7
    assert made.feed(packed(b"half")[7:]) == [packed(b"half")]
    assert made.rest == 0


@pytest.mark.parametrize(
    "data",
    [b"", packed(b"a")[:-1], packed(b"a") + b"b", packed(bytes(MOST + 1)), b"\0\1\0\0\0", b"\0"],
)
def test_what_is_no_whole_message_is_told_from_one_that_is(data: bytes) -> None:
    assert not is_whole(data, MOST)
    assert is_whole(packed(b"a"), MOST)
    assert is_whole(packed(bytes(MOST)), MOST)


@pytest.mark.parametrize("split", [None, 5])
def test_one_byte_over_the_limit_is_refused(split: int | None) -> None:
    assert unpacker().feed(packed(bytes(MOST))) == [packed(bytes(MOST))]
    with pytest.raises(RefusedMessage) as caught:
        unpacker().feed(packed(bytes(MOST + 1))[:split])
    assert caught.value.code is grpc.StatusCode.RESOURCE_EXHAUSTED


@pytest.mark.parametrize(
    ("flag", "body", "code"),
    [
        (1, gzip.compress(bytes(MOST + 1), mtime=0), grpc.StatusCode.RESOURCE_EXHAUSTED),
        (1, gzip.compress(bytes(1 << 24), mtime=0), grpc.StatusCode.RESOURCE_EXHAUSTED),
        (1, gzip.compress(b"one", mtime=0)[:-1], grpc.StatusCode.INTERNAL),
        (1, b"no gzip", grpc.StatusCode.INTERNAL),
        (1, gzip.compress(b"one", mtime=0) + b"more", grpc.StatusCode.INTERNAL),
        (
            1,
            gzip.compress(b"one", mtime=0) + gzip.compress(b"two", mtime=0),
            grpc.StatusCode.INTERNAL,
        ),
        (2, gzip.compress(b"one", mtime=0), grpc.StatusCode.INTERNAL),
    ],
)
def test_what_cannot_be_unpacked_is_refused(flag: int, body: bytes, code: grpc.StatusCode) -> None:
    with pytest.raises(RefusedMessage) as caught:
        unpacked(zipped(body, flag), MOST, gzipped=True)
    assert caught.value.code is code


def test_a_whole_gzip_of_the_limit_is_read() -> None:
    assert unpacked(zipped(gzip.compress(bytes(MOST), mtime=0)), MOST, gzipped=True) == bytes(MOST)


def test_a_compressed_message_is_refused_where_no_encoding_was_said() -> None:
    with pytest.raises(RefusedMessage):
        unpacked(zipped(gzip.compress(b"one", mtime=0)), MOST, gzipped=False)


def large(packed: bytes) -> bytes:
    return unpacked(packed, 1 << 26, gzipped=True)


def test_what_unpacks_to_far_more_than_any_text_does_is_refused() -> None:
    assert len(large(zipped(gzip.compress(bytes(UNPACKED), mtime=0)))) == UNPACKED
    dense = random.Random(1).randbytes(1 << 20) * 2  # noqa: S311
    assert large(zipped(gzip.compress(dense, mtime=0))) == dense
    with pytest.raises(RefusedMessage) as caught:
        large(zipped(gzip.compress(bytes(UNPACKED + 1), mtime=0)))
    assert caught.value.code is grpc.StatusCode.RESOURCE_EXHAUSTED


@pytest.mark.parametrize("size", [0, GZIP_FROM - 1, GZIP_FROM, GZIP_TO, GZIP_TO + 1])
def test_an_answer_is_compressed_where_that_is_worth_it(size: int) -> None:
    sent = packed_gzip(b"a" * size)
    assert sent[0] == (GZIP_FROM <= size <= GZIP_TO)
    assert large(sent) == b"a" * size
    assert len(sent) <= size + 5


def test_what_does_not_become_shorter_is_sent_as_it_is() -> None:
    noise = random.Random(1).randbytes(GZIP_FROM)  # noqa: S311
    assert packed_gzip(noise) == packed(noise)
