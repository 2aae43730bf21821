"""Disks that hold syncs until they may go on, or fail as they are told, and who asks them."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Iterator
from contextvars import ContextVar
from pathlib import Path
from threading import Event, Thread

import pytest

from engine.storage import beside
from engine.storage.aio import Aio
from engine.storage.committer import Committer
from engine.storage.durability import Way
from engine.storage.synced import Synced
from tests.storage.committed import made
from tests.storage.made import record

BROKEN = OSError(errno.EIO, "Input/output error")


class HeldDisk:
    """Holds a sync of a thread, or one beside a loop; then it ends as it is told."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.reached, self.go_on = Event(), Event()
        self.broken = False
        self._sync = os.fdatasync
        patch.setattr(os, "fdatasync", self.sync)
        patch.setattr(beside, "syncer", lambda: HeldAio(self))

    def sync(self, file: int) -> None:
        self.hold()
        self.end()
        self._sync(file)

    def hold(self) -> None:
        self.reached.set()
        assert self.go_on.wait(60)

    def end(self) -> None:
        if self.broken:
            raise BROKEN


class HeldAio(Aio):
    """Begins a sync when the disk may go on."""

    def __init__(self, disk: HeldDisk) -> None:
        super().__init__()
        self._disk = disk

    def begin(self, file: int) -> None:
        begins = super().begin

        def later() -> None:
            self._disk.hold()
            begins(file)

        Thread(target=later).start()

    def end(self) -> None:
        super().end()
        self._disk.end()


class Kernel(Aio):
    """Begins a sync when it may, and fails as it is told."""

    held = False
    ends: list[OSError]
    begun: int
    refuses = False

    def __init__(self) -> None:
        super().__init__()
        self.ends = []
        self.begun = 0
        self._file = -1

    def begin(self, file: int) -> None:
        if self.refuses:
            raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")
        self.begun += 1
        self._file = file
        if not self.held:
            super().begin(file)

    def go_on(self) -> None:
        self.held = False
        super().begin(self._file)

    def end(self) -> None:
        super().end()
        if self.ends:
            raise self.ends.pop(0)


def kernel_in(patch: pytest.MonkeyPatch) -> Kernel:
    """Return the kernel that syncs beside all loops from now on."""
    try:
        kernel = Kernel()
    except OSError as error:
        pytest.skip(f"this kernel does not sync beside: {error}")
    patch.setattr(beside, "syncer", lambda: kernel)
    return kernel


def of(folder: Path, way: Way, said: list[str] | None = None) -> Synced:
    one = made(folder, way, said)
    assert isinstance(one, Synced)
    return one


CALLED = ContextVar("CALLED", default=False)
"""Whether who asks is called, and not awaits."""


@pytest.fixture(params=[False, True], ids=["awaited", "called"])
def hearing(request: pytest.FixtureRequest) -> Iterator[None]:
    """Have all who ask hear in one of both ways."""
    before = CALLED.set(request.param)
    yield
    CALLED.reset(before)


def ask(one: Committer, number: int) -> asyncio.Future[str]:
    one.stage(record(number))
    told = heard(one)
    assert told is not None
    return told


def heard(one: Committer, *, called: bool | None = None) -> asyncio.Future[str] | None:
    """Return what is done when what was put last is kept; None for nothing."""
    if not (CALLED.get() if called is None else called):
        return one.kept()
    told: list[asyncio.Future[str]] = []

    def then(problem: Exception | None) -> None:
        told[0].set_result("" if problem is None else str(problem))

    if not one.tell(then):
        return None
    told.append(asyncio.get_running_loop().create_future())
    return told[0]


async def flying(kernel: Kernel, count: int = 1) -> None:
    """Wait until so many syncs were begun."""
    async with asyncio.timeout(60):
        while kernel.begun < count:  # noqa: ASYNC110 - it is begun in a turn of this loop
            await asyncio.sleep(0)
