"""Properties of a bundle tried with generated requests: a counterexample, or how often it held.

Half of the requests are bent towards the property's condition; each is decided on an empty store.
A property whose condition no request met has not been tried, and that is a failure too.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random
from time import perf_counter

from engine.language import program
from engine.runtime.decide import decide
from engine.runtime.decision import Decision
from engine.runtime.evidence import EPOCH, Evidence, nanoseconds
from engine.runtime.explain import explain
from engine.runtime.memory import MemoryStore
from engine.runtime.policyset import PolicySet
from engine.runtime.reference import Interpreter
from engine.runtime.request import InvalidRequest
from engine.verify.expectation import outcome
from engine.verify.generate import Generator, Request
from engine.verify.palette import read_palette
from engine.verify.results import Failure, Result
from engine.verify.run import START
from engine.verify.samples import find_samples

ENOUGH = 200
"""Requests that meet the condition, after which a property counts as tried."""
ATTEMPTS = 3_000
"""Requests after which the search gives up."""
NOW = nanoseconds(START - EPOCH)


def run_properties(
    policies: PolicySet,
    laws: Sequence[program.Property] | None = None,
    *,
    seed: int = 0,
) -> Iterator[Result]:
    """Yield the result of each of *laws* (all of the bundle's when None), in order.

    The same *seed* tries the same requests.
    """
    ids = {f"{group}.id": tuple(table.ids) for group, table in policies.facts.items()}
    samples = find_samples(policies)
    palette = read_palette(policies.program, samples.values(), ids, policies.lists)
    for law in policies.program.properties if laws is None else laws:
        chance = Random(f"{seed}/{law.name}")  # noqa: S311  tests want repeatable chance
        yield run_property(policies, law, Generator(policies.program, palette, samples, chance))


def run_property(policies: PolicySet, law: program.Property, generator: Generator) -> Result:
    """Return how *law* went: it passes when it was tried and no request broke it."""
    started = perf_counter()
    met, failures = 0, []
    for number in range(ATTEMPTS):
        if met == ENOUGH:
            break
        request = generator.bent(law.when) if number % 2 else generator.draw()
        decision = attempt(policies, law, request)
        if decision is None:
            continue
        met += 1
        if (decision.action in law.actions) is (law.kind == "never"):
            failures.append(broken(policies, law, request, decision))
            break
    if not met:
        failures.append(Failure(f"none of {ATTEMPTS} requests met its condition", law.span, {}))
    took = perf_counter() - started
    return Result(law.name, "property", law.span, tuple(failures), met, took)


def attempt(policies: PolicySet, law: program.Property, request: Request) -> Decision | None:
    """Return the decision on *request*, or None where the law does not speak of it."""
    try:
        record = policies.reader.read(request)
    except InvalidRequest:
        return None
    store = MemoryStore()
    evidence = Evidence(record, policies.senses, store, NOW)
    if record.missing or Interpreter(evidence, policies.lists).value(law.when) is not True:
        return None
    return decide(policies, record, store, NOW)


def broken(
    policies: PolicySet, law: program.Property, request: Request, decision: Decision
) -> Failure:
    """Return the failure that shows *request* as the counterexample."""
    record = policies.reader.read(request)
    why = explain(policies, record, MemoryStore(), NOW)
    actions = " or ".join(sorted(law.actions))
    message = f"{law.kind} {actions} is broken: the decision is {outcome(decision)}"
    return Failure(message, law.span, request, decision, why)
