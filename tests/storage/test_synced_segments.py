"""New segments of a trail that is synced beside an event loop: nobody waits for one."""

from __future__ import annotations

import asyncio
import errno
import os
from pathlib import Path
from threading import Event

import pytest

from engine.storage import trail as trailing
from engine.storage.durability import Way
from engine.storage.trail import PACED, PACED_FROM
from tests.storage.committed import kept, whole
from tests.storage.disks import Kernel, ask, flying, kernel_in, of
from tests.storage.made import verified

BROKEN = OSError(errno.EIO, "Input/output error")


pytestmark = pytest.mark.usefixtures("hearing")


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> Kernel:
    return kernel_in(monkeypatch)


def test_a_new_segment_waits_for_what_is_in_the_air(tmp_path: Path, kernel: Kernel) -> None:
    one = of(tmp_path, Way(durability="synced"))
    segment = one._trail.path

    async def main() -> None:
        kernel.held = True
        first = ask(one, 0)
        await flying(kernel)
        one.turn()
        second = ask(one, 1)
        await asyncio.sleep(0)
        assert one._trail.path == segment
        kernel.go_on()
        assert [await first, await second] == ["", ""]
        assert await ask(one, 2) == ""

    asyncio.run(main())
    one.close()
    assert kept(tmp_path) == [0, 1, 2]
    assert len(list(tmp_path.glob("*.seg"))) == 2
    whole(tmp_path)


def test_answers_come_while_a_new_segment_is_prepared(
    tmp_path: Path, kernel: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = of(tmp_path, Way(durability="synced"))
    reached, go_on = Event(), Event()

    def waits(_seconds: float) -> None:
        reached.set()
        assert go_on.wait(60)

    async def main() -> None:
        await asyncio.gather(*(ask(one, number) for number in range(PACED + 1)))
        monkeypatch.setattr(trailing, "sleep", waits)
        segment = one._trail.path
        one.turn()
        while not reached.is_set():  # noqa: ASYNC110 - another thread reaches it
            await asyncio.sleep(0)
        for number in range(PACED + 1, PACED + 5):
            async with asyncio.timeout(60):
                assert await ask(one, number) == ""
        assert one._trail.path == segment
        go_on.set()
        while one._trail.path == segment:  # noqa: ASYNC110 - another thread begins it
            await asyncio.sleep(0)
        assert await ask(one, PACED + 5) == ""

    asyncio.run(main())
    assert kernel.begun >= 5
    one.close()
    assert kept(tmp_path) == list(range(PACED + 6))
    whole(tmp_path)


@pytest.mark.parametrize("beside", [True, False])
def test_the_tree_grows_whoever_syncs(tmp_path: Path, kernel: Kernel, *, beside: bool) -> None:
    kernel.refuses = not beside
    one = of(tmp_path, Way(durability="synced"))

    async def main() -> None:
        for start in range(0, 1000, 50):
            await asyncio.gather(*(ask(one, number) for number in range(start, start + 50)))
            while len(one._trail._leaves) > PACED_FROM + 50:  # noqa: ASYNC110 - a thread may be at it
                await asyncio.sleep(0)

    async def soon() -> None:
        async with asyncio.timeout(60):
            await main()

    asyncio.run(soon())
    assert kernel.begun == (20 if beside else 0)
    one.close()
    assert kept(tmp_path) == list(range(1000))
    assert verified(tmp_path).signed == 1000


def test_a_full_segment_that_cannot_be_closed_holds_nobody_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    one = of(tmp_path, Way(durability="synced"), said)

    def fails(_file: int) -> None:
        raise BROKEN

    async def main() -> None:
        assert await ask(one, 0) == ""
        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", fails)
            one.turn()
            while not said:  # noqa: ASYNC110 - another thread says it
                await asyncio.sleep(0)
        assert await ask(one, 1) == ""

    asyncio.run(main())
    assert said == ["a full segment cannot be closed: Input/output error"]
    one.close()
    assert kept(tmp_path) == [0, 1]
    whole(tmp_path)
