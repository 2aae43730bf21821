"""Lists of fields that HTTP/2 forbids, and some that it does not."""

from __future__ import annotations

import pytest

from engine.doors.http2.fields import Fields
from engine.doors.http2.messages import refuse_request, refuse_trailers

METHOD, PATH, SCHEME = (b":method", b"POST"), (b":path", b"/t.T/Echo"), (b":scheme", b"http")
TYPE = (b"content-type", b"application/grpc")
PSEUDO = (METHOD, PATH, SCHEME)
CONNECT, AUTHORITY = (b":method", b"CONNECT"), (b":authority", b"example.com:443")

FORBIDDEN: dict[str, Fields] = {
    "8.2 an uppercase name": ((b"X-One", b"1"),),
    "8.2.1 an empty name": ((b"", b"1"),),
    "8.2.1 a name with a space": ((b"x one", b"1"),),
    "8.2.1 a name with a control sign": ((b"x\x7f", b"1"),),
    "8.2.1 a name beyond ASCII": ((b"x\xe9", b"1"),),
    "8.2.1 a name with a colon": ((b"x:y", b"1"),),
    "8.2.1 a line feed in a value": ((b"x", b"a\nb: c"),),
    "8.2.1 a carriage return in a value": ((b"x", b"a\rb"),),
    "8.2.1 a zero in a value": ((b"x", b"a\0b"),),
    "8.2.1 a value that begins blank": ((b"x", b" a"),),
    "8.2.1 a value that ends blank": ((b"x", b"a\t"),),
    "8.2.1 a value that is blank": ((b"x", b" "),),
    "8.2.2 connection": ((b"connection", b"close"),),
    "8.2.2 keep-alive": ((b"keep-alive", b"1"),),
    "8.2.2 proxy-connection": ((b"proxy-connection", b"close"),),
    "8.2.2 transfer-encoding": ((b"transfer-encoding", b"chunked"),),
    "8.2.2 upgrade": ((b"upgrade", b"h2c"),),
    "8.2.2 te of another kind": ((b"te", b"gzip"),),
    "8.2.2 te of more kinds": ((b"te", b"trailers, gzip"),),
}
"""In no message."""

NO_REQUEST: dict[str, Fields] = {
    "8.3 an unknown pseudo-field": (*PSEUDO, (b":protocol", b"websocket"), TYPE),
    "8.3 the pseudo-field of answers": (*PSEUDO, (b":status", b"200"), TYPE),
    "8.3 a pseudo-field after others": (METHOD, PATH, TYPE, SCHEME),
    "8.3 a pseudo-field twice": (*PSEUDO, PATH, TYPE),
    "8.3 a pseudo-field in capitals": (*PSEUDO, (b":Authority", b"a"), TYPE),
    "8.3.1 no method": (PATH, SCHEME, TYPE),
    "8.3.1 no scheme": (METHOD, PATH, TYPE),
    "8.3.1 no path": (METHOD, SCHEME, TYPE),
    "8.3.1 an empty path": (METHOD, (b":path", b""), SCHEME, TYPE),
    "8.3.1 an empty method": ((b":method", b""), PATH, SCHEME, TYPE),
    "8.3.1 nothing at all": (),
    "8.2.1 a line feed in a path": (METHOD, (b":path", b"/a\n"), SCHEME, TYPE),
    "8.5 CONNECT with a path": (CONNECT, AUTHORITY, PATH),
    "8.5 CONNECT with a scheme": (CONNECT, AUTHORITY, SCHEME),
    "8.5 CONNECT of nothing": (CONNECT,),
    "8.5 CONNECT of an empty authority": (CONNECT, (b":authority", b"")),
}


@pytest.mark.parametrize("name", FORBIDDEN)
def test_what_stands_in_no_message_is_refused_in_requests_and_trailers(name: str) -> None:
    assert refuse_request((*PSEUDO, TYPE, *FORBIDDEN[name])) is not None
    assert refuse_trailers(FORBIDDEN[name]) is not None


@pytest.mark.parametrize("name", NO_REQUEST)
def test_what_is_no_request_is_refused(name: str) -> None:
    assert refuse_request(NO_REQUEST[name]) is not None


def test_trailers_have_no_pseudo_fields() -> None:
    assert refuse_trailers(((b"x", b"y"), METHOD)) is not None


@pytest.mark.parametrize(
    "fields",
    [
        (*PSEUDO, TYPE),
        (*PSEUDO, AUTHORITY, TYPE, (b"te", b"trailers")),
        (*PSEUDO, AUTHORITY, (b"host", b"another.example"), TYPE),
        (*PSEUDO, (b"x-empty", b""), (b"x-wide", b"a b\tc"), (b"x-latin", b"\xe9")),
        (*PSEUDO, (b"cookie", b"a=b"), (b"cookie", b"c=d")),
        (*PSEUDO, (b"!#$%&'*+-.^_`|~09az", b"a")),
        (CONNECT, AUTHORITY),
    ],
)
def test_what_http_2_allows_is_a_request(fields: Fields) -> None:
    assert refuse_request(fields) is None


def test_trailers_may_be_any_plain_fields_and_none() -> None:
    assert refuse_trailers(()) is None
    assert refuse_trailers(((b"x-sum", b"1"), (b"x-sum", b"2"))) is None
