"""When the next sync is to begin: a disk that is quicker than the loop has one half meanwhile."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from engine.storage import beside
from engine.storage.beside import FEW, NEVER, Pace
from engine.storage.committer import Committer
from engine.storage.durability import Way
from tests.storage.committed import kept, whole
from tests.storage.disks import Kernel, kernel_in
from tests.storage.made import record
from tests.storage.test_synced import ask, flying, of


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(beside, "monotonic", clock)
    return clock


def known(clock: Clock, each: float) -> Pace:
    """Return a pace that has seen the loop take so many seconds over each of a hundred."""
    pace = Pace()
    pace.landed(1.0, 100, 0, 100)
    clock.now += 100 * each
    pace.begun(200)
    return pace


def test_nothing_is_split_before_anything_is_known() -> None:
    pace = Pace()
    assert not pace.landed(0.0001, 64, 0, 64)
    assert pace.half == NEVER
    assert pace.landed(0.0001, 64, 1, 128)  # Nor do those who are pending go alone.


@pytest.mark.parametrize(("spent", "splits"), [(0.0004, True), (0.0006, False)])
def test_half_goes_ahead_where_the_disk_is_quicker_than_the_loop(
    clock: Clock, spent: float, *, splits: bool
) -> None:
    pace = known(clock, 0.00001)
    assert not pace.landed(spent, 64, 0, 264)
    assert pace.half == (264 + 32 if splits else NEVER)
    pace.begun(296)
    assert pace.half == NEVER


def test_few_are_not_split(clock: Clock) -> None:
    pace = known(clock, 1.0)
    pace.landed(0.0001, FEW - 1, 0, 300)
    assert pace.half == NEVER


@pytest.mark.parametrize(("spent", "waits"), [(0.0004, False), (0.0006, True)])
def test_halves_join_again_where_the_disk_is_slower(
    clock: Clock, spent: float, *, waits: bool
) -> None:
    pace = known(clock, 0.00001)
    assert pace.landed(spent, 32, 32, 264) == waits
    assert pace.half == NEVER


def test_a_sync_for_which_nobody_came_tells_nothing_of_the_loop(clock: Clock) -> None:
    pace = known(clock, 0.00001)
    pace.landed(0.1, 32, 32, 264)
    clock.now += 50
    pace.begun(264)
    assert pace.landed(0.0006, 32, 32, 300)
    pace.begun(300)
    clock.now += 50
    pace.begun(400)  # Nothing has landed since the one before.
    assert pace.landed(0.0006, 32, 32, 400)


# --- with a trail --------------------------------------------------------------------------------


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> Kernel:
    return kernel_in(monkeypatch)


async def again(one: Committer, number: int, last: list[int]) -> None:
    """Ask, and ask again when that was answered."""
    assert await ask(one, number) == ""
    assert await ask(one, number + 100) == ""
    last.append(number)


def test_half_of_those_who_come_again_go_ahead_where_the_disk_is_quick(
    tmp_path: Path, kernel: Kernel
) -> None:
    one = of(tmp_path, Way(durability="synced"))
    last: list[int] = []

    async def main() -> None:
        asked = asyncio.gather(*(again(one, number, last) for number in range(16)))
        await flying(kernel)
        one._pace._each = 60.0
        await flying(kernel, 2)
        kernel.held = True  # The second half, which is pending by then.
        await flying(kernel, 3)
        async with asyncio.timeout(10):
            while len(last) < 8:  # noqa: ASYNC110 - they were answered, and have yet to hear
                await asyncio.sleep(0)
        assert sorted(last) == list(range(8))
        kernel.go_on()
        await asked

    asyncio.run(main())
    assert (kernel.begun, one.waiting, len(last)) == (3, 0, 16)
    one.close()
    assert kept(tmp_path) == [*range(16), *range(100, 116)]
    whole(tmp_path)


def test_those_who_waited_go_with_those_who_come_again_where_the_disk_is_slow(
    tmp_path: Path, kernel: Kernel
) -> None:
    one = of(tmp_path, Way(durability="synced"))
    last: list[int] = []
    kernel.held = True

    async def main() -> None:
        first = asyncio.gather(*(again(one, number, last) for number in range(16)))
        await flying(kernel)
        others = [ask(one, number) for number in range(50, 60)]
        await asyncio.sleep(0)
        kernel.go_on()
        await asyncio.gather(first, *others)

    asyncio.run(main())
    assert (kernel.begun, one.waiting, len(last)) == (2, 0, 16)
    one.close()
    assert kept(tmp_path) == [*range(16), *range(50, 60), *range(100, 116)]
    whole(tmp_path)


def test_a_thread_that_blocks_the_loop_waits_for_nothing_that_the_loop_would_begin(
    tmp_path: Path, kernel: Kernel
) -> None:
    one = of(tmp_path, Way(durability="synced"))

    async def main() -> list[str]:
        kernel.held = True
        waited = [ask(one, number) for number in range(9)]
        await flying(kernel)
        waited += [ask(one, number) for number in range(9, 18)]
        await asyncio.sleep(0)
        kernel.go_on()
        while not waited[0].done():  # noqa: ASYNC110 - it is heard in a turn of this loop
            await asyncio.sleep(0)
        one.put(record(18))
        assert one.wait() == ""
        return list(await asyncio.gather(*waited))

    assert asyncio.run(main()) == [""] * 18
    one.close()
    assert kept(tmp_path) == list(range(19))
    whole(tmp_path)
