"""Calls with many messages, to daemons that do as they like."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from pol_client import AsyncClient, DeadlineExceeded, NoDecision, Unavailable
from pol_client._http2.frames import INITIAL_WINDOW_SIZE, RST_STREAM, head
from pol_client._lean.asking import MOST_STREAM
from pol_client._lean.streams import LeanStream
from pol_client._wire import engine_pb2 as wire

from tests.clients.asking import ASK, PATIENCE, WHO
from tests.clients.lean.scripted import (
    FINE,
    OPENING,
    Line,
    client_of,
    packed,
    thread_client_of,
)
from tests.doors.grpc.serving import run


def review(state: Any = wire.REVIEW_STATE_OPEN) -> bytes:
    return packed(wire.Review(review_id="r1", state=state).SerializeToString())


def stream_of(client: AsyncClient, seconds: float = PATIENCE) -> LeanStream:
    made = client._transport.stream("/a/B", seconds)
    assert isinstance(made, LeanStream)
    return made


async def read_all(stream: LeanStream) -> None:
    while await stream.read() is not None:
        pass


def test_messages_are_read_as_they_come_in_one_frame_or_many() -> None:
    async def script(line: Line) -> None:
        await line.greet()
        stream, _ = await line.asked()
        whole = packed(b"one") + packed(b"") + packed(b"three")
        line.fields(stream, OPENING)
        line.data(stream, whole[:2])
        line.data(stream, whole[2:9] + b"")
        line.data(stream, whole[9:])
        line.fields(stream, FINE, end=True)
        await line.reader.read()

    async def reading() -> list[bytes | None]:
        async with client_of(script) as client:
            stream = stream_of(client)
            await stream.write(b"ask")
            await stream.end()
            return [await stream.read() for _ in range(4)]

    assert run(reading()) == [b"one", b"", b"three", None]


def test_a_stream_that_is_not_read_pauses_its_daemon_and_goes_on() -> None:
    piece = packed(b"x" * 16_000)

    async def script(line: Line) -> None:
        await line.greet()
        stream, _ = await line.asked()
        line.fields(stream, OPENING)
        window = 4 << 20
        for _ in range(600):
            while window < len(piece):
                made = await line.until(8)
                if made.stream == stream:
                    window += int.from_bytes(made.payload)
            window -= len(piece)
            line.data(stream, piece)
        line.fields(stream, FINE, end=True)
        await line.reader.read()

    async def reading() -> int:
        async with client_of(script) as client:
            stream = stream_of(client)
            await stream.write(b"ask")
            await stream.end()
            count = 0
            while await stream.read() is not None:
                count += 1
            return count

    assert run(reading()) == 600


def test_who_writes_waits_for_a_daemon_that_does_not_read() -> None:
    async def script(line: Line) -> None:
        await line.greet((INITIAL_WINDOW_SIZE, 1_000))
        await line.reader.read()

    async def write_on(stream: LeanStream) -> None:
        while True:
            await stream.write(b"x" * 40_000)

    async def writing() -> None:
        async with client_of(script) as client:
            stream = stream_of(client)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(write_on(stream), 0.05)
            stream.cancel()
            with pytest.raises(NoDecision, match="given up"):
                await stream.read()
            stream.cancel()

    run(writing())


def test_a_stream_that_is_over_says_why_to_who_reads_and_writes() -> None:
    async def script(line: Line) -> None:
        await line.greet()
        stream, _ = await line.asked()
        line.fields(stream, OPENING)
        line.data(stream, packed(b"last"))
        line.fields(stream, ((b"grpc-status", b"14"), (b"grpc-message", b"gone")), end=True)
        await line.reader.read()

    async def over() -> None:
        async with client_of(script) as client:
            stream = stream_of(client)
            await stream.write(b"ask")
            await stream.end()
            assert await stream.read() == b"last"
            with pytest.raises(Unavailable, match="gone"):
                await stream.read()
            with pytest.raises(Unavailable, match="gone"):
                await stream.write(b"more")
            await stream.end()

    run(over())


def test_what_came_before_the_end_is_read_first() -> None:
    async def over() -> None:
        ended = asyncio.Event()

        async def script(line: Line) -> None:
            await line.greet()
            await line.until(0)
            line.fields(1, OPENING)
            line.data(1, packed(b"last"))
            line.fields(1, FINE, end=True)
            await line.until(RST_STREAM)
            ended.set()
            await line.reader.read()

        async with client_of(script) as client:
            stream = stream_of(client)
            await stream.write(b"ask")
            await ended.wait()
            await stream.write(b"nobody reads that")
            assert await stream.read() == b"last"
            assert await stream.read() is None

    run(over())


def test_a_stream_ends_with_its_deadline() -> None:
    async def script(line: Line) -> None:
        await line.greet()
        line.answer((await line.asked())[0])
        await line.reader.read()

    async def late() -> None:
        async with client_of(script) as client:
            assert (await client.decide(**ASK)).passes  # It is connected.
            stream = stream_of(client, 0.05)
            await stream.write(b"ask")
            with pytest.raises(DeadlineExceeded):
                await stream.read()

    run(late())


def test_a_review_is_watched_by_threads() -> None:
    async def script(line: Line) -> None:
        await line.greet()
        stream, _ = await line.asked()
        line.fields(stream, OPENING)
        line.data(stream, review() + review(wire.REVIEW_STATE_APPROVED))
        line.fields(stream, FINE, end=True)
        await line.reader.read()

    with thread_client_of(script) as client:
        states = [one.state for one in client.reviews.watch("r1", timeout=PATIENCE)]
    assert states == ["open", "approved"]


def test_a_guard_that_is_left_is_broken_off() -> None:
    async def script(line: Line) -> None:
        await line.greet()
        await line.until(0)
        line.fields(1, OPENING)
        line.data(1, packed(wire.GuardedChunk(text="a").SerializeToString()))
        await line.until(RST_STREAM)

    with thread_client_of(script) as client, client.guard(iter("abc"), **WHO) as guard:
        assert next(guard) == "a"


def test_a_connection_whose_numbers_are_used_up_is_left_for_another() -> None:
    lines: list[int] = []

    async def script(line: Line) -> None:
        lines.append(line.number)
        await line.greet()
        while True:
            line.answer((await line.asked())[0])

    async def many() -> None:
        async with client_of(script) as client:
            assert (await client.decide(**ASK)).passes
            transport: Any = client._transport
            transport.links()[0].peer._next = MOST_STREAM
            for _ in range(2):
                assert (await client.decide(**ASK)).passes

    run(many())
    assert lines == [1, 2]


def test_calls_wait_while_the_kernel_takes_nothing() -> None:
    async def script(line: Line) -> None:
        await line.greet((INITIAL_WINDOW_SIZE, 1 << 30))
        line.send(head(4, 8, 0, 0) + (1 << 30).to_bytes(4))
        line.answer((await line.asked())[0])
        await asyncio.sleep(0.05)  # The kernel's buffers fill.
        while True:
            line.answer((await line.asked())[0])

    async def full() -> None:
        async with client_of(script, coalesce=False) as client:
            await client.decide(**ASK)
            large = {**ASK, "content": "x" * 3_000_000}
            found = await asyncio.gather(*(client.decide(**large) for _ in range(12)))
            assert all(one.passes for one in found)

    run(full())


def test_a_daemon_that_sends_more_than_the_window_holds_is_told() -> None:
    async def over() -> None:
        broken = asyncio.Event()

        async def script(line: Line) -> None:
            await line.greet()
            stream, _ = await line.asked()
            line.fields(stream, OPENING)
            for _ in range(70):
                line.data(stream, packed(b"x" * 64_000))
            await line.until(RST_STREAM)
            broken.set()
            await line.reader.read()

        async with client_of(script) as client:
            stream = stream_of(client)
            await stream.write(b"ask")
            await stream.end()
            await asyncio.wait_for(broken.wait(), PATIENCE)
            with pytest.raises(NoDecision, match="more data than the window holds"):
                await read_all(stream)

    run(over())


def test_a_stream_given_up_while_it_begins_is_broken_off() -> None:
    async def given_up() -> None:
        greet, broken = asyncio.Event(), asyncio.Event()

        async def script(line: Line) -> None:
            await greet.wait()
            await line.greet()
            await line.until(RST_STREAM)
            broken.set()
            await line.reader.read()

        async with client_of(script) as client:
            guard = client.guard(["hello"], **WHO)
            reading = asyncio.create_task(anext(guard))
            await asyncio.sleep(0)
            await guard.close()
            greet.set()
            with pytest.raises(NoDecision, match="given up"):
                await reading
            await asyncio.wait_for(broken.wait(), PATIENCE)

    run(given_up())
