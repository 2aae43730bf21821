"""The same frames to grpcio's server and to ours: the same fate of the streams and the connection.

A case is bytes behind a preface; then a ping and a plain call show whether the connection lives.
Where the two differ we chose so, and `CHOSEN` says why.
"""

# ruff: noqa: E501 - a table has one line for each case

from __future__ import annotations

import gzip
import select
from collections.abc import Callable, Iterator

import pytest
from hpack import Decoder

from engine.doors.http2 import frames
from engine.doors.http2.fields import block_of
from engine.doors.http2.frames import (
    CONTINUATION,
    DATA,
    GOAWAY,
    HEADERS,
    PING,
    PRIORITY,
    PUSH_PROMISE,
    RST_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
    settings,
    window_update,
)
from tests.doors.http2.attackers import FIELDS, PATIENCE, Raw, Target, data, message, serving
from tests.doors.http2.peers import frame

pytestmark = pytest.mark.slow

PROBE = 101
"""The stream of the plain call behind each case."""
SETTLED = 0.3
"""For so long nothing comes on a stream on which nothing will: seconds."""
ENDS, RESET, NOTHING = "the connection ends", "the stream is reset", "nothing"
Sent = Callable[[Raw], bytes]


def asked(
    *more: tuple[bytes, bytes],
    without: bytes = b"",
    kind: bytes = b"application/grpc",
    end: bool = False,
    **changed: bytes,
) -> bytes:
    """Return a request on stream 1 as literals: with *more* fields, without one, with others."""
    changed["content-type"] = kind
    fields = [(name, changed.get(name.strip(b":").decode(), value)) for name, value in FIELDS]
    block = block_of([one for one in (*fields, *more) if one[0] != without])
    return frames.headers(1, block, frames.FRAME_BYTES, end=end)


ONE = message(b"x")
WHOLE = data(1, ONE, end=True)
U32 = 4

