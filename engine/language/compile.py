"""Policy files -> compiled units and a program: the one place that knows the order of the passes.

    parse -> collect (what files declare to each other) -> check -> lower -> arrange -> codegen

Each pass works on one file, so that with a cache a changed file costs that file alone. Three
things are kept of a file that has no errors:

- its *surface*: the syntax tree without conditions and tests: what ``collect`` looks at;
- its whole syntax tree, needed again when something that files declare to each other has changed;
- its *unit* and its checked tree, valid for one state of those declarations (their digest).

The cache is one pack for a whole bundle, as reading a thousand little files would cost more than
all the rest. Of a file that did not change only the surface and the unit are decoded; trees wait
until asked for.

Trust: what is cached is code (``marshal``, ``pickle``). The folder that a Cache keeps it in must be
writable by the engine's own user only, and a Cache must refuse to read from another.
"""

from __future__ import annotations

import gc
import marshal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import NamedTuple, Protocol

from engine.language import items
from engine.language.check import CheckedFile, assemble, check_file
from engine.language.codegen import generate
from engine.language.diagnostics import Diagnostic, Report
from engine.language.digest import digest_for
from engine.language.lower import lower_file
from engine.language.parse import parse_file
from engine.language.pickled import dump_tree, load_tree
from engine.language.program import Program
from engine.language.scope import Environment, Known, collect
from engine.language.stamp import STAMP
from engine.language.surface import surface_of
from engine.language.text import Source
from engine.language.together import Links, check_together
from engine.language.unit import Unit, dump_unit, load_unit

PACK = "policies"
"""The name under which the pack is kept."""


class Cache(Protocol):
    """Where compiled policies are kept between runs; see *Trust* above."""

    def get(self, name: str) -> bytes | None:
        """Return what was put under *name*, or None."""
        ...

    def put(self, name: str, data: bytes) -> None:
        """Keep *data* under *name*, in the place of what was there."""
        ...


class Parsed(NamedTuple):
    """A parsed file as kept: pickled surface, syntax tree and diagnostics."""

    surface: bytes
    tree: bytes
    warnings: bytes


class Built(NamedTuple):
    """A compiled file as kept: for which environment, and what ``build`` made of it."""

    environment: str
    unit: bytes
    checked: bytes
    warnings: bytes
    links: bytes


@dataclass(slots=True)
class Pack:
    """What the cache holds of each file by the digest of its path and text."""

    parsed: dict[bytes, Parsed] = field(default_factory=dict)
    built: dict[bytes, Built] = field(default_factory=dict)


@dataclass(slots=True)
class Draft:
    """One file on its way through the passes. What is not there yet can be had from *parsed*."""

    source: Source
    key: bytes
    surface: items.File
    tree: items.File | None
    parsed: Parsed | None


@dataclass(slots=True)
class Compiled:
    """What a bundle compiles to. There are *units* and a ``program`` unless it has *failed*."""

    diagnostics: tuple[Diagnostic, ...]
    environment: Environment
    units: tuple[Unit, ...]
    failed: bool
    _checked: list[CheckedFile | bytes]
    _program: Program | None = None

    @property
    def program(self) -> Program:
        """The checked program; what of it comes from the cache is decoded when first asked for."""
        assert not self.failed, "a bundle with errors has no program"
        if self._program is None:
            with without_collection():
                checked = [undone(one) for one in self._checked]
                self._program = assemble(self.environment, checked)
            self._checked.clear()
        return self._program


def compile_sources(
    sources: Sequence[Source], known: Known, cache: Cache | None = None
) -> Compiled:
    """Return the compiled *sources*; with a *cache*, only what changed is compiled anew.

    All problems of all files are in ``diagnostics``. The order of *sources* does not matter.
    """
    with without_collection():
        return compile_with(sorted(sources, key=lambda one: one.path), known, cache)


