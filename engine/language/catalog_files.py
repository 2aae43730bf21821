"""All wording about files and folders that cannot be read (E8xx)."""

from __future__ import annotations

from engine.language.diagnostics import Diagnostic
from engine.language.text import Span


def beginning(path: str) -> Span:
    """Return the very beginning of the file *path*: the place of problems with the whole file."""
    return Span(path, 0, 0, 1, 1, 1, 1)


def no_folder(folder: str) -> Diagnostic:
    """E801: the policy folder does not exist."""
    return Diagnostic(
        "E801",
        f"there is no folder `{folder}`",
        beginning(folder),
        help="`engine new FOLDER` makes one that passes its own tests",
    )


def no_policies(folder: str) -> Diagnostic:
    """E802: the folder holds no policy files."""
    return Diagnostic(
        "E802",
        f"no `.pol` file in `{folder}` or the folders below it",
        beginning(folder),
        help="without policies every request would be denied; is this the right folder?",
    )


OWNER = "check its owner and mode"
BESIDE = "it is looked for beside the policy file that names it"


def unreadable(path: str, why: str, remedy: str = OWNER) -> Diagnostic:
    """E803: a file or folder cannot be read."""
    return Diagnostic("E803", f"cannot be read: {why}", beginning(path), help=remedy)


def too_large(path: str, size: int, limit: int) -> Diagnostic:
    """E804: a file is larger than is read."""
    return Diagnostic(
        "E804",
        f"{size:,} bytes, and the limit is {limit:,}",
        beginning(path),
        help="split the file",
    )


def too_many(folder: str, limit: int) -> Diagnostic:
    """E805: the folder holds more policy files than are read."""
    return Diagnostic(
        "E805",
        f"more than {limit:,} policy files",
        beginning(folder),
        help="is this the right folder?",
    )


def outside(written: str, at: Span) -> Diagnostic:
    """E806: a facts or list file lies outside the policy folder."""
    return Diagnostic(
        "E806",
        f"`{written}` lies outside the policy folder",
        at,
        help="facts and lists are named as seen from the policy file, and stay inside the folder",
    )


def data_unreadable(written: str, why: str, at: Span, remedy: str = BESIDE) -> Diagnostic:
    """E807: a facts or list file that a policy names cannot be read."""
    return Diagnostic(
        "E807",
        f"`{written}` cannot be read: {why}",
        at,
        help=remedy,
    )


def not_compiled(folder: str, why: str) -> Diagnostic:
    """E808: the policies could not be compiled for a reason outside of them."""
    return Diagnostic("E808", f"not compiled: {why}", beginning(folder))