CASES: dict[str, Sent] = {
    # calls
    "a call": lambda _: asked() + WHOLE,
    "a call with trailers": lambda _: asked() + data(1, ONE) + frames.headers(1, block_of(((b"x-sum", b"1"),)), 16_384, end=True),
    "a call with padding and priority": lambda _: frame(HEADERS, 0x2C, 1, b"\x02" + bytes(5) + asked()[9:] + bytes(2)) + data(1, ONE, end=True, padded=9),
    "a call in pieces": lambda _: frame(HEADERS, 0, 1, asked()[9:40]) + frame(CONTINUATION, 4, 1, asked()[40:]) + WHOLE,
    "a message in pieces": lambda _: asked() + data(1, ONE[:3]) + data(1, b"") + data(1, ONE[3:]) + data(1, b"", end=True),
    "an empty message": lambda _: asked() + data(1, message(b""), end=True),
    "no message": lambda _: asked(end=True),
    "no message, and an empty frame": lambda _: asked() + data(1, b"", end=True),
    "half a message": lambda _: asked() + data(1, ONE[:4], end=True),
    "two messages": lambda _: asked() + data(1, ONE * 2, end=True),
    "a message of an unknown flag": lambda _: asked() + data(1, message(b"x", flag=2), end=True),
    "a compressed message, and nothing says how": lambda _: asked() + data(1, message(b"x", flag=1), end=True),
    "gzip": lambda _: asked((b"grpc-encoding", b"gzip")) + data(1, message(gzip.compress(b"x"), flag=1), end=True),
    "gzip that is none": lambda _: asked((b"grpc-encoding", b"gzip")) + data(1, message(b"x", flag=1), end=True),
    "an unknown encoding": lambda _: asked((b"grpc-encoding", b"br")) + data(1, message(b"x", flag=1), end=True),
    "too large a message": lambda _: asked() + data(1, message(b"x", size=2**31), end=True),
    "an unknown method": lambda _: asked(path=b"/t.T/None") + WHOLE,
    "an unknown service": lambda _: asked(path=b"/none") + WHOLE,
    "a path without a slash": lambda _: asked(path=b"none") + WHOLE,
    "a timeout": lambda _: asked((b"grpc-timeout", b"5S")) + WHOLE,
    "a timeout that is over": lambda _: asked((b"grpc-timeout", b"1n"), path=b"/t.T/Wait") + WHOLE,
    "a timeout that is none": lambda _: asked((b"grpc-timeout", b"soon")) + WHOLE,
    "metadata": lambda _: asked((b"x-a", b"1"), (b"x-b-bin", b"AAE="), (b"x-a", b"2")) + WHOLE,
    "binary metadata that is none": lambda _: asked((b"x-b-bin", b"!")) + WHOLE,
    "too much metadata": lambda _: asked((b"x-a", b"v" * 17_000)) + WHOLE,
    # what is no call
    "GET": lambda _: asked(method=b"GET") + WHOLE,
    "PUT": lambda _: asked(method=b"PUT") + WHOLE,
    "another content type": lambda _: asked(kind=b"text/html") + WHOLE,
    "no content type": lambda _: asked(without=b"content-type") + WHOLE,
    "a longer content type": lambda _: asked(kind=b"application/grpc+proto") + WHOLE,
    "no te": lambda _: asked(without=b"te") + WHOLE,
    "te of another kind": lambda _: asked(te=b"gzip") + WHOLE,
    "no method": lambda _: asked(without=b":method") + WHOLE,
    "no path": lambda _: asked(without=b":path") + WHOLE,
    "an empty path": lambda _: asked(path=b"") + WHOLE,
    "no scheme": lambda _: asked(without=b":scheme") + WHOLE,
    "no authority": lambda _: asked(without=b":authority") + WHOLE,
    "an unknown pseudo-field": lambda _: asked((b":none", b"x")) + WHOLE,
    "a pseudo-field twice": lambda _: asked((b":path", b"/t.T/Echo")) + WHOLE,
    "a name in capitals": lambda _: asked((b"X-A", b"1")) + WHOLE,
    "a line feed in a value": lambda _: asked((b"x-a", b"1\n2")) + WHOLE,
    "connection: close": lambda _: asked((b"connection", b"close")) + WHOLE,
    "a content-length that fits": lambda _: asked((b"content-length", b"6")) + WHOLE,
    "a content-length that is too small": lambda _: asked((b"content-length", b"2")) + WHOLE,
    "a content-length that is none": lambda _: asked((b"content-length", b"-1")) + WHOLE,
    # frames
    "settings": lambda _: settings(((1, 0), (3, 5), (4, 70_000), (5, 20_000), (6, 9_000), (99, 1))) + asked() + WHOLE,
    "a ping": lambda _: frame(PING, 0, 0, bytes(8)) + asked() + WHOLE,
    "a priority": lambda _: frame(PRIORITY, 0, 7, b"\0\0\0\x09\x01") + asked() + WHOLE,
    "an unknown frame": lambda _: frame(0x42, 0xFF, 1, b"x") + asked() + WHOLE,
    "a call taken back": lambda _: asked(path=b"/t.T/Wait") + WHOLE + frame(RST_STREAM, 0, 1, b"\0\0\0\x08"),
    "a goaway": lambda _: frame(GOAWAY, 0, 0, bytes(8)),
    "DATA on an idle stream": lambda _: data(1, b"x"),
    "DATA on stream 0": lambda _: data(0, b"x"),
    "DATA behind the end": lambda _: asked(path=b"/t.T/Wait") + WHOLE + data(1, b"x"),
    "DATA with more padding than payload": lambda _: asked() + frame(DATA, 8, 1, b"\xff" + ONE),
    "HEADERS on stream 0": lambda _: frame(HEADERS, 4, 0, asked()[9:]),
    "HEADERS on an even stream": lambda _: frame(HEADERS, 4, 2, asked()[9:]),
    "HEADERS that go back": lambda _: asked() + WHOLE + frame(HEADERS, 4, 7, asked()[9:]) + data(7, ONE, end=True) + frame(HEADERS, 4, 3, asked()[9:]),
    "no field block": lambda _: frame(HEADERS, 4, 1, b"\xff\xff\xff\xff\xff\xff"),
    "an index of 0": lambda _: frame(HEADERS, 4, 1, b"\x80"),
    "another frame inside a field block": lambda _: frame(HEADERS, 0, 1, asked()[9:]) + frame(PING, 0, 0, bytes(8)),
    "CONTINUATION of nothing": lambda _: frame(CONTINUATION, 4, 1, b""),
    "CONTINUATION of another stream": lambda _: frame(HEADERS, 0, 1, asked()[9:]) + frame(CONTINUATION, 4, 3, b""),
    "RST_STREAM of an idle stream": lambda _: frame(RST_STREAM, 0, 1, bytes(4)),
    "RST_STREAM of stream 0": lambda _: frame(RST_STREAM, 0, 0, bytes(4)),
    "RST_STREAM of another length": lambda _: asked() + frame(RST_STREAM, 0, 1, bytes(3)),
    "SETTINGS of a stream": lambda _: frame(SETTINGS, 0, 1),
    "SETTINGS of another length": lambda _: frame(SETTINGS, 0, 0, bytes(5)),
    "SETTINGS acknowledged with a payload": lambda _: frame(SETTINGS, 1, 0, bytes(6)),
    "a window of 2^31": lambda _: settings(((4, 2**31),)),
    "a frame size below 2^14": lambda _: settings(((5, 100),)),
    "push of 2": lambda _: settings(((2, 2),)),
    "PUSH_PROMISE": lambda _: asked() + frame(PUSH_PROMISE, 4, 1, bytes(4)),
    "PING of a stream": lambda _: frame(PING, 0, 1, bytes(8)),
    "PING of another length": lambda _: frame(PING, 0, 0, bytes(7)),
    "GOAWAY of a stream": lambda _: frame(GOAWAY, 0, 1, bytes(8)),
    "GOAWAY of another length": lambda _: frame(GOAWAY, 0, 0, bytes(7)),
    "PRIORITY of stream 0": lambda _: frame(PRIORITY, 0, 0, bytes(5)),
    "PRIORITY of another length": lambda _: asked() + frame(PRIORITY, 0, 1, bytes(4)),
    "WINDOW_UPDATE of nothing": lambda _: window_update(0, 0),
    "WINDOW_UPDATE of nothing, of a stream": lambda _: asked() + window_update(1, 0),
    "WINDOW_UPDATE of another length": lambda _: frame(WINDOW_UPDATE, 0, 0, bytes(3)),
    "WINDOW_UPDATE of an idle stream": lambda _: window_update(1, 9),
    "a window too wide": lambda _: window_update(0, 2**31 - 1),
    "a window too wide, of a stream": lambda _: asked() + window_update(1, 2**31 - 1),
    "a frame too large": lambda _: frames.head(2**24 - 1, DATA, 0, 1),
    "a trailer without an end": lambda _: asked() + data(1, ONE) + frames.headers(1, block_of(((b"x", b"1"),)), 16_384, end=False),
}  # fmt: skip


