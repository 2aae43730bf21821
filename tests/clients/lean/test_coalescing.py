"""Decisions asked for at once share calls, and nobody is the worse for it."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from pol_client import (
    AsyncClient,
    DeadlineExceeded,
    InvalidRequest,
    NoDecision,
    Unavailable,
)
from pol_client._http2.frames import (
    INITIAL_WINDOW_SIZE,
    RST_STREAM,
    Code,
    goaway,
    rst_stream,
    window_update,
)
from pol_client._wire import engine_pb2 as wire

from tests.clients.asking import ASK, PATIENCE
from tests.clients.lean.scripted import Line, client_of, decision
from tests.doors.grpc.serving import run


def asked_of(path_and_message: bytes) -> list[str]:
    """Return the contents of a call's decisions."""
    many = wire.DecideBatchRequest.FromString(path_and_message)
    return [one.content for one in many.requests]


def answers(contents: list[str], **fields: Any) -> bytes:
    """Return the answer to many, each with its own content as the revision."""
    made = wire.DecideBatchResponse()
    for content in contents:
        made.decisions.add().ParseFromString(decision(revision=content, **fields))
    return made.SerializeToString()


class Recording:
    """A daemon that answers calls when it is told to, in a script of its own."""

    def __init__(self) -> None:
        self.calls: list[list[str]] = []
        self.came: asyncio.Queue[tuple[Line, int, list[str]]] = asyncio.Queue()

    async def __call__(self, line: Line) -> None:
        await line.greet((INITIAL_WINDOW_SIZE, 1 << 24))
        line.send(window_update(0, 1 << 24))
        while True:
            stream, message = await line.asked()
            single = wire.DecideRequest()
            try:
                single.ParseFromString(message)
            except Exception:  # noqa: BLE001 - it is a batch
                single.Clear()
            alone = single.user_id == ASK["user"]
            contents = [single.content] if alone else asked_of(message)
            self.calls.append(contents)
            await self.came.put((line, stream, contents))

    async def next(self) -> tuple[Line, int, list[str]]:
        """Return the next call."""
        return await asyncio.wait_for(self.came.get(), PATIENCE)

    def answer(self, call: tuple[Line, int, list[str]], **fields: Any) -> None:
        """Answer it."""
        line, stream, contents = call
        if len(contents) == 1:
            line.answer(stream, decision(revision=contents[0], **fields))
        else:
            line.answer(stream, answers(contents, **fields))


@asynccontextmanager
async def recorded(**options: Any) -> AsyncIterator[tuple[AsyncClient, Recording]]:
    """Give a connected client, and what its daemon sees."""
    daemon = Recording()
    async with client_of(daemon, **options) as client:
        warm = asyncio.create_task(client.decide(**{**ASK, "content": "warm"}))
        daemon.answer(await daemon.next())
        await warm
        daemon.calls.clear()
        yield client, daemon


def asking(client: AsyncClient, *contents: str, **more: Any) -> list[asyncio.Task[Any]]:
    """Ask for decisions, each in a task."""
    return [
        asyncio.create_task(client.decide(**{**ASK, "content": content}, **more))
        for content in contents
    ]


async def answer_all(daemon: Recording, count: int) -> None:
    """Answer so many decisions as they come."""
    while count > 0:
        call = await daemon.next()
        daemon.answer(call)
        count -= len(call[2])


def numbered(first: int, end: int) -> list[str]:
    return [f"c{number}" for number in range(first, end)]


def test_one_alone_goes_at_once_in_a_call_of_its_own() -> None:
    async def one() -> None:
        async with recorded() as (client, daemon):
            (task,) = asking(client, "a")
            daemon.answer(await daemon.next())
            assert (await task).revision == "a"
            assert daemon.calls == [["a"]]

    run(one())


def test_what_is_asked_while_calls_are_under_way_goes_together_when_one_comes_back() -> None:
    async def many() -> None:
        async with recorded() as (client, daemon):
            tasks = asking(client, "first")
            first = await daemon.next()
            tasks += asking(client, *numbered(0, 5))
            second = await daemon.next()
            tasks += asking(client, *numbered(5, 10))
            daemon.answer(second)
            third = await daemon.next()
            daemon.answer(first)
            daemon.answer(third)
            found = [one.revision for one in await asyncio.gather(*tasks)]
            assert found == ["first", *numbered(0, 10)]
            assert daemon.calls == [["first"], numbered(0, 5), numbered(5, 10)]

    run(many())


def test_a_call_holds_64_at_most() -> None:
    async def many() -> None:
        async with recorded() as (client, daemon):
            tasks = asking(client, *numbered(0, 300))
            await answer_all(daemon, 300)
            assert [one.revision for one in await asyncio.gather(*tasks)] == numbered(0, 300)
            assert max(map(len, daemon.calls)) == 64

    run(many())


