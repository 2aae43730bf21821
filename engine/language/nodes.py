"""The syntax tree's expressions: exactly what an author wrote, nothing resolved yet.

A name is kept as its dotted text; whether it is an attribute, a ``let``, a list or a variable of a
quantifier is the checker's question. Parentheses are kept (``Group``) so that formatting gives back
the same tree, and comments travel beside the items because they are no part of the meaning.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Literal as OneOf

from engine.language.text import Span

# --- expressions ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Literal:
    """A value as written. ``number`` has a decimal point (a Decimal here), ``int`` has none."""

    value: bool | int | Decimal | str | datetime | timedelta
    kind: OneOf["bool", "int", "number", "string", "time", "duration"]
    text: str
    """The literal as the author spelt it, quotes included."""
    span: Span


@dataclass(frozen=True, slots=True)
class Regex:
    r"""``/…/`` after ``matches`` or ``pattern``; *pattern* has ``\/`` already turned into ``/``."""

    pattern: str
    span: Span


@dataclass(frozen=True, slots=True)
class Name:
    """A dotted name: ``user.id``, ``clinicians``, ``terms.words``."""

    name: str
    span: Span


@dataclass(frozen=True, slots=True)
class SetLiteral:
    """``{a, b}``."""

    items: tuple[Expr, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Group:
    """``( … )`` as the author wrote it."""

    inner: Expr
    span: Span


@dataclass(frozen=True, slots=True)
class Logic:
    """``a and b and c`` or ``a or b or c``, flat."""

    operator: OneOf["and", "or"]
    parts: tuple[Expr, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Not:
    """``not x``."""

    inner: Expr
    span: Span


@dataclass(frozen=True, slots=True)
class Negative:
    """``-x``."""

    inner: Expr
    span: Span


ComparisonOperator = OneOf[
    "==", "!=", "<", "<=", ">", ">=",
    "in", "not in", "contains", "overlaps", "within", "like", "matches",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Comparison:
    """``left operator right``. Chains such as ``a < b < c`` are not in the grammar."""

    left: Expr
    operator: ComparisonOperator
    right: Expr
    operator_span: Span
    span: Span


@dataclass(frozen=True, slots=True)
class Has:
    """``content has pii.email, pii.phone``."""

    subject: Expr
    entities: tuple[Name, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Presence:
    """``x is present`` or ``x is absent``."""

    subject: Expr
    present: bool
    span: Span


@dataclass(frozen=True, slots=True)
class Tainted:
    """``arg("to") tainted`` or ``arg("to") not tainted``."""

    subject: Expr
    tainted: bool
    span: Span


@dataclass(frozen=True, slots=True)
class Coalesce:
    """``left ?? right``."""

    left: Expr
    right: Expr
    span: Span


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """``left + right`` and its kin, left-associative."""

    left: Expr
    operator: OneOf["+", "-", "*", "/"]
    right: Expr
    span: Span


@dataclass(frozen=True, slots=True)
class Quantifier:
    """``any x in xs: (body)`` or ``all x in xs: (body)``."""

    kind: OneOf["any", "all"]
    variable: Name
    collection: Expr
    body: Expr
    span: Span


@dataclass(frozen=True, slots=True)
class Call:
    """``hour(now, "Europe/Berlin")``, ``classifier.toxicity(content)``."""

    function: Name
    arguments: tuple[Expr, ...]
    span: Span


Expr = (
    Literal
    | Regex
    | Name
    | SetLiteral
    | Group
    | Logic
    | Not
    | Negative
    | Comparison
    | Has
    | Presence
    | Tainted
    | Coalesce
    | Arithmetic
    | Quantifier
    | Call
)
