"""A policy folder in, texts and bytes out, with a diagnostic for whatever cannot be read.

Every ``.pol`` file below the root is read, sorted by its path. Names that begin with a dot are left
alone (editors, version control and mounted configuration keep their own things there), links are
followed, and no folder or file is read twice, so a loop of links ends.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from engine.language import catalog_files as catalog
from engine.language.catalog_syntax import bad_bytes
from engine.language.diagnostics import Diagnostic, Report
from engine.language.text import Source, Span
from engine.remedies import remedy_for

SUFFIX = ".pol"
MOST_FILES = 50_000
POLICY_BYTES = 4 * 1024 * 1024
DATA_BYTES = 512 * 1024 * 1024
REVISION_DIGITS = 32


@dataclass(frozen=True, slots=True)
class Folder:
    """What a policy folder holds. Paths are relative to *root*, with slashes."""

    root: Path
    sources: tuple[Source, ...]

    @property
    def texts(self) -> dict[str, str]:
        """The policy texts by path, to show diagnostics with."""
        return {source.path: source.text for source in self.sources}


def read_folder(root: Path, report: Report) -> Folder:
    """Return the policies below *root*; what cannot be read goes to *report*."""
    if not is_folder(root, report):
        return Folder(root, ())
    sources: list[Source] = []
    empty = True
    for count, path in enumerate(sorted(policy_files(root, report))):
        empty = False
        if count >= MOST_FILES:
            report.add(catalog.too_many(str(root), MOST_FILES))
            break
        source = read_policy(root / path, path, report)
        if source is not None:
            sources.append(source)
    if empty and not report.failed:
        report.add(catalog.no_policies(str(root)))
    return Folder(root, tuple(sources))


def is_folder(root: Path, report: Report) -> bool:
    """Return whether *root* is a folder; why not, or why nobody can say, goes to *report*."""
    try:
        if stat.S_ISDIR(root.stat().st_mode):
            return True
    except (FileNotFoundError, NotADirectoryError):
        pass
    except OSError as error:
        report.add(unreadable(str(root), error))
        return False
    report.add(catalog.no_folder(str(root)))
    return False


def unreadable(path: str, error: OSError) -> Diagnostic:
    """Return what is told of a file or folder that cannot be read."""
    remedy = remedy_for(error, catalog.OWNER)
    return catalog.unreadable(path, error.strerror or str(error), remedy)


def policy_files(root: Path, report: Report) -> Iterator[str]:
    """Yield the path of every policy file below *root*, relative to it, in no order."""
    seen: set[tuple[int, int]] = set()
    waiting = [""]
    while waiting:
        inside = waiting.pop()
        for entry in entries_in(root, inside, report):
            path = f"{inside}/{entry.name}" if inside else entry.name
            if not named_in_text(entry):
                report.add(catalog.unreadable(visible(path), "its name is not UTF-8"))
                continue
            try:
                found = entry.stat()
                folder = entry.is_dir()
            except OSError as error:
                if entry.name.endswith(SUFFIX):
                    report.add(unreadable(path, error))
                continue
            if not folder and not entry.name.endswith(SUFFIX):
                continue
            if (found.st_dev, found.st_ino) in seen:
                continue
            seen.add((found.st_dev, found.st_ino))
            if folder:
                waiting.append(path)
            else:
                yield path


def entries_in(root: Path, inside: str, report: Report) -> list[os.DirEntry[str]]:
    """Return what stands in a folder below *root*, sorted, without names that begin with a dot."""
    try:
        found = [one for one in os.scandir(root / inside) if not one.name.startswith(".")]
    except OSError as error:
        report.add(unreadable(inside or str(root), error))
        return []
    return sorted(found, key=lambda entry: entry.name)


def named_in_text(entry: os.DirEntry[str]) -> bool:
    """Return whether *entry* has a name that is text, or is nothing to be read anyway."""
    try:
        entry.name.encode()
    except UnicodeEncodeError:
        return not (entry.name.endswith(SUFFIX) or entry.is_dir())
    return True


def visible(path: str) -> str:
    """Return *path* with what is not UTF-8 in it replaced: it can be printed and sent."""
    return os.fsencode(path).decode("utf-8", "replace")


def read_policy(file: Path, path: str, report: Report) -> Source | None:
    """Return the policy text of *file*, or None with a diagnostic."""
    data = read_bytes(file, path, POLICY_BYTES, report)
    if data is None:
        return None
    try:
        return Source(path, data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8", "replace")
        line = before.count("\n") + 1
        column = len(before) - before.rfind("\n")
        at = Span(path, len(before), len(before), line, column, line, column)
        report.add(bad_bytes(at, data[error.start]))
        return None


def read_bytes(file: Path, path: str, limit: int, report: Report) -> bytes | None:
    """Return the bytes of *file*, or None with a diagnostic that names it *path*."""
    try:
        size = size_of(file)
        if size > limit:
            report.add(catalog.too_large(path, size, limit))
            return None
        return file.read_bytes()
    except OSError as error:
        report.add(unreadable(path, error))
        return None


def size_of(file: Path) -> int:
    """Return how many bytes *file* has; raise OSError, for what is no file too.

    Who opens a pipe waits until somebody writes, and a device may never end.
    """
    found = file.stat()
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EINVAL, "no regular file")
    return found.st_size


def read_data(folder: Folder, written: str, at: Span, report: Report) -> bytes | None:
    """Return the bytes of the facts or list file that a policy names at *at*, or None.

    The file must lie inside the folder, after following links too.
    """
    path = PurePosixPath(written)
    if path.is_absolute() or ".." in path.parts or "\0" in written:
        report.add(catalog.outside(written, at))
        return None
    file = folder.root / path
    try:
        # `realpath` ends on a loop of links, where `Path.resolve` raises RuntimeError.
        if not Path(os.path.realpath(file)).is_relative_to(os.path.realpath(folder.root)):
            report.add(catalog.outside(written, at))
            return None
        size = size_of(file)
        if size > DATA_BYTES:
            report.add(catalog.too_large(written, size, DATA_BYTES))
            return None
        return file.read_bytes()
    except OSError as error:
        remedy = remedy_for(error, catalog.BESIDE)
        report.add(catalog.data_unreadable(written, error.strerror or str(error), at, remedy))
        return None


def digest_inputs(inputs: Mapping[str, bytes]) -> str:
    """Return the revision: a digest of every input's path and bytes."""
    digest = hashlib.sha256()
    for path in sorted(inputs):
        digest.update(hashlib.sha256(path.encode()).digest())
        digest.update(hashlib.sha256(inputs[path]).digest())
    return digest.hexdigest()[:REVISION_DIGITS]
