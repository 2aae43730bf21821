"""A name in, a file that has this name only once it is whole out."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import BinaryIO, cast


@contextmanager
def whole_file(name: str) -> Iterator[BinaryIO]:
    """Give a file whose content is at *name* when the block ends well, and nowhere when not.

    What was at *name* stays until then. A new file may be read by its owner alone; what is no
    regular file, such as a pipe, is written to directly. Raises OSError.
    """
    path = Path(os.path.realpath(name))
    mode = 0o600
    if path.exists():
        found = path.stat().st_mode
        if not stat.S_ISREG(found):
            with path.open("wb") as file:
                yield file
            return
        mode = stat.S_IMODE(found)
    with NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as made:
        try:
            yield cast("BinaryIO", made)
            made.flush()
            os.fchmod(made.fileno(), mode)
            os.fsync(made.fileno())
            Path(made.name).replace(path)
        finally:
            # It has another name now, unless something went wrong.
            with suppress(FileNotFoundError):
                Path(made.name).unlink()
