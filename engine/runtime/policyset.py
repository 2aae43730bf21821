"""A checked program and its data in, an immutable policy set out: all that a decision needs.

A reload makes a new policy set and swaps one reference.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from engine.content.stream_hold import BOUND, Hold
from engine.content.windows import LONG
from engine.language.outline import TURN, outline_of
from engine.language.program import MeterDefinition, Policy, Program, Rule
from engine.runtime.evidence import Classify, Scanner, ScoreInjection, Senses, no_classifier
from engine.runtime.limits import WhenAway
from engine.runtime.looks import Widen
from engine.runtime.match import Matcher
from engine.runtime.reader import Reader, build_reader
from engine.runtime.reference import ReferenceMatcher
from engine.runtime.request import CONTENT_LIMIT, OnTooLarge
from engine.runtime.shape import DEAF, Heard, Shape, shape_of
from engine.runtime.table import Table


@dataclass(frozen=True, slots=True)
class PolicySet:
    """See the module. Made by ``build``. All but the last three is immutable."""

    revision: str
    program: Program
    reader: Reader
    matcher: Matcher
    senses: Senses
    lists: Mapping[str, frozenset[str]]
    facts: Mapping[str, Table]
    key: bytes
    """Keys review ids, hashes and pseudonyms: 32 bytes."""
    policies: Sequence[Policy]
    rules: Sequence[Rule]
    owner: Sequence[int]
    """The policy number of each rule."""
    passing: frozenset[int]
    """Rules whose effect depends on more than matching: the clock (expires) or a key (rollout)."""
    passing_policies: frozenset[int]
    spelt: frozenset[str]
    """Advice names whose every value the policies spell out: no request shows in them."""
    reversible: bool
    """Whether any rule redacts with placeholders that can be turned back."""
    meters: Mapping[str, tuple[MeterDefinition, ...]]
    """The meters that count a rule, by its name."""
    on_too_large: OnTooLarge = "refuse"
    """What becomes of a request with more content than detectors may look at."""
    long: int = LONG
    """So many characters are more than may be looked at while other decisions wait."""
    stream_hold: int = BOUND
    """So many characters of a stream may be held back."""
    when_away: WhenAway = "throttle"
    """What throttle rules do that do not say it, while the store is away."""
    heard: Heard = DEAF
    """What of sessions is asked, so that it is noted; `DEAF` itself where nothing is."""
    asked: frozenset[str] = frozenset()
    """All entities that any policy looks for."""
    remembered: dict[object, object] = field(default_factory=dict)
    """Outcomes by what matched. Bounded by its user."""
    readings: dict[str, object] = field(default_factory=dict)
    """What there is to tell of rules, by name; see ``values``. Bounded by its user."""
    holds: dict[frozenset[str], Hold] = field(default_factory=dict)
    """What streams hold back, by what is looked for in them. Bounded by its user."""


def build(  # noqa: PLR0913  everything a decision needs
    program: Program,
    *,
    scanner: Scanner,
    injection: ScoreInjection,
    key: bytes,
    revision: str,
    lists: Mapping[str, frozenset[str]] | None = None,
    facts: Mapping[str, Table] | None = None,
    matcher: Matcher | None = None,
    classify: Classify = no_classifier,
    content_limit: int = CONTENT_LIMIT,
    on_too_large: OnTooLarge = "refuse",
    long: int = LONG,
    stream_hold: int = BOUND,
    when_away: WhenAway = "throttle",
    rules: Sequence[Rule] | None = None,
    shape: Shape | None = None,
    reader: Reader | None = None,
    widen: Widen | None = None,
) -> PolicySet:
    """Return the policy set of *program* for a deployment's secret *key*; *lists*, *facts* by name.

    Without *matcher* the reference tries all rules; *reader* is of the same fields, facts, limits.
    """
    shape = shape or shape_of(map(outline_of, program.policies))
    return PolicySet(
        revision=revision,
        program=program,
        reader=reader or _reader(program, facts, content_limit, on_too_large, long),
        matcher=matcher or ReferenceMatcher(program, lists or {}),
        senses=Senses(scanner, injection, classify, program.meters, _key(b"sessions", key), widen),
        lists=lists or {},
        facts=facts or {},
        key=_key(b"policy set", key),
        policies=program.policies,
        rules=program.rules if rules is None else rules,
        owner=shape.owner,
        passing=shape.passing,
        passing_policies=shape.passing_policies,
        spelt=shape.spelt,
        reversible=shape.reversible,
        meters=meters_of(program),
        on_too_large=on_too_large,
        long=long,
        stream_hold=stream_hold,
        when_away=when_away,
        heard=_heard(program, shape),
        asked=frozenset().union(*shape.asked),
    )


def _reader(
    program: Program,
    facts: Mapping[str, Table] | None,
    limit: int,
    on_too_large: OnTooLarge,
    long: int,
) -> Reader:
    return build_reader(program.fields, facts, limit=limit, on_too_large=on_too_large, long=long)


def _key(use: bytes, key: bytes) -> bytes:
    return sha256(use + b"\0" + key).digest()


def _heard(program: Program, shape: Shape) -> Heard:
    """Return what is asked of sessions, by the keys of meters too."""
    by_turn = any(key.path == TURN for meter in program.meters.values() for key in meter.keys)
    heard = shape.heard._replace(turns=shape.heard.turns or by_turn)
    return DEAF if heard == DEAF else heard


def meters_of(program: Program) -> dict[str, tuple[MeterDefinition, ...]]:
    """Return the meters that count a rule, by its name."""
    meters: dict[str, tuple[MeterDefinition, ...]] = {}
    for meter in program.meters.values():
        meters[meter.rule] = (*meters.get(meter.rule, ()), meter)
    return meters
