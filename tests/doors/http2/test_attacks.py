"""What brought HTTP/2 servers down, done to ours over a real socket.

Each attack ends with a clear refusal, the memory stays bounded, and another client that is
connected all the while gets its answers (`attackers.attacked` looks at both).
"""

from __future__ import annotations

import gzip
import resource
import select
import socket
from collections.abc import Iterator

import pytest

from engine.doors.http2 import frames
from engine.doors.http2.fields import block_of
from engine.doors.http2.frames import Code, head, ping, rst_stream, settings, window_update
from tests.doors.http2.attackers import (
    ANY,
    FIELDS,
    Raw,
    Target,
    attacked,
    attacked_with,
    data,
    message,
    serving,
)
from tests.doors.http2.victim import MESSAGE_BYTES

pytestmark = pytest.mark.slow

CALM = (Code.ENHANCE_YOUR_CALM, None)
"""Why an attack ended; None where the reset of the socket overtook the word of it."""
TIMES = 5_000
ALL = 2**31 - 1
ANSWER_BYTES = 80 << 20
"""What the answers of 50 streams may hold: a message and a window of each, and the kernel's."""
OK, DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED, UNIMPLEMENTED, INTERNAL = 0, 4, 8, 12, 13


def streams(count: int = TIMES) -> Iterator[int]:
    return iter(range(1, 2 * count, 2))


def test_an_hpack_bomb_ends_its_connection(server: Target) -> None:
    with attacked(server) as target, Raw(target) as client:
        large = b"\x40\x01a\x7f" + bytes((0xFF & (3_900 - 127) | 0x80, (3_900 - 127) >> 7))
        entry = large + b"x" * 3_900
        block = entry + b"\xbe" * 12_000  # each byte is the entry again: 47 MB
        assert client.flood([frames.headers(1, block, 16_384, end=True)])
        assert client.failure() in CALM


def test_games_with_the_size_of_the_table_change_nothing(server: Target) -> None:
    with attacked(server) as target, Raw(target) as client:
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


def test_too_much_metadata_is_refused_and_the_connection_goes_on(server: Target) -> None:
    with attacked(server) as target, Raw(target) as client:
        more = [(b"x-%d" % number, b"y" * 1_000) for number in range(20)]
        client.send(client.request(1, *more))
        assert client.status_of(1) == RESOURCE_EXHAUSTED
        client.send(client.request(3) + data(3, message(b"x"), end=True))
        assert client.status_of(3) == OK


@pytest.mark.parametrize("length", [65_537, 2**24 - 1])
def test_a_giant_length_ends_its_connection(server: Target, length: int) -> None:
    with attacked(server) as target, Raw(target) as client:
        assert client.flood([client.request(1), head(length, frames.DATA, 0, 1)])
        assert client.failure() is Code.FRAME_SIZE_ERROR


def test_a_window_that_overflows_ends_its_connection(server: Target) -> None:
    with attacked(server) as target, Raw(target) as client:
        assert client.flood([window_update(0, 2**31 - 1)])
        assert client.failure() is Code.FLOW_CONTROL_ERROR


def test_more_streams_than_allowed_are_refused() -> None:
    with attacked_with(limits={"streams": 10}) as target, Raw(target) as client:
        for number in streams(20):
            client.send(client.request(number))
        refused = client.wait_for(frames.RST_STREAM, ANY, 10)
        assert {Code(int.from_bytes(one[2])) for one in refused} == {Code.REFUSED_STREAM}
        client.send(data(1, message(b"x"), end=True))
        assert client.status_of(1) == OK


def test_a_client_that_never_reads_stops_its_stream_and_not_the_others(server: Target) -> None:
    """It gives all the windows there are and takes nothing: the kernel's buffer is the end."""
    with (
        attacked(server, ANSWER_BYTES) as target,
        Raw(target, settings=settings(((4, ALL),))) as client,
    ):
        client.send(window_update(0, ALL - 65_535))
        for number in streams(50):
            sent = client.request(number, path=b"/t.T/Large") + data(number, message(b""), end=True)
            client.send(sent, read=False)
        for _ in range(20):
            assert target.echo() == b"still here"


