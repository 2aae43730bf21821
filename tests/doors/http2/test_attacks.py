"""What brought HTTP/2 servers down, done to ours over a real socket.

Each attack ends with a clear refusal, the memory stays bounded, and another client that is
connected all the while gets its answers (`attackers.attacked` looks at both).
"""

from __future__ import annotations

import gzip
import resource
import socket
from collections.abc import Callable, Iterator
from itertools import repeat

import pytest

from engine.doors.http2 import frames
from engine.doors.http2.frames import Code, head, ping, rst_stream, settings, window_update
from engine.doors.http2.limits import Limits
from tests.doors.http2.attackers import (
    ANY,
    MESSAGE_BYTES,
    Raw,
    attacked,
    data,
    message,
)

TIMES = 5_000
CALM = (Code.ENHANCE_YOUR_CALM, None)
"""Why a flood ended; None where the reset of the socket overtook the word of it."""
OK, DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED, UNIMPLEMENTED, INTERNAL = 0, 4, 8, 12, 13


def streams(count: int = TIMES) -> Iterator[int]:
    return iter(range(1, 2 * count, 2))


def priority(stream: int, parent: int) -> bytes:
    return head(5, frames.PRIORITY, 0, stream) + parent.to_bytes(4) + b"\0"


FLOODS: dict[str, Callable[[Raw], Iterator[bytes]]] = {
    "rapid reset": lambda c: (c.request(n) + rst_stream(n, Code.CANCEL) for n in streams()),
    "rapid reset of whole requests": lambda c: (
        c.request(n) + data(n, message(b"x"), end=True) + rst_stream(n, Code.CANCEL)
        for n in streams()
    ),
    "streams that break themselves": lambda c: (
        c.request(n) + window_update(n, 0) for n in streams()
    ),
    "settings": lambda _: repeat(settings(((4, 65_535), (4, 1))), TIMES),
    "settings acknowledged": lambda _: repeat(frames.SETTINGS_ACK, TIMES),
    "many settings in a frame": lambda _: repeat(settings(((4, 65_535),) * 1_000), TIMES),
    "pings": lambda _: repeat(ping(b"12345678", ack=False), TIMES),
    "answers to no ping": lambda _: repeat(ping(b"12345678", ack=True), TIMES),
    "windows wider by one": lambda _: repeat(window_update(0, 1), TIMES),
    "priorities": lambda _: repeat(priority(1, 3) + priority(3, 1), TIMES),
    "frames of no known type": lambda _: repeat(head(0, 0x42, 0, 0), TIMES),
    "goaways": lambda _: repeat(head(8, frames.GOAWAY, 0, 0) + bytes(8), TIMES),
}


@pytest.mark.parametrize("name", FLOODS)
def test_a_flood_ends_its_connection(name: str) -> None:
    with attacked() as target, Raw(target) as client:
        assert client.flood(FLOODS[name](client))
        assert client.failure() in CALM


def test_empty_data_ends_its_connection() -> None:
    with attacked() as target, Raw(target) as client:
        client.send(client.request(1))
        assert client.flood(repeat(data(1, b""), TIMES))
        assert client.failure() in CALM


def test_padding_without_data_ends_its_connection() -> None:
    with attacked() as target, Raw(target) as client:
        client.send(client.request(1))
        assert client.flood(repeat(data(1, b"", padded=255), TIMES))
        assert client.failure() in CALM


def test_a_field_block_without_end_ends_its_connection() -> None:
    with attacked() as target, Raw(target) as client:
        client.send(head(1, frames.HEADERS, 0, 1) + b"\x82")
        assert client.flood(repeat(head(0, frames.CONTINUATION, 0, 1), TIMES))
        assert client.failure() in CALM


def test_a_field_block_that_grows_ends_its_connection() -> None:
    with attacked() as target, Raw(target) as client:
        client.send(head(1, frames.HEADERS, 0, 1) + b"\x82")
        piece = head(16_384, frames.CONTINUATION, 0, 1) + bytes(16_384)
        assert client.flood(repeat(piece, 100))
        assert client.failure() in CALM


def test_an_hpack_bomb_ends_its_connection() -> None:
    with attacked() as target, Raw(target) as client:
        large = b"\x40\x01a\x7f" + bytes((0xFF & (3_900 - 127) | 0x80, (3_900 - 127) >> 7))
        entry = large + b"x" * 3_900
        block = entry + b"\xbe" * 12_000  # each byte is the entry again: 47 MB
        assert client.flood([frames.headers(1, block, 16_384, end=True)])
        assert client.failure() in CALM


def test_games_with_the_size_of_the_table_change_nothing() -> None:
    with attacked() as target, Raw(target) as client:
        for number in streams(200):
            plain = client.request(number)[9:]
            block = b"\x20\x3f\xe1\x1f" + plain if number % 4 == 1 else plain
            if number % 4 == 1:  # The table was emptied: what the encoder knows is gone.
                client.encoder = type(client.encoder)()
                block = b"\x20\x3f\xe1\x1f" + client.request(number)[9:]
            client.send(frames.headers(number, block, 16_384, end=False))
            client.send(data(number, message(b"x"), end=True))
        assert client.status_of(399) == OK
        assert not client.closed


