"""Many who have work for one event loop."""

from __future__ import annotations

import asyncio

from engine.doors.grpc.turns import Turns


def test_so_many_go_on_in_each_turn_first_come_first() -> None:
    turns, done = Turns(most=3), list[int]()
    after: list[int] = []

    async def work(number: int) -> None:
        await turns.come()
        done.append(number)

    async def main() -> None:
        tasks = [asyncio.create_task(work(number)) for number in range(10)]
        while not all(task.done() for task in tasks):
            await asyncio.sleep(0)
            after.append(len(done))

    for _ in range(2):  # In another loop as in the first.
        done.clear()
        after.clear()
        asyncio.run(main())
        assert done == list(range(10))
        grown = [two - one for one, two in zip([0, *after], after, strict=False)]
        assert max(grown) == 3


def test_who_has_given_up_takes_nobodys_turn() -> None:
    turns, done = Turns(most=1), list[int]()

    async def work(number: int) -> None:
        await turns.come()
        done.append(number)

    async def main() -> None:
        tasks = [asyncio.create_task(work(number)) for number in range(4)]
        await asyncio.sleep(0)
        for task in tasks[:3]:
            task.cancel()
        await asyncio.wait(tasks)

    asyncio.run(main())
    assert done == [3]


def test_a_loop_that_ended_with_some_waiting_holds_up_no_other() -> None:
    turns = Turns(most=1)

    async def leave() -> None:
        waits = [asyncio.create_task(turns.come()) for _ in range(5)]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)

    asyncio.run(leave())
    asyncio.run(asyncio.wait_for(turns.come(), 60))
