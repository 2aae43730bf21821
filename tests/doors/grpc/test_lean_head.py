from __future__ import annotations

import base64

import grpc
import pytest

from engine.doors.grpc.lean_head import (
    HEADER_BYTES,
    LONGEST_SECONDS,
    MESSAGE_BYTES,
    Head,
    read_head,
    trailers_of,
)
from engine.doors.http2.fields import FieldReader, Fields, block_of
from engine.doors.http2.requests import Malformed

METHOD, PATH, SCHEME = (b":method", b"POST"), (b":path", b"/t.T/Echo"), (b":scheme", b"http")
TYPE = (b"content-type", b"application/grpc")
PSEUDO = (METHOD, PATH, SCHEME)


def asked(*more: tuple[bytes, bytes]) -> Head:
    head = read_head((*PSEUDO, TYPE, *more))
    assert isinstance(head, Head)
    return head


MALFORMED: dict[str, Fields] = {
    "a length that is no number": (*PSEUDO, TYPE, (b"content-length", b"-1")),
    "two lengths": (*PSEUDO, TYPE, (b"content-length", b"1"), (b"content-length", b"2")),
    "a length of thousands of digits": (*PSEUDO, TYPE, (b"content-length", b"9" * 5_000)),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_a_length_that_is_none_is_no_request(name: str) -> None:
    assert isinstance(read_head(MALFORMED[name]), Malformed)


def test_the_same_length_may_be_said_twice() -> None:
    assert asked((b"content-length", b"7"), (b"content-length", b"7")).length == 7


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (b"5n", 5e-9),
        (b"5u", 5e-6),
        (b"5m", 5e-3),
        (b"5S", 5.0),
        (b"5M", 300.0),
        (b"5H", 18_000.0),
        (b"0S", 0.0),
        (b"99999999H", LONGEST_SECONDS),
    ],
)
def test_a_timeout_has_each_unit(text: bytes, seconds: float) -> None:
    assert asked((b"grpc-timeout", text)).timeout == pytest.approx(seconds)


@pytest.mark.parametrize("text", [b"", b"S", b"5", b"5s", b"-5S", b"1.5S", b"123456789S"])
def test_a_timeout_that_is_none_is_refused(text: bytes) -> None:
    head = asked((b"grpc-timeout", text))
    assert head.timeout is None
    assert head.refused is not None
    assert head.refused[0] is grpc.StatusCode.INTERNAL


def test_an_unknown_encoding_is_refused_and_gzip_is_known() -> None:
    refused = asked((b"grpc-encoding", b"br")).refused
    assert refused is not None
    assert refused[0] is grpc.StatusCode.UNIMPLEMENTED
    assert asked((b"grpc-encoding", b"gzip")).gzipped
    assert not asked((b"grpc-encoding", b"identity")).gzipped


def test_what_is_no_grpc_gets_a_status_of_http() -> None:
    get = read_head(((b":method", b"GET"), PATH, SCHEME, TYPE))
    web = read_head((*PSEUDO, (b"content-type", b"application/grpc-web")))
    assert isinstance(get, Head)
    assert isinstance(web, Head)
    assert (get.http, web.http) == (b"405", b"415")


@pytest.mark.parametrize("kind", [b"application/grpc+proto", b"application/grpc;charset=utf-8"])
def test_grpc_may_say_more_of_its_type(kind: bytes) -> None:
    head = read_head((*PSEUDO, (b"content-type", kind)))
    assert isinstance(head, Head)
    assert head.http == b""


def test_binary_metadata_is_decoded_with_and_without_its_padding() -> None:
    padded = base64.b64encode(b"\xff\0one")
    head = asked(
        (b"a-bin", padded), (b"b-bin", padded.rstrip(b"=")), (b"c-bin", b""), (b"d", b"\xe9")
    )
    assert head.metadata == (
        ("a-bin", b"\xff\0one"),
        ("b-bin", b"\xff\0one"),
        ("c-bin", b""),
        ("d", "é"),
    )


@pytest.mark.parametrize("text", [b"a", b"!", b"AA=A", b"A A=", b"AAE=,AAE="])
def test_binary_metadata_that_is_none_is_refused(text: bytes) -> None:
    refused = asked((b"a-bin", text)).refused
    assert refused is not None
    assert refused[0] is grpc.StatusCode.INTERNAL


def said(block: bytes) -> dict[bytes, bytes]:
    return dict(FieldReader(1 << 20, lambda fields: fields).read(block))


def test_binary_trailers_are_sent_without_padding() -> None:
    sent = said(trailers_of(grpc.StatusCode.ABORTED, "", (("a-bin", b"\xff"), ("b", "x"))))
    assert sent == {b"grpc-status": b"10", b"a-bin": b"/w", b"b": b"x"}


def test_a_sentence_that_grows_when_it_is_quoted_is_cut() -> None:
    sent = said(trailers_of(grpc.StatusCode.INTERNAL, "é" * MESSAGE_BYTES))[b"grpc-message"]
    assert 0 < len(sent) <= MESSAGE_BYTES
    assert sent == b"%C3%A9" * (len(sent) // 6)


@pytest.mark.parametrize("size", [0, 126, 127, 128, 254, 255, 256, 16_510, 16_511, 70_000])
def test_a_literal_of_any_length_is_read_back(size: int) -> None:
    assert said(block_of(((b"x", b"v" * size),))) == {b"x": b"v" * size}


def test_too_much_metadata_is_refused_whatever_it_says() -> None:
    found = asked((b"a", b"x" * HEADER_BYTES))
    assert found.refused == (
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        f"metadata of more than {HEADER_BYTES:,} bytes",
    )
    assert found.metadata == ()


@pytest.mark.parametrize(
    ("encoding", "accepted", "gzips"),
    [
        (b"gzip", b"identity, deflate ,gzip", True),
        (b"gzip", b"identity", False),
        (b"gzip", b"gzipped", False),
        (b"identity", b"gzip", False),
    ],
)
def test_answers_are_compressed_for_who_compresses_and_says_so(
    encoding: bytes, accepted: bytes, *, gzips: bool
) -> None:
    found = asked((b"grpc-encoding", encoding), (b"grpc-accept-encoding", accepted))
    assert found.gzips is gzips
    assert found.gzipped is (encoding == b"gzip")
