"""What RFC 9113 and RFC 7541 demand of a server, rule by rule: bytes in, the error that must be."""

# ruff: noqa: E501 - a table has one line for each rule

from __future__ import annotations

from collections.abc import Callable

import pytest

from engine.doors.http2.frames import (
    ACK,
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    GOAWAY,
    HEADERS,
    PADDED,
    PING,
    PREFACE,
    PRIORITIZED,
    PRIORITY,
    PUSH_PROMISE,
    RST_STREAM,
    SETTING,
    SETTINGS,
    WINDOW_UPDATE,
    Code,
    head,
    settings,
    window_update,
)
from tests.doors.http2.peers import REQUEST, Client, Holding, broken, data, failure, frame

pytestmark = pytest.mark.usefixtures("loop")
U32 = 4


def u32(value: int) -> bytes:
    return value.to_bytes(U32)


def feed(client: Client, sent: bytes | tuple[bytes, ...]) -> None:
    for piece in (sent,) if isinstance(sent, bytes) else sent:
        client.feed(piece)


def block(client: Client) -> bytes:
    return client.block()


def half_closed(client: Client) -> bytes:
    """Return a request that is whole, and whose answer waits for a window."""
    return settings(((4, 0),)) + frame(HEADERS, 4, 1, client.block()) + data(1, b"x", end=True)


def of_length(client: Client, length: bytes, *, end: bool = False) -> bytes:
    """Return a request that says how long it is."""
    block = client.block((*REQUEST, (b"content-length", length)))
    return frame(HEADERS, 5 if end else 4, 1, block)


Sent = Callable[[Client], bytes | tuple[bytes, ...]]
"""What a client sends, in one read or in several."""

