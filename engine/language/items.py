"""The syntax tree's items: a file, its declarations and its policies, as written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal as OneOf

from engine.language.nodes import Expr, Literal, Name, Regex
from engine.language.text import NOWHERE, Span
from engine.language.trials import Fixture, Property, Test

# --- declarations --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TypeNode:
    """``string``, ``set<"a" | "b">``, ``"free" | "pro"``; *optional* is the ``?`` at the end."""

    name: str
    """A scalar's name, ``set``, ``list``, or ``enum``."""
    item: TypeNode | None
    words: tuple[Literal, ...]
    optional: bool
    span: Span


@dataclass(frozen=True, slots=True)
class SchemaField:
    """``tenant.plan: "free" | "pro"`` with the comment beside or above it, if any."""

    name: Name
    type: TypeNode
    doc: str
    span: Span


@dataclass(frozen=True, slots=True)
class Schema:
    """``schema { … }``, or ``schema when context.app == "support" { … }``."""

    fields: tuple[SchemaField, ...]
    span: Span
    when: Expr | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """``facts tenant from "tenants.json"``."""

    name: Name
    file: Literal
    span: Span


@dataclass(frozen=True, slots=True)
class WordList:
    """``list blocked from "blocked-terms.txt"``."""

    name: Name
    file: Literal
    doc: str
    span: Span


@dataclass(frozen=True, slots=True)
class Let:
    """``let clinicians = {"physician", "nurse"}``."""

    name: Name
    value: Expr
    doc: str
    span: Span


@dataclass(frozen=True, slots=True)
class EntityPattern:
    """``pattern /MRN-[0-9]{8}/``."""

    regex: Regex
    span: Span


@dataclass(frozen=True, slots=True)
class EntityTerms:
    """``terms blocked`` — the entries of a list."""

    list: Name
    span: Span


@dataclass(frozen=True, slots=True)
class EntityCheck:
    """``check luhn``."""

    name: Name
    span: Span


@dataclass(frozen=True, slots=True)
class EntityNear:
    """``near "mrn", "record"`` — words that must stand close by."""

    words: tuple[Literal, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Entity:
    """``entity clinic.mrn { … }``."""

    name: Name
    parts: tuple[EntityPattern | EntityTerms | EntityCheck | EntityNear, ...]
    doc: str
    span: Span


@dataclass(frozen=True, slots=True)
class Setting:
    """``timeout = 40ms``."""

    name: Name
    value: Literal
    span: Span


@dataclass(frozen=True, slots=True)
class Classifier:
    """``classifier toxicity { endpoint = "…" }``."""

    name: Name
    settings: tuple[Setting, ...]
    doc: str
    span: Span


@dataclass(frozen=True, slots=True)
class Meter:
    """``meter refusals counts rule triage.no_injection by user.id over 10m``."""

    name: Name
    rule: Name
    keys: tuple[Name, ...]
    window: Literal
    doc: str
    span: Span


# --- policies ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Allow:
    """``allow``."""

    span: Span


@dataclass(frozen=True, slots=True)
class Deny:
    """``deny "because"``."""

    reason: Literal | None
    span: Span


@dataclass(frozen=True, slots=True)
class Redact:
    """``redact pii.email in content as mask("*", 4)``."""

    entities: tuple[Name, ...]
    path: Name | None
    strategy: Name | None
    arguments: tuple[Literal, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Escalate:
    """``escalate to "queue" within 15m by 2 reviewers otherwise deny``."""

    queue: Literal
    within: Literal | None
    otherwise: OneOf["allow", "deny"] | None
    span: Span
    reviewers: Literal | None = None
    """How many people must approve."""


@dataclass(frozen=True, slots=True)
class Throttle:
    """``throttle 60 requests per 1m by tenant.id burst 10``, or ``… per calendar day in "UTC"``.

    ``throttle 4 concurrent by tenant.id for 10m`` has neither period. The grammar lets every part
    stand with every unit; the checker says which belong together.
    """

    limit: Literal
    unit: Name
    period: Literal | None
    """A duration, or None for a calendar period."""
    calendar: Name | None
    zone: Literal | None
    keys: tuple[Name, ...]
    burst: Literal | None
    span: Span
    held: Literal | None = None
    """The duration behind ``for``: how long a slot is held at most."""


Action = Allow | Deny | Redact | Escalate | Throttle


@dataclass(frozen=True, slots=True)
class Advise:
    """``advise route = "sandbox"``."""

    name: Name
    value: Expr
    span: Span


@dataclass(frozen=True, slots=True)
class Label:
    """``label session "untrusted" for 1h from tool_result``."""

    label: Literal
    duration: Literal | None
    sources: tuple[Name, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class SeverityRider:
    """``severity high``."""

    level: Name
    span: Span


@dataclass(frozen=True, slots=True)
class Tags:
    """``tags "owasp:llm01", "pci"``."""

    tags: tuple[Literal, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Owner:
    """``owner "security@example.com"``."""

    owner: Literal
    span: Span


@dataclass(frozen=True, slots=True)
class Expires:
    """``expires 2026-12-31`` — the value is midnight UTC of that date."""

    date: Literal
    span: Span


@dataclass(frozen=True, slots=True)
class OnFailure:
    """``on_failure deny``."""

    outcome: OneOf["allow", "deny", "escalate"]
    span: Span


@dataclass(frozen=True, slots=True)
class OnStateFailure:
    """``on_state_failure local``."""

    outcome: OneOf["allow", "deny", "local"]
    span: Span


@dataclass(frozen=True, slots=True)
class Mode:
    """``mode shadow`` or ``mode enforce``."""

    mode: Name
    span: Span


@dataclass(frozen=True, slots=True)
class Rollout:
    """``rollout 10% by user.id``."""

    percent: Literal
    key: Name
    span: Span


Rider = (
    Advise
    | Label
    | SeverityRider
    | Tags
    | Owner
    | Expires
    | OnFailure
    | OnStateFailure
    | Mode
    | Rollout
)


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. *doc* is the comment block directly above it."""

    name: Name
    title: Literal | None
    when: Expr | None
    unless: Expr | None
    action: Action
    riders: tuple[Rider, ...]
    doc: str
    span: Span


@dataclass(frozen=True, slots=True)
class Policy:
    """One policy. *default* and *rules* stand in the author's order, which has no meaning."""

    name: Name
    title: Literal | None
    applies: Expr | None
    mode: Mode | Rollout | None
    default: OneOf["allow", "deny"]
    default_reason: Literal | None
    rules: tuple[Rule, ...]
    doc: str
    span: Span
    default_span: Span = NOWHERE


Item = (
    Schema
    | Facts
    | WordList
    | Let
    | Entity
    | Classifier
    | Meter
    | Policy
    | Fixture
    | Test
    | Property
)


@dataclass(frozen=True, slots=True)
class Import:
    """``import shared.terms as terms``."""

    package: Name
    alias: Name | None
    span: Span


@dataclass(frozen=True, slots=True)
class Comment:
    """``# …`` with its place; *own_line* when nothing stands before it on its line."""

    text: str
    own_line: bool
    span: Span


@dataclass(frozen=True, slots=True)
class File:
    """One parsed policy file."""

    path: str
    package: Name | None
    imports: tuple[Import, ...]
    items: tuple[Item, ...]
    comments: tuple[Comment, ...]