def test_nobody_waits_long_for_answers_to_others() -> None:
    async def slow() -> None:
        async with recorded() as (client, daemon):
            asking(client, "slow")
            slow = await daemon.next()
            asking(client, "slower")
            slower = await daemon.next()
            (third,) = asking(client, "third")
            daemon.answer(await daemon.next())
            assert (await third).revision == "third"
            daemon.answer(slow)
            daemon.answer(slower)

    run(slow())


def test_large_ones_do_not_go_together() -> None:
    text = "x" * 700_000

    async def large() -> None:
        async with recorded() as (client, daemon):
            tasks = asking(client, "a", text, text, text)
            left = 4
            while left:
                line, stream, contents = await daemon.next()
                daemon.answer((line, stream, ["r"] * len(contents)))
                left -= len(contents)
            await asyncio.gather(*tasks)
            assert all(call.count(text) <= 1 for call in daemon.calls)

    run(large())


class SlowClock(asyncio.SelectorEventLoop):
    """What holds for a while in this loop does so for as long as a test takes."""

    PACE = 0.01

    def time(self) -> float:
        return super().time() * self.PACE


def test_slow_decisions_get_calls_of_their_own_for_a_while() -> None:
    async def slow() -> None:
        async with recorded(timeout=PATIENCE * SlowClock.PACE) as (client, daemon):
            (task,) = asking(client, "slow")
            daemon.answer(await daemon.next(), evaluated_in_ns=30_000_000)
            await task
            tasks = asking(client, *numbered(0, 10))
            await answer_all(daemon, 10)
            await asyncio.gather(*tasks)
            assert daemon.calls == [["slow"], *([one] for one in numbered(0, 10))]

    with asyncio.Runner(loop_factory=SlowClock) as runner:
        runner.run(slow())


def test_a_caller_that_gives_up_does_not_disturb_the_others() -> None:
    async def giving_up() -> None:
        async with recorded() as (client, daemon):
            asking(client, "a")
            first = await daemon.next()
            tasks = asking(client, *numbered(0, 4))
            second = await daemon.next()
            later = asking(client, *numbered(4, 8))
            await asyncio.sleep(0)
            tasks[1].cancel()  # It is under way.
            later[2].cancel()  # It waits.
            late = asyncio.create_task(client.decide(**ASK, timeout=0.02))
            with pytest.raises(DeadlineExceeded):
                await late
            daemon.answer(second)
            await answer_all(daemon, 3)
            daemon.answer(first)
            found = await asyncio.gather(*tasks, *later, return_exceptions=True)
            assert [isinstance(one, asyncio.CancelledError) for one in found] == [
                number in (1, 6) for number in range(8)
            ]
            assert all(one.passes for one in found if not isinstance(one, BaseException))
            assert not any("c6" in call for call in daemon.calls)

    run(giving_up())


def test_a_decision_goes_over_the_connection_that_others_wait_for() -> None:
    async def together() -> None:
        begun, go = asyncio.Event(), asyncio.Event()

        async def script(line: Line) -> None:
            begun.set()
            await go.wait()
            await line.greet()
            while True:
                line.answer((await line.asked())[0])

        async with client_of(script) as client, client.pipeline() as pipeline:
            transport: Any = client._transport
            first = asyncio.create_task(pipeline.decide(**ASK))
            await begun.wait()
            assert transport.links()[0].connecting
            (second,) = asking(client, "second")
            await asyncio.sleep(0)
            go.set()
            assert [one.passes for one in await asyncio.gather(first, second)] == [True, True]

    run(together())


def test_when_all_callers_of_a_call_have_given_up_it_is_broken_off() -> None:
    async def late() -> None:
        broken = asyncio.Event()

        async def script(line: Line) -> None:
            await line.greet()
            line.answer((await line.asked())[0])
            await line.asked()
            await line.until(RST_STREAM)
            broken.set()

        async with client_of(script) as client:
            assert (await client.decide(**ASK)).passes  # It is connected.
            with pytest.raises(DeadlineExceeded):
                await client.decide(**ASK, timeout=0.05)
            await asyncio.wait_for(broken.wait(), PATIENCE)

    run(late())


