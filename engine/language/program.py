"""The checked program: declarations, policies and tests, every name resolved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Literal as OneOf

from engine.language.interned import interned
from engine.language.text import Span
from engine.language.typed import Attribute, Expr
from engine.language.types import Type

ActionName = OneOf["allow", "redact", "escalate", "throttle", "deny"]

# --- declarations --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Field:
    """A schema attribute. *standard* for those that exist without a schema.

    *required_when* is ``(path of an enumeration, words)``: the attribute is optional in general and
    required in requests in which that enumeration is one of the words. So ``tool.name`` is
    required when ``stage`` is a tool stage, and a ``schema when context.app == "support"`` asks
    its attributes of the requests of that app only.
    """

    path: str
    type: Type
    optional: bool
    doc: str
    standard: bool
    span: Span
    required_when: tuple[str, frozenset[str]] | None = None


@dataclass(frozen=True, slots=True)
class FactsFile:
    """Attributes of *group* (such as ``tenant``) joined by its id from a JSON or CSV file.

    *file* is relative to the bundle's root.
    """

    group: str
    file: str
    span: Span


@dataclass(frozen=True, slots=True)
class ListFile:
    """One entry a line. *name* has the package before it; *file* is relative to the bundle."""

    name: str
    file: str
    doc: str
    span: Span


@dataclass(frozen=True, slots=True)
class EntityDefinition:
    """An author's entity: RE2 *patterns*, *terms* (names of lists), validators, context words."""

    name: str
    patterns: tuple[str, ...]
    terms: tuple[str, ...]
    checks: tuple[str, ...]
    near: tuple[str, ...]
    doc: str
    span: Span


@dataclass(frozen=True, slots=True)
class ClassifierDefinition:
    """A model server. *on_failure* is what holds for rules that need it when it does not answer."""

    name: str
    endpoint: str
    timeout: timedelta
    on_failure: OneOf["allow", "deny", "escalate"] | None
    doc: str
    span: Span


@dataclass(frozen=True, slots=True)
class MeterDefinition:
    """Counts the matches of a rule (by full name) by the values of *keys* over *window*."""

    name: str
    rule: str
    keys: tuple[Attribute, ...]
    window: timedelta
    doc: str
    span: Span


# --- policies ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Allow:
    """Grants."""


@dataclass(frozen=True, slots=True)
class Deny:
    """Denies; *reason* is the author's sentence, or empty."""

    reason: str


@dataclass(frozen=True, slots=True)
class Strategy:
    """How a finding is replaced. *fill* and *keep* belong to ``mask``."""

    name: OneOf["label", "mask", "hash", "token", "drop"]
    fill: str = "*"
    keep: int = 0


@dataclass(frozen=True, slots=True)
class Redact:
    """Releases with the findings of *entities* replaced.

    *path* is ``content``, ``tool.args`` or an attribute of type text.
    """

    entities: frozenset[str]
    path: str
    strategy: Strategy
    written: tuple[str, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "entities", interned(self.entities))


@dataclass(frozen=True, slots=True)
class Escalate:
    """Asks people: *reviewers* of them must approve. *otherwise* holds after *within*."""

    queue: str
    within: timedelta
    otherwise: OneOf["allow", "deny"]
    reviewers: int = 1


@dataclass(frozen=True, slots=True)
class Throttle:
    """At most *limit* of *unit* per period and key.

    Exactly one of *period* (continuous refill of capacity *burst*) and *calendar* is set. *unit* is
    ``requests``, ``tokens``, ``usd`` or the path of a numeric attribute; or ``concurrent``: then
    *limit* (and *burst*) are slots, and *period* is the longest that one is held.
    """

    limit: Decimal
    unit: str
    period: timedelta | None
    calendar: OneOf["day", "week", "month"] | None
    zone: str
    keys: tuple[Attribute, ...]
    burst: Decimal


Action = Allow | Deny | Redact | Escalate | Throttle


@dataclass(frozen=True, slots=True)
class Advise:
    """An obligation for the gateway; *value* is evaluated when the rule matches."""

    name: str
    value: Expr
    span: Span


@dataclass(frozen=True, slots=True)
class Label:
    """Puts *label* on the session, for *duration* or for the session's life (None).

    Where the rule matches at one of the stages in *source*, the label also carries what the content
    says, so that arguments made of it are known as tainted. Empty: it carries nothing.
    """

    label: str
    duration: timedelta | None
    source: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Rollout:
    """Enforced for *percent* (0..100) of the values of *key*; shadow for the others."""

    percent: Decimal
    key: Attribute