CONNECTION_ERRORS: tuple[tuple[str, str, Sent, Code], ...] = (
    ("4.1", "a frame larger than allowed", lambda _: head((1 << 16) + 1, DATA, 0, 1), Code.FRAME_SIZE_ERROR),
    ("4.2", "a frame of the largest length there is", lambda _: head(2**24 - 1, 0xEE, 0, 0), Code.FRAME_SIZE_ERROR),
    ("4.3", "a field block that is none", lambda _: frame(HEADERS, 5, 1, b"\xff\xff\xff\xff\xff"), Code.COMPRESSION_ERROR),
    ("5.1", "DATA on an idle stream", lambda _: data(1, b"x"), Code.PROTOCOL_ERROR),
    ("5.1", "RST_STREAM of an idle stream", lambda _: frame(RST_STREAM, 0, 1, u32(8)), Code.PROTOCOL_ERROR),
    ("5.1", "WINDOW_UPDATE of an idle stream", lambda _: window_update(1, 1), Code.PROTOCOL_ERROR),
    ("5.1", "CONTINUATION on an idle stream", lambda _: frame(CONTINUATION, 4, 1, b""), Code.PROTOCOL_ERROR),
    ("5.1", "RST_STREAM of a stream of the server", lambda c: frame(HEADERS, 4, 5, block(c)) + frame(RST_STREAM, 0, 2, u32(8)), Code.PROTOCOL_ERROR),
    ("5.1", "WINDOW_UPDATE of a stream of the server", lambda c: frame(HEADERS, 4, 5, block(c)) + window_update(2, 1), Code.PROTOCOL_ERROR),
    ("5.1", "DATA on a stream of the server", lambda c: frame(HEADERS, 4, 5, block(c)) + data(4, b"x"), Code.PROTOCOL_ERROR),
    ("5.1.1", "an even stream", lambda c: frame(HEADERS, 5, 2, block(c)), Code.PROTOCOL_ERROR),
    ("5.1.1", "a stream of 0", lambda c: frame(HEADERS, 5, 0, block(c)), Code.PROTOCOL_ERROR),
    ("5.1", "HEADERS on a closed stream", lambda c: (frame(HEADERS, 5, 3, block(c)), frame(HEADERS, 5, 3, block(c))), Code.STREAM_CLOSED),
    ("5.1", "DATA on a closed stream", lambda c: (frame(HEADERS, 5, 3, block(c)), data(3, b"x")), Code.STREAM_CLOSED),
    ("5.1.1", "a stream older than the newest", lambda c: frame(HEADERS, 5, 5, block(c)) + frame(HEADERS, 5, 3, block(c)), Code.PROTOCOL_ERROR),
    ("5.5", "an unknown frame inside a field block", lambda c: frame(HEADERS, 1, 1, block(c)) + frame(0xEE, 0, 1), Code.PROTOCOL_ERROR),
    ("6.1", "DATA on stream 0", lambda _: data(0, b"x"), Code.PROTOCOL_ERROR),
    ("6.1", "DATA with more padding than payload", lambda c: frame(HEADERS, 4, 1, block(c)) + frame(DATA, PADDED, 1, b"\x05abc"), Code.PROTOCOL_ERROR),
    ("6.1", "DATA that is padded and empty", lambda c: frame(HEADERS, 4, 1, block(c)) + frame(DATA, PADDED, 1, b""), Code.PROTOCOL_ERROR),
    ("6.2", "HEADERS with more padding than payload", lambda c: frame(HEADERS, 5 | PADDED, 1, b"\xff" + block(c)), Code.PROTOCOL_ERROR),
    ("6.2", "HEADERS without its priority", lambda _: frame(HEADERS, 5 | PRIORITIZED, 1, b"\0\0"), Code.FRAME_SIZE_ERROR),
    ("6.2", "another frame inside a field block", lambda c: frame(HEADERS, 1, 1, block(c)) + frame(PING, 0, 0, bytes(8)), Code.PROTOCOL_ERROR),
    ("6.2", "another stream inside a field block", lambda c: frame(HEADERS, 1, 1, block(c)) + frame(CONTINUATION, 4, 3, b""), Code.PROTOCOL_ERROR),
    ("6.3", "PRIORITY of stream 0", lambda _: frame(PRIORITY, 0, 0, bytes(5)), Code.PROTOCOL_ERROR),
    ("6.3", "PRIORITY of another length, on an idle stream", lambda _: frame(PRIORITY, 0, 1, bytes(4)), Code.FRAME_SIZE_ERROR),
    ("6.3", "an idle stream that depends on itself", lambda _: frame(PRIORITY, 0, 1, u32(1) + b"\0"), Code.PROTOCOL_ERROR),
    ("6.4", "RST_STREAM of stream 0", lambda _: frame(RST_STREAM, 0, 0, u32(8)), Code.PROTOCOL_ERROR),
    ("6.4", "RST_STREAM of another length", lambda c: frame(HEADERS, 4, 1, block(c)) + frame(RST_STREAM, 0, 1, b"\0\0\0"), Code.FRAME_SIZE_ERROR),
    ("6.5", "SETTINGS of a stream", lambda _: frame(SETTINGS, 0, 1), Code.PROTOCOL_ERROR),
    ("6.5", "SETTINGS of another length", lambda _: frame(SETTINGS, 0, 0, b"\0\1\0"), Code.FRAME_SIZE_ERROR),
    ("6.5", "SETTINGS with ACK and a payload", lambda _: frame(SETTINGS, ACK, 0, SETTING.pack(3, 1)), Code.FRAME_SIZE_ERROR),
    ("6.5.2", "ENABLE_PUSH of 2", lambda _: settings(((2, 2),)), Code.PROTOCOL_ERROR),
    ("6.5.2", "INITIAL_WINDOW_SIZE of 2^31", lambda _: settings(((4, 2**31),)), Code.FLOW_CONTROL_ERROR),
    ("6.5.2", "MAX_FRAME_SIZE below 2^14", lambda _: settings(((5, 16_383),)), Code.PROTOCOL_ERROR),
    ("6.5.2", "MAX_FRAME_SIZE of 2^24", lambda _: settings(((5, 2**24),)), Code.PROTOCOL_ERROR),
    ("6.6", "PUSH_PROMISE from a client", lambda _: frame(PUSH_PROMISE, 4, 1, u32(2)), Code.PROTOCOL_ERROR),
    ("6.7", "PING of a stream", lambda _: frame(PING, 0, 1, bytes(8)), Code.PROTOCOL_ERROR),
    ("6.7", "PING of another length", lambda _: frame(PING, 0, 0, bytes(7)), Code.FRAME_SIZE_ERROR),
    ("6.8", "GOAWAY of a stream", lambda _: frame(GOAWAY, 0, 1, bytes(8)), Code.PROTOCOL_ERROR),
    ("6.8", "GOAWAY of another length", lambda _: frame(GOAWAY, 0, 0, bytes(7)), Code.FRAME_SIZE_ERROR),
    ("6.9", "WINDOW_UPDATE of another length", lambda _: frame(WINDOW_UPDATE, 0, 0, bytes(3)), Code.FRAME_SIZE_ERROR),
    ("6.9", "the connection's window wider by 0", lambda _: window_update(0, 0), Code.PROTOCOL_ERROR),
    ("6.9.1", "the connection's window beyond 2^31 - 1", lambda _: window_update(0, 2**31 - 1), Code.FLOW_CONTROL_ERROR),
    ("6.9.2", "a stream's window beyond it by SETTINGS", lambda c: frame(HEADERS, 4, 1, block(c)) + window_update(1, 2**31 - 65_536) + settings(((4, 65_536 + 1),)), Code.FLOW_CONTROL_ERROR),
    ("6.10", "CONTINUATION of nothing", lambda c: frame(HEADERS, 4, 1, block(c)) + frame(CONTINUATION, 4, 1, b""), Code.PROTOCOL_ERROR),
    ("6.10", "CONTINUATION on stream 0", lambda c: frame(HEADERS, 1, 1, block(c)) + frame(CONTINUATION, 4, 0, b""), Code.PROTOCOL_ERROR),
)  # fmt: skip

