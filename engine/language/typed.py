"""The typed tree's expressions: every name is resolved and every expression has a type.

The reference interpreter walks this tree, explanations print it, ``lower`` makes a plan of it.
Lets are already replaced by their value; optional attributes are only read where they are present.

Presence: an absent optional attribute is ``None`` in a request record. ``Attribute.optional`` says
that the attribute may be absent in general; the checker has proved that every read outside
``Present`` and ``Coalesce`` happens where it is present: no evaluator meets ``None`` there.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Literal as OneOf

from engine.language.text import Span
from engine.language.types import Type

Value = (
    bool
    | int
    | float
    | Decimal
    | str
    | datetime
    | timedelta
    | IPv4Address
    | IPv6Address
    | IPv4Network
    | IPv6Network
    | frozenset["Value"]
    | tuple["Value", ...]
)

# --- expressions ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Constant:
    """A value known when the policy is compiled, already converted to the type it is used as."""

    value: Value
    type: Type
    span: Span


@dataclass(frozen=True, slots=True)
class Attribute:
    """A request attribute by its full path: ``tenant.plan``, ``now``, ``context.order.total``."""

    path: str
    optional: bool
    type: Type
    span: Span


@dataclass(frozen=True, slots=True)
class Variable:
    """The variable of an enclosing quantifier. *slot* numbers the enclosing quantifiers from 0."""

    name: str
    slot: int
    type: Type
    span: Span


@dataclass(frozen=True, slots=True)
class NamedList:
    """A ``list`` file as a set of strings, by its qualified name (key of ``Program.lists``)."""

    name: str
    type: Type
    span: Span


@dataclass(frozen=True, slots=True)
class And:
    """Every part holds."""

    parts: tuple[Expr, ...]
    type: Type
    span: Span


@dataclass(frozen=True, slots=True)
class Or:
    """At least one part holds."""

    parts: tuple[Expr, ...]
    type: Type
    span: Span


@dataclass(frozen=True, slots=True)
class Not:
    """*inner* does not hold. ``not in`` and ``is absent`` arrive as a Not."""

    inner: Expr
    type: Type
    span: Span


@dataclass(frozen=True, slots=True)
class Compare:
    """``left operator right`` over one type.

    Sides of type json are equal only when the JSON kinds agree; ordering a json value that is
    no number (or no string) is unknowable.
    """

    operator: OneOf["==", "!=", "<", "<=", ">", ">="]
    left: Expr
    right: Expr
    type: Type
    span: Span


@dataclass(frozen=True, slots=True)
class Member:
    """*item* is an element of *collection*: ``in`` and ``contains``."""

    item: Expr
    collection: Expr
    type: Type
    span: Span


@dataclass(frozen=True, slots=True)
class Substring:
    """*needle* stands somewhere in *text*: ``contains`` on strings."""

    text: Expr
    needle: Expr
    type: Type
    span: Span


@dataclass(frozen=True, slots=True)
class Overlaps:
    """Two collections share an element."""

    left: Expr
    right: Expr
    type: Type
    span: Span


@dataclass(frozen=True, slots=True)
class Within:
    """Every element of *left* is in *right*."""

    left: Expr
    right: Expr
    type: Type
    span: Span


@dataclass(frozen=True, slots=True)
class InNetwork:
    """An ip address lies in at least one of *networks*."""

    address: Expr
    networks: tuple[IPv4Network | IPv6Network, ...]
    type: Type
    span: Span


@dataclass(frozen=True, slots=True)
class Like:
    """The whole of *text* fits the glob *pattern*: ``*`` any run, ``?`` one character."""

    text: Expr
    pattern: str
    type: Type
    span: Span


@dataclass(frozen=True, slots=True)
class Matches:
    """The RE2 *pattern* is found somewhere in *text*."""

    text: Expr
    pattern: str
    type: Type
    span: Span


@dataclass(frozen=True, slots=True)
class Has:
    """*text* (an attribute of type text) holds one of *entities*.

    *entities* are full names, ``pii.any`` expanded; *written* is what the author wrote.
    """

    text: Expr
    entities: frozenset[str]
    written: tuple[str, ...]
    type: Type
    span: Span


@dataclass(frozen=True, slots=True)
class Present:
    """*subject* is present: an optional Attribute, or ``arg``.

    A group such as ``tool`` arrives as its first required member (``tool.name``).
    """

    subject: Expr
    type: Type
    span: Span


@dataclass(frozen=True, slots=True)
class Coalesce:
    """*subject* where present, else *default*."""

    subject: Expr
    default: Expr
    type: Type
    span: Span


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """Numbers, times and durations. Division by zero and a result out of range are unknowable."""

    operator: OneOf["+", "-", "*", "/"]
    left: Expr
    right: Expr
    type: Type
    span: Span


@dataclass(frozen=True, slots=True)
class Quantifier:
    """*body* holds for any or all elements of *collection*, each in turn the variable *slot*."""

    kind: OneOf["any", "all"]
    variable: str
    slot: int
    collection: Expr
    body: Expr
    type: Type
    span: Span


@dataclass(frozen=True, slots=True)
class MakeSet:
    """A set literal whose items are not all constant."""

    items: tuple[Expr, ...]
    type: Type
    span: Span


@dataclass(frozen=True, slots=True)
class Convert:
    """*inner* widened to ``type``: int to float or decimal."""

    inner: Expr
    type: Type
    span: Span


@dataclass(frozen=True, slots=True)
class Call:
    """A function of the table in ``functions``; *arguments* are checked and converted.

    ``count(content, pii.card)`` has its entities in *entities*, not in *arguments*.
    """

    function: str
    arguments: tuple[Expr, ...]
    entities: frozenset[str]
    type: Type
    span: Span


@dataclass(frozen=True, slots=True)
class ArgumentAt:
    """``arg("path.to.x")``: the JSON value at a path of the tool arguments, or absent.

    *path* holds object keys and, for lists, integers.
    """

    path: tuple[str | int, ...]
    type: Type
    span: Span


@dataclass(frozen=True, slots=True)
class Tainted:
    """``arg("to") tainted``: the argument holds what came from labelled content.

    That is, something that came into the session with content that a label carries, and that the
    user did not say. False for an absent argument; unknowable while the state store is away.
    """

    path: tuple[str | int, ...]
    type: Type
    span: Span


@dataclass(frozen=True, slots=True)
class Score:
    """``classifier.NAME(content)``: 0..1, or unknowable when the classifier failed."""

    classifier: str
    text: Expr
    type: Type
    span: Span


@dataclass(frozen=True, slots=True)
class Count:
    """``meter.NAME``: how often its rule matched in its window, or unknowable."""

    meter: str
    type: Type
    span: Span


Expr = (
    Constant
    | Attribute
    | Variable
    | NamedList
    | And
    | Or
    | Not
    | Compare
    | Member
    | Substring
    | Overlaps
    | Within
    | InNetwork
    | Like
    | Matches
    | Has
    | Present
    | Coalesce
    | Arithmetic
    | Quantifier
    | MakeSet
    | Convert
    | Call
    | ArgumentAt
    | Tainted
    | Score
    | Count
)
