"""What takes too long, with a clock that the test drives."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from engine.doors.http2 import frames
from engine.doors.http2.connection import GRACE_SECONDS, LINGER_SECONDS
from engine.doors.http2.frames import Code
from engine.doors.http2.limits import Limits
from tests.doors.http2.peers import Client, Holding, broken, failure, frame


class Clock(asyncio.SelectorEventLoop):
    """A loop whose time can be put forward."""

    ahead = 0.0

    def time(self) -> float:
        return super().time() + self.ahead


async def passes(seconds: float) -> None:
    """Put the clock forward, and let what is due happen."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, Clock)
    loop.ahead += seconds
    for _ in range(5):
        await asyncio.sleep(0)


def timed(scene: Callable[[], Awaitable[None]]) -> None:
    async def played() -> None:
        await scene()

    with asyncio.Runner(loop_factory=Clock) as runner:
        runner.run(played())


LIMITS = Limits(preface_seconds=10, stall_seconds=60)


def test_a_preface_that_does_not_come_ends_the_connection() -> None:
    async def scene() -> None:
        client = Client(LIMITS, greet=False)
        await passes(9)
        assert not client.wire.closed
        await passes(2)
        assert failure(client.frames()) is Code.SETTINGS_TIMEOUT
        assert client.wire.closed

    timed(scene)


def test_a_field_block_that_does_not_end_ends_the_connection() -> None:
    async def scene() -> None:
        client = Client(LIMITS)
        client.feed(frame(frames.HEADERS, 0, 1, client.block()))
        await passes(59)
        assert not client.wire.closed
        await passes(3)
        assert failure(client.frames()) is Code.ENHANCE_YOUR_CALM

    timed(scene)


def test_a_client_that_does_not_read_is_cut_off() -> None:
    async def scene() -> None:
        client = Client(LIMITS)
        client.connection.pause_writing()
        assert client.wire.paused
        await passes(59)
        assert not client.wire.aborted
        await passes(3)
        assert client.wire.aborted

    timed(scene)


def test_a_client_that_reads_again_is_read_again() -> None:
    async def scene() -> None:
        client = Client(LIMITS)
        client.connection.pause_writing()
        client.connection.resume_writing()
        assert not client.wire.paused
        await passes(63)
        assert not client.wire.closed

    timed(scene)


def test_a_stream_without_a_window_is_broken_off_and_the_connection_stays() -> None:
    async def scene() -> None:
        client = Client(LIMITS)
        client.feed(frames.settings(((4, 0),)))
        client.open(1, b"answer")
        await passes(59)
        assert broken(client.frames()) == {}
        await passes(3)
        assert broken(client.frames()) == {1: Code.ENHANCE_YOUR_CALM}
        assert client.apps[0].left
        assert not client.wire.closed

    timed(scene)


def test_an_app_is_told_the_time() -> None:
    async def scene() -> None:
        client = Client(LIMITS, Holding)
        client.open(1)
        await passes(3)
        assert client.apps[0].looked > 0

    timed(scene)


@pytest.mark.parametrize("idle", [0.0, 30.0])
def test_an_idle_connection_is_drained_only_where_that_is_set(idle: float) -> None:
    async def scene() -> None:
        client = Client(Limits(idle_seconds=idle))
        await passes(31)
        await passes(GRACE_SECONDS + 1)
        assert client.wire.closed is bool(idle)
        assert failure(client.frames()) is (Code.NO_ERROR if idle else None)

    timed(scene)


def test_what_is_closed_and_still_sends_is_cut_off() -> None:
    async def scene() -> None:
        client = Client(LIMITS)
        client.feed(frame(frames.PING, 0, 1, bytes(8)))
        assert client.wire.closed
        await passes(LINGER_SECONDS - 1)
        assert not client.wire.aborted
        await passes(3)
        assert client.wire.aborted

    timed(scene)


def test_a_drain_takes_what_was_under_way_and_nothing_later() -> None:
    async def scene() -> None:
        client = Client(LIMITS, Holding)
        client.connection.drain()
        client.open(1)
        assert len(client.apps) == 1
        await passes(GRACE_SECONDS + 0.5)
        client.open(3)
        assert len(client.apps) == 1
        assert not client.wire.closed
        client.feed(frames.rst_stream(1, Code.CANCEL))
        assert client.wire.closed

    timed(scene)


@pytest.mark.parametrize("answers", [True, False])
def test_a_client_that_says_nothing_is_asked_whether_it_is_there(*, answers: bool) -> None:
    async def scene() -> None:
        client = Client(Limits(ping_seconds=100, answer_seconds=20))
        await passes(3)
        await passes(99)
        assert not client.frames()
        await passes(4)
        (asked,) = client.frames()
        assert (asked.kind, asked.flags) == (frames.PING, 0)
        await passes(15)
        if answers:
            client.feed(frame(frames.PING, frames.ACK, 0, asked.payload))
        await passes(8)
        assert client.wire.aborted is not answers
        await passes(90)
        assert not client.frames()

    timed(scene)


def test_a_client_that_says_nothing_may_be_left_alone() -> None:
    async def scene() -> None:
        client = Client(Limits(ping_seconds=0))
        await passes(3)
        await passes(100_000)
        await passes(100_000)
        assert not client.frames()
        assert not client.wire.closed

    timed(scene)
