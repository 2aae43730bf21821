"""Compiling a folder: all problems at once, and with a cache only what changed."""

from __future__ import annotations

import gc
from collections.abc import Sequence
from dataclasses import replace

import pytest

from engine.language import compile as compiling
from engine.language import items, packed, program
from engine.language.compile import PACK, Compiled, compile_sources
from engine.language.diagnostics import Report
from engine.language.parse import parse_file
from engine.language.pickled import dump_tree, load_tree
from engine.language.scope import collect
from engine.language.stamp import STAMP, make_stamp
from engine.language.surface import surface_of
from engine.language.text import Source
from engine.language.together import Links
from tests.language.plans import KNOWN

SCHEMA = Source("schema.pol", "schema {\n context.amount: int\n context.note: text?\n}\n")
NORTH = Source(
    "north.pol",
    'package north\nlet limit = 500\npolicy money "Money" {\n applies when tenant.id == "north"\n'
    ' default allow\n rule cap "Cap" {\n  when context.amount > limit\n  then deny "too much"\n'
    '  severity high\n }\n rule quiet { when stage == "response" then escalate to "q" }\n}\n',
)
SOUTH = Source(
    "south.pol",
    "package south\nimport north\npolicy words {\n default deny\n"
    " rule ok { when context.amount < north.limit then allow }\n"
    " rule slow { then throttle 5 requests per 1m by tenant.id }\n"
    " rule hide { when content has pii.email then redact pii.email }\n}\n"
    'test "small sums pass" {\n given { tenant.id: "t", user.id: "u", stage: "request", '
    'context.amount: 1, content: "x" }\n expect allow by words.ok\n}\n'
    'property small "Small" { never deny when context.amount < 0 }\n',
)
ALL = (SCHEMA, NORTH, SOUTH)


class Memory:
    """A cache that counts what is written."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}
        self.written = 0

    def get(self, name: str) -> bytes | None:
        return self.kept.get(name)

    def put(self, name: str, data: bytes) -> None:
        self.kept[name] = data
        self.written += 1


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the list of the files that are parsed from now on."""
    seen: list[str] = []

    def watched(source: Source, report: Report) -> object:
        seen.append(source.path)
        return parse_file(source, report)

    monkeypatch.setattr(compiling, "parse_file", watched)
    return seen


def changed(source: Source, old: str, new: str) -> Source:
    assert old in source.text
    return replace(source, text=source.text.replace(old, new))


def same(one: Compiled, other: Compiled) -> bool:
    return (
        one.units == other.units
        and one.outlines == other.outlines
        and one.diagnostics == other.diagnostics
        and one.program == other.program
    )


def build(sources: Sequence[Source], cache: Memory | None = None) -> Compiled:
    made = compile_sources(sources, KNOWN, cache)
    assert not made.failed, made.diagnostics
    return made


def test_the_order_of_files_has_no_meaning() -> None:
    assert same(build(ALL), build(ALL[::-1]))


def test_a_program_has_its_policies_by_name() -> None:
    made = build(ALL)
    assert [one.name for one in made.program.policies] == ["north.money", "south.words"]
    assert made.program is made.program


def test_nothing_is_parsed_again_when_nothing_changed(parsed: list[str]) -> None:
    cache = Memory()
    first = build(ALL, cache)
    assert sorted(parsed) == ["north.pol", "schema.pol", "south.pol"]
    parsed.clear()
    second = build(ALL, cache)
    assert parsed == []
    assert cache.written == 1
    assert same(first, second)


def test_only_the_changed_file_is_parsed(parsed: list[str]) -> None:
    cache = Memory()
    build(ALL, cache)
    parsed.clear()
    edited = (SCHEMA, changed(NORTH, "too much", "far too much"), SOUTH)
    warm = build(edited, cache)
    assert parsed == ["north.pol"]
    assert same(warm, build(edited))


def test_what_other_files_see_makes_them_compile_again(parsed: list[str]) -> None:
    cache = Memory()
    build(ALL, cache)
    parsed.clear()
    edited = (SCHEMA, changed(NORTH, "= 500", "= 900"), SOUTH)
    warm = build(edited, cache)
    assert parsed == ["north.pol"]
    assert same(warm, build(edited))


def test_a_changed_schema_checks_every_file_again() -> None:
    cache = Memory()
    build(ALL, cache)
    edited = (changed(SCHEMA, "amount: int", "amount: string"), NORTH, SOUTH)
    made = compile_sources(edited, KNOWN, cache)
    assert made.failed
    assert {one.span.path for one in made.diagnostics} == {"north.pol", "south.pol"}
    assert made.units == ()
    with pytest.raises(AssertionError, match="no program"):
        assert made.program


