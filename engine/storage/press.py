"""A closed segment in, the same compressed out; a crash at any moment leaves one of them whole.

It is written beside, brought to the disk, read back, and only then takes the name that readers look
for; the old one goes last. While both are there, readers take the old one.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

from engine.storage.header import CLOSED, COMPRESSED, NoSegment
from engine.storage.segment import sync_folder
from engine.storage.source import Source, compressed, opened_source
from engine.storage.tending import tending

BESIDE = ".pressing"
"""The ending of what is not whole yet: no reader looks at it."""
LEVEL = 3


def press_folder(folder: Path, most: int = 16) -> int:
    """Compress up to *most* closed segments of *folder*, the oldest first; return how many.

    0 also when another process is at it. Raises OSError and NoSegment.
    """
    with tending(folder) as mine:
        if not mine:
            return 0
        for path in folder.glob(f"*{BESIDE}"):
            path.unlink()  # A crash has left it.
        some = sorted(folder.glob(f"*{CLOSED}"))[:most]
        for path in some:
            press(path)
        return len(some)


def press(path: Path) -> Path:
    """Compress the closed segment at *path* and return where it is then; for who is `tending`.

    Raises OSError and NoSegment, and leaves it as it is.
    """
    made = path.with_name(path.name.removesuffix(CLOSED) + COMPRESSED)
    beside = made.with_name(made.name + BESIDE)
    try:
        with closing(Source(path)) as whole:
            write_whole(beside, (compressed(piece, LEVEL) for piece in whole.pieces()))
            beside.replace(made)
            sync_folder(path.parent)
            with opened_source(made) as source:
                if not same(source, whole):
                    made.unlink()
                    raise NoSegment("it is not what it was when it is decompressed")
    except OSError:
        beside.unlink(missing_ok=True)
        raise
    path.unlink()
    sync_folder(path.parent)
    return made


def same(one: Source, other: Source) -> bool:
    """Return whether both hold the same bytes."""
    pairs = zip(one.pieces(), other.pieces(), strict=True)
    return one.size == other.size and all(left == right for left, right in pairs)


def write_whole(path: Path, parts: Iterable[bytes]) -> None:
    """Write *parts* to a new file at *path* and to the disk. Raises OSError."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        for part in parts:
            rest = memoryview(part)
            while rest:
                rest = rest[os.write(file, rest) :]
        os.fsync(file)
    finally:
        os.close(file)