@pytest.mark.parametrize(
    "answer", [b"\xff\xff", answers(["a"]), answers(["a"] * 9)], ids=["none", "one", "nine"]
)
def test_a_wrong_answer_to_many_is_an_error_for_all(answer: bytes) -> None:
    async def wrong() -> None:
        async with recorded() as (client, daemon):
            asking(client, "alone")
            await daemon.next()
            tasks = asking(client, *numbered(0, 4))
            line, stream, contents = await daemon.next()
            assert contents == numbered(0, 4)
            line.answer(stream, answer)
            found = await asyncio.gather(*tasks, return_exceptions=True)
            assert [one.code for one in found if isinstance(one, NoDecision)] == ["INTERNAL"] * 4

    run(wrong())


def test_an_error_of_one_is_its_own() -> None:
    async def mixed() -> None:
        async with recorded() as (client, daemon):
            asking(client, "a")
            await daemon.next()
            tasks = asking(client, "good", "bad")
            line, stream, contents = await daemon.next()
            assert contents == ["good", "bad"]
            made = wire.DecideBatchResponse()
            made.decisions.add().ParseFromString(decision())
            made.decisions.add(error=wire.Error(code=3, message="no"))
            line.answer(stream, made.SerializeToString())
            assert (await tasks[0]).passes
            with pytest.raises(InvalidRequest):
                await tasks[1]

    run(mixed())


def test_what_a_daemon_has_refused_unseen_is_asked_again_and_nothing_else() -> None:
    async def refused() -> None:
        async with recorded() as (client, daemon):
            asking(client, "a")
            first = await daemon.next()
            tasks = asking(client, *numbered(0, 3))
            line, stream, _ = await daemon.next()
            line.send(rst_stream(stream, Code.REFUSED_STREAM))
            again = await daemon.next()
            assert again[2] == numbered(0, 3)
            line.send(goaway(again[1] - 2, Code.NO_ERROR))
            elsewhere = await daemon.next()
            assert elsewhere[0].number == 2
            daemon.answer(elsewhere)
            assert [one.revision for one in await asyncio.gather(*tasks)] == numbered(0, 3)
            del first

    run(refused())


def test_what_was_under_way_when_a_connection_broke_is_not_asked_again() -> None:
    async def broken() -> None:
        async with recorded() as (client, daemon):
            tasks = asking(client, *numbered(0, 3))
            line, _, contents = await daemon.next()
            line.writer.transport.abort()
            with pytest.raises(Unavailable):
                await tasks[0]
            before = list(contents)
            await answer_all(daemon, 3 - len(before))
            await asyncio.gather(*tasks, return_exceptions=True)
            assert sum(call.count(before[0]) for call in daemon.calls) == 1

    run(broken())


def test_more_than_may_be_in_flight_waits_and_more_than_may_wait_is_refused() -> None:
    async def crowded() -> None:
        async with recorded(in_flight=4, waiting=6) as (client, daemon):
            tasks = asking(client, *numbered(0, 11))
            calls = [await daemon.next()]
            while sum(len(contents) for _, _, contents in calls) < 4:
                calls.append(await daemon.next())
            await asyncio.sleep(0.02)  # No more come.
            assert sum(map(len, daemon.calls)) == 4
            refused = [task for task in tasks if task.done()]
            assert {type(task.exception()) for task in refused} == {NoDecision}
            assert all("RESOURCE_EXHAUSTED" in str(task.exception()) for task in refused)
            for call in calls:
                daemon.answer(call)
            await answer_all(daemon, 7 - len(refused))
            found = await asyncio.gather(*tasks, return_exceptions=True)
            assert sum(not isinstance(one, BaseException) for one in found) == 11 - len(refused)
            assert len(refused) <= 5

    run(crowded())


def test_each_caller_keeps_its_own_token() -> None:
    token = contextvars.ContextVar("token", default="none")

    async def tokens() -> None:
        async with recorded(token=lambda: token.get()) as (client, daemon):  # noqa: PLW0108
            asking(client, "a")
            await daemon.next()

            async def ask(number: int) -> None:
                token.set(f"t{number % 2}")
                await client.decide(**{**ASK, "content": f"t{number % 2}"})

            tasks = [asyncio.create_task(ask(number)) for number in range(6)]
            await answer_all(daemon, 6)
            await asyncio.gather(*tasks)
            assert all(len(set(call)) == 1 for call in daemon.calls)

    run(tokens())


def test_closing_a_client_fails_what_is_under_way_and_what_waits() -> None:
    async def closed() -> None:
        async with recorded() as (client, daemon):
            tasks = asking(client, *numbered(0, 20))
            await daemon.next()
            await client.close()
            found = await asyncio.gather(*tasks, return_exceptions=True)
            assert all(isinstance(one, NoDecision) for one in found)
            with pytest.raises(Unavailable, match="closed"):
                await client.decide(**ASK)
            with pytest.raises(Unavailable, match="closed"):
                await client.explain(**ASK)

    run(closed())
