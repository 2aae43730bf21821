"""A policy set in, the results of its tests out.

Each test has an empty store and a clock of its own.

A test that decides nothing has tested nothing, and fails.

A ``case`` decides on a copy of the test's store and leaves nothing behind, so that the cases of a
test do not depend on each other's order.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from time import perf_counter
from typing import assert_never

from engine.language import program
from engine.language.text import Span
from engine.runtime.decide import decide
from engine.runtime.evidence import EPOCH, Evidence, nanoseconds
from engine.runtime.explain import explain
from engine.runtime.memory import MemoryStore
from engine.runtime.policyset import PolicySet
from engine.runtime.record import Record
from engine.runtime.request import InvalidRequest
from engine.runtime.usage import by_unit
from engine.verify.away import Away
from engine.verify.coverage import Coverage
from engine.verify.expectation import compare, unadvised
from engine.verify.generate import START
from engine.verify.results import Failure, Result


def run_tests(
    policies: PolicySet,
    tests: Sequence[program.Test] | None = None,
    *,
    coverage: Coverage | None = None,
) -> Iterator[Result]:
    """Yield the result of each of *tests* (all of the bundle's when None), in order."""
    for test in policies.program.tests if tests is None else tests:
        yield run_test(policies, test, coverage)


def run_test(policies: PolicySet, test: program.Test, coverage: Coverage | None) -> Result:
    """Return how *test* went."""
    started = perf_counter()
    bench = Bench(policies, coverage)
    bench.walk(test.steps)
    if not bench.decisions:
        bench.failures.append(Failure("the test expects nothing: add an `expect`", test.span, {}))
    took = perf_counter() - started
    return Result(test.name, "test", test.span, tuple(bench.failures), bench.decisions, took)


@dataclass(slots=True)
class Bench:
    """The state of one running test."""

    policies: PolicySet
    coverage: Coverage | None
    now: int = nanoseconds(START - EPOCH)
    store: MemoryStore = field(default_factory=MemoryStore)
    local: MemoryStore = field(default_factory=MemoryStore)
    """What throttles may take from while the store is away."""
    mocks: dict[str, float | int] = field(default_factory=dict)
    request: Mapping[str, object] = field(default_factory=dict)
    open: list[str] = field(default_factory=list)
    """The ids of the decisions that may have taken something and were not settled."""
    failures: list[Failure] = field(default_factory=list)
    decisions: int = 0

    def walk(self, steps: Sequence[program.Step]) -> None:  # noqa: C901  a case for every step
        """Take the steps one by one; a step that fails does not stop the others."""
        for step in steps:
            match step:
                case program.At(time):
                    self.now = nanoseconds(time - EPOCH)
                case program.Advance(duration):
                    self.now += nanoseconds(duration)
                case program.Mock(target, value):
                    self.mocks[target] = value
                case program.Given(request):
                    self.request = request
                case program.Settle(usage, span):
                    self.settle(usage, span)
                case program.Expect(expectation, span):
                    self.expect(self.request, expectation, span, self.reached())
                case program.Case(name, request, expectation, span):
                    self.expect(request, expectation, span, self.reached(copied=True), name)
                case program.Repeat(times, inner):
                    before = len(self.failures)
                    for _ in range(times):
                        # The same failure a thousand times helps nobody.
                        if len(self.failures) > before:
                            break
                        self.walk(inner)
                case _:
                    assert_never(step)

    def settle(self, usage: Mapping[str, int | Decimal], span: Span) -> None:
        """Settle the latest decision that is not settled, in the store that can be reached."""
        if not self.open:
            self.failures.append(Failure("there is no decision left to settle", span, {}))
            return
        store = self.local if self.mocks.get(program.STATE_AWAY) else self.store
        store.settle(self.open.pop(), by_unit(usage), self.now)

    def reached(self, *, copied: bool = False) -> MemoryStore:
        """Return the store as it is, or *copied*; one that is away where the test has it so."""
        if self.mocks.get(program.STATE_AWAY):
            return Away(self.local.copy() if copied else self.local)
        return self.store.copy() if copied else self.store

    def expect(
        self,
        request: Mapping[str, object],
        expectation: program.Expectation,
        span: Span,
        store: MemoryStore,
        name: str = "",
    ) -> None:
        """Decide *request* once, and note what is not as expected."""
        self.decisions += 1
        decision_id = f"{span}#{self.decisions}"
        before = f"case {name!r}: " if name else ""
        try:
            record = self.policies.reader.read(request)
        except InvalidRequest as problem:
            wrong = "; ".join(f"{one.path}: {one.message}" for one in problem.problems)
            self.failures.append(Failure(f"{before}the request is invalid: {wrong}", span, request))
            return
        untouched = store.copy()
        self.watch(record, untouched)
        decision = decide(
            self.policies,
            record,
            store,
            self.now,
            mocks=self.mocks,
            decision_id=decision_id,
        )
        if not name and decision.action not in {"deny", "throttle"}:
            self.open.append(decision_id)
        evidence = self.evidence(record, untouched)
        difference = unadvised(expectation, self.policies.program.policies) or compare(
            expectation, decision, evidence.content(), evidence
        )
        if difference:
            why = explain(self.policies, record, untouched, self.now, mocks=self.mocks)
            self.failures.append(Failure(before + difference, span, request, decision, why))

    def watch(self, record: Record, store: MemoryStore) -> None:
        """Let the coverage see which conditions come out how for *record*."""
        if self.coverage is not None:
            self.coverage.watch(self.policies, self.evidence(record, store))

    def evidence(self, record: Record, store: MemoryStore) -> Evidence:
        """Return what conditions may ask about *record* now."""
        return Evidence(record, self.policies.senses, store, self.now, self.mocks)
