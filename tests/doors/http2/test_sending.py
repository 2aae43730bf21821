"""What a server may send, and what it must heed though it wants it no more (RFC 9113)."""

from __future__ import annotations

import pytest

from engine.doors.grpc.lean_head import FINE, OPENING
from engine.doors.http2.control import NO_STREAM
from engine.doors.http2.fields import block_of
from engine.doors.http2.frames import (
    ACK,
    DATA,
    END_STREAM,
    GOAWAY,
    HEADERS,
    MAX_FRAME_SIZE,
    PADDED,
    PING,
    PRIORITY,
    RST_STREAM,
    SETTING,
    SETTINGS,
    WINDOW_UPDATE,
    Code,
    settings,
    window_update,
)
from engine.doors.http2.limits import Limits
from engine.doors.http2.messages import refuse_plain
from tests.doors.http2.peers import REQUEST, Client, Frame, Holding, broken, data, failure, frame

pytestmark = pytest.mark.usefixtures("loop")


def bodies(found: list[Frame]) -> list[bytes]:
    return [one.payload for one in found if one.kind == DATA]


def test_3_4_the_first_frame_of_the_server_is_settings_and_allows_no_push() -> None:
    first = Client(greet=False).frames()[0]
    said = dict(SETTING.iter_unpack(first.payload))
    assert (first.kind, first.flags, first.stream) == (SETTINGS, 0, 0)
    assert said.get(2, 0) == 0
    assert 2**14 <= said[MAX_FRAME_SIZE] < 2**24


@pytest.mark.parametrize(("allowed", "largest"), [(None, 16_384), (20_000, 20_000)])
def test_4_1_no_frame_is_larger_than_the_client_allows(allowed: int | None, largest: int) -> None:
    client = Client()
    if allowed is not None:
        client.feed(settings(((MAX_FRAME_SIZE, allowed),)))
    client.feed(settings(((4, 2**20),)) + window_update(0, 2**20))
    client.frames()
    client.open(1, bytes(60_000))
    sent = bodies(client.frames())
    assert sum(map(len, sent)) == 60_000
    assert max(map(len, sent)) == largest


def test_4_1_fields_that_are_larger_than_a_frame_are_continued() -> None:
    client = Client(app=Holding)
    client.open(1)
    block = block_of([(b"x", bytes(100).replace(b"\0", b"v"))] * 400)
    client.apps[0].stream.begin(block)
    found = client.frames()
    assert [len(one.payload) for one in found] == [16_384, 16_384, len(block) - 32_768]
    assert [(one.kind, one.flags) for one in found] == [(HEADERS, 0), (9, 0), (9, 4)]


def test_4_1_flags_without_a_meaning_are_ignored_and_never_set() -> None:
    client = Client()
    client.feed(
        frame(HEADERS, 0xD2 & ~0x28 | 4, 1, client.block()) + frame(PING, 0xFE, 0, bytes(8))
    )
    client.feed(frame(DATA, 0xF6, 1, b"x") + frame(WINDOW_UPDATE, 0xFF, 1, b"\0\0\0\1"))
    client.feed(data(1, b"y", end=True))
    found = client.frames()
    assert bodies(found) == [b"xy"]
    known = {DATA: END_STREAM, HEADERS: 5, PING: ACK}
    assert all(one.flags & ~known[one.kind] == 0 for one in found)


def test_4_2_a_frame_of_all_that_is_allowed_is_read() -> None:
    client = Client()
    client.open(1)
    client.feed(data(1, bytes(1 << 16)) + data(1, b"", end=True))
    assert len(client.apps[0].body) == 1 << 16


@pytest.mark.parametrize("why", ["refused", "broken", "malformed", "too late"])
def test_4_3_a_block_that_nobody_wants_is_read_still(why: str) -> None:
    limits = Limits(streams=1 if why == "refused" else 9)
    client = Client(limits, Holding)
    client.open(1)
    more = (b"x-indexed", b"value")
    match why:
        case "broken":
            client.apps[0].stream.reset(Code.CANCEL)
            client.feed(frame(HEADERS, 5, 1, client.block((more,))))
        case "too late":
            client.connection.take_no_more()
            client.open(3, fields=(*REQUEST, more))
        case "malformed":
            client.open(3, fields=(*REQUEST, more, (b"connection", b"close")))
        case _:
            client.open(3, fields=(*REQUEST, more))
    block = client.block((*REQUEST, more))
    assert len(block) < 10  # It means what the block before has said.
    fields = client.connection._fields._decoder.decode(block, raw=True)
    assert more in [tuple(one) for one in fields]
    assert failure(client.frames()) in (None, Code.NO_ERROR)


