"""The engines that are measured: each takes a workload and answers its requests.

``prepare`` does all that can be done ahead (parsing, slicing, building requests); ``ask`` is what
is timed; ``answer`` turns what it returned into the comparable form (action, names of the rules),
untimed. A peer whose package is not installed says so in ``missing``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Protocol

from bench.workloads import Rule, Workload, cedar_text, pol_files
from engine.content.findings import Finding, Injection
from engine.language.compile import compile_sources
from engine.language.environment import Known
from engine.language.text import Source
from engine.runtime.decide import decide
from engine.runtime.decision import Decision
from engine.runtime.index import link
from engine.runtime.judge import Judge
from engine.runtime.memory import MemoryStore
from engine.runtime.policyset import build

Answer = tuple[str, tuple[str, ...]]
Ask = Callable[[int], Any]
"""Decides the request of that number."""

NOW = 1_767_225_600_000_000_000


class Peer(Protocol):
    """One engine; see the module."""

    @property
    def name(self) -> str:
        """The name in the tables."""
        ...

    @property
    def module(self) -> str | None:
        """What must be importable."""
        ...

    def prepare(self, workload: Workload) -> Ask:
        """Return what decides the requests of *workload*."""
        ...

    def answer(self, result: Any) -> Answer:
        """Return what ``ask`` returned in the comparable form."""
        ...


def missing(peer: Peer) -> bool:
    """Return whether the package of *peer* is not installed."""
    return peer.module is not None and find_spec(peer.module) is None


class NoScanner:
    """Finds nothing: these rules look at attributes only."""

    def scan(self, text: str, entities: frozenset[str]) -> tuple[Finding, ...]:
        """Return no findings."""
        del text, entities
        return ()


def no_injection(text: str, role: str) -> Injection:
    """Return a score of zero."""
    del text, role
    return Injection(0.0, ())


@dataclass(frozen=True, slots=True)
class Pol:
    """Our own engine: the whole way from a checked record to the decision.

    With *reads* the request comes as a dictionary, and checking it is part of the time.
    """

    reads: bool = False
    module: str | None = None

    @property
    def name(self) -> str:
        """The name in the tables."""
        return "pol, reading the request too" if self.reads else "pol"

    def prepare(self, workload: Workload) -> Ask:
        """Compile the policies and read the requests."""
        sources = [Source(path, text) for path, text in pol_files(workload).items()]
        compiled = compile_sources(sources, Known({}, frozenset()))
        assert not compiled.failed, compiled.diagnostics
        program = compiled.program
        # A worker loads what another process has compiled, so that is what is measured.
        matcher = link(compiled.units, {}, Judge(lambda: program, {}))
        policies = build(
            program,
            scanner=NoScanner(),
            injection=no_injection,
            key=bytes(32),
            revision="bench",
            matcher=matcher,
        )
        records = [policies.reader.read(request) for request in workload.requests]
        store = MemoryStore()

        def ask(number: int) -> Decision:
            return decide(policies, records[number], store, NOW)

        def read_and_ask(number: int) -> Decision:
            return decide(policies, policies.reader.read(workload.requests[number]), store, NOW)

        return read_and_ask if self.reads else ask

    def answer(self, result: Decision) -> Answer:
        """Return the decision's action and its rules."""
        return result.action, tuple(one.rule for one in result.reasons if one.rule)


@dataclass(frozen=True, slots=True)
class Closures:
    """What somebody would write by hand: a dictionary of tenants, a list of conditions each."""

    name: str = "python closures by tenant"
    module: str | None = None

    def prepare(self, workload: Workload) -> Ask:
        """Build the dictionary, and the records by the same reader."""
        shelves = {
            tenant: [(rule.full_name, rule.python) for rule in rules]
            for tenant, rules in workload.tenants.items()
        }
        records = [plain_record(request) for request in workload.requests]

        def ask(number: int) -> Answer:
            record = records[number]
            rules = shelves.get(record.tenant.id)
            if rules is None:
                return "deny", ()
            broken = tuple(sorted(name for name, holds in rules if holds(record)))
            return ("deny" if broken else "allow"), broken

        return ask

    def answer(self, result: Answer) -> Answer:
        """Return it as it is."""
        return result


