"""A condition and a request in, every part of it with its value out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from engine.language import typed
from engine.language.typed import Expr
from engine.language.walk import inner
from engine.runtime.evidence import Evidence
from engine.runtime.phrase import phrase, presentable, short
from engine.runtime.reference import Interpreter, Unknown, scanned


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
    parts: tuple[Step, ...] = ()


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
            text=phrase(expr),
            value=None if unknown else short(presentable(value)),
            unknown=unknown,
            reached=id(expr) in self._values or isinstance(expr, typed.Constant),
            place=str(expr.span),
            parts=tuple(self._parts(expr)),
        )

    def _parts(self, expr: Expr) -> Iterator[Step]:
        if isinstance(expr, typed.Has):
            if self._values.get(id(expr)) is True:
                yield from self._findings(scanned(expr.text), expr.entities)
            return
        for part in inner(expr):
            if not isinstance(part, typed.Constant | typed.NamedList):
                yield self.step(part)

    def _findings(self, path: str, entities: frozenset[str]) -> Iterator[Step]:
        """Yield what was found by kind and place: never the text itself."""
        for part, findings in self._evidence.findings(path, entities):
            for found in findings:
                where = f"{part.path} {found.start}:{found.end}"
                yield Step(text=f"{found.entity} at {where}", value=found.score)