@pytest.mark.parametrize("whole", [True, False])
def test_4_3_1_a_smaller_table_is_agreed_to_with_the_next_block(whole: bool) -> None:  # noqa: FBT001
    client = Client(app=Holding)
    client.feed(settings(((1, 100),)) + settings(((1, 4_096),)))
    client.decoder.max_allowed_table_size = 100
    client.open(1)
    client.open(3)
    for app in client.apps:
        if whole:
            app.stream.peer.answer(app.stream, b"\x88", b"body", block_of(((b"a", b"b"),)))
        else:
            app.stream.begin(b"\x88", end=True)
    blocks = [one.payload for one in client.frames() if one.kind == HEADERS]
    assert [one[:1] == b"\x20" for one in blocks] == [True] + [False] * (len(blocks) - 1)
    for one in blocks:
        client.decoder.decode(one)  # Raises where the table was not made smaller.


def test_4_3_1_a_table_that_is_not_smaller_needs_no_word() -> None:
    client = Client()
    client.feed(settings(((1, 4_096), (1, 2**32 - 1))))
    client.open(1, b"x")
    assert next(one for one in client.frames() if one.kind == HEADERS).payload[:1] == b"\x88"


def test_5_1_nothing_is_sent_on_a_stream_that_the_client_took_back() -> None:
    client = Client(app=Holding)
    client.open(1)
    stream = client.apps[0].stream
    stream.begin(b"\x88")
    client.frames()
    client.feed(frame(RST_STREAM, 0, 1, b"\0\0\0\x08"))
    stream.write(b"late")
    stream.finish(b"")
    stream.reset(Code.CANCEL)
    stream.consumed(0)
    client.feed(frame(RST_STREAM, 0, 1, b"\0\0\0\x08"))  # 5.4.2: nor in answer to it
    assert client.frames() == []


@pytest.mark.parametrize("code", [0, 8, 99, 2**32 - 1])
def test_7_an_unknown_code_is_as_good_as_any(code: int) -> None:
    client = Client(app=Holding)
    client.open(1)
    client.feed(frame(RST_STREAM, 0, 1, code.to_bytes(4)))
    client.feed(frame(GOAWAY, 0, 0, bytes(4) + code.to_bytes(4)))
    assert client.apps[0].left
    assert client.frames() == []
    assert not client.wire.closed


def test_5_1_what_comes_for_a_broken_stream_counts_for_the_connection() -> None:
    limits = Limits(connection_bytes=1 << 17)
    client = Client(limits, Holding)
    client.open(1)
    client.apps[0].stream.reset(Code.CANCEL)
    client.frames()
    client.feed(data(1, bytes(1 << 16)))
    assert client.frames() == [(WINDOW_UPDATE, 0, 0, (1 << 16).to_bytes(4))]


def test_6_9_what_breaks_its_stream_counts_for_the_connection() -> None:
    limits = Limits(connection_bytes=1 << 17, window_bytes=100)
    client = Client(limits, Holding)
    client.open(1)
    client.feed(data(1, bytes(1 << 16)))
    found = client.frames()
    assert broken(found) == {1: Code.FLOW_CONTROL_ERROR}
    assert (WINDOW_UPDATE, 0, 0, (1 << 16).to_bytes(4)) in found


def test_5_1_2_a_stream_too_many_is_refused_and_nobody_is_asked() -> None:
    client = Client(Limits(streams=2), Holding)
    for number in (1, 3, 5):
        client.open(number)
    assert broken(client.frames()) == {5: Code.REFUSED_STREAM}
    assert len(client.apps) == 2
    client.feed(frame(RST_STREAM, 0, 1, b"\0\0\0\x08"))
    client.open(7)
    assert len(client.apps) == 3


def test_5_4_1_behind_the_last_word_nothing_is_sent() -> None:
    client = Client(app=Holding)
    client.open(1)
    client.feed(frame(PING, 0, 1, bytes(8)))
    assert failure(client.frames()) is Code.PROTOCOL_ERROR
    assert client.apps[0].left
    client.apps[0].stream.begin(b"\x88", end=True)
    client.feed(frame(PING, 0, 0, bytes(8)))
    assert client.frames() == []
    assert client.wire.closed


