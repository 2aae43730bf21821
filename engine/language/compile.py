"""Policy files -> compiled units and a program: the one place that knows the order of the passes.

    parse -> collect (what files declare to each other) -> check -> lower -> arrange -> codegen

Each pass works on one file, so that with a cache a changed file costs that file alone. Three
things are kept of a file that has no errors:

- its *surface*: the syntax tree without conditions and tests: what ``collect`` looks at;
- its whole syntax tree, needed again when something that files declare to each other has changed;
- its *unit*, and its checked policies, tests and properties as bytes each, valid for one state of
  those declarations (their digest).

The cache is one pack for a whole bundle, as reading a thousand little files would cost more than
all the rest. Of a file that did not change only the surface, its links and the outlines of its
policies are decoded; a program takes over the bytes, and a tree waits until it is asked for.

Trust: what is cached is code (``marshal``, ``pickle``). The folder that a Cache keeps it in must be
writable by the engine's own user only, and a Cache must refuse to read from another.
"""

from __future__ import annotations

import marshal
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import NamedTuple, Protocol

from engine.language import items, nodes, trials
from engine.language.check import CheckedFile, assemble, check_file
from engine.language.codegen import generate
from engine.language.collection import without_collection
from engine.language.diagnostics import Diagnostic, Report
from engine.language.digest import digest_for
from engine.language.lower import lower_file
from engine.language.outline import Outline, dump_outlines, load_outlines, outline_of
from engine.language.packed import Packed
from engine.language.parse import parse_file
from engine.language.pickled import FIRST_SYNTAX, dump_tree, load_tree, number
from engine.language.places import NOWHERE, Places, place_policies
from engine.language.program import Program
from engine.language.scope import Environment, Known, collect
from engine.language.stamp import STAMP
from engine.language.surface import surface_of
from engine.language.text import Source
from engine.language.together import Links, check_together
from engine.language.unit import Unit, dump_unit, load_unit

number((nodes, trials, items), FIRST_SYNTAX)

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
    """A compiled file as kept: for which environment, and what ``build`` made of it.

    Each of *policies* has its outline, in the same order; *properties* have their names.
    """

    environment: str
    unit: bytes
    outlines: bytes
    policies: tuple[bytes, ...]
    tests: tuple[bytes, ...]
    properties: tuple[tuple[str, bytes], ...]
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


@dataclass(frozen=True, slots=True)
class Compiled:
    """What a bundle compiles to. There are units and a ``program`` unless it has *failed*.

    *places* are those of the units' policies, *outlines* those of the program's, in their order.
    """

    diagnostics: tuple[Diagnostic, ...]
    failed: bool
    packed_units: tuple[bytes, ...] = ()
    places: Places = NOWHERE
    outlines: tuple[Outline, ...] = ()
    _program: Program | None = None

    @property
    def units(self) -> tuple[Unit, ...]:
        """The units, decoded."""
        return tuple(map(load_unit, self.packed_units))

    @property
    def program(self) -> Program:
        """The checked program; a policy, test or property is decoded when it is asked for."""
        assert self._program is not None, "a bundle with errors has no program"
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
    files: list[Built] = []
    links: list[Links] = []
    for one in drafts:
        built, linked = build(one, environment, old, new, report)
        files.extend(built)
        links.append(linked)
    check_together([one.surface for one in drafts], environment, links, report)
    if cache is not None and (new.parsed != old.parsed or new.built != old.built):
        write_pack(cache, new)
    if report.failed:
        return Compiled(report.sorted(), failed=True)
    return join(files, environment, report)


def join(files: Sequence[Built], environment: Environment, report: Report) -> Compiled:
    """Return what the compiled *files* make together, none of them decoded."""
    outlines = [load_outlines(one.outlines) for one in files]
    policies = [
        (outline, data)
        for one, some in zip(files, outlines, strict=True)
        for outline, data in zip(some, one.policies, strict=True)
    ]
    places = place_policies([[(each.name, each.rules) for each in some] for some in outlines])
    policies.sort(key=lambda pair: pair[0].name)
    properties = sorted(pair for one in files for pair in one.properties)
    return Compiled(
        report.sorted(),
        failed=False,
        packed_units=tuple(one.unit for one in files),
        places=places,
        outlines=tuple(outline for outline, _ in policies),
        _program=assemble(
            environment,
            Packed(data for _, data in policies),
            Packed(data for one in files for data in one.tests),
            Packed(data for _, data in properties),
        ),
    )


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
) -> tuple[tuple[Built, ...], Links]:
    """Return what a file compiles to (nothing when there are errors) and its links."""
    built = old.built.get(one.key)
    seen = digest_for(environment, one.surface)
    if built is not None and built.environment == seen:
        new.built[one.key] = built
        report.extend(recalled(built.warnings))
        return (built,), load_tree(built.links)
    tree = one.tree
    if tree is None:
        assert one.parsed is not None, "a file was parsed, or came from the pack"
        tree = load_tree(one.parsed.tree)
    own = Report()
    checked = check_file(tree, environment, own)
    report.extend(own.found)
    if report.failed:
        # Nothing of a bundle with errors is used, and what was not checked must not be lowered.
        return (), checked.links
    built = kept(checked, seen, noted(own))
    new.built[one.key] = built
    return (built,), checked.links


def kept(checked: CheckedFile, environment: str, warnings: bytes) -> Built:
    """Return the *checked* file compiled, as it is kept."""
    plan = lower_file(checked.path, checked.policies)
    made = generate(plan)
    return Built(
        environment,
        unit=dump_unit(Unit(plan.path, plan.policies, made.pieces, made.constants)),
        outlines=dump_outlines(map(outline_of, checked.policies)),
        policies=tuple(map(dump_tree, checked.policies)),
        tests=tuple(map(dump_tree, checked.tests)),
        properties=tuple((one.name, dump_tree(one)) for one in checked.properties),
        warnings=warnings,
        links=dump_tree(checked.links),
    )


def noted(report: Report) -> bytes:
    """Return the warnings in *report* as kept; nothing for none, as nearly all files have none."""
    return dump_tree(report.found) if report.found else b""


def recalled(warnings: bytes) -> list[Diagnostic]:
    """Return the warnings that ``noted`` kept."""
    return load_tree(warnings) if warnings else []


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