def test_too_much_metadata_is_refused_and_the_connection_goes_on() -> None:
    with attacked() as target, Raw(target) as client:
        more = [(b"x-%d" % number, b"y" * 1_000) for number in range(20)]
        client.send(client.request(1, *more))
        assert client.status_of(1) == RESOURCE_EXHAUSTED
        client.send(client.request(3) + data(3, message(b"x"), end=True))
        assert client.status_of(3) == OK


@pytest.mark.parametrize("length", [65_537, 2**24 - 1])
def test_a_giant_length_ends_its_connection(length: int) -> None:
    with attacked() as target, Raw(target) as client:
        assert client.flood([client.request(1), head(length, frames.DATA, 0, 1)])
        assert client.failure() is Code.FRAME_SIZE_ERROR


def test_a_window_that_overflows_ends_its_connection() -> None:
    with attacked() as target, Raw(target) as client:
        assert client.flood([window_update(0, 2**31 - 1)])
        assert client.failure() is Code.FLOW_CONTROL_ERROR


def test_more_streams_than_allowed_are_refused() -> None:
    limits = Limits(streams=10)
    with attacked(limits) as target, Raw(target) as client:
        for number in streams(20):
            client.send(client.request(number))
        refused = client.wait_for(frames.RST_STREAM, ANY, 10)
        assert {Code(int.from_bytes(one[2])) for one in refused} == {Code.REFUSED_STREAM}
        client.send(data(1, message(b"x"), end=True))
        assert client.status_of(1) == OK


def test_frames_behind_the_end_of_a_request_end_the_connection() -> None:
    with attacked() as target, Raw(target) as client:
        client.send(client.request(1, path=b"/t.T/Wait") + data(1, message(b"x"), end=True))
        assert client.flood(repeat(data(1, b"more"), TIMES))
        assert client.failure() in (*CALM, Code.FLOW_CONTROL_ERROR)


def test_a_client_that_never_reads_stops_its_stream_and_not_the_others() -> None:
    """It gives all the windows there are and takes nothing: the kernel's buffer is the end."""
    with attacked() as target, Raw(target, settings=settings(((4, 2**31 - 1),))) as client:
        client.send(window_update(0, 2**31 - 1 - 65_535))
        for number in streams(50):
            sent = client.request(number, path=b"/t.T/Large") + data(number, message(b""), end=True)
            client.send(sent, read=False)
        for _ in range(20):
            assert target.echo() == b"still here"


@pytest.mark.slow
def test_a_window_of_nothing_ends_what_waits_for_it() -> None:
    limits = Limits(stall_seconds=0.1)
    with attacked(limits) as target, Raw(target, settings=settings(((4, 0),))) as client:
        for number in streams(20):
            client.send(client.request(number) + data(number, message(b"x" * 1_000), end=True))
        broken = client.wait_for(frames.RST_STREAM, ANY, 20)
        assert {Code(int.from_bytes(one[2])) for one in broken} == {Code.ENHANCE_YOUR_CALM}


@pytest.mark.slow
@pytest.mark.parametrize("first", [b"", frames.PREFACE[:7], frames.PREFACE])
def test_a_slow_preface_is_not_waited_for(first: bytes) -> None:
    with attacked(Limits(preface_seconds=0.1)) as target, Raw(target, greet=False) as client:
        client.send(first)
        assert client.closes()
        assert client.failure() is Code.SETTINGS_TIMEOUT


def test_a_gzip_bomb_is_refused() -> None:
    bomb = gzip.compress(bytes(200 << 20))
    with attacked() as target, Raw(target) as client:
        sent = message(bomb, flag=1)
        client.send(client.request(1, (b"grpc-encoding", b"gzip")))
        for at in range(0, len(sent), 16_384):
            client.send(data(1, sent[at : at + 16_384], end=at + 16_384 >= len(sent)))
        assert client.status_of(1) == RESOURCE_EXHAUSTED


def test_bombs_in_a_stream_are_unpacked_one_at_a_time() -> None:
    small = message(gzip.compress(bytes(MESSAGE_BYTES)), flag=1)
    with attacked() as target, Raw(target) as client:
        client.send(client.request(1, (b"grpc-encoding", b"gzip"), path=b"/t.T/Stream"))
        for _ in range(200):  # 200 MB, none of which is read back
            client.send(data(1, small))
        assert target.echo() == b"still here"


@pytest.mark.parametrize(("more", "status"), [(0, OK), (1, RESOURCE_EXHAUSTED)])
def test_a_message_one_byte_over_the_limit_is_refused(more: int, status: int) -> None:
    with attacked() as target, Raw(target) as client:
        client.send(settings(((4, 2**31 - 1),)) + window_update(0, 2**30) + client.request(1))
        sent = message(bytes(MESSAGE_BYTES + more))
        for at in range(0, len(sent), 16_384):
            client.send(data(1, sent[at : at + 16_384], end=at + 16_384 >= len(sent)))
        assert client.status_of(1) == status


