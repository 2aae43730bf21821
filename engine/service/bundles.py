"""A policy folder in, a `PolicySet` that decides out: compile it (`compiled`), then link it.

Linking is written in stages (see `language.stages`), so that a daemon can do it between decisions.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

from engine.content.detectors import CustomEntity
from engine.content.hashing import with_blake2b
from engine.content.injection import prepare_injection, score_injection
from engine.content.remembered import ScansTexts, ScoresTexts, remembering
from engine.content.scan import Scanner
from engine.content.stream_hold import BOUND, Hold
from engine.content.windows import LONG
from engine.language.collection import without_collection
from engine.language.interned import interned
from engine.language.packed import RulesOf
from engine.language.stages import whole
from engine.language.unit import open_unit
from engine.runtime.index import linking as index
from engine.runtime.judge import Judge
from engine.runtime.limits import WhenAway
from engine.runtime.policyset import PolicySet, build
from engine.runtime.reader import Reader
from engine.runtime.request import CONTENT_LIMIT, OnTooLarge
from engine.service.cache import NO_CACHE, Cache, NoCache
from engine.service.compiler import Finder
from engine.service.guarding import prepare_guards
from engine.service.hashing import quickest
from engine.service.nets import asked_of, custom_of, find_net, find_or_make_net, scanner_of
from engine.service.stored import Bundle

MOST_PREPARED = 32
"""For so many sets of entities everything is built beforehand."""

WARMING = "mail ann@example.com, call +1 555-010-9999, card 4111 1111 1111 1111, key=AKIA 10.0.0.1"
"""A text that makes detectors look closely."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """What linking needs beside the bundle: the deployment's *secret*, and limits."""

    secret: bytes = field(repr=False)
    content_characters: int = CONTENT_LIMIT
    remembered_bytes: int = 0
    """Bytes of findings that are remembered for texts seen before."""
    on_content_too_large: OnTooLarge = "refuse"
    long_characters: int = LONG
    """So much content is looked at where other decisions need not wait for it."""
    stream_hold_characters: int = BOUND
    """So much of a streamed response may be held back."""
    on_state_failure: WhenAway = "throttle"
    """What throttle rules do that do not say it, while the state store is away."""
    prepare: bool = False
    """Build the detectors at once, for those who serve: it takes a first time about 50 ms, and
    where there is a cache that has no net of them yet, half a second."""
    finder: Finder = "auto"


def load_folder(root: Path, recipe: Recipe, cache: Cache = NO_CACHE) -> PolicySet:
    """Return the policies in *root*, ready to decide. Raises PolicyError."""
    # Who is given compiled policies, as a worker is, does without the compiler.
    compiled = import_module("engine.service.compiled")
    with without_collection():
        return link_bundle(compiled.compile_folder(root, cache), recipe, cache)


def link_bundle(bundle: Bundle, recipe: Recipe, cache: Cache = NO_CACHE) -> PolicySet:
    """Return *bundle* ready to decide; *cache* is where nets are kept."""
    detection = detect(bundle, recipe, cache)
    return whole(linking(bundle, recipe, detection))


def linking(
    bundle: Bundle, recipe: Recipe, detection: Detection, reader: Reader | None = None
) -> Generator[None, None, PolicySet]:
    """Return *bundle* ready to decide with *detection* and *reader*; yield often."""
    program = bundle.program
    judge = Judge(lambda: program, bundle.lists)
    units = map(open_unit, bundle.units)
    matcher = yield from index(units, bundle.places, bundle.lists, judge)
    policies = build(
        program,
        scanner=detection.scan,
        injection=detection.score,
        key=recipe.secret,
        revision=bundle.revision,
        lists=bundle.lists,
        facts=bundle.facts,
        matcher=matcher,
        content_limit=recipe.content_characters,
        on_too_large=recipe.on_content_too_large,
        long=recipe.long_characters,
        stream_hold=recipe.stream_hold_characters,
        when_away=recipe.on_state_failure,
        rules=RulesOf(program.policies, bundle.shape.owner),
        shape=bundle.shape,
        reader=reader,
        widen=matcher.widen,
    )
    yield
    policies.holds.update(detection.holds)
    if recipe.prepare:
        prepare_guards(policies)
    detection.holds.update(policies.holds)
    return policies


@dataclass(frozen=True, slots=True)
class Detection:
    """The detectors of a bundle, which another bundle may have too if it asks for the same.

    It remembers what was found in texts: a reload that leaves the entities alone keeps that.
    """

    asks: Asks
    scan: ScansTexts
    score: ScoresTexts
    holds: dict[frozenset[str], Hold] = field(default_factory=dict)
    """What streams hold back that were prepared."""


class Asks(NamedTuple):
    """What detectors depend on."""

    entities: Sequence[CustomEntity]
    terms: Mapping[str, frozenset[str]]
    """The lists that the entities name."""
    asked: frozenset[frozenset[str]]
    scored: bool
    recipe: Recipe


def asks_of(bundle: Bundle, recipe: Recipe) -> Asks:
    """Return what the detectors of *bundle* depend on."""
    entities = custom_of(bundle)
    named = {name for one in entities for name in one.terms}
    terms = {name: bundle.lists[name] for name in sorted(named)}
    return Asks(entities, terms, bundle.shape.asked, bundle.shape.scored, recipe)


def detect(bundle: Bundle, recipe: Recipe, cache: Cache) -> Detection:
    """Return the detectors of *bundle*."""
    asks = asks_of(bundle, recipe)
    scanner = equipped(bundle, recipe, cache)
    limit = recipe.remembered_bytes
    hashed = quickest() if limit else with_blake2b
    return Detection(asks, *remembering(scanner, score_injection, recipe.secret, limit, hashed))


def equipped(bundle: Bundle, recipe: Recipe, cache: Cache) -> Scanner:
    """Return the scanner of *bundle*, with a net if it may have one and there is one."""
    scanner = scanner_of(bundle)
    asked = asked_of(bundle)
    if recipe.finder != "re2" and not isinstance(cache, NoCache):
        find = find_or_make_net if recipe.prepare else find_net
        net = find(scanner.wanted(asked), cache)
        if net is not None:
            scanner.cast(net)
    if recipe.prepare:
        prepare(scanner, bundle.shape.asked | {asked}, asked)
        if bundle.shape.scored:
            prepare_injection()
    return scanner


def prepare(scanner: Scanner, questions: frozenset[frozenset[str]], asked: frozenset[str]) -> None:
    """Build what *scanner* needs for *questions*, in all of which *asked* is looked for.

    What nobody asks for is not built: it would take a second and fifty megabytes.
    """
    if not asked:
        return
    for entities in sorted(questions, key=sorted)[:MOST_PREPARED]:
        scanner.prepare(interned(entities))
    scanner.warm(asked)
    # Patterns are compiled at their first use, up to 60 ms in all.
    scanner.scan(WARMING, asked)
