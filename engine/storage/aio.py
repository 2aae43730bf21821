"""An open file in, a descriptor that is readable when the file is on the disk out.

Linux syncs a file beside whoever asks it to (``io_submit(2)`` with ``IOCB_CMD_FDSYNC``, since
4.18): no thread waits for the disk, and none has to take the interpreter back when it has ended.
The kernel does it on the core from which it is asked. Where another one did, which is what
``io_uring``'s threads are for, a record cost half as much processor time again, and with 64 in
flight a fifth fewer came to the disk in a second (on a virtual machine with two cores).
The C library has no functions for these system calls, so they are called by their numbers. What is
told about a sync is what ``fdatasync`` would return.

Where the kernel, or what guards the process, has none of this, `Aio` raises OSError.
"""

from __future__ import annotations

import ctypes
import os
import platform
import select
from contextlib import suppress
from errno import EINPROGRESS, ENOSYS
from struct import Struct

NUMBERS = {"x86_64": (206, 207, 208, 209), "aarch64": (0, 1, 4, 2)}
"""Of io_setup, io_destroy, io_getevents and io_submit, by machine."""
FDSYNC = 3
RESFD = 1
"""The descriptor in the block is told of the end."""
BLOCK = Struct("<QIIHhIQQqQII")
"""An iocb: data, key, flags, what, priority, file, address, bytes, place, nothing, flags, told."""
EVENT = Struct("<QQqq")
"""An io_event: data, iocb, what it returned, reserved."""

# The interpreter is kept during these calls: they only leave word, and give it back at once.
call = ctypes.PyDLL(None, use_errno=True).syscall
call.restype = ctypes.c_long

WRITE = 2
"""See sync_file_range(2): begin to write, and wait for nothing."""
_write_range = getattr(ctypes.CDLL(None), "sync_file_range", None)


def begin_writing(file: int, start: int, end: int) -> None:
    """Have the kernel write these bytes of *file* soon; nothing is told of how that goes.

    What fails is told by the next sync. Where there is no such call nothing is done.
    """
    if _write_range is not None:
        _write_range(file, ctypes.c_int64(start), ctypes.c_int64(end - start), WRITE)


class Aio:
    """Has the kernel sync one file at a time. Not for several threads at once, but for `wait`."""

    def __init__(self) -> None:
        """Prepare for one sync. Raises OSError."""
        numbers = NUMBERS.get(platform.machine())
        if numbers is None or platform.system() != "Linux":
            raise OSError(ENOSYS, os.strerror(ENOSYS))
        self.told = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        """Readable when what was begun has ended."""
        setup, self._destroy, self._getevents, self._submit = numbers
        self._context = ctypes.c_ulong(0)
        try:
            checked(call(setup, ctypes.c_long(1), ctypes.byref(self._context)))
        except OSError:
            os.close(self.told)
            raise
        self._block = ctypes.create_string_buffer(BLOCK.size)
        self._blocks = (ctypes.c_void_p * 1)(ctypes.addressof(self._block))
        self._event = ctypes.create_string_buffer(EVENT.size)
        self._at_once = (ctypes.c_long * 2)(0, 0)

    def begin(self, file: int) -> None:
        """Begin to sync *file*. Raises OSError."""
        BLOCK.pack_into(self._block, 0, 0, 0, 0, FDSYNC, 0, file, 0, 0, 0, 0, RESFD, self.told)
        checked(call(self._submit, self._context, ctypes.c_long(1), self._blocks))

    def end(self) -> None:
        """Return if what was begun has ended well. Raises OSError; BlockingIOError: not yet."""
        one = ctypes.c_long(1)
        found = call(self._getevents, self._context, one, one, self._event, self._at_once)
        if not checked(found):
            raise BlockingIOError(EINPROGRESS, os.strerror(EINPROGRESS))
        with suppress(BlockingIOError):
            os.eventfd_read(self.told)
        result = EVENT.unpack(self._event)[2]
        if result < 0:
            raise OSError(-result, os.strerror(-result))

    def wait(self, seconds: float | None) -> bool:
        """Wait until what was begun has ended, or for so long; return whether it has."""
        waits = select.poll()
        waits.register(self.told, select.POLLIN)
        return bool(waits.poll(None if seconds is None else 1000 * seconds))

    def close(self) -> None:
        """Wait for what was begun, and give everything back."""
        call(self._destroy, self._context)
        os.close(self.told)


def syncer() -> Aio | None:
    """Return what syncs beside, if there is such a thing here."""
    try:
        return Aio()
    except OSError:
        return None


def checked(found: int) -> int:
    """Return what a system call gave. Raises OSError when it says so."""
    if found < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return found