STREAM_ERRORS: tuple[tuple[str, str, Sent, Code], ...] = (
    ("5.3.1", "a stream that depends on itself", lambda c: frame(HEADERS, 4, 1, block(c)) + frame(PRIORITY, 0, 1, u32(1) + b"\0"), Code.PROTOCOL_ERROR),
    ("5.3.1", "HEADERS of a stream that depends on itself", lambda c: frame(HEADERS, 5 | PRIORITIZED, 1, u32(1) + b"\0" + block(c)), Code.PROTOCOL_ERROR),
    ("6.3", "PRIORITY of another length", lambda c: frame(HEADERS, 4, 1, block(c)) + frame(PRIORITY, 0, 1, bytes(4)), Code.FRAME_SIZE_ERROR),
    ("6.9", "a stream's window wider by 0", lambda c: frame(HEADERS, 4, 1, block(c)) + window_update(1, 0), Code.PROTOCOL_ERROR),
    ("6.9.1", "a stream's window beyond 2^31 - 1", lambda c: frame(HEADERS, 4, 1, block(c)) + window_update(1, 2**31 - 1), Code.FLOW_CONTROL_ERROR),
    ("8.1", "trailers that do not end the stream", lambda c: frame(HEADERS, 4, 1, block(c)) + frame(HEADERS, 4, 1, c.block(((b"x", b"y"),))), Code.PROTOCOL_ERROR),
    ("5.1", "HEADERS behind the end of a request", lambda c: half_closed(c) + frame(HEADERS, 5, 1, c.block(((b"x", b"y"),))), Code.STREAM_CLOSED),
    ("5.1", "DATA behind the end of a request", lambda c: half_closed(c) + data(1, b"late"), Code.STREAM_CLOSED),
    ("8.1", "trailers with a pseudo-field", lambda c: frame(HEADERS, 4, 1, block(c)) + frame(HEADERS, 5, 1, c.block(((b":path", b"/"),))), Code.PROTOCOL_ERROR),
    ("8.1.1", "fields that are no request", lambda c: frame(HEADERS, 5, 1, c.block(((b"x", b"y"),))), Code.PROTOCOL_ERROR),
    ("8.1.1", "less than content-length says", lambda c: of_length(c, b"7") + data(1, b"ab", end=True), Code.PROTOCOL_ERROR),
    ("8.1.1", "more than content-length says", lambda c: of_length(c, b"1") + data(1, b"ab"), Code.PROTOCOL_ERROR),
    ("8.1.1", "nothing where content-length says something", lambda c: of_length(c, b"7", end=True), Code.PROTOCOL_ERROR),
    ("8.1.1", "trailers before all that content-length says", lambda c: of_length(c, b"7") + frame(HEADERS, 5, 1, c.block(((b"x", b"y"),))), Code.PROTOCOL_ERROR),
    ("8.2", "a name in capitals", lambda c: frame(HEADERS, 5, 1, c.block((*REQUEST, (b"X-One", b"1")))), Code.PROTOCOL_ERROR),
    ("8.2.1", "trailers with a line feed", lambda c: frame(HEADERS, 4, 1, block(c)) + frame(HEADERS, 5, 1, c.block(((b"x", b"a\nb"),))), Code.PROTOCOL_ERROR),
    ("8.2.2", "trailers of a connection", lambda c: frame(HEADERS, 4, 1, block(c)) + frame(HEADERS, 5, 1, c.block(((b"connection", b"close"),))), Code.PROTOCOL_ERROR),
    ("8.3", "a pseudo-field twice", lambda c: frame(HEADERS, 5, 1, c.block((REQUEST[0], *REQUEST))), Code.PROTOCOL_ERROR),
)  # fmt: skip


