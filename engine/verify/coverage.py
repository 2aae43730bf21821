"""Which rules matched, and which conditions came out both ways, while tests ran.

A condition is a truth value without ``and``, ``or``, ``not`` inside: ``stage == "request"``,
``content has pii.email``. Each should have been true in one decision and false in another, for
otherwise no test would notice if it were gone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from engine.language import program, typed
from engine.language.text import Span
from engine.language.types import BOOL
from engine.language.walk import inner
from engine.runtime.evidence import Evidence
from engine.runtime.phrase import phrase
from engine.runtime.policyset import PolicySet
from engine.runtime.reference import Interpreter, Unknown, rule_holds

BOTH = 2
JOINED = (typed.And, typed.Or, typed.Not, typed.Quantifier)
"""What is no condition of its own: its parts are."""


@dataclass(frozen=True, slots=True)
class Gap:
    """A rule that never matched, or a condition that never came out one way."""

    span: Span
    message: str


@dataclass(frozen=True, slots=True)
class Summary:
    """Covered and countable things; *gaps* sorted by place."""

    rules: int
    rules_matched: int
    outcomes: int
    """Two for each condition."""
    outcomes_seen: int
    gaps: tuple[Gap, ...]

    @property
    def percent(self) -> float:
        """Rules and outcomes together, 0..100; 100 when there is nothing to cover."""
        total = self.rules + self.outcomes
        return 100.0 * (self.rules_matched + self.outcomes_seen) / total if total else 100.0


@dataclass(slots=True)
class Coverage:
    """Collects what was seen. The reference interpreter reports every condition it evaluates."""

    matched: set[str] = field(default_factory=set)
    seen: dict[Span, set[bool]] = field(default_factory=dict)

    def watch(self, policies: PolicySet, evidence: Evidence) -> None:
        """Evaluate every rule on one request and note how its conditions come out."""
        interpreter = Interpreter(evidence, policies.lists, self.note)
        for policy in policies.program.policies:
            applies = True if policy.applies is None else interpreter.value(policy.applies)
            if applies is not True:
                continue
            for rule in policy.rules:
                holds = rule_holds(rule, interpreter)
                # In doubt a rule that restricts matches, one that allows does not.
                restricts = not isinstance(rule.action, program.Allow)
                if holds is True or (isinstance(holds, Unknown) and restricts):
                    self.matched.add(rule.name)

    def note(self, expr: typed.Expr, value: object) -> None:
        """Remember that the condition *expr* came out as *value*."""
        # `a not in b` is a Not in the place of its Member: it would count both ways at once.
        if isinstance(value, bool) and not isinstance(expr, JOINED):
            self.seen.setdefault(expr.span, set()).add(value)

    def merge(self, other: Coverage) -> None:
        """Add what *other* has seen."""
        self.matched |= other.matched
        for span, ways in other.seen.items():
            self.seen.setdefault(span, set()).update(ways)

    def summary(self, checked: program.Program) -> Summary:
        """Return what was covered of *checked*."""
        rules = [rule for policy in checked.policies for rule in policy.rules]
        unmatched = [rule for rule in rules if rule.name not in self.matched]
        gaps = [Gap(rule.span, f"rule {rule.name} never matched") for rule in unmatched]
        found = {one.span: one for policy in checked.policies for one in places(policy)}
        outcomes = 0
        for span, condition in found.items():
            ways = self.seen.get(span, set())
            outcomes += len(ways)
            gaps += [
                Gap(span, f"`{phrase(condition)}` was never {str(way).lower()}")
                for way in (True, False)
                if way not in ways
            ]
        return Summary(
            rules=len(rules),
            rules_matched=len(rules) - len(unmatched),
            outcomes=BOTH * len(found),
            outcomes_seen=outcomes,
            gaps=tuple(sorted(gaps, key=lambda gap: (gap.span, gap.message))),
        )


def places(policy: program.Policy) -> Iterator[typed.Expr]:
    """Yield the conditions of *policy* and its rules."""
    wholes = [policy.applies]
    for rule in policy.rules:
        wholes += [rule.when, rule.unless]
    for whole in wholes:
        if whole is not None:
            yield from conditions(whole)


def conditions(expr: typed.Expr) -> Iterator[typed.Expr]:
    """Yield the smallest truth values in *expr*; a quantifier counts as its body."""
    parts = [part for part in inner(expr) if part.type == BOOL]
    match expr:
        case typed.And() | typed.Or() | typed.Not():
            for part in parts:
                yield from conditions(part)
        case typed.Quantifier(body=body):
            yield from conditions(body)
        case typed.Constant():
            return
        case _:
            yield expr
