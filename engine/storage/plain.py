"""The path of a file in, the file opened to be read out; nothing that makes who reads it wait.

A trail may come from anywhere. Who opens a pipe that lies among its files waits until somebody
writes into it, and a device may never end.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO


class NoFile(OSError):
    """There is something, but no file."""

    def __init__(self) -> None:
        super().__init__(errno.EINVAL, "it is no regular file")


def open_plain(path: Path) -> int:
    """Return a descriptor of the file at *path*. Raises OSError, and NoFile for what is none."""
    file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(file).st_mode):
        os.close(file)
        raise NoFile
    return file


def plain_file(path: Path) -> BinaryIO:
    """Return the file at *path*, as `open_plain` opens it. Raises OSError."""
    return os.fdopen(open_plain(path), "rb")


def plain_bytes(path: Path) -> bytes:
    """Return all that the file at *path* holds. Raises OSError."""
    with plain_file(path) as file:
        return file.read()