def test_a_giant_message_is_refused_by_its_prefix() -> None:
    with attacked() as target, Raw(target) as client:
        client.send(client.request(1) + data(1, message(b"", size=2**32 - 1)))
        assert client.status_of(1) == RESOURCE_EXHAUSTED


def test_many_messages_that_never_end_share_a_budget() -> None:
    with attacked() as target, Raw(target) as client:
        target.server.room.most_bytes = 4 << 20
        for number in streams(20):
            client.send(client.request(number) + data(number, message(b"", size=MESSAGE_BYTES)))
            for _ in range(40):
                client.send(data(number, bytes(16_384)))
        assert client.status_of(39) == RESOURCE_EXHAUSTED
        assert target.server.room.held <= 4 << 20


def test_a_client_that_vanishes_in_a_message_leaves_nothing() -> None:
    with attacked() as target:
        for path in (b"/t.T/Echo", b"/t.T/Stream", b"/t.T/Wait"):
            for _ in range(20):
                with Raw(target) as client:
                    client.send(client.request(1, path=path))
                    client.send(data(1, message(b"x" * 100, size=1_000)))
        assert target.echo() == b"still here"


def test_a_client_that_vanishes_while_it_waits_takes_its_call_with_it() -> None:
    with attacked() as target:
        for _ in range(20):
            with Raw(target) as client:
                sent = client.request(1, path=b"/t.T/Wait") + data(1, message(b"x"), end=True)
                client.send(sent + ping(b"12345678", ack=False))
                client.wait_for(frames.PING, 0)
        with Raw(target) as client:
            client.send(client.request(1) + data(1, message(b"x"), end=True))
            assert client.status_of(1) == OK


def test_calls_beyond_what_is_answered_at_once_are_refused() -> None:
    with attacked(calls=5) as target, Raw(target) as client:
        for number in streams(6):
            sent = client.request(number, path=b"/t.T/Wait") + data(number, message(b"x"), end=True)
            client.send(sent)
        assert client.status_of(11) == RESOURCE_EXHAUSTED
        assert target.echo() == b"still here"


def test_open_calls_are_bounded() -> None:
    with attacked(calls=5) as target, Raw(target) as client:
        for number in streams(21):
            client.send(client.request(number))
        assert client.status_of(41) == RESOURCE_EXHAUSTED
        client.send(b"".join([rst_stream(number, Code.CANCEL) for number in streams(20)]))
        client.send(ping(b"12345678", ack=False))
        client.wait_for(frames.PING, 0)


def test_an_unknown_method_is_unimplemented_whatever_else_comes() -> None:
    with attacked() as target, Raw(target) as client:
        client.send(client.request(1, path=b"/t.T/None") + data(1, bytes(16_384)))
        client.send(data(1, bytes(16_384), end=True))
        assert client.status_of(1) == UNIMPLEMENTED
        client.send(client.request(3) + data(3, message(b"x"), end=True))
        assert client.status_of(3) == OK


def test_a_deadline_that_is_over_is_told() -> None:
    with attacked() as target, Raw(target) as client:
        client.send(client.request(1, (b"grpc-timeout", b"0n"), path=b"/t.T/Wait"))
        client.send(data(1, message(b"x"), end=True))
        assert client.status_of(1) == DEADLINE_EXCEEDED


@pytest.mark.slow
def test_a_request_that_never_ends_is_over_with_its_deadline() -> None:
    with attacked() as target, Raw(target) as client:
        client.send(client.request(1, (b"grpc-timeout", b"1m")))
        assert client.status_of(1) == DEADLINE_EXCEEDED


@pytest.mark.slow
def test_a_thousand_connections_that_open_and_close_leave_nothing() -> None:
    with attacked() as target:
        for number in range(1_000):
            with Raw(target, greet=number % 3 > 0) as client:
                if number % 3 == 2:
                    client.send(client.request(1) + data(1, message(b"x"), end=True))
        assert target.echo() == b"still here"


@pytest.mark.slow
def test_idle_connections_cost_little() -> None:
    count = min(2_000, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 4)
    with attacked() as target:
        kept = []
        for _ in range(count):
            one = socket.create_connection(("127.0.0.1", target.port))
            one.sendall(frames.PREFACE + settings(()))
            kept.append(one)
        assert target.echo() == b"still here"
        for one in kept:
            one.close()


def test_a_length_of_thousands_of_digits_breaks_its_stream_only() -> None:
    with attacked() as target, Raw(target) as client:
        client.send(client.request(1, (b"content-length", b"9" * 5_000)))
        reset = client.wait_for(frames.RST_STREAM, 1)
        assert [one[2] for one in reset] == [int(Code.PROTOCOL_ERROR).to_bytes(4)]
        client.send(client.request(3) + data(3, message(b"x"), end=True))
        assert client.status_of(3) == OK
