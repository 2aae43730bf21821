"""A folder's LMDB file goes in; transactions come out that make room by themselves.

LMDB lets one process write at a time (a robust mutex that a dying owner gives back) and never
changes a live page in place, so that a process killed at any moment leaves the last committed
state. Commits are not flushed to the disk one by one: the kernel keeps them when a process dies;
``sync`` (and ``close``) make them survive a power cut.

The file is written through its memory map (2.3 us instead of 6.7 for two keys). A full disk under
a sparse map would end the process with SIGBUS, so the blocks are allocated before the map is made
or grown, and a full disk is an error then. A file that was cut under another process' map would do
the same, so mapping is done under a file lock and never with less than the file's size.

Who removes the file, or its lock, takes it from no process that has it: each would count on for
itself, and who comes new would begin empty. So it is looked now and then whether it is still there
(`look`); while it is not, nothing is counted.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, TypeAlias, TypeVar

import lmdb

from engine.runtime.store import StoreUnavailable
from engine.state import layout, mapped

MEGABYTE = 2**20
LAST = 2**16
"""Bytes in which something can be forgotten. On a full disk the file grows for new entries only by
a megabyte or more: so what is left is for that, and a file that has filled the disk mends itself.
"""

Answer = TypeVar("Answer")
Transaction: TypeAlias = "lmdb.Transaction[bytes]"


class Size(NamedTuple):
    """Bytes of a store: its file, what of it is mapped, and pages that have ever been in use."""

    file: int
    mapped: int
    used: int


class Environment:
    """The file in *path*, open once in a process; threads may share it.

    *map_size* and *max_size* are bytes: the file's size at first and at most. StateError when it
    cannot be opened. Whatever is asked of a closed one raises StoreUnavailable.
    """

    def __init__(self, path: Path, *, map_size: int, max_size: int) -> None:
        self._path = path
        self._max_size = max_size
        self._lock = threading.Lock()
        self._open = True
        self._environment = mapped.open_file(path, min(map_size, max_size))
        self._files = mapped.files_of(path)
        self._gone = False

    def write(self, work: Callable[[Transaction], Answer], *, emptying: bool = False) -> Answer:
        """Do *work* in one transaction, growing the map as needed; *work* may run again.

        *emptying* when it makes the file emptier: it may then grow beyond its largest size.
        """
        if self._gone:
            self.look()
        with self._lock:
            while True:
                try:
                    with self._environment.begin(write=True) as transaction:
                        return work(transaction)
                except lmdb.MapFullError:
                    self._grow(emptying=emptying)
                except lmdb.MapResizedError:
                    self._resize(0)
                except (lmdb.Error, layout.UnreadableValue) as problem:
                    raise self._unavailable(problem) from problem

    def read(self, work: Callable[[Transaction], Answer]) -> Answer:
        """Do *work* in one transaction that changes nothing; *work* may run again."""
        if self._gone:
            self.look()
        with self._lock:
            while True:
                try:
                    with self._environment.begin() as transaction:
                        return work(transaction)
                except lmdb.MapResizedError:
                    self._resize(0)
                except (lmdb.Error, layout.UnreadableValue) as problem:
                    raise self._unavailable(problem) from problem

    def size(self) -> Size:
        """Return how large the file is."""

        def work(transaction: Transaction) -> Size:
            del transaction
            info, page = self._environment.info(), self._environment.stat()["psize"]
            used = (info["last_pgno"] + 1) * page
            return Size(self._path.stat().st_size, info["map_size"], used)

        return self.read(work)

    def check_readers(self) -> None:
        """Free what readers that were killed hold: pages that could not be used again.

        Only inside of a transaction's work.
        """
        self._environment.reader_check()

    def look(self) -> None:
        """Raise StoreUnavailable where the file is another one by now, or gone, or its lock is."""
        self._gone = mapped.files_of(self._path) != self._files
        if self._gone:
            raise StoreUnavailable(mapped.taken_away(self._path))

    def sync(self) -> None:
        """Write to the disk what was committed so far. Takes as long as the disk takes."""
        with self._lock:
            self._flush()

    def close(self) -> None:
        """Sync and close."""
        with self._lock:
            if self._open:
                self._open = False
                try:
                    self._flush()
                finally:
                    self._environment.close()

    def _flush(self) -> None:
        try:
            self._environment.sync(True)  # noqa: FBT003 - lmdb takes no keyword
        except lmdb.Error as problem:
            raise self._unavailable(problem) from problem

    def _grow(self, *, emptying: bool) -> None:
        size = self._environment.info()["map_size"]
        if emptying:
            # Even forgetting needs a few pages first; without them a full map would stay full.
            self._resize(size, MEGABYTE, LAST)
        elif size < self._max_size:
            self._resize(size, min(size, self._max_size - size), MEGABYTE)
        else:
            raise StoreUnavailable(
                f"the state in {self._path} is full: it may have {self._max_size} bytes, raise that"
            )

    def _resize(self, size: int, step: int = 0, least: int = 1) -> None:
        """Map *size* bytes and *step* more, or all that the file has by now if that is more.

        Where there is no room for so much, half of *step* will do, and so on, down to *least*.
        """
        while True:
            try:
                mapped.resize(self._environment, self._path, size + step)
            except (OSError, lmdb.Error) as problem:
                if step // 2 < least:
                    raise self._unavailable(problem) from problem
                step //= 2
            else:
                return

    def _unavailable(self, problem: Exception) -> StoreUnavailable:
        return StoreUnavailable(f"the state in {self._path} cannot be used: {problem}")
