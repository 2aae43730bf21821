"""Compiled pieces in, by the digest of what they were made from; the same pieces out, faster.

The folder holds code that this process will run, so it must belong to this user alone: it is made
with mode 0700 and refused when anyone else may write there. Who may write to the folder around it
could put another in its place later, so what is read must be this user's own file. A damaged or
missing entry is a miss, never an error; a cache that cannot be written is slower, nothing else.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import shutil
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from mmap import mmap
from pathlib import Path
from time import sleep
from typing import Protocol

from engine.remedies import remedy_for
from engine.storage.plain import open_plain

DIGEST_BYTES = 32
MOST_BYTES = 512 * 1024 * 1024
"""Beyond this the entries that were not used for longest are removed."""

SUFFIX = ".bin"
FRESH = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC

PIECE_BYTES = 128 * 1024
"""Files are read and written in pieces, each in about a tenth of a millisecond: most kernels let no
other process have the core during a call, and whoever decides may be waiting for it."""
REST_SECONDS = 0.0003


class Cache(Protocol):
    """Bytes by key. *key* is a hexadecimal digest."""

    def get(self, key: str) -> bytes | None:
        """Return the bytes under *key*, or None."""
        ...

    def lend(self, key: str, *, gently: bool = False) -> memoryview | None:
        """Return what `get` does, not copied; *gently*: others are decided for meanwhile."""
        ...

    def put(self, key: str, data: bytes) -> None:
        """Keep *data* under *key*."""
        ...

    def copy(self, key: str, to: str) -> None:
        """Keep what is under *key* under *to* as well."""
        ...


class NoCache:
    """Remembers nothing."""

    def get(self, key: str) -> bytes | None:
        """Return None."""
        del key
        return None

    def lend(self, key: str, *, gently: bool = False) -> memoryview | None:
        """Return None."""
        del key, gently
        return None

    def put(self, key: str, data: bytes) -> None:
        """Forget it."""

    def copy(self, key: str, to: str) -> None:
        """Do nothing."""


NO_CACHE = NoCache()


class CacheFolderError(Exception):
    """The folder cannot be trusted or made; the text names it and the remedy."""


@dataclass(frozen=True, slots=True)
class FolderCache:
    """A cache in *folder*; use `open_cache` to make one."""

    folder: Path
    most_bytes: int = MOST_BYTES

    def get(self, key: str) -> bytes | None:
        """Return the bytes under *key*, or None when there are none or they are damaged."""
        found = self._read(key, 0)
        return None if found is None else bytes(found)

    def lend(self, key: str, *, gently: bool = False) -> memoryview | None:
        """Return what `get` does, in memory of its own, which is given back with it.

        *gently*, with rests in between, in a thread of a process that decides: many bytes at once
        would hold the core while they are hashed.
        """
        return self._read(key, REST_SECONDS if gently else 0)

    def trouble(self, key: str) -> str:
        """Return why what is under *key* cannot be read, and the remedy; empty where it can.

        Of what is not there, or damaged, nothing is said: it is made anew.
        """
        try:
            self._load(self.path(key), 0)
        except OSError as error:
            remedy = remedy_for(error, "")
            return f"{error.strerror}; {remedy}" if remedy else ""
        return ""

    def _read(self, key: str, rest: float) -> memoryview | None:
        path = self.path(key)
        try:
            whole = self._load(path, rest)
        except OSError:
            return None
        if whole is not None:
            with contextlib.suppress(OSError):
                os.utime(path)  # so that what is used is kept
        return whole

    def _load(self, path: Path, rest: float) -> memoryview | None:
        """Return what the file at *path* holds; None for what is not ours, or damaged.

        Raises OSError.
        """
        hashed = hashlib.sha256()
        with os.fdopen(open_plain(path), "rb", buffering=0) as file:
            found = os.fstat(file.fileno())
            if not is_own(found):
                return None
            size = found.st_size - DIGEST_BYTES
            digest = file.read(DIGEST_BYTES)
            # Memory of the kernel's own: nobody fills it with zeros first. It is never empty.
            whole = memoryview(mmap(-1, max(size, 1)))[: max(size, 0)]
            for start in range(0, size, PIECE_BYTES):
                piece = whole[start : start + PIECE_BYTES]
                file.readinto(piece)  # What is short has another digest.
                hashed.update(piece)
                if rest:
                    sleep(rest)
        return whole.toreadonly() if hashed.digest() == digest else None

    def put(self, key: str, data: bytes) -> None:
        """Keep *data* under *key*: whole or not at all, whatever else writes at the same time."""

        def write(draft: Path) -> None:
            with os.fdopen(os.open(draft, FRESH, 0o600), "wb") as file:
                file.write(hashlib.sha256(data).digest())
                whole = memoryview(data)
                for start in range(0, len(data), PIECE_BYTES):
                    file.write(whole[start : start + PIECE_BYTES])

        self._place(key, write)

    def copy(self, key: str, to: str) -> None:
        """Keep what is under *key* under *to* as well: another name for the same file."""
        held = self.path(key)

        def link(draft: Path) -> None:
            try:
                draft.hardlink_to(held)
            except OSError:  # of a file system that cannot
                shutil.copy(held, draft)  # with its mode

        self._place(to, link)

    def _place(self, key: str, make: Callable[[Path], None]) -> None:
        """Put what *make* makes in the place of *key*; nothing happens when that fails."""
        path = self.path(key)
        draft = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
        with contextlib.suppress(OSError):
            path.parent.mkdir(mode=0o700, exist_ok=True)
            try:
                make(draft)
                draft.replace(path)
            finally:
                draft.unlink(missing_ok=True)

    def path(self, key: str) -> Path:
        """Return where *key* is kept; 256 folders keep each of them small."""
        return self.folder / key[:2] / f"{key}{SUFFIX}"

    def trim(self) -> int:
        """Remove what was not used for longest until the folder fits; return the bytes removed."""
        entries = sorted(self.entries(), reverse=True)
        kept = removed = 0
        for _, size, path in entries:
            if kept + size <= self.most_bytes:
                kept += size
                continue
            with contextlib.suppress(OSError):
                path.unlink()
                removed += size
        return removed

    def entries(self) -> Iterator[tuple[int, int, Path]]:
        """Yield last use, size and path of every file, including drafts that a crash left."""
        for path in self.folder.glob("??/*"):
            with contextlib.suppress(OSError):
                found = path.stat()
                yield found.st_mtime_ns, found.st_size, path


def open_cache(folder: Path) -> FolderCache:
    """Return the cache in *folder*, made when it does not exist.

    Raises CacheFolderError when it cannot be made, or when others may write there.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.stat()
    except OSError as error:
        raise CacheFolderError(
            f"cannot use the cache folder {folder}: {error.strerror}; "
            + remedy_for(error, "set `cache` to a folder that can be written")
        ) from None
    if not is_own(found):
        raise CacheFolderError(
            f"the cache folder {folder} can be written by others, and what is in it is run; "
            f"remove it, or run `chown {os.geteuid()} {folder}` and `chmod 700 {folder}`"
        )
    return FolderCache(folder)


def is_own(found: os.stat_result) -> bool:
    """Return whether what was *found* is this user's, and nobody else may write to it."""
    return found.st_uid == os.geteuid() and not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
