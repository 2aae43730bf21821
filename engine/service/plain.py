"""The path of a file in, its bytes out: without waiting, and no more than it may have.

Who opens a pipe waits until somebody writes, and a device may never end. What is read anew while
a daemon serves must do neither, whatever was put in the place of the file.
"""

from __future__ import annotations

import errno
from pathlib import Path

from engine.storage.plain import plain_file

MEBIBYTE = 1 << 20


def read_plain(path: Path, most: int = MEBIBYTE) -> bytes:
    """Return what the file at *path* holds.

    Raises OSError, also for what is no file, and for one of more than *most* bytes.
    """
    with plain_file(path) as file:
        data = file.read(most + 1)
    if len(data) > most:
        raise OSError(errno.EFBIG, f"it has more than {most:,} bytes")
    return data
