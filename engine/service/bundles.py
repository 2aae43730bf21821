"""A policy folder in, a `PolicySet` that decides out: compile it (`compiled`), then link it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from engine.content.detectors import CustomEntity
from engine.content.entities import expand
from engine.content.injection import prepare_injection, score_injection
from engine.content.remembered import remembering
from engine.content.scan import build_scanner
from engine.language.compile import without_collection
from engine.language.packed import RulesOf
from engine.language.unit import load_unit
from engine.runtime.index import link
from engine.runtime.judge import Judge
from engine.runtime.policyset import PolicySet, build
from engine.runtime.request import CONTENT_LIMIT, OnTooLarge
from engine.service.cache import Cache
from engine.service.compiled import NO_CACHE, Bundle, compile_folder


@dataclass(frozen=True, slots=True)
class Recipe:
    """What linking needs beside the bundle: the deployment's *secret*, and limits."""

    secret: bytes = field(repr=False)
    content_characters: int = CONTENT_LIMIT
    remembered_bytes: int = 0
    """Bytes of findings that are remembered for texts seen before."""
    on_content_too_large: OnTooLarge = "refuse"
    prepare: bool = False
    """Build the detectors at once, for those who serve: it takes a first time about 50 ms."""


def load_folder(root: Path, recipe: Recipe, cache: Cache = NO_CACHE) -> PolicySet:
    """Return the policies in *root*, ready to decide. Raises PolicyError."""
    with without_collection():
        return link_bundle(compile_folder(root, cache), recipe)


def link_bundle(bundle: Bundle, recipe: Recipe) -> PolicySet:
    """Return *bundle* ready to decide."""
    program = bundle.program
    custom = [
        CustomEntity(one.name, one.patterns, one.terms, one.checks, one.near)
        for one in program.entities.values()
    ]
    scanner = build_scanner(custom, bundle.lists)
    if recipe.prepare:
        for entities in (expand("secret.any"), scanner.entities):
            scanner.prepare(entities)
        prepare_injection()
    scan, score = remembering(scanner, score_injection, recipe.secret, recipe.remembered_bytes)
    judge = Judge(lambda: program, bundle.lists)
    return build(
        program,
        scanner=scan,
        injection=score,
        key=recipe.secret,
        revision=bundle.revision,
        lists=bundle.lists,
        facts=bundle.facts,
        matcher=link([load_unit(unit) for unit in bundle.units], bundle.lists, judge),
        content_limit=recipe.content_characters,
        on_too_large=recipe.on_content_too_large,
        rules=RulesOf(program.policies, bundle.shape.owner),
        shape=bundle.shape,
    )