def test_6_1_padding_counts_for_the_windows_and_is_given_back() -> None:
    limits = Limits(window_bytes=400, connection_bytes=1 << 16)
    client = Client(limits, Holding)
    client.open(1)
    client.feed(frame(DATA, PADDED, 1, b"\xff" + b"a" + bytes(255)))
    assert client.frames() == [(WINDOW_UPDATE, 0, 1, (256).to_bytes(4))]
    assert client.apps[0].body == b"a"
    client.feed(data(1, bytes(400)))
    assert broken(client.frames()) == {1: Code.FLOW_CONTROL_ERROR}


@pytest.mark.parametrize("number", [1, 3, 5, 6])
def test_6_3_priority_may_come_for_any_stream(number: int) -> None:
    client = Client(app=Holding)
    client.open(1)
    client.apps[0].stream.reset(Code.CANCEL)
    client.open(3)
    client.frames()
    client.feed(frame(PRIORITY, 0, number, b"\x80\0\0\x0b\xff"))
    assert client.frames() == []
    assert not client.wire.closed


def test_6_5_3_of_a_setting_the_last_value_holds() -> None:
    client = Client()
    client.feed(settings(((4, 2**31 - 1), (4, 0), (4, 3))))
    client.open(1, b"abcdef")
    assert bodies(client.frames()) == [b"abc"]


def test_6_8_a_later_goaway_names_no_later_stream() -> None:
    client = Client(app=Holding)
    client.open(1)
    client.connection.take_no_more()
    client.open(3)
    client.feed(frame(PING, 0, 1, bytes(8)))
    last = [int.from_bytes(one.payload[:4]) for one in client.frames() if one.kind == GOAWAY]
    assert last == [1, 1]


def test_6_8_a_drain_says_first_that_it_will_come() -> None:
    client = Client(app=Holding)
    client.open(1)
    client.connection.drain()
    said = client.frames()
    assert said[0].payload == NO_STREAM.to_bytes(4) + bytes(4)
    client.feed(frame(PING, ACK, 0, said[1].payload))
    assert client.frames()[0].payload == (1).to_bytes(4) + bytes(4)


def test_6_8_behind_a_goaway_data_counts_and_streams_are_not_taken() -> None:
    client = Client(Limits(connection_bytes=1 << 17), Holding)
    client.open(1)
    client.connection.take_no_more()
    client.frames()
    client.open(3)
    client.feed(data(3, bytes(1 << 16)))
    assert client.frames() == [(WINDOW_UPDATE, 0, 0, (1 << 16).to_bytes(4))]
    assert len(client.apps) == 1


def test_6_9_a_window_may_widen_behind_the_end_of_a_request() -> None:
    client = Client()
    client.feed(settings(((4, 0),)))
    client.open(1, b"body")
    client.feed(window_update(1, 10))
    assert bodies(client.frames()) == [b"body"]
    client.feed(window_update(1, 10))
    client.feed(window_update(1, 0))
    assert client.frames() == []
    assert not client.wire.closed


def test_6_9_1_an_empty_body_needs_no_window() -> None:
    client = Client()
    client.feed(settings(((4, 0),)))
    client.open(1, b"")
    found = client.frames()
    assert found[-1].kind == HEADERS
    assert found[-1].flags & END_STREAM


def test_8_1_an_answer_before_the_end_of_a_request_asks_for_no_more_of_it() -> None:
    client = Client(app=Holding)
    client.open(1)
    client.frames()
    client.apps[0].stream.begin(b"\x88", end=True)
    assert client.frames() == [(HEADERS, 5, 1, b"\x88"), (RST_STREAM, 0, 1, bytes(4))]
    client.feed(data(1, b"late", end=True))
    assert not client.wire.closed


def test_8_3_2_each_answer_has_one_status_and_fields_that_http_2_allows() -> None:
    client = Client()
    first, *opening = client.decoder.decode(OPENING, raw=True)
    assert tuple(first) == (b":status", b"200")
    fields = [
        (bytes(one[0]), bytes(one[1])) for one in (*opening, *client.decoder.decode(FINE, raw=True))
    ]
    assert refuse_plain(fields) is None
