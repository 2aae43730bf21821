"""Records of callers who come again together: one half is synced while the other comes."""

from __future__ import annotations

import asyncio
import errno
import os
from itertools import count
from pathlib import Path

import pytest

from engine.storage import halves
from engine.storage.durability import Way
from engine.storage.halves import Halves
from tests.storage.committed import kept, whole
from tests.storage.disks import Kernel, ask, flying, kernel_in, of

NO_ROOM = OSError(errno.ENOSPC, "No space left on device")


pytestmark = pytest.mark.usefixtures("hearing")


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> Kernel:
    return kernel_in(monkeypatch)


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have all who come take much longer than the disk."""
    monkeypatch.setattr(halves, "monotonic", map(float, count(1, 1000)).__next__)


@pytest.mark.usefixtures("slow")
@pytest.mark.parametrize("elsewhere", [True, False])
def test_half_of_many_who_come_again_together_is_synced_while_the_others_come(
    tmp_path: Path, kernel: Kernel, *, elsewhere: bool
) -> None:
    kernel.elsewhere = elsewhere
    one = of(tmp_path, Way(durability="synced"))
    sizes: list[int] = []

    async def main() -> None:
        for start in (0, 64):
            await asyncio.gather(*(ask(one, start + number) for number in range(64)))
        kernel.held = True
        waited = [ask(one, number) for number in range(128, 160)]
        sizes.append(one._trail.size)
        waited += [ask(one, number) for number in range(160, 192)]
        assert (kernel.begun, one._trail.size) == ((3, 160) if elsewhere else (2, 128))
        await asyncio.sleep(0)
        await flying(kernel, 3)
        assert one._trail.size == 192
        kernel.go_on()
        assert await asyncio.gather(*waited) == [""] * 64
        assert [ask(one, number).done() for number in range(192, 207)] == [False] * 15
        assert one._trail.size == 192  # So few wait for the rest of the turn.
        await ask(one, 207)

    asyncio.run(main())
    assert sizes == ([160] if elsewhere else [128])
    assert kernel.begun == (5 if elsewhere else 4)
    one.close()
    assert kept(tmp_path) == list(range(208))
    whole(tmp_path)


def test_on_a_disk_that_takes_longer_than_they_all_come_together(
    tmp_path: Path, kernel: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(halves, "monotonic", lambda: 1.0)
    kernel.elsewhere = True
    one = of(tmp_path, Way(durability="synced"))

    async def main() -> None:
        for start in range(0, 256, 64):
            await asyncio.gather(*(ask(one, start + number) for number in range(64)))

    asyncio.run(main())
    assert kernel.begun == 4
    one.close()
    assert kept(tmp_path) == list(range(256))


def test_who_comes_is_measured_from_the_answers_to_the_end_of_the_first_turn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 10.0
    monkeypatch.setattr(halves, "monotonic", lambda: now)
    one = Halves()
    one.come(64)  # Nobody was answered before.
    one.land(64, 64, 0, 0.1)
    assert one.half == 0
    now = 12.0
    one.come(64)  # Nobody has come.
    one.come(74)
    now = 99.0
    one.come(128)  # Of these some have waited for something else.
    one.land(64, 128, 0, 12.0)
    assert one.half == 32
    one.land(64, 128, 0, 13.0)
    assert one.half == 0
    one.land(32, 160, 32, 12.0)
    assert one.half == 16
    one.land(31, 160, 32, 0.1)
    assert one.half == 0


@pytest.mark.usefixtures("slow")
def test_half_that_finds_no_room_is_told_so(
    tmp_path: Path, kernel: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    kernel.elsewhere = True
    one = of(tmp_path, Way(durability="synced", on_full="deny"))

    def full(*_: object) -> int:
        raise NO_ROOM

    async def main() -> list[str]:
        for start in (0, 64):
            await asyncio.gather(*(ask(one, start + number) for number in range(64)))
        with monkeypatch.context() as patch:
            patch.setattr(os, "write", full)
            waited = [ask(one, number) for number in range(128, 159)]
            waited.append(ask(one, 159))
        waited += [ask(one, number) for number in range(160, 192)]
        return list(await asyncio.gather(*waited))

    assert asyncio.run(main()) == [NO_ROOM.strerror] * 32 + [""] * 32
    one.close()
    assert [one for one in kept(tmp_path) if isinstance(one, int)] == [
        *range(128),
        *range(160, 192),
    ]


def test_a_kernel_that_has_no_thread_for_a_sync_is_no_disk_that_fails(
    tmp_path: Path, kernel: Kernel
) -> None:
    kernel.ends.append(OSError(errno.ECANCELED, "Operation canceled"))
    said: list[str] = []
    one = of(tmp_path, Way(durability="synced"), said)

    async def main() -> None:
        assert await ask(one, 0) == ""
        assert await ask(one, 1) == ""

    asyncio.run(main())
    assert (said, kernel.begun, one.tally.failures) == ([], 1, 0)
    one.close()
    assert kept(tmp_path) == [0, 1]
    whole(tmp_path)
