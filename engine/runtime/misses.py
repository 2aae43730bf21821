"""Rules and what they came to in; what it would have needed for another outcome out, nearest first.

The price of an expression for a truth value is how many of its conditions (parts without ``and``,
``or`` and ``not``) would have to come out differently: for ``a and b`` to be true the prices of
both, for it to be false the smaller one. A rule is a miss when changing it alone would change the
decision's action.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from engine.language import typed
from engine.language.program import Policy, Rule
from engine.language.typed import Expr
from engine.runtime.combine import Contribution, combine, contribute
from engine.runtime.decision import Action
from engine.runtime.phrase import FIXED, opposite, phrase, presentable, short
from engine.runtime.reference import Unknown
from engine.runtime.trace import Trace

TOLD = 5
"""How many misses are told."""


class Change(NamedTuple):
    """A condition that would have to come out as *wanted*."""

    condition: Expr
    wanted: bool


Changes = tuple[Change, ...] | None
"""None where nothing can help: a constant."""


def changes_for(expr: Expr, trace: Trace, *, wanted: bool) -> Changes:
    """Return the fewest conditions of *expr* that must change for it to be *wanted*."""
    match expr:
        case typed.Not(inner):
            return changes_for(inner, trace, wanted=not wanted)
        case typed.And(parts) | typed.Or(parts):
            every = isinstance(expr, typed.And) is wanted
            prices = [changes_for(part, trace, wanted=wanted) for part in parts]
            return add(prices) if every else cheapest(prices)
        case typed.Constant(value):
            return () if value is wanted else None
        case _:
            return () if trace.value(expr) is wanted else (Change(expr, wanted),)


def add(prices: Sequence[Changes]) -> Changes:
    """Return all changes of *prices* together; None when one of them is impossible."""
    total: tuple[Change, ...] = ()
    for price in prices:
        if price is None:
            return None
        total += price
    return total


def cheapest(prices: Sequence[Changes]) -> Changes:
    """Return the fewest changes of *prices*; None when all are impossible."""
    possible = [price for price in prices if price is not None]
    return min(possible, key=len, default=None)


def changes_of(rule: Rule, trace: Trace, *, matched: bool) -> Changes:
    """Return the fewest changes that would make *rule* match (or, with *matched*, not match)."""
    when: Changes = None if matched else ()
    unless: Changes = None if matched else ()
    if rule.when is not None:
        when = changes_for(rule.when, trace, wanted=not matched)
    if rule.unless is not None:
        unless = changes_for(rule.unless, trace, wanted=matched)
    return cheapest([when, unless]) if matched else add([when, unless])


@dataclass(frozen=True, slots=True)
class Scene:
    """One request's enforced rules: the policies that apply, what acts, and what is at stake."""

    action: Action
    policies: tuple[Policy, ...]
    acting: tuple[Contribution, ...]
    idle: tuple[Rule, ...]
    finding: frozenset[str]
    """Redacting rules that find something, matching or not."""
    refusing: frozenset[str]
    """Throttling rules that refuse."""

    def action_with(self, contributions: Sequence[Contribution]) -> Action:
        """Return the action if *contributions* were what acts."""
        verdict = combine(self.policies, contributions)
        if verdict.denials:
            return "deny"
        if any(one.rule.name in self.refusing for one in verdict.throttles):
            return "throttle"
        if verdict.escalations:
            return "escalate"
        if any(one.rule.name in self.finding for one in verdict.redactions):
            return "redact"
        return "allow"


def nearest(scene: Scene, trace: Trace) -> tuple[str, ...]:
    """Return a sentence for each rule that alone would change the action, the nearest first."""
    found = sorted(_candidates(scene, trace), key=lambda one: (len(one[2]), one[0]))
    return tuple(sentence(name, action, changes, trace) for name, action, changes in found[:TOLD])


def _candidates(scene: Scene, trace: Trace) -> Iterator[tuple[str, Action, tuple[Change, ...]]]:
    for rule in scene.idle:
        action = scene.action_with([*scene.acting, contribute(rule)])
        changes = changes_of(rule, trace, matched=False)
        if action != scene.action and changes:
            yield rule.name, action, changes
    for one in scene.acting:
        action = scene.action_with([other for other in scene.acting if other is not one])
        changes = changes_of(one.rule, trace, matched=True)
        if action != scene.action and changes:
            yield one.rule.name, action, changes


def sentence(name: str, action: Action, changes: Sequence[Change], trace: Trace) -> str:
    """Return ``would have been deny (cap) if context.amount > 500 (is 480)``."""
    conditions = " and ".join(_wish(change, trace) for change in changes)
    return f"would have been {action} ({name}) if {conditions}"


def _wish(change: Change, trace: Trace) -> str:
    words = phrase(change.condition) if change.wanted else opposite(change.condition)
    shown = _subject(change.condition)
    if shown is None:
        return words
    value = trace.value(shown)
    if isinstance(shown, typed.Attribute) and trace.absent(shown):
        return f"{words} (is absent)"
    if isinstance(value, Unknown):
        return f"{words} (cannot be known: {value.what})"
    return f"{words} (is {short(presentable(value))})"


def _subject(condition: Expr) -> Expr | None:
    """Return the side of a comparison that the request decides, if there is just one."""
    match condition:
        case typed.Compare(_, left, right) | typed.Member(left, right):
            sides = [one for one in (left, right) if not isinstance(one, FIXED)]
            return sides[0] if len(sides) == 1 else None
        case _:
            return None
