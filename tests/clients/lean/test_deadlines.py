"""What waits is failed at its deadline, in whatever order it was told; what is over is not kept."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any

import pytest
from pol_client import DeadlineExceeded
from pol_client._lean.deadlines import FEW, Deadlines, Due


class Jumping(selectors.DefaultSelector):
    """Waits for no time: the clock is put forward by as much."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        found = super().select(0)
        if not found and timeout is not None:
            self.now += timeout
        return found


class Clock(asyncio.SelectorEventLoop):
    """A loop whose time stands still while there is something to do."""

    def __init__(self) -> None:
        self._jumping = Jumping()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.now


def run(work: Coroutine[Any, Any, None]) -> None:
    """Run it."""
    with asyncio.Runner(loop_factory=Clock) as runner:
        runner.run(asyncio.wait_for(work, 100))


def told(deadlines: Deadlines, seconds: float) -> tuple[Due, asyncio.Future[None]]:
    """Return what waits so long, and how its deadline is watched."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[None] = loop.create_future()
    return deadlines.add(loop.time() + seconds, future), future


def test_each_fails_at_its_deadline_in_whatever_order_they_were_told() -> None:
    async def work() -> None:
        deadlines, order = Deadlines(), []
        for seconds in (0.03, 0.01, 0.02, 0.04, 0.0):
            _, future = told(deadlines, seconds)
            future.add_done_callback(lambda _, seconds=seconds: order.append(seconds))  # type: ignore[misc]
        last = told(deadlines, 0.05)[1]
        with pytest.raises(DeadlineExceeded):
            await last
        assert order == [0.0, 0.01, 0.02, 0.03, 0.04]
        for _ in range(3):
            with pytest.raises(DeadlineExceeded):  # Also when nothing was watched meanwhile.
                await told(deadlines, 0.001)[1]

    run(work())


def test_what_was_told_later_and_is_due_sooner_is_failed_when_nothing_else_waits() -> None:
    async def work() -> None:
        deadlines = Deadlines()
        first = told(deadlines, 0.001)[1]
        over, _ = told(deadlines, 60)
        sooner = told(deadlines, 0.01)[1]
        over.over = True
        with pytest.raises(DeadlineExceeded):
            await first
        assert not sooner.done()
        assert deadlines.watched == 1
        with pytest.raises(DeadlineExceeded):
            await sooner
        assert deadlines.watched == 0

    run(work())


def test_what_is_over_is_not_failed() -> None:
    async def work() -> None:
        deadlines = Deadlines()
        over, spared = told(deadlines, 0.001)
        over.over = True
        done = told(deadlines, 0.001)[1]
        done.set_result(None)
        gone = told(deadlines, 0.0)[1]
        gone.cancel()
        with pytest.raises(DeadlineExceeded):
            await told(deadlines, 0.002)[1]
        assert not spared.done()
        assert done.result() is None

    run(work())


def test_many_that_are_over_are_not_kept_behind_one_that_waits() -> None:
    async def work() -> None:
        deadlines = Deadlines()
        kept: list[Due] = []
        first, waits = told(deadlines, 60)
        for number in range(20 * FEW):
            due, future = told(deadlines, 1 if number % 2 else 61)
            future.set_result(None)
            due.over = number % 3 == 0
            kept.append(due)
        assert deadlines.watched <= 4 * FEW
        assert not first.done()
        waits.cancel()
        deadlines.close()
        assert deadlines.watched == 0

    run(work())


def test_what_is_failed_may_wait_anew() -> None:
    async def work() -> None:
        deadlines = Deadlines()
        failed: asyncio.Future[asyncio.Future[None]] = asyncio.get_running_loop().create_future()

        class Stubborn:
            """Waits again when it is failed."""

            def done(self) -> bool:
                return failed.done()

            def set_exception(self, failure: Any, /) -> None:
                assert isinstance(failure, DeadlineExceeded)
                failed.set_result(told(deadlines, 0.001)[1])

        deadlines.add(asyncio.get_running_loop().time(), Stubborn())
        told(deadlines, 30)
        again = await failed
        with pytest.raises(DeadlineExceeded):
            await again
        deadlines.close()

    run(work())
