"""A name in, a file that has this name only once it is whole out; or standard output."""

from __future__ import annotations

import errno
import os
import secrets
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import click

from engine.cli.bundle import leave

OPEN_FILES = Path("/proc/self/fd")
"""Where a file that has no name can be named."""

NO_NAMELESS = frozenset({errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL, errno.ENOSYS})
"""What file systems and kernels say that have no files without a name."""

STDOUT = "-"
"""The name that stands for standard output; a file that has it is ``./-``."""

to_file = click.option(
    "-o",
    "--output",
    default=STDOUT,
    metavar="FILE",
    help="Write to FILE; else, and for `-`, to standard output.",
)
"""What adds the option that says where a verb writes."""

NAME_CHARACTERS = 50
"""Of a name that stand in that of its hidden file."""


def no_stdout(_context: click.Context, _option: click.Parameter, value: Path | None) -> Path | None:
    """Return *value*, which names a file: of verbs whose findings are printed at the same time."""
    if value is not None and str(value) == STDOUT:
        raise click.BadParameter("what is found is printed already; name a file")
    return value


@contextmanager
def whole_file(name: str) -> Iterator[BinaryIO]:
    """Give a file whose content is at *name* when the block ends well, and nowhere when not.

    What was at *name* stays until then. Until then the new file has no name, so that whoever is
    killed leaves nothing behind; where the file system has no such files, it has a hidden one. A
    new file may be read by its owner alone; what is no regular file, such as a pipe, is written to
    directly. Raises OSError.
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
    hidden = path.with_name(f".{path.name[:NAME_CHARACTERS]}.{secrets.token_hex(8)}")
    with os.fdopen(open_new(hidden), "wb") as made:
        try:
            yield made
            made.flush()
            os.fchmod(made.fileno(), mode)
            os.fsync(made.fileno())
            if not hidden.exists():
                give_name(made.fileno(), hidden)
            hidden.replace(path)
        finally:
            # It has another name now, unless something went wrong.
            hidden.unlink(missing_ok=True)


def open_new(hidden: Path) -> int:
    """Return a new file in the folder of *hidden*, under that name only where it needs one."""
    flags = os.O_WRONLY | os.O_CLOEXEC
    if OPEN_FILES.is_dir():
        try:
            return os.open(hidden.parent, flags | os.O_TMPFILE, 0o600)
        except OSError as error:
            if error.errno not in NO_NAMELESS:
                raise
    return os.open(hidden, flags | os.O_CREAT | os.O_EXCL, 0o600)


def give_name(file: int, path: Path) -> None:
    """Have a file without a name appear at *path*. Raises OSError."""
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        # With a folder's descriptor the link is followed; without, it would be linked itself.
        os.link(OPEN_FILES / str(file), path.name, src_dir_fd=folder, dst_dir_fd=folder)
    finally:
        os.close(folder)


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
