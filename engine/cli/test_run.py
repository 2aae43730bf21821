"""A bundle and a choice of its tests in; results and coverage out, from one process or several."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path

from engine.cli.bundle import SECRET, Selection, seen
from engine.runtime.policyset import PolicySet
from engine.service.bundles import Recipe, load_folder
from engine.verify.coverage import Coverage, Summary
from engine.verify.properties import run_properties
from engine.verify.results import Result
from engine.verify.run import run_tests

RECIPE = Recipe(SECRET)
WORTH = 50
"""Tests that are worth a further process: to start one and load the bundle there takes a second."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Which tests are run, and how: see the options of ``engine test``."""

    pattern: str = ""
    stop: bool = False
    jobs: int = 1
    seed: int = 0
    watched: bool = True
    """Whether coverage is measured."""

    def wants(self, name: str) -> bool:
        """Return whether a test of this name was asked for."""
        return self.pattern.lower() in name.lower()


@dataclass(frozen=True, slots=True)
class Part:
    """The share of one process: tests and properties by their place in the program."""

    root: Path
    tests: tuple[int, ...]
    laws: tuple[int, ...]
    choice: Choice


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a bundle's tests."""

    results: tuple[Result, ...]
    summary: Summary


def run_bundle(selection: Selection, choice: Choice) -> Outcome:
    """Return what came of the tests of *selection*. Raises PolicyError when it does not check."""
    policies = load_folder(selection.root, RECIPE)
    checked = policies.program
    tests = tuple(
        number
        for number, one in enumerate(checked.tests)
        if selection.covers(one.span.path) and choice.wants(one.name)
    )
    laws = tuple(
        number
        for number, one in enumerate(checked.properties)
        if selection.covers(one.span.path) and choice.wants(one.name)
    )
    whole = Part(selection.root, tests, laws, choice)
    jobs = min(choice.jobs, 1 + (len(tests) + len(laws)) // WORTH)
    results, coverage = run_part(policies, whole) if jobs == 1 else run_parts(whole, jobs)
    ordered = sorted(results, key=lambda one: one.span)
    return placed_outcome(selection.root, Outcome(tuple(ordered), coverage.summary(checked)))


def placed_outcome(root: Path, outcome: Outcome) -> Outcome:
    """Return *outcome* with paths as seen from the current folder."""
    results = tuple(
        replace(
            result,
            span=seen(root, result.span),
            failures=tuple(replace(one, span=seen(root, one.span)) for one in result.failures),
        )
        for result in outcome.results
    )
    gaps = tuple(replace(gap, span=seen(root, gap.span)) for gap in outcome.summary.gaps)
    return Outcome(results, replace(outcome.summary, gaps=gaps))


def run_part(policies: PolicySet, part: Part) -> tuple[list[Result], Coverage]:
    """Run *part* in this process; stop at the first failure when so chosen."""
    coverage = Coverage()
    results: list[Result] = []
    for result in part_results(policies, part, coverage):
        results.append(result)
        if part.choice.stop and not result.passed:
            break
    return results, coverage


def part_results(policies: PolicySet, part: Part, coverage: Coverage) -> Iterator[Result]:
    """Yield the results of *part* one by one."""
    tests = [policies.program.tests[number] for number in part.tests]
    laws = [policies.program.properties[number] for number in part.laws]
    yield from run_tests(policies, tests, coverage=coverage if part.choice.watched else None)
    yield from run_properties(policies, laws, seed=part.choice.seed)


def run_parts(whole: Part, jobs: int) -> tuple[list[Result], Coverage]:
    """Deal *whole* out to *jobs* processes."""
    parts = [
        Part(whole.root, whole.tests[number::jobs], whole.laws[number::jobs], whole.choice)
        for number in range(jobs)
    ]
    results: list[Result] = []
    coverage = Coverage()
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        for those, seen in pool.map(load_and_run, parts):
            results += those
            coverage.merge(seen)
    return results, coverage


def load_and_run(part: Part) -> tuple[list[Result], Coverage]:
    """Load the bundle in this process and run *part* of it."""
    return run_part(load_folder(part.root, RECIPE), part)


def failed(results: Sequence[Result]) -> bool:
    """Return whether any of *results* failed."""
    return any(not one.passed for one in results)
