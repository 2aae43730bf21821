"""How long a loop looks for more before it may sleep."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import uvloop

from engine.doors.awake import Awake

SECONDS = 0.5


class Scene:
    """One who keeps a loop awake, by a clock that somebody turns."""

    def __init__(self) -> None:
        self.now = 0.0
        self.asked = 0
        self.awake = Awake(SECONDS, self.clock)

    def clock(self) -> float:
        self.asked += 1
        return self.now

    async def turns(self, many: int) -> int:
        """Return how often it looked in so many turns of the loop."""
        before = self.asked
        for _ in range(many):
            await asyncio.sleep(0)
        return self.asked - before


def played(scene: Callable[[Scene], Awaitable[None]]) -> None:
    async def run() -> None:
        await scene(Scene())

    uvloop.run(run())


def test_a_loop_to_which_nothing_comes_may_sleep() -> None:
    async def scene(one: Scene) -> None:
        assert await one.turns(10) == 0
        assert not one.awake.looking

    played(scene)


def test_it_looks_in_each_turn_until_nothing_has_come_for_long_enough() -> None:
    async def scene(one: Scene) -> None:
        one.awake.stir()
        assert await one.turns(10) >= 9
        one.now = SECONDS - 0.001
        assert await one.turns(10) >= 9
        one.now = SECONDS
        await one.turns(2)
        assert not one.awake.looking
        assert await one.turns(10) == 0

    played(scene)


def test_what_comes_meanwhile_keeps_it_awake_for_as_long_again() -> None:
    async def scene(one: Scene) -> None:
        one.awake.stir()
        await one.turns(2)
        one.now = SECONDS * 0.8
        one.awake.stir()
        await one.turns(2)
        one.now = SECONDS * 1.7
        assert await one.turns(10) >= 9
        one.now = SECONDS * 1.9
        await one.turns(2)
        assert not one.awake.looking
        one.awake.stir()
        assert await one.turns(10) >= 9

    played(scene)


def test_it_looks_once_in_a_turn_however_much_comes() -> None:
    async def scene(one: Scene) -> None:
        for _ in range(100):
            one.awake.stir()
        assert await one.turns(10) <= 11

    played(scene)
