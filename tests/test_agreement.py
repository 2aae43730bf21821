"""The compiled matcher and the reference interpreter agree on every program and request."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, currently_in_test_context, given, note, settings
from hypothesis import strategies as st

from engine.content.findings import Finding, Injection
from engine.language.codegen import generate
from engine.language.functions import Unknowable
from engine.language.lower import lower_file
from engine.language.program import ListFile, Policy, Program, taint_mock
from engine.language.text import NOWHERE
from engine.language.unit import Unit, dump_unit, load_unit
from engine.runtime.evidence import Evidence, Mocks, Senses, no_classifier
from engine.runtime.index import IndexedMatcher, link
from engine.runtime.judge import Judge
from engine.runtime.match import Match
from engine.runtime.memory import MemoryStore
from engine.runtime.reader import build_reader
from engine.runtime.reference import ReferenceMatcher
from engine.runtime.request import InvalidRequest
from engine.service.bundles import Recipe, load_folder
from engine.verify.away import Away
from engine.verify.generate import Generator
from engine.verify.palette import conditions, read_palette
from engine.verify.samples import find_samples
from tests.language.test_lower import compare
from tests.made_programs import programs
from tests.made_requests import requests
from tests.vocabulary import FIELDS, LISTS, METERS, PATHS, bare_rule

READER = build_reader(FIELDS, {})
NOW = 1_767_225_600_000_000_000


class Scanner:
    """Finds an e-mail by its at sign and a card by its digits, or fails."""

    def __init__(self, fails: bool) -> None:  # noqa: FBT001
        self.fails = fails

    def scan(self, text: str, entities: frozenset[str]) -> tuple[Finding, ...]:
        if self.fails:
            raise Unknowable("the scanner")
        signs = {"pii.email": "@", "pii.card": "4111"}
        return tuple(Finding(one, 0, 1, 1.0) for one in sorted(entities) if signs[one] in text)


def injection(text: str, role: str) -> Injection:
    return Injection(0.9 if "ignore" in text else 0.1, (role,))


Around = tuple[Senses, MemoryStore, Mocks]
TAINTS = st.dictionaries(st.sampled_from([taint_mock(path) for path in PATHS]), st.booleans())


@st.composite
def surroundings(draw: st.DrawFn) -> Around:
    """Draw detectors and a store, each of which may fail, and which arguments are tainted."""
    score = draw(st.sampled_from([None, 0.0, 0.5, 1.0]))

    def classify(classifier: str, text: str) -> float:
        if score is None:
            raise Unknowable(f"classifier.{classifier} ({len(text)})")
        return score

    senses = Senses(Scanner(draw(st.booleans())), injection, classify, METERS)
    return senses, draw(st.sampled_from([Away(MemoryStore()), MemoryStore()])), draw(TAINTS)


def compiled(program: Program, files: int) -> IndexedMatcher:
    """Return the program's policies as *files* units, stored and loaded again, linked."""
    units = []
    for number in range(files):
        plan = lower_file(f"file{number}.pol", program.policies[number::files])
        made = generate(plan)
        unit = Unit(plan.path, plan.policies, made.pieces, made.constants)
        units.append(load_unit(dump_unit(unit)))
    return link(units, LISTS, Judge(lambda: program, LISTS))


def told(match: Match) -> tuple[object, ...]:
    """Return all that *match* says."""
    return match.applied, match.hits, match.doubts, match.uncertain


def agree(
    program: Program,
    asked: Sequence[dict[str, object]],
    around: Around,
    files: int,
) -> None:
    reference = ReferenceMatcher(program, LISTS)
    matcher = compiled(program, files)
    senses, store, mocks = around
    for request in asked:
        record = READER.read(request)
        if currently_in_test_context():
            note(str(record))
        expected = reference.match(record, Evidence(record, senses, store, NOW, mocks))
        wide = replace(senses, widen=matcher.widen)
        found = matcher.match(record, Evidence(record, wide, store, NOW, mocks))
        assert told(found) == told(expected)


ASKED = st.lists(requests(), min_size=1, max_size=3)
CALM = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
EXAMPLES = int(os.environ.get("AGREEMENT_EXAMPLES", "500"))


@pytest.mark.slow
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=CALM,
    derandomize="AGREEMENT_EXAMPLES" not in os.environ,
)
@given(programs(), ASKED, surroundings(), st.integers(1, 2))
def test_compiled_and_reference_agree(
    program: Program,
    asked: list[dict[str, object]],
    around: Around,
    files: int,
) -> None:
    agree(program, asked, around, files)


@pytest.mark.nightly
@settings(max_examples=20_000, deadline=None, suppress_health_check=CALM)
@given(programs(), ASKED, surroundings(), st.integers(1, 2))
def test_compiled_and_reference_agree_all_night(
    program: Program,
    asked: list[dict[str, object]],
    around: Around,
    files: int,
) -> None:
    agree(program, asked, around, files)


@pytest.mark.parametrize("operator", ["<", "<=", ">", ">=", "==", "!="])
@pytest.mark.parametrize("bound", [2**53 + 1, -(2**53) - 1, 2**63 - 1, 2**63 - 2, 1 - 2**63])
def test_they_agree_on_numbers_that_no_float_holds(operator: str, bound: int) -> None:
    rule = bare_rule("p.r", compare("user.clearance", operator, bound))
    policy = Policy("p", "", "", None, "allow", "", False, None, (rule,), NOWHERE)  # noqa: FBT003
    lists = {name: ListFile(name, "", "", NOWHERE) for name in LISTS}
    program = Program(FIELDS, (), lists, {}, {}, METERS, (policy,), (), ())
    asked: list[dict[str, object]] = [
        {
            "stage": "request",
            "tenant": {"id": "a", "plan": "free"},
            "user": {"id": "a", "roles": [], "clearance": value, "trusted": True},
            "session": {"turn": 0, "labels": []},
            "context": {"score": 0.0, "sizes": [], "tags": [], "wait": "0s"},
            "content": "",
        }
        for value in (bound - 1, bound, bound + 1)
        if abs(value) < 2**63
    ]
    senses = Senses(Scanner(fails=False), injection, no_classifier, METERS)
    agree(program, asked, (senses, MemoryStore(), {}), 1)


SHIPPED = Path(__file__).parent.parent / "policies"
FOLDERS = [
    *(one for one in sorted((SHIPPED / "examples").iterdir()) if one.is_dir()),
    SHIPPED / "starter",
]


@pytest.mark.slow
@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_they_agree_on_every_shipped_policy(folder: Path) -> None:
    policies = load_folder(folder, Recipe(bytes(32)))
    program = policies.program
    reference = ReferenceMatcher(program, policies.lists)
    samples = find_samples(policies)
    ids = {f"{group}.id": tuple(table.ids) for group, table in policies.facts.items()}
    palette = read_palette(program, samples.values(), ids, policies.lists)
    generator = Generator(program, palette, samples, Random(7))  # noqa: S311 - repeatable chance
    asked = [generator.draw() for _ in range(50)]
    for condition in conditions(program):
        asked += [generator.bent(condition) for _ in range(5)]
    reached = 0
    for request in asked:
        try:
            record = policies.reader.read(request)
        except InvalidRequest:  # bending to a condition may go too far
            continue
        if record.missing:  # such a request is denied before anything is matched
            continue
        expected = reference.match(record, Evidence(record, policies.senses, MemoryStore(), NOW))
        found = policies.matcher.match(
            record, Evidence(record, policies.senses, MemoryStore(), NOW)
        )
        assert told(found) == told(expected), request
        reached += len(found.hits) + len(found.doubts)
    assert reached > 0
