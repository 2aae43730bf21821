"""Properties of a bundle tried with generated requests: a counterexample, or how often it held.

Half of the requests are bent towards the property's condition; each is decided on an empty store,
at some time, with some answers of classifiers and meters. A property whose condition no request met
has not been tried, and that is a failure too. A counterexample is made smaller as long as it stays
one, so that what is left of it matters.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from datetime import datetime
from random import Random
from time import perf_counter

from engine.language import program, typed
from engine.runtime.decide import decide
from engine.runtime.decision import Decision
from engine.runtime.evidence import EPOCH, Evidence, nanoseconds
from engine.runtime.explain import explain
from engine.runtime.memory import MemoryStore
from engine.runtime.phrase import literal
from engine.runtime.policyset import PolicySet
from engine.runtime.reference import Interpreter
from engine.runtime.request import InvalidRequest
from engine.verify.expectation import outcome
from engine.verify.generate import START, Generator, Request, paths, remove
from engine.verify.palette import descend, read_palette
from engine.verify.results import Failure, Result
from engine.verify.samples import INJECTION, find_samples

ENOUGH = 200
"""Requests that meet the condition, after which a property counts as tried."""
ATTEMPTS = 3_000
"""Requests after which the search gives up."""


@dataclass(frozen=True, slots=True)
class Scene:
    """One try: a request, when it is decided, and what classifiers and meters come to."""

    request: Request
    time: datetime
    mocks: Mapping[str, float | int]

    @property
    def now(self) -> int:
        """The time in ns since the Unix epoch."""
        return nanoseconds(self.time - EPOCH)


def run_properties(
    policies: PolicySet,
    laws: Sequence[program.Property] | None = None,
    *,
    seed: int = 0,
) -> Iterator[Result]:
    """Yield the result of each of *laws* (all of the bundle's when None), in order.

    The same *seed* tries the same requests.
    """
    chosen = policies.program.properties if laws is None else laws
    if not chosen:
        return
    ids = {f"{group}.id": tuple(table.ids) for group, table in policies.facts.items()}
    samples = find_samples(policies)
    texts = (*samples.values(), INJECTION)
    palette = read_palette(policies.program, texts, ids, policies.lists)
    for law in chosen:
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
        scene = Scene(request, generator.moment(), generator.mocks())
        decision = attempt(policies, law, scene)
        if decision is None:
            continue
        met += 1
        if breaks(law, decision):
            failures.append(describe(policies, law, simplest(policies, law, scene)))
            break
    if not met:
        failures.append(Failure(untried(law, generator.samples), law.span, {}))
    took = perf_counter() - started
    return Result(law.name, "property", law.span, tuple(failures), met, took)


def untried(law: program.Property, samples: Mapping[str, str]) -> str:
    """Return the sentence about a property that no request met, with what may be the reason."""
    unknown = [
        name
        for node in descend(law.when)
        if isinstance(node, typed.Has) and not node.entities & samples.keys()
        for name in node.written
    ]
    hint = f"; no text with {', '.join(unknown)} is known: show one in a test" if unknown else ""
    return f"none of {ATTEMPTS} requests met its condition{hint}"


def attempt(policies: PolicySet, law: program.Property, scene: Scene) -> Decision | None:
    """Return the decision in *scene*, or None where the law does not speak of it."""
    try:
        record = policies.reader.read(scene.request)
    except InvalidRequest:
        return None
    store = MemoryStore()
    evidence = Evidence(record, policies.senses, store, scene.now, scene.mocks)
    if record.missing or record.too_large:
        return None
    if Interpreter(evidence, policies.lists).value(law.when) is not True:
        return None
    return decide(policies, record, store, scene.now, mocks=scene.mocks)


def breaks(law: program.Property, decision: Decision) -> bool:
    """Return whether *decision* is what *law* rules out."""
    return (decision.action in law.actions) is (law.kind == "never")


def simplest(policies: PolicySet, law: program.Property, scene: Scene) -> Scene:
    """Return *scene* with everything taken away that it needs not to break *law*."""

    def keep(smaller: Scene) -> None:
        nonlocal scene
        if still(policies, law, smaller):
            scene = smaller

    keep(replace(scene, time=START))
    for name in scene.mocks:
        keep(replace(scene, mocks={one: scene.mocks[one] for one in scene.mocks if one != name}))
    for path in paths(scene.request):
        request = deepcopy(scene.request)
        remove(request, path)
        keep(replace(scene, request=request))
    return scene


def still(policies: PolicySet, law: program.Property, scene: Scene) -> bool:
    """Return whether *scene* breaks *law*."""
    decision = attempt(policies, law, scene)
    return decision is not None and breaks(law, decision)


def answer(name: str, value: float) -> str:
    """Return what a mock says, as a test would write it."""
    kind, _, path = name.partition(".")
    if kind == "tainted":
        return f'arg("{path}") tainted = {literal(value)}'
    return f"{name} = {value}"


def describe(policies: PolicySet, law: program.Property, scene: Scene) -> Failure:
    """Return the failure that shows *scene* as the counterexample."""
    record = policies.reader.read(scene.request)
    store = MemoryStore()
    decision = decide(policies, record, store, scene.now, mocks=scene.mocks)
    why = explain(policies, record, MemoryStore(), scene.now, mocks=scene.mocks)
    actions = " or ".join(sorted(law.actions))
    when = "" if scene.time == START else f" at {literal(scene.time)}"
    given = "".join(f", {answer(name, value)}" for name, value in scene.mocks.items())
    message = f"{law.kind} {actions} is broken{when}: the decision is {outcome(decision)}{given}"
    return Failure(message, law.span, scene.request, decision, why)
