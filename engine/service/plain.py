"""The path of a file in, its bytes out: without waiting, and no more than it may have.

Who opens a pipe waits until somebody writes, and a device may never end. What is read anew while
a daemon serves must do neither, whatever was put in the place of the file.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

MEBIBYTE = 1 << 20


def read_plain(path: Path, most: int = MEBIBYTE) -> bytes:
    """Return what the file at *path* holds.

    Raises OSError, also for what is no file, and for one of more than *most* bytes.
    """
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(errno.EINVAL, "it is no regular file")
        data = file.read(most + 1)
    if len(data) > most:
        raise OSError(errno.EFBIG, f"it has more than {most:,} bytes")
    return data
