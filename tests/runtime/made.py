"""Programs made by hand: typed trees, schemas and policies as small function calls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Literal

from engine.content.findings import Finding, Injection
from engine.language import typed
from engine.language.check import check_program
from engine.language.diagnostics import Report
from engine.language.parse import parse_file
from engine.language.program import (
    Action,
    Allow,
    ClassifierDefinition,
    Deny,
    Escalate,
    Field,
    MeterDefinition,
    Policy,
    Program,
    Redact,
    Rollout,
    Rule,
    Strategy,
    Throttle,
)
from engine.language.schema import STANDARD
from engine.language.scope import Known
from engine.language.text import NOWHERE, Source
from engine.language.typed import Attribute, Expr
from engine.language.types import BOOL, FLOAT, INT, STRING, TEXT, Enumeration, SetOf, Type
from engine.runtime.decide import decide
from engine.runtime.decision import Decision
from engine.runtime.memory import MemoryStore
from engine.runtime.policyset import PolicySet, build
from engine.runtime.store import Store, StoreUnavailable
from engine.runtime.table import Table

NOW = 1_767_225_600 * 10**9
"""2026-01-01T00:00:00Z."""
MINUTE = timedelta(minutes=1)
KEY = b"a key for tests"


# --- schemas and requests ------------------------------------------------------------------------


def field(path: str, type_: Type, *, optional: bool = False) -> Field:
    return Field(path, type_, optional, "", standard=False, span=NOWHERE)


def schema(**declared: Type | tuple[Type, Literal["?"]]) -> dict[str, Field]:
    """Return the standard attributes and *declared* ones, ``context__purpose=(STRING, "?")``."""
    fields = dict(STANDARD)
    for name, type_ in declared.items():
        path = name.replace("__", ".")
        if isinstance(type_, tuple):
            fields[path] = field(path, type_[0], optional=True)
        else:
            fields[path] = field(path, type_)
    return fields


FIELDS = schema(
    tenant__plan=(Enumeration(("free", "pro")), "?"),
    context__amount=(INT, "?"),
    context__ratio=(FLOAT, "?"),
    context__summary=(TEXT, "?"),
    context__topics=(SetOf(STRING), "?"),
)


def request(**changes: object) -> dict[str, object]:
    """Return a small valid request with *changes*."""
    return {"tenant": {"id": "north"}, "user": {"id": "u1"}, "stage": "request"} | changes


# --- expressions ---------------------------------------------------------------------------------


def attribute(path: str, fields: Mapping[str, Field] = FIELDS) -> Attribute:
    found = fields[path]
    return Attribute(path, found.optional, found.type, NOWHERE)


def constant(value: typed.Value, type_: Type = STRING) -> typed.Constant:
    return typed.Constant(value, type_, NOWHERE)


def number(value: int) -> typed.Constant:
    return constant(value, INT)


def compare(
    left: Expr, operator: Literal["==", "!=", "<", "<=", ">", ">="], right: Expr
) -> typed.Compare:
    return typed.Compare(operator, left, right, BOOL, NOWHERE)


def both(*parts: Expr) -> typed.And:
    return typed.And(parts, BOOL, NOWHERE)


def either(*parts: Expr) -> typed.Or:
    return typed.Or(parts, BOOL, NOWHERE)


def negated(inner: Expr) -> typed.Not:
    return typed.Not(inner, BOOL, NOWHERE)


def present(subject: Expr) -> typed.Present:
    return typed.Present(subject, BOOL, NOWHERE)


def truth(value: bool) -> typed.Constant:  # noqa: FBT001
    return constant(value, BOOL)


def score(name: str = "toxicity") -> typed.Compare:
    """Return ``classifier.NAME(content) > 0.5``: unknown where no classifier is connected."""
    asked = typed.Score(name, attribute("content"), FLOAT, NOWHERE)
    return compare(asked, ">", constant(0.5, FLOAT))


def holds(text: str, *entities: str) -> typed.Has:
    return typed.Has(attribute(text), frozenset(entities), entities, BOOL, NOWHERE)


UNKNOWN = score()


# --- policies ------------------------------------------------------------------------------------

ALLOW = Allow()
DENY = Deny("")
ESCALATE = Escalate("clinical", timedelta(minutes=15), "deny")


def redact(*entities: str, path: str = "content", strategy: str = "label") -> Redact:
    made = Strategy(strategy)  # type: ignore[arg-type]
    return Redact(frozenset(entities), path, made, entities)


def throttle(
    limit: int, unit: str = "requests", *keys: str, period: timedelta | None = MINUTE
) -> Throttle:
    return Throttle(
        Decimal(limit),
        unit,
        period,
        None if period else "day",
        "",
        tuple(attribute(key) for key in keys or ("tenant.id",)),
        Decimal(limit),
    )


def rule(name: str, action: Action, when: Expr | None = None, **changes: object) -> Rule:
    """Return a rule called ``policy.rule``; its policy is set by ``policy``."""
    made = Rule(
        name=name,
        policy="",
        title="",
        doc="",
        when=when,
        unless=None,
        action=action,
        advise=(),
        labels=(),
        severity=None,
        tags=(),
        owner="",
        expires=None,
        on_failure=None,
        shadow=False,
        rollout=None,
        span=NOWHERE,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def policy(name: str, *rules: Rule, default: str = "allow", **changes: object) -> Policy:
    named = [replace(one, name=f"{name}.{one.name}", policy=name) for one in rules]
    made = Policy(
        name=name,
        title="",
        doc="",
        applies=None,
        default="deny" if default == "deny" else "allow",
        default_reason="",
        shadow=False,
        rollout=None,
        rules=tuple(sorted(named, key=lambda one: one.name)),
        span=NOWHERE,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def rollout(percent: int, key: str = "user.id") -> Rollout:
    return Rollout(Decimal(percent), attribute(key))


def classifier(name: str, on_failure: Literal["allow", "deny", "escalate"] | None = None):  # type: ignore[no-untyped-def]  # noqa: ANN201
    return ClassifierDefinition(name, "grpc://x", MINUTE, on_failure, "", NOWHERE)


def meter(name: str, counted: str, *keys: str) -> MeterDefinition:
    made = tuple(attribute(key) for key in keys or ("user.id",))
    return MeterDefinition(name, counted, made, 10 * MINUTE, "", NOWHERE)


def program(
    *policies: Policy,
    fields: Mapping[str, Field] = FIELDS,
    meters: Sequence[MeterDefinition] = (),
    classifiers: Sequence[ClassifierDefinition] = (),
) -> Program:
    return Program(
        fields=fields,
        facts=(),
        lists={},
        entities={},
        classifiers={one.name: one for one in classifiers},
        meters={one.name: one for one in meters},
        policies=tuple(sorted(policies, key=lambda one: one.name)),
        tests=(),
        properties=(),
    )


# --- detectors -----------------------------------------------------------------------------------


class Words:
    """A scanner that finds the last part of an entity's name, written in capitals, in the text."""

    def scan(self, text: str, entities: frozenset[str]) -> tuple[Finding, ...]:
        found: list[Finding] = []
        for entity in entities:
            word = entity.rpartition(".")[2].upper()
            start = text.find(word)
            while start >= 0:
                found.append(Finding(entity, start, start + len(word), 1.0))
                start = text.find(word, start + 1)
        return tuple(sorted(found))