def test_a_window_of_nothing_ends_what_waits_for_it() -> None:
    asks_for_nothing = settings(((4, 0),))
    with (
        attacked_with(limits={"stall_seconds": 0.1}) as target,
        Raw(target, settings=asks_for_nothing) as client,
    ):
        for number in streams(20):
            client.send(client.request(number) + data(number, message(b"x" * 1_000), end=True))
        broken = client.wait_for(frames.RST_STREAM, ANY, 20)
        assert {Code(int.from_bytes(one[2])) for one in broken} == {Code.ENHANCE_YOUR_CALM}


@pytest.mark.parametrize("first", [b"", frames.PREFACE[:7], frames.PREFACE])
def test_a_slow_preface_is_not_waited_for(first: bytes) -> None:
    limits = {"preface_seconds": 0.1}
    with attacked_with(limits=limits) as target, Raw(target, greet=False) as client:
        client.send(first)
        assert client.closes()
        assert client.failure() is Code.SETTINGS_TIMEOUT


def test_a_gzip_bomb_is_refused(server: Target) -> None:
    bomb = gzip.compress(bytes(200 << 20))
    with attacked(server) as target, Raw(target) as client:
        sent = message(bomb, flag=1)
        client.send(client.request(1, (b"grpc-encoding", b"gzip")))
        for at in range(0, len(sent), 16_384):
            client.send(data(1, sent[at : at + 16_384], end=at + 16_384 >= len(sent)))
        assert client.status_of(1) == RESOURCE_EXHAUSTED


def test_bombs_in_a_stream_are_unpacked_one_at_a_time(server: Target) -> None:
    small = message(gzip.compress(bytes(MESSAGE_BYTES)), flag=1)
    with attacked(server) as target, Raw(target) as client:
        client.send(client.request(1, (b"grpc-encoding", b"gzip"), path=b"/t.T/Stream"))
        for _ in range(200):  # 200 MB, none of which is read back
            client.send(data(1, small))
        assert target.echo() == b"still here"


@pytest.mark.parametrize(("more", "status"), [(0, OK), (1, RESOURCE_EXHAUSTED)])
def test_a_message_one_byte_over_the_limit_is_refused(
    server: Target, more: int, status: int
) -> None:
    with attacked(server) as target, Raw(target) as client:
        client.send(settings(((4, 2**31 - 1),)) + window_update(0, 2**30) + client.request(1))
        sent = message(bytes(MESSAGE_BYTES + more))
        for at in range(0, len(sent), 16_384):
            client.send(data(1, sent[at : at + 16_384], end=at + 16_384 >= len(sent)))
        assert client.status_of(1) == status


def test_a_giant_message_is_refused_by_its_prefix(server: Target) -> None:
    with attacked(server) as target, Raw(target) as client:
        client.send(client.request(1) + data(1, message(b"", size=2**32 - 1)))
        assert client.status_of(1) == RESOURCE_EXHAUSTED


def test_many_messages_that_never_end_share_a_budget() -> None:
    with attacked_with(held=4 << 20) as target, Raw(target) as client:
        for number in streams(20):
            client.send(client.request(number) + data(number, message(b"", size=MESSAGE_BYTES)))
            for _ in range(40):
                client.send(data(number, bytes(16_384)))
        assert client.status_of(39) == RESOURCE_EXHAUSTED
        assert target.held()["held"] <= 4 << 20


def test_a_client_that_vanishes_in_a_message_leaves_nothing(server: Target) -> None:
    with attacked(server) as target:
        for path in (b"/t.T/Echo", b"/t.T/Stream", b"/t.T/Wait"):
            for _ in range(20):
                with Raw(target) as client:
                    client.send(client.request(1, path=path))
                    client.send(data(1, message(b"x" * 100, size=1_000)))
        assert target.echo() == b"still here"