QUIET = {"a call taken back", "a goaway"}
"""Those in which nothing comes on stream 1."""


def fate(target: Target, sent: bytes, patience: float) -> str:
    """Return what becomes of stream 1, or that the connection ends."""
    with Raw(target) as client:
        client.send(sent)
        probe = frames.headers(PROBE, block_of(FIELDS), frames.FRAME_BYTES, end=False)
        client.send(probe + data(PROBE, message(b"probe"), end=True))
        wait(client, PROBE, PATIENCE)
        if not answered(client, PROBE):
            return ENDS
        wait(client, 1, patience)
        return answered(client, 1) or NOTHING


def wait(client: Raw, stream: int, patience: float) -> None:
    """Read until a stream has ended, the connection has, or nothing comes any more."""
    while not (client.closed or answered(client, stream)):
        if not select.select([client.socket], [], [], patience)[0]:
            break
        client.take()


def answered(client: Raw, stream: int) -> str:
    """Return how a stream has ended; nothing if it has not."""
    decoder, said, end = Decoder(), "", ""
    for kind, flags, number, payload in client.frames():
        if kind == HEADERS:
            fields = dict(decoder.decode(payload, raw=True))
            if number == stream:
                status = fields.get(b":status", b"200")
                said = said or ("" if status == b"200" else f"http {status.decode()}")
                if b"grpc-status" in fields:
                    said = f"status {int(fields[b'grpc-status'])}"
                end = said if flags & 1 else end
        elif kind == RST_STREAM and number == stream and not end:
            end = RESET
    return end


STRICT = "HTTP/2 demands it (CONFORMANCE.md); grpcio's server lets it pass"
NARROW = "HTTP/2 wants one stream to end; grpcio's server ends them all"
ALLOWED = "HTTP/2 allows it; grpcio's server does not"
GRPC = "gRPC over HTTP/2 says so"
TOLD = "a caller is told what is wrong, where grpcio's server leaves it waiting"
LENIENT = "nothing depends on it here"
BOUND = "our bound is firm, grpcio's is drawn by lot above a soft one"