def suspicious(text: str, role: str) -> Injection:
    """Score the word IGNORE as an injection, unless the assistant says it."""
    hit = "IGNORE" in text and role != "assistant"
    return Injection(0.9, ("ignore",)) if hit else Injection(0.0, ())


def policies(
    *made: Policy,
    fields: Mapping[str, Field] = FIELDS,
    meters: Sequence[MeterDefinition] = (),
    classifiers: Sequence[ClassifierDefinition] = (),
    facts: Mapping[str, Table] | None = None,
) -> PolicySet:
    return build(
        program(*made, fields=fields, meters=meters, classifiers=classifiers),
        scanner=Words(),
        injection=suspicious,
        key=KEY,
        revision="r1",
        facts=facts,
    )


def at(seconds: float) -> int:
    """Return the instant *seconds* after NOW."""
    return NOW + int(seconds * 10**9)


def instant(year: int) -> datetime:
    return datetime(year, 1, 1, tzinfo=UTC)


# --- policies from text --------------------------------------------------------------------------

KNOWN = Known({"pii.email": "", "pii.phone": "", "pii.card": ""}, frozenset())

SCHEMA = """
schema {
  tenant.plan:     "free" | "pro" ?
  context.amount:  int?
  context.ratio:   float?
  context.summary: text?
  context.topics:  set<string>?
}
"""


def checked(*texts: str) -> Program:
    """Return the checked program of *texts*, each a file; SCHEMA is a file of its own."""
    report = Report()
    sources = [Source(f"file{index}.pol", text) for index, text in enumerate((SCHEMA, *texts))]
    files = [parse_file(source, report) for source in sources]
    made = check_program(files, KNOWN, report)
    assert not report.failed, report.sorted()
    return made


def load(*texts: str, facts: Mapping[str, Table] | None = None) -> PolicySet:
    """Return the policy set of *texts*."""
    return build(
        checked(*texts),
        scanner=Words(),
        injection=suspicious,
        key=KEY,
        revision="r1",
        facts=facts,
    )


def answer(
    made: PolicySet,
    asked: Mapping[str, object] | None = None,
    store: Store | None = None,
    now: int = NOW,
    **options: object,
) -> Decision:
    """Return the decision on *asked* (a small request) with an empty store."""
    record = made.reader.read(request() if asked is None else asked)
    kept = MemoryStore() if store is None else store
    return decide(made, record, kept, now, **options)  # type: ignore[arg-type]


class Away(MemoryStore):
    """A store that has gone away; *broken* names the methods that fail."""

    def __init__(self, *broken: str) -> None:
        super().__init__()
        self.broken = broken or ("take", "peek", "count", "record", "labels", "label")

    def __getattribute__(self, name: str) -> object:
        if name != "broken" and name in self.broken:
            return self._fail
        return super().__getattribute__(name)

    def _fail(self, *_: object, **__: object) -> None:
        raise StoreUnavailable("it is away")