def test_a_client_that_vanishes_while_it_waits_takes_its_call_with_it(server: Target) -> None:
    with attacked(server) as target:
        for _ in range(20):
            with Raw(target) as client:
                sent = client.request(1, path=b"/t.T/Wait") + data(1, message(b"x"), end=True)
                client.send(sent + ping(b"12345678", ack=False))
                client.wait_for(frames.PING, 0)
        with Raw(target) as client:
            client.send(client.request(1) + data(1, message(b"x"), end=True))
            assert client.status_of(1) == OK


def test_calls_beyond_what_is_answered_at_once_are_refused() -> None:
    with attacked_with(calls=5) as target, Raw(target) as client:
        for number in streams(6):
            sent = client.request(number, path=b"/t.T/Wait") + data(number, message(b"x"), end=True)
            client.send(sent)
        assert client.status_of(11) == RESOURCE_EXHAUSTED
        assert target.echo() == b"still here"


def test_open_calls_are_bounded() -> None:
    with serving(calls=5) as target, Raw(target) as client:
        for number in streams(21):
            client.send(client.request(number))
        assert client.status_of(41) == RESOURCE_EXHAUSTED
        client.send(b"".join([rst_stream(number, Code.CANCEL) for number in streams(20)]))
        client.send(ping(b"12345678", ack=False))
        client.wait_for(frames.PING, 0)


def test_an_unknown_method_is_unimplemented_whatever_else_comes(server: Target) -> None:
    with attacked(server) as target, Raw(target) as client:
        client.send(client.request(1, path=b"/t.T/None") + data(1, bytes(16_384)))
        client.send(data(1, bytes(16_384), end=True))
        assert client.status_of(1) == UNIMPLEMENTED
        client.send(client.request(3) + data(3, message(b"x"), end=True))
        assert client.status_of(3) == OK


def test_a_deadline_that_is_over_is_told(server: Target) -> None:
    with attacked(server) as target, Raw(target) as client:
        client.send(client.request(1, (b"grpc-timeout", b"0n"), path=b"/t.T/Wait"))
        client.send(data(1, message(b"x"), end=True))
        assert client.status_of(1) == DEADLINE_EXCEEDED


def test_a_request_that_never_ends_is_over_with_its_deadline(server: Target) -> None:
    with attacked(server) as target, Raw(target) as client:
        client.send(client.request(1, (b"grpc-timeout", b"1m")))
        assert client.status_of(1) == DEADLINE_EXCEEDED


def test_a_thousand_connections_that_open_and_close_leave_nothing(server: Target) -> None:
    with attacked(server) as target:
        for number in range(1_000):
            with Raw(target, greet=number % 3 > 0) as client:
                if number % 3 == 2:
                    client.send(client.request(1) + data(1, message(b"x"), end=True))
        assert target.echo() == b"still here"


def test_idle_connections_cost_little(server: Target) -> None:
    count = min(2_000, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 4)
    with attacked(server) as target:
        kept = []
        for _ in range(count):
            one = socket.create_connection(("127.0.0.1", target.port))
            one.sendall(frames.PREFACE + settings(()))
            kept.append(one)
        assert target.echo() == b"still here"
        for one in kept:
            one.close()


def test_a_length_of_thousands_of_digits_breaks_its_stream_only(server: Target) -> None:
    with attacked(server) as target, Raw(target) as client:
        client.send(client.request(1, (b"content-length", b"9" * 5_000)))
        reset = client.wait_for(frames.RST_STREAM, 1)
        assert [one[2] for one in reset] == [int(Code.PROTOCOL_ERROR).to_bytes(4)]
        client.send(client.request(3) + data(3, message(b"x"), end=True))
        assert client.status_of(3) == OK


def test_a_client_that_reads_slowly_gets_its_answers_and_stops_nobody(server: Target) -> None:
    with (
        attacked(server, ANSWER_BYTES) as target,
        Raw(target, settings=settings(((4, ALL),))) as client,
    ):
        client.send(window_update(0, ALL - 65_535))
        for number in streams(50):
            sent = client.request(number, path=b"/t.T/Large") + data(number, message(b""), end=True)
            client.send(sent, read=False)
        for _ in range(300):
            select.select([client.socket], [], [], 1)
            client.socket.recv(1_000)
            assert target.echo() == b"still here"


