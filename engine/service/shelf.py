"""The part of a cache that belongs to one policy folder, and whether it holds what the folder does.

Nothing here needs what compiles or decides, so that a supervisor can look without either.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import msgspec

from engine.language.diagnostics import Report
from engine.language.stamp import make_stamp
from engine.language.text import NOWHERE
from engine.service.cache import Cache
from engine.service.folder import Folder, digest_inputs, read_data, read_folder

BUNDLE = "bundle"
SERVED = "served"
"""What was compiled last, and what several processes decide by."""
MANIFEST = "manifest"

MAKERS = ("content", "language", "runtime", "service")
"""Packages that have a part in what is kept: which entities there are, the compiler, how facts and
lists are read, and how all of it is kept."""


@cache
def made_by() -> bytes:
    """Return what tells this engine from one that might make something else of the same folder."""
    return make_stamp(*MAKERS)


class Manifest(msgspec.Struct, frozen=True):
    """Which bundle the cache holds of a folder, and the data files that it was made from."""

    revision: str
    data: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FolderShelf:
    """The part of a cache that belongs to one policy folder and to this very engine."""

    cache: Cache
    root: Path

    def get(self, name: str) -> bytes | None:
        """Return what is kept under *name*, or None."""
        return self.cache.get(self.key(name))

    def lend(self, name: str, *, gently: bool) -> memoryview | None:
        """Return what `get` does, not copied; *gently*: others are decided for meanwhile."""
        return self.cache.lend(self.key(name), gently=gently)

    def put(self, name: str, data: bytes) -> None:
        """Keep *data* under *name*, in the place of what was there."""
        self.cache.put(self.key(name), data)

    def key(self, name: str) -> str:
        """Return the cache's key for *name*."""
        path = os.fsencode(self.root.absolute())
        return hashlib.sha256(b"\0".join((made_by(), path, name.encode()))).hexdigest()


def revision_of(folder: Folder, data: Mapping[str, bytes]) -> str:
    """Return the revision of the policies of *folder* with the bytes of its *data* files."""
    policies = {source.path: source.text.encode() for source in folder.sources}
    return digest_inputs({**policies, **data})


def is_current(root: Path, shelf: FolderShelf, revision: str) -> bool:
    """Return whether *root* is known to hold exactly what *revision* was made from."""
    return known_revision(root, shelf) == revision != ""


def known_revision(root: Path, shelf: FolderShelf) -> str:
    """Return the revision of what *root* holds where the cache knows it, else nothing.

    The cache need not hold its bundle any more.
    """
    report = Report()
    folder = read_folder(root, report)
    return "" if report.failed else kept_revision(folder, shelf) or ""


def kept_revision(folder: Folder, shelf: FolderShelf) -> str | None:
    """Return the revision of what *folder* holds, when that is what the cache holds, or None."""
    held = shelf.get(MANIFEST)
    if held is None:
        return None
    manifest = msgspec.json.decode(held, type=Manifest)
    data: dict[str, bytes] = {}
    for file in manifest.data:
        found = read_data(folder, file, NOWHERE, Report())
        if found is None:
            return None
        data[file] = found
    return manifest.revision if revision_of(folder, data) == manifest.revision else None


def keep_served(shelf: FolderShelf) -> None:
    """Keep the bundle that was compiled last until this is called again.

    So a process that starts later can have it, whatever was compiled since.
    """
    shelf.cache.copy(shelf.key(BUNDLE), shelf.key(SERVED))