@pytest.mark.parametrize(
    ("sent", "code"),
    [pytest.param(sent, code, id=f"{section}: {name}") for section, name, sent, code in CONNECTION_ERRORS],
)  # fmt: skip
def test_the_connection_ends_with(sent: Sent, code: Code) -> None:
    client = Client()
    feed(client, sent(client))
    assert failure(client.frames()) is code
    assert client.wire.closed


@pytest.mark.parametrize(
    ("sent", "code"),
    [pytest.param(sent, code, id=f"{section}: {name}") for section, name, sent, code in STREAM_ERRORS],
)  # fmt: skip
def test_one_stream_ends_and_the_others_go_on(sent: Sent, code: Code) -> None:
    client = Client()
    feed(client, sent(client))
    assert broken(client.frames()) == {1: code}
    client.feed(settings(((4, 65_535),)))
    client.open(3, b"still here")
    assert b"still here" in [one.payload for one in client.frames() if one.kind == DATA]
    assert not client.wire.closed


@pytest.mark.parametrize("sent", [b"GET / HTTP/1.1\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSN\r\n\r\n"])
def test_3_4_what_is_not_http_2_ends(sent: bytes) -> None:
    client = Client(greet=False)
    client.feed(sent)
    assert failure(client.frames()) is Code.PROTOCOL_ERROR


@pytest.mark.parametrize("first", [frame(PING, 0, 0, bytes(8)), frame(SETTINGS, ACK, 0)])
def test_3_4_the_first_frame_is_settings(first: bytes) -> None:
    client = Client(greet=False)
    client.feed(PREFACE + first)
    assert failure(client.frames()) is Code.PROTOCOL_ERROR


def test_3_4_a_preface_may_come_in_any_pieces() -> None:
    client = Client(greet=False)
    for byte in PREFACE + settings(()) + frame(PING, 0, 0, b"12345678"):
        client.feed(bytes((byte,)))
    found = client.frames()
    assert failure(found) is None
    assert (PING, ACK, 0, b"12345678") in found


def test_4_1_unknown_frames_are_ignored_and_so_is_the_reserved_bit() -> None:
    client = Client()
    client.feed(frame(0xEE, 0xFF, 7, b"anything"))
    client.feed(frame(HEADERS, 4, 0x80000001, client.block()) + data(1, b"x", end=True))
    assert b"x" in [one.payload for one in client.frames() if one.kind == DATA]


def test_5_1_what_was_under_way_to_a_broken_stream_is_ignored() -> None:
    client = Client()
    client.open(1)
    client.apps[0].stream.reset(Code.CANCEL)
    client.feed(data(1, b"x") + frame(HEADERS, 5, 1, client.block(((b"a", b"b"),))))
    client.feed(window_update(1, 5) + frame(RST_STREAM, 0, 1, u32(8)))
    found = client.frames()
    assert failure(found) is None
    assert broken(found) == {1: Code.CANCEL}