def compile_with(sources: Sequence[Source], known: Known, cache: Cache | None) -> Compiled:
    """Do the work of ``compile_sources`` for *sources* in order."""
    report = Report()
    old = read_pack(cache)
    new = Pack()
    drafts = [draft(source, old, new, report) for source in sources]
    environment = collect([one.surface for one in drafts], known, report)
    checked: list[CheckedFile | bytes] = []
    units = []
    links: list[Links] = []
    for one in drafts:
        tree, unit, linked = build(one, environment, old, new, report)
        checked.append(tree)
        units.append(unit)
        links.append(linked)
    check_together([one.surface for one in drafts], environment, links, report)
    if cache is not None and (new.parsed != old.parsed or new.built != old.built):
        write_pack(cache, new)
    failed = report.failed
    kept = () if failed else tuple(unit for unit in units if unit is not None)
    return Compiled(report.sorted(), environment, kept, failed, checked)


def draft(source: Source, old: Pack, new: Pack, report: Report) -> Draft:
    """Return *source* parsed, or as far as it is needed from the pack *old*; note it in *new*."""
    named = f"{source.path}\0{source.text}".encode("utf-8", "surrogatepass")
    key = blake2b(named, digest_size=20).digest()
    parsed = old.parsed.get(key)
    if parsed is not None:
        new.parsed[key] = parsed
        report.extend(recalled(parsed.warnings))
        return Draft(source, key, load_tree(parsed.surface), None, parsed)
    own = Report()
    tree = parse_file(source, own)
    report.extend(own.found)
    surface = surface_of(tree)
    if not own.failed:
        parsed = Parsed(dump_tree(surface), dump_tree(tree), noted(own))
        new.parsed[key] = parsed
    return Draft(source, key, surface, tree, parsed)


def build(
    one: Draft, environment: Environment, old: Pack, new: Pack, report: Report
) -> tuple[CheckedFile | bytes, Unit | None, Links]:
    """Return the checked tree of a file (pickled, if it is from *old*), its unit and links."""
    built = old.built.get(one.key)
    seen = digest_for(environment, one.surface)
    if built is not None and built.environment == seen:
        new.built[one.key] = built
        report.extend(recalled(built.warnings))
        return built.checked, load_unit(built.unit), load_tree(built.links)
    tree = one.tree
    if tree is None:
        assert one.parsed is not None, "a file was parsed, or came from the pack"
        tree = load_tree(one.parsed.tree)
    own = Report()
    checked = check_file(tree, environment, own)
    report.extend(own.found)
    if report.failed:
        # Nothing of a bundle with errors is used, and what was not checked must not be lowered.
        return checked, None, checked.links
    plan = lower_file(one.source.path, checked.policies)
    made = generate(plan)
    unit = Unit(plan.path, plan.policies, made.pieces, made.constants)
    new.built[one.key] = Built(
        seen,
        dump_unit(unit),
        dump_tree(checked),
        noted(own),
        dump_tree(checked.links),
    )
    return checked, unit, checked.links


def noted(report: Report) -> bytes:
    """Return the warnings in *report* as kept; nothing for none, as nearly all files have none."""
    return dump_tree(report.found) if report.found else b""


def recalled(warnings: bytes) -> list[Diagnostic]:
    """Return the warnings that ``noted`` kept."""
    return load_tree(warnings) if warnings else []


def undone(checked: CheckedFile | bytes) -> CheckedFile:
    """Return *checked*, unpickled where it comes from the cache."""
    if isinstance(checked, CheckedFile):
        return checked
    tree: CheckedFile = load_tree(checked)
    return tree


# --- the pack ------------------------------------------------------------------------------------


def read_pack(cache: Cache | None) -> Pack:
    """Return what *cache* holds for this version of the engine and of Python."""
    data = None if cache is None else cache.get(PACK)
    if data is None or not data.startswith(STAMP):
        return Pack()
    parsed, built = marshal.loads(data[len(STAMP) :])  # noqa: S302 - see *Trust*
    return Pack(
        {key: Parsed(*one) for key, one in parsed.items()},
        {key: Built(*one) for key, one in built.items()},
    )


def write_pack(cache: Cache, pack: Pack) -> None:
    """Put *pack* into *cache*. Files that are no longer part of the bundle are not in it."""
    parsed = {key: tuple(one) for key, one in pack.parsed.items()}
    built = {key: tuple(one) for key, one in pack.built.items()}
    cache.put(PACK, STAMP + marshal.dumps((parsed, built)))


@contextmanager
def without_collection() -> Iterator[None]:
    """Hold back the garbage collector: trees have no cycles, and looking for some takes long."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
