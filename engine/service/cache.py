"""Compiled pieces in, by the digest of what they were made from; the same pieces out, faster.

The folder holds code that this process will run, so it must belong to this user alone: it is made
with mode 0700 and refused when anyone else may write there. A damaged or missing entry is a miss,
never an error; a cache that cannot be written is slower, nothing else.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from mmap import mmap
from pathlib import Path
from time import sleep
from typing import Protocol

DIGEST_BYTES = 32
MOST_BYTES = 512 * 1024 * 1024
"""Beyond this the entries that were not used for longest are removed."""

SUFFIX = ".bin"

PIECE_BYTES = 128 * 1024
REST_SECONDS = 0.0003
"""What `lend` reads and hashes takes about a tenth of a millisecond a piece, then it rests."""


class Cache(Protocol):
    """Bytes by key. *key* is a hexadecimal digest."""

    def get(self, key: str) -> bytes | None:
        """Return the bytes under *key*, or None."""
        ...

    def lend(self, key: str) -> memoryview | None:
        """Return what `get` does, without holding up who decides in this process."""
        ...

    def put(self, key: str, data: bytes) -> None:
        """Keep *data* under *key*."""
        ...


class NoCache:
    """Remembers nothing."""

    def get(self, key: str) -> bytes | None:
        """Return None."""
        del key
        return None

    def lend(self, key: str) -> memoryview | None:
        """Return None."""
        del key
        return None

    def put(self, key: str, data: bytes) -> None:
        """Forget it."""


class CacheFolderError(Exception):
    """The folder cannot be trusted or made; the text names it and the remedy."""


@dataclass(frozen=True, slots=True)
class FolderCache:
    """A cache in *folder*; use `open_cache` to make one."""

    folder: Path
    most_bytes: int = MOST_BYTES

    def get(self, key: str) -> bytes | None:
        """Return the bytes under *key*, or None when there are none or they are damaged."""
        path = self.path(key)
        try:
            held = path.read_bytes()
        except OSError:
            return None
        digest, data = held[:DIGEST_BYTES], held[DIGEST_BYTES:]
        if hashlib.sha256(data).digest() != digest:
            return None
        with contextlib.suppress(OSError):
            os.utime(path)  # so that what is used is kept
        return data

    def lend(self, key: str) -> memoryview | None:
        """Return what `get` does, read and checked in small pieces with rests in between.

        For a thread of a process that decides: many bytes at once would hold the interpreter while
        they are copied, and the core while they are hashed.
        """
        path = self.path(key)
        hashed = hashlib.sha256()
        try:
            with path.open("rb", buffering=0) as file:
                size = os.fstat(file.fileno()).st_size - DIGEST_BYTES
                digest = file.read(DIGEST_BYTES)
                if size <= 0:
                    return None
                # Memory of the kernel's: nobody fills it with zeros first, or copies it.
                whole = memoryview(mmap(-1, size))
                for start in range(0, size, PIECE_BYTES):
                    piece = whole[start : start + PIECE_BYTES]
                    if file.readinto(piece) != len(piece):
                        return None
                    hashed.update(piece)
                    sleep(REST_SECONDS)
        except OSError:
            return None
        if hashed.digest() != digest:
            return None
        with contextlib.suppress(OSError):
            os.utime(path)
        return whole.toreadonly()

    def put(self, key: str, data: bytes) -> None:
        """Keep *data* under *key*: whole or not at all, whatever else writes at the same time."""
        path = self.path(key)
        draft = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
        with contextlib.suppress(OSError):
            path.parent.mkdir(mode=0o700, exist_ok=True)
            try:
                with draft.open("xb") as file:
                    file.write(hashlib.sha256(data).digest())
                    file.write(data)
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
            f"cannot use the cache folder {folder}: {error.strerror}; set `cache` to a folder that "
            "can be written"
        ) from None
    if found.st_uid != os.geteuid() or found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise CacheFolderError(
            f"the cache folder {folder} can be written by others, and what is in it is run; "
            f"remove it, or run `chown {os.geteuid()} {folder}` and `chmod 700 {folder}`"
        )
    return FolderCache(folder)