def test_a_client_that_gives_no_window_holds_little_and_stops_nobody(server: Target) -> None:
    with attacked(server, ANSWER_BYTES) as target, Raw(target) as client:
        for number in streams(50):  # The connection's window is full after four messages.
            client.send(
                client.request(number, path=b"/t.T/Large") + data(number, message(b""), end=True)
            )
        for _ in range(20):
            assert target.echo() == b"still here"
        assert target.held()["tasks"] == 50


def test_a_field_block_that_comes_slowly_is_not_waited_for() -> None:
    with attacked_with(limits={"stall_seconds": 0.1}) as target, Raw(target) as client:
        client.send(head(1, frames.HEADERS, 0, 1) + b"\x82")
        assert client.closes()
        assert client.failure() is Code.ENHANCE_YOUR_CALM


def test_a_window_of_a_stream_that_overflows_ends_the_stream_only(server: Target) -> None:
    with attacked(server) as target, Raw(target) as client:
        client.send(client.request(1) + window_update(1, ALL))
        reset = client.wait_for(frames.RST_STREAM, 1)
        assert [one[2] for one in reset] == [int(Code.FLOW_CONTROL_ERROR).to_bytes(4)]
        client.send(client.request(3) + data(3, message(b"x"), end=True))
        assert client.status_of(3) == OK


def test_more_than_the_connections_window_ends_the_connection(server: Target) -> None:
    with attacked(server) as target, Raw(target) as client:
        sent = (
            client.request(n, path=b"/t.T/Idle") + data(n, message(bytes(65_000))) * 16
            for n in streams(20)
        )
        assert client.flood(sent)
        assert client.failure() in (Code.FLOW_CONTROL_ERROR, None)


@pytest.mark.parametrize("length", [b"-1", b"+1", b"1e3", b"0x10", b" 1", b"", b"\xd9\xa1"])
def test_a_length_that_is_no_number_breaks_its_stream_only(server: Target, length: bytes) -> None:
    with attacked(server) as target, Raw(target) as client:
        block = frames.headers(
            1, block_of((*FIELDS, (b"content-length", length))), 16_384, end=False
        )
        client.send(block)
        reset = client.wait_for(frames.RST_STREAM, 1)
        assert [one[2] for one in reset] == [int(Code.PROTOCOL_ERROR).to_bytes(4)]
        client.send(client.request(3) + data(3, message(b"x"), end=True))
        assert client.status_of(3) == OK


def test_a_block_that_changes_its_table_for_ever_ends_the_connection(server: Target) -> None:
    with attacked(server) as target, Raw(target) as client:
        assert client.flood([frames.headers(1, b"\x20" * 16_000, 16_384, end=True)])
        assert client.failure() is Code.COMPRESSION_ERROR


def test_a_list_of_thousands_of_fields_ends_the_connection(server: Target) -> None:
    with attacked(server) as target, Raw(target) as client:
        assert client.flood([frames.headers(1, b"\x82" * 16_000, 16_384, end=True)])
        assert client.failure() in CALM


def test_a_table_that_is_filled_anew_by_each_call_stays_small(server: Target) -> None:
    with attacked(server) as target, Raw(target) as client:
        for number in streams(500):
            more = (b"x-%d" % number, b"v" * 3_000)
            client.send(client.request(number, more) + data(number, message(b"x"), end=True))
        assert client.status_of(999) == OK
        assert not client.closed


def test_a_client_that_says_goodbye_and_goes_on_is_served(server: Target) -> None:
    with attacked(server) as target, Raw(target) as client:
        client.send(frames.goaway(0, Code.NO_ERROR))
        client.send(client.request(1) + data(1, message(b"x"), end=True))
        assert client.status_of(1) == OK


def test_a_message_that_is_refused_in_a_stream_leaves_no_handler(server: Target) -> None:
    """Its handler waits for a message that will never come: it must be told to go."""
    with attacked(server) as target, Raw(target) as client:
        for number in streams(50):
            sent = data(number, message(b"", size=MESSAGE_BYTES + 1))
            client.send(client.request(number, path=b"/t.T/Stream") + sent)
        assert client.status_of(99) == RESOURCE_EXHAUSTED
