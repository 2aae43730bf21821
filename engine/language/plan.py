"""The plan of one policy file: its rules as conditions, grouped into what become functions.

A *unit* is one file. Its rules and the ``applies when`` of its policies are *entries*: a
conjunction each. Entries that need the same values of the same attributes form a *fragment*, whose
*steps* say under which values the index keeps it. Numbers are the unit's own (policy *p* of this
unit, rule *k* of that policy), so that a unit stays valid whatever other files a bundle holds;
linking relocates them.

>>> # rule cap { when tenant.id == "north" and context.amount > 500 then deny }
>>> # Fragment(steps=(Choice("tenant.id", False, {"north"}),), body=(Entry(0, 3, (amount > 500,)),))
"""

from __future__ import annotations

from dataclasses import dataclass
from types import CodeType
from typing import Any, Literal

from engine.language.text import Span
from engine.language.typed import Expr

Key = bool | int | float | str | None
"""What an index table is keyed by; None stands for an absent attribute."""

Order = Literal["<", "<=", ">", ">="]

Number = Any
"""An int or a float. Compiled, what is said to be a float becomes one, and a large int another."""


@dataclass(frozen=True, slots=True)
class Choice:
    """The attribute at *path* is one of *values*; with *many*, one of its elements is."""

    path: str
    many: bool
    values: frozenset[Key]


@dataclass(frozen=True, slots=True)
class Threshold:
    """``path order bound``, where an absent attribute counts as *default* (None: does not hold)."""

    path: str
    order: Order
    bound: Number
    default: Number


Step = Choice | Threshold

Look = tuple[str, frozenset[str]]
"""The path of a text, and the entities that are looked for in it."""

Spec = tuple[str, object]
"""What a bound constant is made from: a kind and marshallable data. See ``bind`` for the kinds."""


@dataclass(frozen=True, slots=True)
class Piece:
    """One compiled fragment.

    The code's last arguments are ``rules_p`` for each policy of *ruled*, then ``policy_p`` for each
    of *applying*.
    """

    steps: tuple[Step, ...]
    code: CodeType
    ruled: tuple[int, ...]
    applying: tuple[int, ...]
    looks: tuple[Look, ...] = ()
    """What it looks for whenever it is called, or what its rules redact then."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One conjunction: a rule of a policy, or with None as *rule* the policy's ``applies when``.

    *parts* stand in the order in which they are best tried. No parts: it always holds. Where it
    does, it *redacts* something.
    """

    policy: int
    rule: int | None
    parts: tuple[Expr, ...]
    span: Span
    redacts: Look | None = None


@dataclass(frozen=True, slots=True)
class Branch:
    """*body* counts only where *condition* holds. Trying *condition* cannot fail."""

    condition: Expr
    body: Block


Block = tuple[Entry | Branch, ...]


@dataclass(frozen=True, slots=True)
class Fragment:
    """What becomes one function: everything that the index keeps under the same *steps*."""

    steps: tuple[Step, ...]
    body: Block
    span: Span


@dataclass(frozen=True, slots=True)
class PolicyShape:
    """What linking must know of a policy. *rules* counts them; *always*: it has no condition."""

    name: str
    rules: int
    always: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """The plan of one file."""

    path: str
    policies: tuple[PolicyShape, ...]
    fragments: tuple[Fragment, ...]
