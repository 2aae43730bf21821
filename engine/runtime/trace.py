"""A condition and a request in, every part of it with its value out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Literal

import msgspec

from engine.content.prints import WORDS
from engine.language import typed
from engine.language.functions import Unknowable
from engine.language.typed import Expr
from engine.language.walk import inner
from engine.runtime.decision import Action
from engine.runtime.evidence import Evidence
from engine.runtime.phrase import ATOM, OR, phrase, presentable, short
from engine.runtime.reference import Interpreter, Unknown, scanned
from engine.runtime.sessions import TOO_MUCH

COMPOSED = (typed.Coalesce, typed.Arithmetic)
"""What stands in parentheses when something is said of it: ``(a ?? 0) is 5``."""

KINDS: Mapping[str, str] = {
    "mail": "an address",
    "name": "a host or the name of a file",
    "url": "a part of a URL",
    "path": "a path",
    "handle": "a name with a sign",
    "id": "a code",
    "digits": "a number",
    "phone": "a phone number",
    "amount": "a sum",
    WORDS: "words",
    TOO_MUCH: "more than can be asked for",
}
"""What is tainted, for people."""
Kind = Literal["", "and", "or", "not", "any", "all", "found"]
"""What joins the parts of a condition; ``found`` for what a detector found."""


class Step(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A part of a condition and what it came to. *parts* are what it consists of, left to right."""

    text: str
    value: object = None
    """JSON-ready and shortened; null when absent, unknown or not reached."""
    unknown: str = ""
    """What could not be known."""
    reached: bool = True
    """False when the outcome was certain before this part was needed."""
    place: str = ""
    kind: Kind = ""
    parts: tuple[Step, ...] = ()


class RuleTrace(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One rule and what it came to."""

    rule: str
    action: Action
    matched: bool
    unknown: str = ""
    """What could not be known; *matched* then says whether it counts as matched."""
    shadow: bool = False
    """Only watches: mode shadow, or outside its rollout."""
    expired: bool = False
    when: Step | None = None
    unless: Step | None = None
    place: str = ""


class PolicyTrace(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One policy and what it came to, before content and throttles were looked at."""

    policy: str
    applied: bool
    outcome: Action | None = None
    """None when it does not apply."""
    shadow: bool = False
    applies: Step | None = None
    rules: tuple[RuleTrace, ...] = ()
    """In the order of their names; empty when the policy does not apply."""
    place: str = ""


class Trace:
    """Evaluates conditions on one request and remembers what every part came to."""

    def __init__(self, evidence: Evidence, lists: Mapping[str, frozenset[str]]) -> None:
        self._evidence = evidence
        self._values: dict[int, object] = {}
        self.interpreter = Interpreter(evidence, lists, self._note)

    def _note(self, expr: Expr, value: object) -> None:
        # Expressions are told apart by identity: equal ones may stand at several places.
        self._values[id(expr)] = value

    def value(self, expr: Expr) -> object:
        """Return what *expr* came to, evaluating it now if that was not needed before.

        A part inside a quantifier has the value of its last turn.
        """
        if id(expr) not in self._values:
            self.interpreter.value(expr)
        return self._values[id(expr)]

    def absent(self, attribute: typed.Attribute) -> bool:
        """Return whether an optional attribute is absent."""
        return attribute.optional and self._evidence.attribute(attribute.path) is None

    def step(self, expr: Expr) -> Step:
        """Return *expr* and all its parts as they came out."""
        value = self._values.get(id(expr))
        unknown = value.what if isinstance(value, Unknown) else ""
        return Step(
            text=phrase(expr, ATOM if isinstance(expr, COMPOSED) else OR),
            value=None if unknown else short(presentable(value)),
            unknown=unknown,
            reached=id(expr) in self._values or isinstance(expr, typed.Constant),
            place=str(expr.span),
            kind=_kind(expr),
            parts=tuple(self._parts(expr)),
        )

    def _parts(self, expr: Expr) -> Iterator[Step]:
        if isinstance(expr, typed.Has):
            if self._values.get(id(expr)) is True:
                yield from self._findings(scanned(expr.text), expr.entities)
            return
        if isinstance(expr, typed.Tainted):
            if self._values.get(id(expr)) is True:
                yield from self._taints(expr.path)
            return
        for part in map(written, inner(expr)):
            if not isinstance(part, typed.Constant | typed.NamedList):
                yield self.step(part)

    def _findings(self, path: str, entities: frozenset[str]) -> Iterator[Step]:
        """Yield what was found by kind and place: never the text itself."""
        for part, findings in self._evidence.findings(path, entities):
            for found in findings:
                where = f"{part.path} {found.start}:{found.end}"
                yield Step(text=f"{found.entity} at {where}", value=found.score, kind="found")

    def _taints(self, path: tuple[str | int, ...]) -> Iterator[Step]:
        """Yield what is tainted by kind and label: never what it says."""
        with suppress(Unknowable):  # It was mocked.
            for kind, labels in self._evidence.taints(path):
                said = " and ".join(f'"{label}"' for label in labels)
                yield Step(text=f"{KINDS[kind]} out of {said}", value=True, kind="found")


def written(expr: Expr) -> Expr:
    """Return what the author wrote where the checker has converted it."""
    return written(expr.inner) if isinstance(expr, typed.Convert) else expr


def _kind(expr: Expr) -> Kind:
    match expr:
        case typed.And():
            return "and"
        case typed.Or():
            return "or"
        case typed.Not():
            return "not"
        case typed.Quantifier(kind):
            return kind
        case _:
            return ""
