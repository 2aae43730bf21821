"""A folder in, the right to change its closed segments out: one process at a time has it."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FILE = ".tending"


@contextmanager
def tending(folder: Path, *, wait: bool = False) -> Iterator[bool]:
    """Give whether nobody else compresses or prunes segments of *folder* as long as this lasts.

    Without it, what one process forgets another might bring back from a copy it has read before.
    With *wait* it is waited for. Raises OSError.
    """
    file = os.open(folder / FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(file)
