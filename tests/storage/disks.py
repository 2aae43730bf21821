"""A disk that holds every sync until it may go on, whoever asks for it; for tests."""

from __future__ import annotations

import errno
import os
from threading import Event, Thread

import pytest

from engine.storage import beside
from engine.storage.aio import Aio

BROKEN = OSError(errno.EIO, "Input/output error")


class HeldDisk:
    """Holds a sync of a thread, or one beside a loop; then it ends as it is told."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.reached, self.go_on = Event(), Event()
        self.broken = False
        self._sync = os.fdatasync
        patch.setattr(os, "fdatasync", self.sync)
        patch.setattr(beside, "Aio", lambda: HeldAio(self))

    def sync(self, file: int) -> None:
        self.hold()
        self.end()
        self._sync(file)

    def hold(self) -> None:
        self.reached.set()
        assert self.go_on.wait(20)

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