@dataclass(frozen=True, slots=True)
class Rule:
    """One checked rule. *name* is ``policy.rule``, with the package before it if there is one."""

    name: str
    policy: str
    title: str
    doc: str
    when: Expr | None
    unless: Expr | None
    action: Action
    advise: tuple[Advise, ...]
    labels: tuple[Label, ...]
    severity: OneOf["low", "medium", "high", "critical"] | None
    tags: tuple[str, ...]
    owner: str
    expires: datetime | None
    """The rule acts before this instant only (the midnight UTC that ends the date written)."""
    on_failure: OneOf["allow", "deny", "escalate"] | None
    shadow: bool
    rollout: Rollout | None
    span: Span
    on_state_failure: OneOf["allow", "deny", "local"] | None = None
    """Of a throttle: what holds while its bucket cannot be reached. None: as the daemon is set."""


@dataclass(frozen=True, slots=True)
class Policy:
    """One checked policy; *rules* are sorted by name.

    *shadow* and *rollout* count for every rule and for the default.
    """

    name: str
    title: str
    doc: str
    applies: Expr | None
    default: OneOf["allow", "deny"]
    default_reason: str
    shadow: bool
    rollout: Rollout | None
    rules: tuple[Rule, ...]
    span: Span


# --- tests ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class At:
    """Sets the clock."""

    time: datetime


@dataclass(frozen=True, slots=True)
class Advance:
    """Moves the clock."""

    duration: timedelta


@dataclass(frozen=True, slots=True)
class Mock:
    """From here on *target* gives *value*.

    ``injection``, ``classifier.NAME``, ``meter.NAME``, or with a bool as value what ``taint_mock``
    gives, or ``STATE_AWAY``.
    """

    target: str
    value: float | int


STATE_AWAY = "state.away"
"""The target of ``mock state = "away"``: whether the state store cannot be reached."""


def taint_mock(path: tuple[str | int, ...]) -> str:
    """Return the target of ``mock arg("…") tainted``: that of the argument at *path*."""
    return f"tainted.{'.'.join(map(str, path))}"


@dataclass(frozen=True, slots=True)
class Given:
    """From here on requests are *request*: fixture and changes merged, nested as at a door."""

    request: Mapping[str, object]
    span: Span


@dataclass(frozen=True, slots=True)
class Settle:
    """The latest decision that is not settled has really used *usage*, by attribute path."""

    usage: Mapping[str, int | Decimal]
    span: Span


@dataclass(frozen=True, slots=True)
class Expectation:
    """The action, the deciding rules and a condition over fields such as ``decision.content``."""

    action: ActionName
    by: tuple[str, ...]
    condition: Expr | None
    span: Span


@dataclass(frozen=True, slots=True)
class Expect:
    """Decides the given request once."""

    expectation: Expectation
    span: Span


@dataclass(frozen=True, slots=True)
class Case:
    """Decides *request* (the given one with changes) once, under a name."""

    name: str
    request: Mapping[str, object]
    expectation: Expectation
    span: Span


@dataclass(frozen=True, slots=True)
class Repeat:
    """Runs *steps* several times."""

    times: int
    steps: tuple[Step, ...]


Step = At | Advance | Mock | Given | Settle | Expect | Case | Repeat


@dataclass(frozen=True, slots=True)
class Test:
    """A unit test of the bundle."""

    name: str
    package: str
    steps: tuple[Step, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Property:
    """For every request: when *when* holds, the action is never (or always) one of *actions*."""

    name: str
    title: str
    kind: OneOf["never", "always"]
    actions: frozenset[ActionName]
    when: Expr
    span: Span


@dataclass(frozen=True, slots=True)
class Program:
    """A whole checked bundle. Policies are sorted by name, so that nothing depends on file order.

    Rules are numbered through: rule *k* is the k-th of ``rules``, policy *p* the p-th of
    ``policies``.
    """

    fields: Mapping[str, Field]
    """Every attribute by path, standard ones included."""
    facts: tuple[FactsFile, ...]
    lists: Mapping[str, ListFile]
    entities: Mapping[str, EntityDefinition]
    classifiers: Mapping[str, ClassifierDefinition]
    meters: Mapping[str, MeterDefinition]
    policies: Sequence[Policy]
    tests: Sequence[Test]
    properties: Sequence[Property]

    @property
    def rules(self) -> tuple[Rule, ...]:
        """All rules in their numbering."""
        return tuple(rule for policy in self.policies for rule in policy.rules)