CHOSEN: dict[str, tuple[str, str, str]] = {
    "a call with padding and priority": ("the connection ends", "status 0", ALLOWED),
    "no message": ("nothing", "status 12", TOLD),
    "no message, and an empty frame": ("nothing", "status 12", TOLD),
    "half a message": ("nothing", "status 13", TOLD),
    "two messages": ("status 0", "status 12", GRPC),
    "a message of an unknown flag": ("status 0", "status 13", GRPC),
    "an unknown encoding": ("status 13", "status 12", GRPC),
    "a timeout that is none": ("nothing", "status 13", STRICT),
    "too much metadata": ("status 0", "status 8", BOUND),
    "GET": ("the stream is reset", "http 405", GRPC),
    "PUT": ("the stream is reset", "http 405", GRPC),
    "another content type": ("status 0", "http 415", GRPC),
    "no content type": ("status 0", "http 415", GRPC),
    "no te": ("the stream is reset", "status 0", LENIENT),
    "te of another kind": ("status 13", "the stream is reset", STRICT),
    "an empty path": ("status 12", "the stream is reset", STRICT),
    "no authority": ("the stream is reset", "status 0", LENIENT),
    "an unknown pseudo-field": ("status 13", "the stream is reset", STRICT),
    "a pseudo-field twice": ("status 0", "the stream is reset", STRICT),
    "a name in capitals": ("nothing", "the stream is reset", STRICT),
    "a line feed in a value": ("status 0", "the stream is reset", STRICT),
    "connection: close": ("status 0", "the stream is reset", STRICT),
    "a content-length that is too small": ("status 0", "the stream is reset", STRICT),
    "a content-length that is none": ("status 0", "the stream is reset", STRICT),
    "DATA on an idle stream": ("nothing", "the connection ends", STRICT),
    "DATA on stream 0": ("nothing", "the connection ends", STRICT),
    "DATA behind the end": ("nothing", "the stream is reset", STRICT),
    "DATA with more padding than payload": ("the stream is reset", "the connection ends", STRICT),
    "HEADERS on stream 0": ("nothing", "the connection ends", STRICT),
    "HEADERS on an even stream": ("nothing", "the connection ends", STRICT),
    "HEADERS that go back": ("status 0", "the connection ends", STRICT),
    "RST_STREAM of an idle stream": ("nothing", "the connection ends", STRICT),
    "RST_STREAM of stream 0": ("nothing", "the connection ends", STRICT),
    "PUSH_PROMISE": ("nothing", "the connection ends", STRICT),
    "PING of a stream": ("nothing", "the connection ends", STRICT),
    "GOAWAY of a stream": ("nothing", "the connection ends", STRICT),
    "PRIORITY of stream 0": ("nothing", "the connection ends", STRICT),
    "PRIORITY of another length": ("nothing", "the stream is reset", STRICT),
    "WINDOW_UPDATE of nothing, of a stream": ("the connection ends", "the stream is reset", NARROW),
    "WINDOW_UPDATE of an idle stream": ("nothing", "the connection ends", STRICT),
    "a window too wide": ("nothing", "the connection ends", STRICT),
    "a window too wide, of a stream": ("nothing", "the stream is reset", STRICT),
    "a trailer without an end": ("the connection ends", "the stream is reset", NARROW),
}  # fmt: skip
"""What grpcio's server did when this was written, what ours does, and why."""


@pytest.fixture(scope="module")
def grpcio() -> Iterator[Target]:
    with serving(transport="grpcio") as target:
        yield target


@pytest.mark.parametrize("name", CASES)
def test_the_same_bytes_have_the_same_fate(server: Target, grpcio: Target, name: str) -> None:
    with Raw(server) as client:
        sent = CASES[name](client)
    patience = SETTLED if name in QUIET else PATIENCE
    ours = fate(server, sent, patience)
    assert (ours == NOTHING) is (name in QUIET)
    if name in CHOSEN:
        assert ours == CHOSEN[name][1]
    else:
        assert fate(grpcio, sent, patience) == ours


def test_each_difference_is_of_a_case() -> None:
    assert CHOSEN.keys() <= CASES.keys()
    assert all(theirs != ours for theirs, ours, _ in CHOSEN.values())