class Group:
    """A record's group by hand: attributes in slots, as quick to read as Python has them."""

    __slots__ = ("__dict__",)

    def __init__(self, values: Mapping[str, Any]) -> None:
        for name, value in values.items():
            inner: Any = value
            if isinstance(value, dict):
                inner = Group(value)
            elif isinstance(value, list):
                inner = frozenset(value)
            setattr(self, name, inner)


def plain_record(request: Mapping[str, Any]) -> Any:
    """Return *request* as nested objects."""
    return Group(request)


@dataclass(frozen=True, slots=True)
class Cedar:
    """Cedar through ``cedarpy``, parsed ahead: all policies, or a slice for each tenant."""

    sliced: bool
    module: str | None = "cedarpy"

    @property
    def name(self) -> str:
        """The name in the tables."""
        return "cedarpy, sliced by tenant" if self.sliced else "cedarpy, whole set"

    def prepare(self, workload: Workload) -> Ask:
        """Parse the policies and build the requests."""
        cedar = import_module("cedarpy")
        groups: Mapping[str, Sequence[Rule]] = {"": workload.rules}
        if self.sliced:
            groups = workload.tenants
        sets = {
            key: (cedar.PolicySet.from_str(cedar_text(rules)), [one.full_name for one in rules])
            for key, rules in groups.items()
        }
        entities = cedar.Entities.from_json_str("[]")
        requests = [
            {
                "principal": {"type": "User", "id": request["user"]["id"]},
                "action": {"type": "Action", "id": "decide"},
                "resource": {"type": "Content", "id": "content"},
                "context": {**request, **request["context"]},
            }
            for request in workload.requests
        ]
        keys = [request["tenant"]["id"] if self.sliced else "" for request in workload.requests]

        def ask(number: int) -> Any:
            policies, names = sets[keys[number]]
            return cedar.is_authorized(requests[number], policies, entities), names

        return ask

    def answer(self, result: Any) -> Answer:
        """Return the answer; policy 0 is the one that permits."""
        authorised, names = result
        if authorised.allowed:
            return "allow", ()
        assert not authorised.diagnostics.errors, authorised.diagnostics.errors
        numbers = (int(one.removeprefix("policy")) for one in authorised.diagnostics.reasons)
        return "deny", tuple(sorted(names[number - 1] for number in numbers))


@dataclass(frozen=True, slots=True)
class Cel:
    """CEL in Rust through ``common-expression-language``: compiled programs by tenant.

    With *together* the conditions of a tenant are one list expression, evaluated at once. Every
    request is a new one, so each decision converts it, once for all programs; with *converted* it
    was converted ahead, which no gateway can do: it is the bare evaluation, for comparison.
    """

    together: bool
    converted: bool = False
    module: str | None = "cel"

    @property
    def name(self) -> str:
        """The name in the tables."""
        kind = "one list" if self.together else "rule by rule"
        return f"CEL in Rust, {'converted ahead' if self.converted else 'sharded'}, {kind}"

    def prepare(self, workload: Workload) -> Ask:
        """Compile the programs and build the contexts."""
        cel = import_module("cel")
        shelves: dict[str, tuple[list[str], list[Any]]] = {}
        for tenant, rules in workload.tenants.items():
            texts = [rule.cel for rule in rules]
            if self.together:
                texts = [f"[{', '.join(f'({text})' for text in texts)}]"]
            names = [rule.full_name for rule in rules]
            shelves[tenant] = (names, [cel.compile(text) for text in texts])
        requests = [
            {key: value for key, value in request.items() if key != "content"}
            for request in workload.requests
        ]
        keys = [request["tenant"]["id"] for request in workload.requests]
        contexts = [cel.Context(request) for request in requests] if self.converted else []

        def ask(number: int) -> Any:
            names, programs = shelves[keys[number]]
            context = contexts[number] if contexts else cel.Context(requests[number])
            if len(programs) == 1:
                return names, programs[0].execute(context)
            return names, [program.execute(context) for program in programs]

        return ask

    def answer(self, result: Any) -> Answer:
        """Return the rules whose conditions hold."""
        names, values = result
        broken = tuple(sorted(name for name, held in zip(names, values, strict=True) if held))
        return ("deny" if broken else "allow"), broken


PEERS: tuple[Peer, ...] = (
    Pol(),
    Pol(reads=True),
    Closures(),
    Cel(together=True),
    Cel(together=False),
    Cel(together=True, converted=True),
    Cedar(sliced=True),
    Cedar(sliced=False),
)
