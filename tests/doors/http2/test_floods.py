"""Floods over a real socket: each ends its connection, and nobody else notices.

`attackers.attacked` lets a neighbour ask all the while, looks at the memory of the server's process
and, in the end, at what the server still holds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import repeat

import pytest

from engine.doors.http2 import frames
from engine.doors.http2.frames import Code, head, ping, rst_stream, settings, window_update
from tests.doors.http2.attackers import Raw, Target, attacked, data, message

pytestmark = pytest.mark.slow

TIMES = 5_000
CALM = (Code.ENHANCE_YOUR_CALM, None)
"""Why a flood ended; None where the reset of the socket overtook the word of it."""
ALL = 2**31 - 1


def streams(count: int = TIMES) -> Iterator[int]:
    return iter(range(1, 2 * count, 2))


def priority(stream: int, parent: int) -> bytes:
    return head(5, frames.PRIORITY, 0, stream) + parent.to_bytes(4) + b"\0"


def continuation(stream: int, block: bytes) -> bytes:
    return head(len(block), frames.CONTINUATION, 0, stream) + block


def headers(stream: int, block: bytes) -> bytes:
    return frames.headers(stream, block, 16_384, end=True)


Flood = Callable[[Raw], Iterator[bytes]]

FLOODS: dict[str, Flood] = {
    "settings": lambda _: repeat(settings(((4, 65_535), (4, 1))), TIMES),
    "settings of the table": lambda _: repeat(settings(((1, 0), (1, 4_096))), TIMES),
    "settings acknowledged": lambda _: repeat(frames.SETTINGS_ACK, TIMES),
    "many settings in a frame": lambda _: repeat(settings(((4, 65_535),) * 1_000), TIMES),
    "pings": lambda _: repeat(ping(b"12345678", ack=False), TIMES),
    "answers to no ping": lambda _: repeat(ping(b"12345678", ack=True), TIMES),
    "windows wider by one": lambda _: repeat(window_update(0, 1), TIMES),
    "priorities in a loop": lambda _: repeat(priority(1, 3) + priority(3, 1), TIMES),
    "priorities of idle streams": lambda _: (priority(n, 0) for n in streams()),
    "frames of no known type": lambda _: repeat(head(0, 0x42, 0, 0), TIMES),
    "large frames of no known type": lambda _: repeat(
        head(16_384, 0x42, 0, 0) + bytes(16_384), TIMES
    ),
    "goaways": lambda _: repeat(head(8, frames.GOAWAY, 0, 0) + bytes(8), TIMES),
    "resets of what is over": lambda c: (
        c.request(1) + rst_stream(1, Code.CANCEL) if n == 1 else rst_stream(1, Code.CANCEL)
        for n in streams()
    ),
}
"""Frames that bring nothing on."""

RESETS: dict[str, Flood] = {
    "of requests": lambda c: (c.request(n) + rst_stream(n, Code.CANCEL) for n in streams()),
    "of whole requests": lambda c: (
        c.request(n) + data(n, message(b"x"), end=True) + rst_stream(n, Code.CANCEL)
        for n in streams()
    ),
    "of calls that wait": lambda c: (
        c.request(n, path=b"/t.T/Wait")
        + data(n, message(b"x"), end=True)
        + ping(bytes(8), ack=False)
        + rst_stream(n, Code.CANCEL)
        for n in streams()
    ),
    "of streams": lambda c: (
        c.request(n, path=b"/t.T/Stream") + data(n, message(b"x")) + rst_stream(n, Code.CANCEL)
        for n in streams()
    ),
}
"""Rapid reset: streams that are opened to be taken back."""

MADE: dict[str, Flood] = {
    "a window wider by nothing": lambda c: (c.request(n) + window_update(n, 0) for n in streams()),
    "a window too wide": lambda c: (c.request(n) + window_update(n, ALL) for n in streams()),
    "a priority of another length": lambda c: (
        c.request(n) + head(1, frames.PRIORITY, 0, n) + b"\0" for n in streams()
    ),
    "a stream that depends on itself": lambda c: (c.request(n) + priority(n, n) for n in streams()),
    "data behind the end": lambda c: (
        c.request(n, path=b"/t.T/Wait") + data(n, message(b"x"), end=True) + data(n, b"more")
        for n in streams()
    ),
    "fields behind the end": lambda c: (
        c.request(n, path=b"/t.T/Wait")
        + data(n, message(b"x"), end=True)
        + headers(n, c.encoder.encode([(b"x", b"y")]))
        for n in streams()
    ),
    "a pseudo-field in trailers": lambda c: (
        c.request(n) + headers(n, c.encoder.encode([(b":path", b"/")])) for n in streams()
    ),
    "more than it says to be long": lambda c: (
        c.request(n, (b"content-length", b"1")) + data(n, b"more") for n in streams()
    ),
    "no request": lambda c: (headers(n, c.encoder.encode([(b"x", b"y")])) for n in streams()),
    "fields without names": lambda _: (headers(n, b"\x00\x00\x00" * 100) for n in streams()),
}
"""What makes the server reset streams itself, and begins work that nobody waits for."""


@pytest.mark.parametrize("name", FLOODS)
def test_frames_that_say_nothing_end_their_connection(server: Target, name: str) -> None:
    with attacked(server), Raw(server) as client:
        assert client.flood(FLOODS[name](client))
        assert client.failure() in CALM


@pytest.mark.parametrize("name", RESETS)
def test_rapid_resets_end_their_connection(server: Target, name: str) -> None:
    with attacked(server), Raw(server) as client:
        assert client.flood(RESETS[name](client))
        assert client.failure() in CALM


@pytest.mark.parametrize("name", MADE)
def test_resets_that_the_server_was_made_to_send_end_the_connection(
    server: Target, name: str
) -> None:
    with attacked(server), Raw(server) as client:
        assert client.flood(MADE[name](client))
        assert client.failure() in CALM


@pytest.mark.parametrize("name", ["pings", "settings"])
def test_a_flood_whose_answers_nobody_reads_is_bounded(server: Target, name: str) -> None:
    with attacked(server), Raw(server) as client:
        for piece in FLOODS[name](client):
            if not client.send(piece, read=False, patience=0.2):
                break
        assert server.echo() == b"still here"


def test_requests_whose_answers_nobody_reads_are_read_no_more(server: Target) -> None:
    """Each costs its client less than its answer costs the server, which is the attack."""
    body = message(bytes(16_000))
    with attacked(server), Raw(server, settings=settings(((4, ALL),))) as client:
        client.send(window_update(0, ALL - 65_535))
        taken = 0
        for number in streams(20_000):
            sent = client.request(number) + data(number, body, end=True)
            if not client.send(sent, read=False, patience=0.3):
                break
            taken += len(sent)
        assert taken < 64 << 20  # What the kernel takes, and one read.


def test_empty_data_ends_its_connection(server: Target) -> None:
    with attacked(server), Raw(server) as client:
        client.send(client.request(1))
        assert client.flood(repeat(data(1, b""), TIMES))
        assert client.failure() in CALM


def test_padding_without_data_ends_its_connection(server: Target) -> None:
    with attacked(server), Raw(server) as client:
        client.send(client.request(1))
        assert client.flood(repeat(data(1, b"", padded=255), TIMES))
        assert client.failure() in CALM


def test_a_window_that_opens_byte_by_byte_ends_its_connection(server: Target) -> None:
    with attacked(server), Raw(server, settings=settings(((4, 0),))) as client:
        client.send(client.request(1, path=b"/t.T/Large") + data(1, message(b""), end=True))
        assert client.flood(repeat(window_update(1, 1), TIMES))
        assert client.failure() in CALM


def test_windows_that_open_and_close_end_their_connection(server: Target) -> None:
    """Each change looks at every stream that is open."""
    with attacked(server), Raw(server, settings=settings(((4, 0),))) as client:
        for number in streams(900):
            client.send(client.request(number) + data(number, message(b"x"), end=True))
        assert client.flood(repeat(settings(((4, 0),)) + settings(((4, 1),)), TIMES))
        assert client.failure() in CALM


def test_a_field_block_without_end_ends_its_connection(server: Target) -> None:
    with attacked(server), Raw(server) as client:
        client.send(head(1, frames.HEADERS, 0, 1) + b"\x82")
        assert client.flood(repeat(continuation(1, b""), TIMES))
        assert client.failure() in CALM


@pytest.mark.parametrize("size", [1, 16_384, 65_536])
def test_a_field_block_that_grows_ends_its_connection(server: Target, size: int) -> None:
    with attacked(server), Raw(server) as client:
        client.send(head(1, frames.HEADERS, 0, 1) + b"\x82")
        assert client.flood(repeat(continuation(1, bytes(size)), 100))
        assert client.failure() in CALM


def test_the_field_block_of_another_stream_ends_the_connection(server: Target) -> None:
    with attacked(server), Raw(server) as client:
        client.send(client.request(1))
        assert client.flood([head(1, frames.HEADERS, 0, 3) + b"\x82", continuation(1, b"\x82")])
        assert client.failure() is Code.PROTOCOL_ERROR


def test_streams_that_are_refused_without_end_end_the_connection(server: Target) -> None:
    with attacked(server), Raw(server) as client:
        assert client.flood(client.request(n) for n in streams())
        assert client.failure() in CALM