def test_a_fixed_bundle_compiles_again_after_an_error() -> None:
    cache = Memory()
    build(ALL, cache)
    compile_sources(
        (SCHEMA, changed(NORTH, "context.amount", "context.amuont"), SOUTH), KNOWN, cache
    )
    assert same(build(ALL, cache), build(ALL))


def test_problems_of_all_files_are_reported_together() -> None:
    broken = (
        SCHEMA,
        changed(NORTH, "then deny", "then dney"),
        changed(SOUTH, "has pii.email", "has pii.emial"),
    )
    for cache in (None, Memory()):
        made = compile_sources(broken, KNOWN, cache)
        assert {one.span.path for one in made.diagnostics} == {"north.pol", "south.pol"}


def test_warnings_come_from_the_cache_too() -> None:
    odd = Source("odd.pol", "policy p {\n default allow\n rule r { when 1 == 2 then deny }\n}\n")
    cache = Memory()
    first = build((odd,), cache)
    assert first.diagnostics
    assert all(one.severity == "warning" for one in first.diagnostics)
    assert build((odd,), cache).diagnostics == first.diagnostics


def test_a_removed_file_leaves_the_cache() -> None:
    cache = Memory()
    build(ALL, cache)
    whole = len(cache.kept[PACK])
    build((SCHEMA, NORTH), cache)
    assert len(cache.kept[PACK]) < whole


def test_a_moved_file_says_its_new_place() -> None:
    cache = Memory()
    build(ALL, cache)
    moved = build((SCHEMA, replace(NORTH, path="moved.pol"), SOUTH), cache)
    assert moved.program.policies[0].span.path == "moved.pol"


def test_no_checked_tree_is_decoded_before_it_is_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cache = Memory()
    build(ALL, cache)
    decoded: list[object] = []

    def watched(data: bytes) -> object:
        decoded.append(load_tree(data))
        return decoded[-1]

    monkeypatch.setattr(compiling, "load_tree", watched)
    monkeypatch.setattr(packed, "load_tree", watched)
    made = build((SCHEMA, NORTH, changed(SOUTH, "default deny", "default allow")), cache)
    assert [one.name for one in made.outlines] == ["north.money", "south.words"]
    assert len(made.program.policies) == 2
    assert {type(one) for one in decoded} == {items.File, Links}
    assert made.program.policies[0].name == "north.money"
    assert isinstance(decoded[-1], program.Policy)


def test_what_another_compiler_made_is_not_used(parsed: list[str]) -> None:
    cache = Memory()
    build(ALL, cache)
    cache.kept[PACK] = b"x" + cache.kept[PACK][1:]
    parsed.clear()
    build(ALL, cache)
    assert len(parsed) == 3


def test_the_stamp_depends_on_the_source_only() -> None:
    assert make_stamp("language") == STAMP


def test_a_surface_declares_what_the_file_does() -> None:
    files = [parse_file(source, Report()) for source in ALL]
    whole = collect(files, KNOWN, Report())
    seen = collect([surface_of(file) for file in files], KNOWN, Report())
    assert (seen.digest, seen.digests) == (whole.digest, whole.digests)
    assert seen.rules == whole.rules


def test_every_declaration_survives_in_a_surface() -> None:
    text = (
        'facts tenant from "t.json"\nlist words from "w.txt"\nlet n = 1\n'
        "entity my.id { pattern /X[0-9]+/ }\n"
        'classifier toxic { endpoint = "grpc://127.0.0.1:1" }\n'
        "meter m counts rule p.r by user.id over 1m\n"
        'fixture f { tenant.id: "t" }\nschema { context.x: int }\n'
        "policy p { default allow rule r { then deny } }\n"
    )
    file = parse_file(Source("a.pol", text), Report())
    kept = surface_of(file).items
    assert kept[:-1] == file.items[:-1]
    assert len(kept) == len(file.items) == 9


def test_trees_survive_the_cache() -> None:
    made = build(ALL).program
    assert load_tree(dump_tree(made)) == made
    assert isinstance(load_tree(dump_tree(made)), program.Program)


def test_the_garbage_collector_is_left_as_it_was() -> None:
    build(ALL)
    assert gc.isenabled()
    gc.disable()
    try:
        build(ALL)
        assert not gc.isenabled()
    finally:
        gc.enable()
