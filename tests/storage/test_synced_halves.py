"""Records of callers who come again together: one half is synced while the other comes."""

from __future__ import annotations

import asyncio
import errno
import os
from pathlib import Path

import pytest

from engine.storage.durability import Way
from tests.storage.committed import kept, whole
from tests.storage.disks import Kernel, ask, flying, kernel_in, of

NO_ROOM = OSError(errno.ENOSPC, "No space left on device")


pytestmark = pytest.mark.usefixtures("hearing")


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> Kernel:
    return kernel_in(monkeypatch)


@pytest.mark.parametrize("elsewhere", [True, False])
def test_half_of_many_who_come_again_together_is_synced_while_the_others_come(
    tmp_path: Path, kernel: Kernel, *, elsewhere: bool
) -> None:
    kernel.elsewhere = elsewhere
    one = of(tmp_path, Way(durability="synced"))
    sizes: list[int] = []

    async def main() -> None:
        await asyncio.gather(*(ask(one, number) for number in range(64)))
        kernel.held = True
        waited = [ask(one, number) for number in range(64, 96)]
        sizes.append(one._trail.size)
        waited += [ask(one, number) for number in range(96, 128)]
        assert (kernel.begun, one._trail.size) == ((2, 96) if elsewhere else (1, 64))
        await asyncio.sleep(0)
        await flying(kernel, 2)
        assert one._trail.size == 128
        kernel.go_on()
        assert await asyncio.gather(*waited) == [""] * 64
        assert [ask(one, number).done() for number in range(128, 143)] == [False] * 15
        assert one._trail.size == 128  # So few wait for the rest of the turn.
        await ask(one, 143)

    asyncio.run(main())
    assert sizes == ([96] if elsewhere else [64])
    assert kernel.begun == (4 if elsewhere else 3)
    one.close()
    assert kept(tmp_path) == list(range(144))
    whole(tmp_path)


def test_half_that_finds_no_room_is_told_so(
    tmp_path: Path, kernel: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    kernel.elsewhere = True
    one = of(tmp_path, Way(durability="synced", on_full="deny"))

    def full(*_: object) -> int:
        raise NO_ROOM

    async def main() -> list[str]:
        await asyncio.gather(*(ask(one, number) for number in range(64)))
        with monkeypatch.context() as patch:
            patch.setattr(os, "write", full)
            waited = [ask(one, number) for number in range(64, 95)]
            waited.append(ask(one, 95))
        waited += [ask(one, number) for number in range(96, 128)]
        return list(await asyncio.gather(*waited))

    assert asyncio.run(main()) == [NO_ROOM.strerror] * 32 + [""] * 32
    one.close()
    assert [one for one in kept(tmp_path) if isinstance(one, int)] == [*range(64), *range(96, 128)]


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
