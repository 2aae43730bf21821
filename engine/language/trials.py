"""The syntax tree's tests: records, fixtures, steps, expectations and properties, as written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal as OneOf

from engine.language.nodes import Call, Expr, Literal, Name, Negative, SetLiteral, Tainted
from engine.language.text import Span

# --- records: fixtures, given, case --------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Absent:
    """``absent`` as a value in a record: takes an attribute away from the fixture below."""

    span: Span


@dataclass(frozen=True, slots=True)
class RecordField:
    """``user.roles: {"nurse"}``."""

    name: Name
    value: Literal | SetLiteral | ListValue | Record | Negative | Absent
    span: Span


@dataclass(frozen=True, slots=True)
class ListValue:
    """``[ … ]`` of literals or records."""

    items: tuple[Literal | SetLiteral | ListValue | Record | Negative, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Record:
    """``{ tenant.id: "north", user: { … } }``; keys may be dotted, or strings in JSON."""

    fields: tuple[RecordField, ...]
    span: Span


# --- tests ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Fixture:
    """``fixture nurse { … }``."""

    name: Name
    record: Record
    doc: str
    span: Span


@dataclass(frozen=True, slots=True)
class At:
    """``at 2026-01-01T00:00:00Z``."""

    time: Literal
    span: Span


@dataclass(frozen=True, slots=True)
class Advance:
    """``advance 1s``."""

    duration: Literal
    span: Span


@dataclass(frozen=True, slots=True)
class Mock:
    """``mock injection(content) = 0.9``, ``mock arg("to") tainted = true``."""

    target: Name | Call | Tainted
    value: Literal
    span: Span


@dataclass(frozen=True, slots=True)
class Given:
    """``given nurse with { … }``, ``given nurse``, ``given { … }``."""

    fixture: Name | None
    record: Record | None
    span: Span


@dataclass(frozen=True, slots=True)
class Settle:
    """``settle { usage.output_tokens: 900 }``, or ``settle`` alone."""

    record: Record | None
    span: Span


@dataclass(frozen=True, slots=True)
class Expectation:
    """``redact by triage.mask_contacts and content == "…"``."""

    action: OneOf["allow", "deny", "redact", "escalate", "throttle"]
    by: tuple[Name, ...]
    condition: Expr | None
    span: Span


@dataclass(frozen=True, slots=True)
class Expect:
    """``expect allow``."""

    expectation: Expectation
    span: Span


@dataclass(frozen=True, slots=True)
class Case:
    """``case "clerk" { user.roles: {"clerk"} } expect deny``."""

    name: Literal
    record: Record | None
    expectation: Expectation
    span: Span


@dataclass(frozen=True, slots=True)
class Repeat:
    """``repeat 10 { expect allow }``."""

    times: Literal
    steps: tuple[Step, ...]
    span: Span


Step = At | Advance | Mock | Given | Settle | Expect | Case | Repeat


@dataclass(frozen=True, slots=True)
class Test:
    """``test "a nurse sees phone numbers" { … }``."""

    name: Literal
    steps: tuple[Step, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Property:
    """``property phi_stays_home "…" { never allow when … }``."""

    name: Name
    title: Literal | None
    kind: OneOf["never", "always"]
    actions: tuple[OneOf["allow", "deny", "redact", "escalate", "throttle"], ...]
    when: Expr
    doc: str
    span: Span