def test_6_2_a_field_block_may_come_in_pieces_with_padding_and_priority() -> None:
    client = Client()
    made = client.block()
    client.feed(
        frame(HEADERS, PADDED | PRIORITIZED, 1, b"\x02" + bytes(5) + made[:4] + b"\0\0")
        + frame(CONTINUATION, 0, 1, made[4:9])
        + frame(CONTINUATION, END_HEADERS, 1, made[9:])
        + frame(DATA, PADDED | END_STREAM, 1, b"\x03body\0\0\0")
    )
    assert b"body" in [one.payload for one in client.frames() if one.kind == DATA]


def test_6_5_settings_are_acknowledged_and_unknown_ones_ignored() -> None:
    client = Client()
    client.feed(settings(((0xFF, 7), (1, 0), (3, 1))))
    assert client.frames() == [(SETTINGS, ACK, 0, b"")]
    client.feed(frame(SETTINGS, ACK, 0))
    assert client.frames() == []


def test_6_5_3_what_a_setting_allows_is_sent_behind_the_word_that_it_was_heard() -> None:
    client = Client()
    client.feed(settings(((4, 10),)))
    client.open(1, b"0123456789abcdef")
    client.frames()
    client.feed(settings(((4, 16), (5, 2**20))))
    assert [one.kind for one in client.frames()] == [SETTINGS, DATA, HEADERS]


def test_6_7_pings_are_answered_with_what_they_said() -> None:
    client = Client()
    client.feed(frame(PING, 0, 0, b"abcdefgh") + frame(PING, ACK, 0, b"abcdefgh"))
    assert client.frames() == [(PING, ACK, 0, b"abcdefgh")]


def test_6_8_a_goaway_from_the_client_lets_its_streams_end() -> None:
    client = Client()
    client.open(1)
    client.feed(frame(GOAWAY, 0, 0, bytes(8)) + data(1, b"x", end=True))
    assert b"x" in [one.payload for one in client.frames() if one.kind == DATA]


def test_6_9_no_more_is_sent_than_the_windows_hold() -> None:
    client = Client()
    client.feed(settings(((4, 10),)))
    client.open(1, b"0123456789abcdef")
    sent = [one.payload for one in client.frames() if one.kind == DATA]
    assert sent == [b"0123456789"]
    client.feed(window_update(1, 4))
    assert [one.payload for one in client.frames() if one.kind == DATA] == [b"abcd"]
    client.feed(settings(((4, 16),)))  # 6.9.2: of streams that are open, too
    found = client.frames()
    assert [one.payload for one in found if one.kind == DATA] == [b"ef"]
    assert found[-1].flags & END_STREAM


def test_6_9_2_a_window_may_become_negative() -> None:
    client = Client()
    client.open(1, bytes(60_000))
    client.open(3, bytes(60_000))
    client.feed(settings(((4, 0),)))
    client.frames()
    # The first was sent; of the second 5,535 bytes were, so that its window is now -5,535.
    client.feed(window_update(0, 100_000) + window_update(3, 5_535))
    assert [one for one in client.frames() if one.kind == DATA] == []
    client.feed(window_update(3, 10_000))
    assert sum(len(one.payload) for one in client.frames() if one.kind == DATA) == 10_000


def test_6_9_1_a_client_that_sends_more_than_its_window_is_refused() -> None:
    client = Client(app=Holding)
    client.open(1)
    app = client.apps[0]
    for _ in range(17):
        client.feed(data(1, bytes(1 << 16)))
    assert broken(client.frames()) == {1: Code.FLOW_CONTROL_ERROR}
    assert app.left


def test_7541_a_block_that_changes_the_table_is_never_remembered() -> None:
    client = Client()
    fields = (*REQUEST, (b"x-id", b"1"))
    client.open(1, b"a", fields)
    client.open(3, b"b", fields)  # indexed by now
    client.open(5, b"c", (*REQUEST, (b"x-id", b"2")))
    client.open(7, b"d", fields)
    client.open(9, b"e", fields)
    assert [one.body for one in client.apps] == [b"a", b"b", b"c", b"d", b"e"]
