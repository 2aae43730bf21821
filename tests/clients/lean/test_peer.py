"""What a daemon may do, and what a client keeps to."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

import pytest
from pol_client import AsyncClient, DeadlineExceeded, InvalidRequest, NoDecision, Unavailable
from pol_client._http2.fields import Fields, block_of
from pol_client._http2.frames import (
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    HEADERS,
    INITIAL_WINDOW_SIZE,
    MAX_CONCURRENT_STREAMS,
    PING,
    PRIORITY,
    RST_STREAM,
    Code,
    goaway,
    head,
    ping,
    rst_stream,
    settings,
    window_update,
)
from pol_client._lean.asking import PROBE
from pol_client._lean.calls import Unary
from pol_client._lean.peer import Peer
from pol_client._wire import engine_pb2 as wire

from tests.clients.asking import ASK, PATIENCE
from tests.clients.lean.scripted import (
    FINE,
    OPENING,
    Line,
    Script,
    client_of,
    decision,
    packed,
)
from tests.doors.grpc.serving import run

ALLOW = packed(decision())


def passes(script: Script, **options: Any) -> None:
    """Ask once; it passes."""

    async def asking() -> None:
        async with client_of(script, **options) as client:
            assert (await client.decide(**ASK)).passes

    run(asking())


def block(fields: Fields) -> bytes:
    return block_of(fields)


def test_padding_continuation_priority_hints_and_unknown_frames_are_taken() -> None:
    async def padded(line: Line) -> None:
        await line.greet()
        stream, _ = await line.asked()
        hint, first = block(((b":status", b"103"),)), block(OPENING)
        framed = bytes((3,)) + bytes(5) + first[:9] + bytes(3)
        line.send(
            head(0, 77, 0, 0),
            head(5, PRIORITY, 0, stream) + bytes(5),
            head(len(hint), HEADERS, END_HEADERS, stream) + hint,
            head(len(framed), HEADERS, 0x8 | 0x20, stream) + framed,
            head(4, CONTINUATION, 0, stream) + first[9:13],
            head(len(first) - 13, CONTINUATION, END_HEADERS, stream) + first[13:],
            head(0, DATA, 0, stream),
        )
        for at in range(len(ALLOW)):  # A byte a frame, each padded.
            line.send(head(4, DATA, 0x8, stream) + bytes((2, ALLOW[at], 0, 0)))
        line.fields(stream, FINE, end=True)
        await line.reader.read()

    passes(padded)


def test_answers_that_come_byte_by_byte_are_read() -> None:
    async def script(line: Line) -> None:
        await line.greet()
        stream, _ = await line.asked()
        first, last = block(OPENING), block(FINE)
        whole = (
            head(len(first), HEADERS, END_HEADERS, stream)
            + first
            + head(len(ALLOW), DATA, 0, stream)
            + ALLOW
            + head(len(last), HEADERS, END_HEADERS | END_STREAM, stream)
            + last
        )
        for at in range(len(whole)):
            line.send(whole[at : at + 1])
            await line.writer.drain()
            await asyncio.sleep(0)
        await line.reader.read()

    passes(script)


def test_a_ping_is_answered_and_settings_are_too() -> None:
    async def script(line: Line) -> None:
        await line.greet()
        line.send(ping(b"are you?", ack=False))
        answered = await line.until(PING)
        assert (answered.flags, answered.payload) == (1, b"are you?")
        line.answer((await line.asked())[0])
        await line.reader.read()

    passes(script)


def test_a_request_waits_for_the_window_and_is_cut_into_frames() -> None:
    text = "x" * 100_000

    async def script(line: Line) -> None:
        await line.greet((INITIAL_WINDOW_SIZE, 10))
        message = b""
        while len(message) < 10:
            made = await line.until(DATA)
            message += made.payload
        assert len(message) == 10
        line.send(settings(((INITIAL_WINDOW_SIZE, 20_000),)), window_update(0, 1 << 20))
        while len(message) < 20_000:
            message += (await line.until(DATA)).payload
        assert len(message) == 20_000
        line.send(window_update(1, 1 << 20))
        while True:
            made = await line.until(DATA)
            assert len(made.payload) <= 16_384
            message += made.payload
            if made.flags & END_STREAM:
                break
        assert wire.DecideRequest.FromString(message[5:]).content == text
        line.answer(1)
        await line.reader.read()

    async def asking() -> None:
        async with client_of(script) as client:
            assert (await client.decide(**{**ASK, "content": text})).passes

    run(asking())


def test_a_large_answer_has_its_windows_opened_again() -> None:
    text = "y" * (9 << 20)

    async def script(line: Line) -> None:
        await line.greet()
        stream, _ = await line.asked()
        line.fields(stream, OPENING)
        whole = packed(decision(content=text))
        windows = {0: 65_535, stream: 4 << 20}
        windows[0] += 16 << 20
        windows[0] -= 65_535
        at = 0
        while at < len(whole):
            size = min(16_384, windows[stream], windows[0], len(whole) - at)
            if size:
                line.data(stream, whole[at : at + size])
                at += size
                windows[0] -= size
                windows[stream] -= size
                continue
            made = await line.until(8)
            windows[made.stream] += int.from_bytes(made.payload)
        line.fields(stream, FINE, end=True)
        await line.reader.read()

    async def asking() -> None:
        async with client_of(script) as client:
            assert (await client.decide(**ASK)).content == text

    run(asking())


@pytest.mark.parametrize("coalesce", [True, False])
def test_no_more_calls_run_at_once_than_the_daemon_lets(*, coalesce: bool) -> None:
    running: list[int] = []

    async def script(line: Line) -> None:
        await line.greet((MAX_CONCURRENT_STREAMS, 2))
        waiting: list[tuple[int, bytes]] = []
        came = 0
        while True:
            waiting.append(await line.asked())
            running.append(len(waiting))
            came += number_of(waiting[-1][1]) or 1
            while len(waiting) == 2 or (waiting and came == 100):
                answer(line, *waiting.pop(0))

    async def asking() -> None:
        async with client_of(script, coalesce=coalesce) as client:
            answers = [client.decide(**ASK) for _ in range(100)]
            assert all(one.passes for one in await asyncio.gather(*answers))

    run(asking())
    assert max(running) == 2


def number_of(message: bytes) -> int:
    """Return how many decisions are asked for in a call for many; 0 if it is for one."""
    many = wire.DecideBatchRequest()
    try:
        many.ParseFromString(message)
    except Exception:  # noqa: BLE001 - it is one decision
        return 0
    return len(many.requests) if many.requests and many.requests[0].user_id else 0


def answer(line: Line, stream: int, message: bytes) -> None:
    """Answer a decision, or many in one call."""
    one = wire.Decision.FromString(decision())
    many = wire.DecideBatchResponse(decisions=[one] * number_of(message))
    line.answer(stream, many.SerializeToString() or None)


def test_who_is_let_in_and_gives_up_at_once_lets_the_next_one_in() -> None:
    async def last() -> bool:
        loop = asyncio.get_running_loop()
        begun, release = asyncio.Event(), asyncio.Event()

        async def script(line: Line) -> None:
            await line.greet((MAX_CONCURRENT_STREAMS, 1))
            stream, _ = await line.asked()
            begun.set()
            await release.wait()
            line.answer(stream)
            loop.call_later(0, second.cancel)  # It comes in the same turn as the answer, after it.
            while True:
                line.answer((await line.asked())[0])

        async with client_of(script, coalesce=False) as client:
            first = asyncio.create_task(client.decide(**ASK))
            await begun.wait()
            second = asyncio.create_task(client.decide(**ASK))
            third = asyncio.create_task(client.decide(**ASK))
            for _ in range(10):
                await asyncio.sleep(0)
            assert len(room(client)) == 2
            release.set()
            assert (await first).passes
            with pytest.raises(asyncio.CancelledError):
                await second
            return (await asyncio.wait_for(third, 10)).passes

    assert run(last())


def room(client: AsyncClient) -> Any:
    """Return who waits for room on the only connection of *client*."""
    transport: Any = client._transport
    return transport.links()[0].peer._room


def test_a_call_refused_unseen_is_made_again() -> None:
    asked: list[int] = []

    async def script(line: Line) -> None:
        await line.greet()
        for _ in range(3):
            asked.append((await line.asked())[0])
            line.send(rst_stream(asked[-1], Code.REFUSED_STREAM))
        asked.append((await line.asked())[0])
        line.answer(asked[-1])
        await line.reader.read()

    passes(script)
    assert asked == [1, 3, 5, 7]
    asked.clear()
    passes(script, coalesce=False)
    assert asked == [1, 3, 5, 7]


def test_a_daemon_that_refuses_all_calls_ends_with_the_deadline() -> None:
    async def script(line: Line) -> None:
        await line.greet()
        while True:
            line.send(rst_stream((await line.asked())[0], Code.REFUSED_STREAM))

    for coalesce in (True, False):
        with pytest.raises((DeadlineExceeded, Unavailable)):
            passes(script, coalesce=coalesce, timeout=0.2)


@pytest.mark.parametrize("coalesce", [True, False])
def test_what_a_going_daemon_has_not_seen_is_asked_elsewhere_and_the_rest_is_not(
    *, coalesce: bool
) -> None:
    asked: list[tuple[int, int]] = []

    async def script(line: Line) -> None:
        await line.greet()
        if line.number == 1:
            line.answer((await line.asked())[0])
            first, _ = await line.asked()
            asked.append((1, first))
            second, _ = await line.asked()
            asked.append((1, second))
            line.send(goaway(first, Code.NO_ERROR))
            line.answer(first)
        else:
            stream, _ = await line.asked()
            asked.append((line.number, stream))
            line.answer(stream)
        await line.reader.read()

    async def asking() -> None:
        async with client_of(script, coalesce=coalesce) as client:
            await client.decide(**ASK)
            one = asyncio.create_task(client.decide(**ASK))
            other = asyncio.create_task(client.decide(**ASK))
            assert [(await one).passes, (await other).passes] == [True, True]

    run(asking())
    assert asked == [(1, 3), (1, 5), (2, 1)]


def test_a_call_that_a_going_daemon_still_answers_is_answered_and_the_connection_closed() -> None:
    closed = 0

    async def script(line: Line) -> None:
        nonlocal closed
        await line.greet()
        stream, _ = await line.asked()
        line.send(goaway(2**31 - 1, Code.NO_ERROR), ping(b"goodbye\0", ack=False))
        assert (await line.until(PING)).flags == 1
        line.send(goaway(stream, Code.NO_ERROR))
        line.answer(stream)
        closed += await line.reader.read() == b""

    async def asking() -> None:
        async with client_of(script) as client:
            for _ in range(2):
                assert (await client.decide(**ASK)).passes

    run(asking())
    assert closed >= 1


def test_an_answer_before_the_request_is_whole_ends_it() -> None:
    async def script(line: Line) -> None:
        await line.greet((INITIAL_WINDOW_SIZE, 10))
        await line.until(DATA)
        line.fields(
            1, (*OPENING, (b"grpc-status", b"8"), (b"grpc-message", b"too%20large")), end=True
        )
        assert (await line.until(RST_STREAM)).stream == 1
        stream, _ = 3, await line.until(HEADERS)
        line.fields(stream, (*OPENING, (b"grpc-status", b"8")), end=True)
        await line.reader.read()

    async def asking() -> None:
        async with client_of(script) as client:
            with pytest.raises(NoDecision, match="too large"):
                await client.decide(**ASK)
            with pytest.raises(NoDecision):
                await client.decide(**ASK)

    run(asking())


def test_a_cancelled_call_of_its_own_is_broken_off() -> None:
    async def asking() -> None:
        came, broken = asyncio.Event(), asyncio.Event()

        async def script(line: Line) -> None:
            await line.greet()
            await line.asked()
            came.set()
            assert (await line.until(RST_STREAM)).payload == b"\0\0\0\x08"
            broken.set()

        async with client_of(script, coalesce=False) as client:
            task = asyncio.create_task(client.decide(**ASK))
            await came.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await asyncio.wait_for(broken.wait(), PATIENCE)

    run(asking())


@pytest.mark.parametrize("pair", [("x", "a\nb"), ("x:y", "z"), ("x", "\N{SNOWMAN}"), ("a b", "c")])
def test_metadata_that_cannot_be_sent_is_refused(pair: tuple[str, str]) -> None:
    async def script(line: Line) -> None:
        await line.greet()
        await line.reader.read()

    with pytest.raises(InvalidRequest, match="metadata"):
        passes(script, metadata=[pair])


class Written(asyncio.Transport):
    """Keeps what is written, piece by piece."""

    def __init__(self) -> None:
        super().__init__()
        self.pieces: list[bytes] = []

    def write(self, data: Any) -> None:
        self.pieces.append(bytes(data))


def test_calls_that_are_held_are_written_in_one_go_and_at_once() -> None:
    async def asking() -> None:
        transport = Written()
        peer = Peer(lambda: None, lambda _why: None, lambda _peer: None, asyncio.get_running_loop())
        peer.connection_made(transport)
        peer.data_received(settings(()))
        transport.pieces.clear()
        assert peer.hold()
        for number in range(3):
            peer.start(partial(Unary, done=lambda _answer, _why: None), b"\x82", bytes((number,)))
        assert not peer.hold()
        assert transport.pieces == []
        peer.release()
        assert len(transport.pieces) == 1
        peer.probe()  # With the others of this turn, since nothing is held any more.
        assert peer.hold() is False
        await asyncio.sleep(0)
        assert transport.pieces[1:] == [ping(PROBE, ack=False)]

    run(asking())
