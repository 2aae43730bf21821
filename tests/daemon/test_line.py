from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable

import pytest

from engine.daemon import line as say
from engine.daemon.line import Line, LineLost
from engine.daemon.settings import Settings
from engine.daemon.sums import Family, Value

Work = Callable[[Line, Line], Awaitable[None]]


async def told(message: say.Any) -> say.Any:
    """Answer a load by what was asked, a count by numbers, anything else by nothing special."""
    match message:
        case say.Load("slow"):
            await asyncio.sleep(0)
            return say.Loaded(0, 0)
        case say.Load(revision):
            return say.Loaded(len(revision), 7)
        case say.Refuse(why):
            return say.Failed(why, 3)
        case say.Reopen():
            raise KeyError("a bug")
        case say.Begin(settings, number, addresses):
            assert (settings, number, addresses) == (Settings(workers=3), 1, ("a", "b"))
            return say.Done()
        case _:
            return say.Counted((Family("f", "of", "counter", (Value("f_total", {"a": "b"}, 2),)),))


def talking(work: Work) -> None:
    """Run *work* with both ends of a line that are heard."""

    async def run() -> None:
        ends = []
        for one in socket.socketpair():
            reader, writer = await asyncio.open_connection(sock=one)
            ends.append(Line(reader, writer, told))
        hearing = [asyncio.ensure_future(one.run()) for one in ends]
        await work(*ends)
        for end in ends:
            end.close()
        await asyncio.gather(*hearing)

    asyncio.run(run())


def test_each_side_asks_and_answers() -> None:
    async def work(one: Line, other: Line) -> None:
        assert await one.ask(say.Load("abc"), say.Loaded) == say.Loaded(3, 7)
        assert await other.ask(say.Load("ab"), say.Loaded) == say.Loaded(2, 7)
        assert await one.ask(say.Refuse("no"), say.Done) == say.Failed("no", 3)
        begin = say.Begin(Settings(workers=3), 1, ("a", "b"))
        assert await one.ask(begin, say.Done) == say.Done()
        found = await one.ask(say.Count(), say.Counted)
        assert isinstance(found, say.Counted)
        assert found.families[0].values[0].value == 2

    talking(work)


def test_answers_find_their_questions_in_any_order() -> None:
    async def work(one: Line, other: Line) -> None:
        del other
        asked = [one.ask(say.Load(text), say.Loaded) for text in ("slow", "x", "slow", "xy")]
        found = await asyncio.gather(*asked)
        assert found == [say.Loaded(0, 0), say.Loaded(1, 7), say.Loaded(0, 0), say.Loaded(2, 7)]

    talking(work)


def test_a_question_to_whoever_is_gone_ends() -> None:
    async def work(one: Line, other: Line) -> None:
        asked = asyncio.ensure_future(one.ask(say.Load("slow"), say.Loaded))
        await asyncio.sleep(0)
        other.close()
        with pytest.raises(LineLost):
            await asked
        with pytest.raises(LineLost):
            await one.ask(say.Ping(), say.Alive)

    talking(work)


def test_an_answer_of_another_kind_is_none() -> None:
    async def work(one: Line, other: Line) -> None:
        del other
        with pytest.raises(LineLost):
            await one.ask(say.Load("abc"), say.Counted)

    talking(work)


def test_a_bug_in_an_answer_ends_the_line() -> None:
    async def work(one: Line, other: Line) -> None:
        del other
        seen: list[object] = []
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: seen.append(context["exception"]))
        with pytest.raises(LineLost):
            await one.ask(say.Reopen(), say.Done)
        assert [type(each) for each in seen] == [KeyError]

    talking(work)


def test_noise_ends_the_line_and_an_answer_that_nobody_waits_for_does_not() -> None:
    async def run() -> None:
        ours, its = socket.socketpair()
        reader, writer = await asyncio.open_connection(sock=ours)
        line = Line(reader, writer, told)
        hearing = asyncio.ensure_future(line.run())
        its.sendall(b"\0\0\0\4\x93\x07\xc3\x81")  # cut short, and no message
        await hearing
        with pytest.raises(LineLost):
            await line.ask(say.Ping(), say.Alive)
        its.close()

    async def work(one: Line, other: Line) -> None:
        asked = asyncio.ensure_future(one.ask(say.Load("slow"), say.Loaded))
        await asyncio.sleep(0)
        asked.cancel()
        assert await one.ask(say.Load("x"), say.Loaded) == say.Loaded(1, 7)
        assert await other.ask(say.Load("x"), say.Loaded) == say.Loaded(1, 7)

    asyncio.run(run())
    talking(work)
