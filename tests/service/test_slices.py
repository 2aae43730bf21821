from __future__ import annotations

import asyncio
from collections.abc import Generator
from itertools import pairwise
from weakref import ref

import pytest

from engine.service.slices import in_slices, let_go


def test_others_come_between_the_slices_of_a_long_work() -> None:
    """Every slice is one stage long here, and a task of the loop runs before each."""
    order: list[str] = []

    def work() -> Generator[None, None, str]:
        for number in range(3):
            order.append(f"stage {number}")
            yield
        return "made"

    async def serve() -> None:
        while True:
            order.append("served")
            await asyncio.sleep(0)

    async def both() -> str:
        serving = asyncio.ensure_future(serve())
        try:
            return await in_slices(work(), 1e-9)
        finally:
            serving.cancel()

    assert asyncio.run(both()) == "made"
    stages = [order.index(f"stage {number}") for number in range(3)]
    for first, second in pairwise(stages):
        assert "served" in order[first:second]


def test_a_short_work_is_one_slice() -> None:
    async def served_during() -> int:
        served = 0

        async def serve() -> None:
            nonlocal served
            while True:
                served += 1
                await asyncio.sleep(0)

        serving = asyncio.ensure_future(serve())
        await in_slices(let_go([None] * 64), 60)
        serving.cancel()
        return served

    assert asyncio.run(served_during()) == 1


def test_an_error_in_the_work_is_told() -> None:
    def work() -> Generator[None, None, None]:
        yield
        raise LookupError

    async def run() -> None:
        await in_slices(work())

    with pytest.raises(LookupError):
        asyncio.run(run())


class Thing:
    """Something that can be watched."""


def test_what_is_let_go_of_ends_a_few_at_a_time() -> None:
    some: list[object] = [Thing() for _ in range(10)]
    watched = [ref(one) for one in some]
    going = let_go(some, at_once=4)
    assert [sum(one() is not None for one in watched) for _ in going] == [6, 2, 0]
    assert not some
