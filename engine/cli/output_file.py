"""A name in, a file that has this name only once it is whole out; or standard output."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import BinaryIO, cast

from engine.cli.bundle import leave


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


@contextmanager
def printing() -> Iterator[None]:
    """Have what the block prints on its way when it ends.

    Nobody who reads on, as behind a pipe to `head`, is no accident: then the rest is not printed,
    and the block ends early. Where standard output takes no more, leaves with code 2.
    """
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        # What is left in the buffer has no reader: the interpreter must not try again at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        leave(f"cannot write: {error.strerror}")
