"""An open file in, a descriptor that is readable when another core has synced the file out.

``io_uring`` (Linux 5.7) has threads of its own for a sync, which any core runs, while `Aio` runs it
on the core from which it is asked: there a sync waits for what the process does next, or holds it
up. A process that has nothing to do meanwhile is told sooner by `Aio`, and so is one that has one
core only. What guards the process may forbid ``io_uring``, as container runtimes do by default.

Whether it works is tried once, on a file in memory, before any record depends on it: a kernel that
knows the calls and not what is asked would else be taken for a disk that fails.
"""

from __future__ import annotations

import ctypes
import mmap
import os
from contextlib import suppress
from errno import EAGAIN, EINPROGRESS, ENOSYS
from struct import Struct

from engine.storage.aio import Aio, Syncer, call, checked

SETUP, ENTER, REGISTER = 425, 426, 427
"""On every machine."""
REGISTER_EVENTFD = 4
PARAMETERS = Struct("<10I10I10I")
"""An io_uring_params: sizes and features, then the places of the submission and completion ring."""
SINGLE_MMAP, FAST_POLL = 1 << 0, 1 << 5
"""Features; kernels with the latter take `ASYNC`."""
SQES_AT = 0x10000000
SQE = Struct("<BBHiQQIIQ24x")
"""What, flags, priority, file, place, address, bytes, how, data."""
NUMBER_BYTES = 4
"""Of all that is read and written in the rings."""
CQE_NUMBERS = 4
"""Numbers in a completion: data (two), what it returned, flags."""
RETURNED = 2
FSYNC, ASYNC, DATASYNC = 3, 1 << 4, 1
TRIAL_SECONDS = 0.25
"""So long the trial may take, on a machine that is very busy: it holds up who begins."""


class Uring(Syncer):
    """See Syncer."""

    elsewhere = True

    def __init__(self) -> None:
        """Prepare for one sync, and try one. Raises OSError."""
        super().__init__()
        parameters = ctypes.create_string_buffer(PARAMETERS.size)
        try:
            self._ring = checked(call(SETUP, ctypes.c_long(1), parameters))
        except OSError:
            super().close()
            raise
        try:
            self._map(PARAMETERS.unpack(parameters))
            told = ctypes.c_int(self.told)
            one = ctypes.c_long(1)
            kind = ctypes.c_long(REGISTER_EVENTFD)
            checked(call(REGISTER, ctypes.c_long(self._ring), kind, ctypes.byref(told), one))
            self._try()
        except OSError:
            self.close()
            raise

    def _map(self, parameters: tuple[int, ...]) -> None:
        """Take the rings into memory, and find the places in them."""
        entries, events, _, _, _, features = parameters[:6]
        head, tail, _, _, _, _, array = parameters[10:17]
        event_head, event_tail, _, _, _, events_at = parameters[20:26]
        if entries != 1 or not (features & SINGLE_MMAP and features & FAST_POLL):
            raise OSError(ENOSYS, os.strerror(ENOSYS))
        size = max(array + NUMBER_BYTES, events_at + CQE_NUMBERS * NUMBER_BYTES * events)
        flags = mmap.MAP_SHARED | mmap.MAP_POPULATE
        rings = memoryview(mmap.mmap(self._ring, size, flags))
        # As numbers they are read and written for a third of what `struct` takes.
        self._numbers, self._results = rings.cast("I"), rings.cast("i")
        self._head, self._tail = head // NUMBER_BYTES, tail // NUMBER_BYTES
        self._event_head = event_head // NUMBER_BYTES
        self._event_tail = event_tail // NUMBER_BYTES
        self._events = events_at // NUMBER_BYTES
        self._entry = mmap.mmap(self._ring, SQE.size * entries, flags, offset=SQES_AT)
        self._mask = events - 1
        self._begun = self._ended = 0
        none = ctypes.c_long(0)
        self._enter = ctypes.c_long(self._ring), ctypes.c_long(1), none, none, None, none

    def _try(self) -> None:
        file = os.memfd_create("trial", os.MFD_CLOEXEC)
        try:
            self.begin(file)
            if not self.wait(TRIAL_SECONDS):
                raise TimeoutError
            self.end()
        finally:
            os.close(file)

    def begin(self, file: int) -> None:
        """See Syncer."""
        SQE.pack_into(self._entry, 0, FSYNC, ASYNC, 0, file, 0, 0, 0, DATASYNC, self._begun)
        begun = (self._begun + 1) & 0xFFFFFFFF
        self._numbers[self._tail] = begun
        try:
            if not checked(call(ENTER, *self._enter)):
                raise BlockingIOError(EAGAIN, os.strerror(EAGAIN))
        except OSError:
            if self._numbers[self._head] == self._begun:  # Else it has been taken all the same.
                self._numbers[self._tail] = self._begun
                raise
        self._begun = begun

    def end(self) -> None:
        """See Syncer."""
        if self._numbers[self._event_tail] == self._ended:
            raise BlockingIOError(EINPROGRESS, os.strerror(EINPROGRESS))
        at = self._events + CQE_NUMBERS * (self._ended & self._mask)
        result = self._results[at + RETURNED]
        self._ended = (self._ended + 1) & 0xFFFFFFFF
        self._numbers[self._event_head] = self._ended
        self.heard()
        if result < 0:
            raise OSError(-result, os.strerror(-result))

    def close(self) -> None:
        """See Syncer."""
        os.close(self._ring)
        super().close()


def syncers() -> list[Syncer]:
    """Return what syncs few records at the least cost, then what does many; empty for none."""
    found: list[Syncer] = []
    with suppress(OSError):
        found.append(Aio())
    if hasattr(os, "sched_getaffinity") and len(os.sched_getaffinity(0)) > 1:
        with suppress(OSError):
            found.append(Uring())
    return found
