"""A path and a size go in; an LMDB environment comes out whose blocks all exist on the disk.

Mapping is done under a file lock that all processes of a store share, and never with less than the
file's size, since LMDB would cut the file under the others' maps.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import lmdb

from engine.remedies import remedy_in
from engine.state.errors import StateError

FORMAT_KEY = b"\0format"
FORMAT = b"engine state 1"
_READERS = 1024
_LOCK_BYTES = 17 * 4096
"""Of a new lock file: so many readers need 65,664, and LMDB takes what is more for others."""


def open_file(path: Path, size: int) -> lmdb.Environment:
    """Return the environment in *path*, made if need be; StateError says what to do if not."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with locked(path):
            return _open(path, size)
    except (lmdb.InvalidError, lmdb.VersionMismatchError, lmdb.CorruptedError) as problem:
        raise _broken(path, "is damaged or no state file") from problem
    except (OSError, lmdb.Error) as problem:
        remedy = remedy_in(
            str(problem), "give the engine a folder that it may write to, with space on its disk"
        )
        raise StateError(
            f"the state file {path} cannot be opened: {problem}; {remedy}"
        ) from problem


def resize(environment: lmdb.Environment, path: Path, size: int) -> None:
    """Map *size* bytes, or all that the file has by now if that is more; OSError on a full disk."""
    with locked(path):
        wanted = max(size, path.stat().st_size)
        _allocate(path, wanted)
        environment.set_mapsize(wanted)


def files_of(path: Path) -> tuple[tuple[int, int], ...]:
    """Return what tells the file in *path* and its lock from others in their place; () without."""
    try:
        found = [one.stat() for one in (path, path.with_name(f"{path.name}-lock"))]
    except OSError:
        return ()
    return tuple((one.st_dev, one.st_ino) for one in found)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock for mapping the file in *path*. A process that dies gives it back."""
    handle = os.open(path.with_name(path.name + "-map"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _open(path: Path, size: int) -> lmdb.Environment:
    before = path.stat().st_size if path.exists() else 0
    wanted = max(size, before)
    _allocate_lock(path)
    environment = lmdb.open(
        str(path),
        subdir=False,
        map_size=wanted,
        max_readers=_READERS,
        mode=0o600,
        writemap=True,
        sync=False,
    )
    with ExitStack() as undo:
        undo.callback(environment.close)
        _check_whole(environment, path, before)
        _allocate(path, wanted)
        _claim(environment, path)
        undo.pop_all()
    return environment


def _allocate_lock(path: Path) -> None:
    """Have all blocks of the lock file, which LMDB maps as well. OSError where there is no room.

    One that is there keeps its size: others may have it mapped.
    """
    handle = os.open(path.with_name(f"{path.name}-lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        before = os.fstat(handle).st_size
        try:
            os.posix_fallocate(handle, 0, before or _LOCK_BYTES)
        except OSError:
            os.ftruncate(handle, before)
            raise
    finally:
        os.close(handle)


def _check_whole(environment: lmdb.Environment, path: Path, size: int) -> None:
    used = (environment.info()["last_pgno"] + 1) * environment.stat()["psize"]
    if 0 < size < used:
        raise _broken(path, f"is cut short: {size} of {used} bytes")


def _allocate(path: Path, size: int) -> None:
    """Have all blocks of *size* bytes. OSError where there is no room; then none is taken."""
    handle = os.open(path, os.O_RDWR)
    try:
        before = os.fstat(handle).st_size
        try:
            os.posix_fallocate(handle, 0, size)
        except OSError:
            # Some file systems have taken what there was, for nothing. Nobody maps that yet.
            os.ftruncate(handle, before)
            raise
    finally:
        os.close(handle)


def _claim(environment: lmdb.Environment, path: Path) -> None:
    """Put the mark into an empty file; StateError if another program's content is in it."""
    with environment.begin(write=True) as transaction:
        found = transaction.get(FORMAT_KEY)
        if found is None and environment.stat()["entries"] == 0:
            transaction.put(FORMAT_KEY, FORMAT)
        elif found is None:
            raise _broken(path, "is an LMDB file of another program")
        elif found != FORMAT:
            raise _broken(path, f"is of another version ({found.decode(errors='replace')})")


def taken_away(path: Path) -> str:
    """Return what is said where the file in *path*, or its lock, is not the one that was opened."""
    return (
        f"the state file {path} or its lock was removed or replaced while it was in use: put back "
        "what was there, or start the daemon anew, with empty throttles, meters and labels"
    )


def _broken(path: Path, what: str) -> StateError:
    return StateError(
        f"the file {path} {what}; move it away to start with empty throttles, meters and labels"
    )
