"""A policy folder in, a compiled `Bundle` out; or every problem in the folder, at once.

Read the files, compile them, read the facts and lists that they name. A bundle is plain data: it
is kept in the cache with the folder's revision, the digest of everything that was read, so that
another process can load it without compiling. Nothing here needs what decides (detectors, the
index), so that `engine check` and the compiler process start fast.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

from engine.content.entities import ALSO, ENTITIES
from engine.content.validate import VALIDATORS
from engine.language.collection import without_collection
from engine.language.compile import compile_sources
from engine.language.diagnostics import Diagnostic, Report
from engine.language.environment import Known
from engine.language.packed import join
from engine.language.program import Program
from engine.language.render import render
from engine.runtime.facts import load_facts, read_list
from engine.runtime.shape import shape_of
from engine.runtime.table import Table
from engine.service.cache import NO_CACHE, Cache
from engine.service.folder import Folder, read_data, read_folder
from engine.service.parcel import wrap
from engine.service.shelf import BUNDLE, MANIFEST, FolderShelf, Manifest, kept_revision, revision_of
from engine.service.stored import Bundle, fetch_bundle

KNOWN = Known(
    entities={name: entity.doc for name, entity in ENTITIES.items()},
    validators=frozenset(VALIDATORS),
    also=ALSO,
)
"""What policies may name without declaring it."""

MOST_SHOWN = 200
"""How many problems the text of an error lists: it goes into logs and answers too."""


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


def find_kept(folder: Folder, shelf: FolderShelf) -> Bundle | None:
    """Return the bundle that was made from exactly what *folder* holds now, or None."""
    revision = kept_revision(folder, shelf)
    return None if revision is None else fetch_bundle(revision, shelf)
