"""Flow control in both directions: whoever is slow makes the other one wait, and nobody buffers."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from engine.doors.http2 import frames
from engine.doors.http2.frames import Code, ping, rst_stream, settings, window_update
from engine.doors.http2.limits import Limits
from engine.doors.http2.stream import ENOUGH
from tests.doors.http2.attackers import PATIENCE, Raw, Target, attacked, data, message
from tests.doors.http2.victim import LARGE, MESSAGE_BYTES

pytestmark = pytest.mark.slow

SLACK = 24 << 20
"""More than this a server never holds for one caller: two messages, their copies, the kernel's."""
PIECE = Limits().frame_bytes
MESSAGE = message(bytes(PIECE - 5))
WINDOW = Limits().window_bytes
SIGN = b"all seen"


def allowed(client: Raw, stream: int) -> int:
    """Return how much the server has allowed to be sent on a stream so far."""
    client.send(ping(SIGN, ack=False))
    client.wait_for(frames.PING, 0, len(client.wait_for(frames.PING, 0, 0)) + 1)
    more = [
        one[3] for one in client.frames() if one[0] == frames.WINDOW_UPDATE and one[2] == stream
    ]
    return WINDOW + sum(map(int.from_bytes, more))


def fill(client: Raw, stream: int, most: int, sent: int = 0) -> int:
    """Send messages while they are allowed, up to *most* bytes; return how many were sent."""
    while sent + PIECE <= min(allowed(client, stream), most):
        client.send(data(stream, MESSAGE))
        sent += PIECE
    return sent


def test_a_large_answer_is_sent_as_fast_as_it_is_read(server: Target) -> None:
    with attacked(server, SLACK) as target:
        asked = target.honest.unary_stream("/t.T/Large")(b"", timeout=60)
        assert sum(len(one) for one in asked) == LARGE * MESSAGE_BYTES


def test_a_stream_of_large_messages_goes_both_ways_at_once(server: Target) -> None:
    def messages() -> Iterator[bytes]:
        for number in range(LARGE):
            yield bytes((number,)) * MESSAGE_BYTES

    with attacked(server, SLACK) as target:
        answers = target.honest.stream_stream("/t.T/Stream")(messages(), timeout=60)
        assert [one[0] for one in answers] == list(range(LARGE))


def test_a_handler_that_reads_nothing_stops_its_caller(server: Target) -> None:
    with attacked(server, SLACK) as target, Raw(target) as client:
        client.send(client.request(1, path=b"/t.T/Idle"))
        assert fill(client, 1, 8 * WINDOW) <= 2 * WINDOW
        client.send(client.request(3) + data(3, message(b"x"), end=True))
        assert client.status_of(3) == 0
        client.send(data(1, bytes(PIECE)) * (2 * WINDOW // PIECE))
        assert client.wait_for(frames.RST_STREAM, 1)[0][2] == int(Code.FLOW_CONTROL_ERROR).to_bytes(
            4
        )


def test_a_caller_who_takes_no_answers_is_asked_for_no_more(server: Target) -> None:
    """Its handler waits to write, so reads nothing, so no window is opened."""
    with attacked(server, SLACK) as target, Raw(target) as client:
        client.send(client.request(1, path=b"/t.T/Stream"))
        taken = fill(client, 1, 16 * WINDOW)
        assert taken <= 2 * WINDOW + ENOUGH
        client.send(window_update(0, 8 * WINDOW) + window_update(1, 8 * WINDOW))
        sent, ends = taken, time.monotonic() + PATIENCE
        while sent <= taken + WINDOW:  # It is asked for when its handler has had its turn.
            sent = fill(client, 1, taken + 2 * WINDOW, sent)
            assert time.monotonic() < ends
        client.send(rst_stream(1, Code.CANCEL))


def test_callers_who_take_no_answers_hold_a_window_each_and_no_more(server: Target) -> None:
    count = 12
    with attacked(server, SLACK) as target, Raw(target, settings=settings(((4, 0),))) as client:
        for number in range(1, 2 * count, 2):
            client.send(client.request(number, path=b"/t.T/Stream"))
            fill(client, number, 2 * PIECE)
        assert target.held()["held"] <= count * 3 * PIECE
