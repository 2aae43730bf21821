"""A policy folder in, a compiled `Bundle` out; or every problem in the folder, at once.

Read the files, compile them, read the facts and lists that they name. A bundle is plain data: it
is kept in the cache with the folder's revision, the digest of everything that was read, so that
another process can load it without compiling. Nothing here needs what decides (detectors, the
index), so that `engine check` and the compiler process start fast.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from engine.content.entities import ALSO, ENTITIES
from engine.content.validate import VALIDATORS
from engine.language.compile import compile_sources, without_collection
from engine.language.diagnostics import Diagnostic, Report
from engine.language.environment import Known
from engine.language.packed import Joined, join
from engine.language.places import Places
from engine.language.program import Program
from engine.language.render import render
from engine.language.stamp import STAMP
from engine.language.text import NOWHERE
from engine.runtime.facts import load_facts, read_list
from engine.runtime.shape import Shape, shape_of
from engine.runtime.table import Table
from engine.service.cache import Cache, NoCache
from engine.service.folder import Folder, digest_inputs, read_data, read_folder
from engine.service.parcel import unwrap, wrap

NO_CACHE = NoCache()

KNOWN = Known(
    entities={name: entity.doc for name, entity in ENTITIES.items()},
    validators=frozenset(VALIDATORS),
    also=ALSO,
)
"""What policies may name without declaring it."""

MOST_SHOWN = 200
"""How many problems the text of an error lists: it goes into logs and answers too."""

BUNDLE = "bundle"
SERVED = "served"
"""What was compiled last, and what several processes decide by."""
MANIFEST = "manifest"


class PolicyError(Exception):
    """The policies cannot be loaded. ``str()`` is the rendered list of *diagnostics*.

    *texts* are the policy files by path, relative to the folder.
    """

    def __init__(self, diagnostics: tuple[Diagnostic, ...], texts: Mapping[str, str]) -> None:
        super().__init__(diagnostics, texts)
        self.diagnostics = diagnostics
        self.texts = texts

    def __str__(self) -> str:
        shown = render(self.diagnostics[:MOST_SHOWN], self.texts, color=False)
        more = len(self.diagnostics) - MOST_SHOWN
        return f"{shown}\nand {more:,} more problems" if more > 0 else shown


@dataclass(frozen=True, slots=True)
class Bundle:
    """A folder, checked and compiled: plain data, the same for the same *revision*."""

    revision: str
    program: Program
    facts: Mapping[str, Table]
    lists: Mapping[str, frozenset[str]]
    units: Joined
    places: Places
    shape: Shape
    warnings: tuple[Diagnostic, ...]


class Manifest(msgspec.Struct, frozen=True):
    """Which bundle the cache holds of a folder, and the data files that it was made from."""

    revision: str
    data: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FolderShelf:
    """The part of a cache that belongs to one policy folder and to this very compiler."""

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
        return hashlib.sha256(b"\0".join((STAMP, path, name.encode()))).hexdigest()


def compile_folder(root: Path, cache: Cache = NO_CACHE) -> Bundle:
    """Return the checked and compiled folder; with a *cache*, only what changed is compiled.

    Raises PolicyError with every problem.
    """
    with without_collection():
        return compile_or_find(root, FolderShelf(cache, root))


def compile_or_find(root: Path, shelf: FolderShelf) -> Bundle:
    """Do the work of `compile_folder`."""
    report = Report()
    folder = read_folder(root, report)
    if not report.failed:
        kept = find_kept(folder, shelf)
        if kept is not None:
            return kept
    compiled = compile_sources(folder.sources, KNOWN, shelf)
    report.extend(compiled.diagnostics)
    if report.failed:
        raise PolicyError(report.sorted(), folder.texts)
    inputs: dict[str, bytes] = {}
    program = compiled.program
    facts, lists = read_tables(program, folder, inputs, report)
    if report.failed:
        raise PolicyError(report.sorted(), folder.texts | shown_texts(inputs, report))
    bundle = Bundle(
        revision=revision_of(folder, inputs),
        program=program,
        facts=facts,
        lists=lists,
        units=join(compiled.packed_units),
        places=compiled.places,
        shape=shape_of(compiled.outlines),
        warnings=report.sorted(),
    )
    manifest = Manifest(bundle.revision, tuple(sorted(inputs)))
    shelf.put(BUNDLE, wrap(bundle))
    shelf.put(MANIFEST, msgspec.json.encode(manifest))
    return bundle


def read_tables(
    program: Program, folder: Folder, inputs: dict[str, bytes], report: Report
) -> tuple[dict[str, Table], dict[str, frozenset[str]]]:
    """Return the facts by group and the lists by name; note the bytes of each file in *inputs*."""
    facts: dict[str, Table] = {}
    lists: dict[str, frozenset[str]] = {}
    for one in program.facts:
        data = read_data(folder, one.file, one.span, report)
        if data is not None:
            inputs[one.file] = data
            facts[one.group] = load_facts(one.group, one.file, data, program.fields, report)
    for named in program.lists.values():
        data = read_data(folder, named.file, named.span, report)
        if data is not None:
            inputs[named.file] = data
            lists[named.name] = read_list(named.file, data, report)
    return facts, lists


def shown_texts(inputs: Mapping[str, bytes], report: Report) -> dict[str, str]:
    """Return the texts of those data files that *report* points into."""
    named = {one.span.path for one in report.found}
    return {
        path: data.decode("utf-8-sig", "replace") for path, data in inputs.items() if path in named
    }


def revision_of(folder: Folder, data: Mapping[str, bytes]) -> str:
    """Return the revision of the policies of *folder* with the bytes of its *data* files."""
    policies = {source.path: source.text.encode() for source in folder.sources}
    return digest_inputs({**policies, **data})


def find_kept(folder: Folder, shelf: FolderShelf) -> Bundle | None:
    """Return the bundle that was made from exactly what *folder* holds now, or None."""
    revision = kept_revision(folder, shelf)
    return None if revision is None else fetch_bundle(revision, shelf)


def is_current(root: Path, shelf: FolderShelf, revision: str) -> bool:
    """Return whether *root* is known to hold exactly what *revision* was made from."""
    report = Report()
    folder = read_folder(root, report)
    return not report.failed and kept_revision(folder, shelf) == revision


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


def fetch_bundle(revision: str, shelf: FolderShelf, *, gently: bool = False) -> Bundle | None:
    """Return the bundle *revision* from the cache, or None when it is another one or not there.

    *gently*: others are decided for meanwhile.
    """
    for name in (BUNDLE, SERVED):
        held = shelf.lend(name, gently=gently)
        if held is not None:
            bundle: Bundle = unwrap(held)  # The cache belongs to this user alone.
            if bundle.revision == revision:
                return bundle
    return None


def keep_served(shelf: FolderShelf) -> None:
    """Keep the bundle that was compiled last until this is called again.

    So a process that starts later can have it, whatever was compiled since.
    """
    shelf.cache.copy(shelf.key(BUNDLE), shelf.key(SERVED))
