"""A request whose content is still to come in; what the policies can already say about it out.

A streamed response is passed on before its end is known, so its redactions cannot wait for a
decision. Of each rule it is asked what is known without the content, and with the findings so far:

- a rule that denies, escalates or throttles whatever is still to come ends the stream at once;
- a rule that redacts, and is not ruled out, redacts: a restricting rule in doubt counts as matched;
- a rule that denies or escalates if the content *has* something is asked again when it was found.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import cast

from engine.content.redact import Strategy
from engine.language.functions import Unknowable
from engine.language.program import Allow, Deny, Escalate, Redact
from engine.language.typed import Attribute, Has
from engine.language.walk import descend
from engine.runtime.combine import Contribution
from engine.runtime.evidence import Evidence, Part
from engine.runtime.limits import Desk, take_limits
from engine.runtime.match import Match
from engine.runtime.outcome import find_outcome
from engine.runtime.policyset import PolicySet
from engine.runtime.record import Record
from engine.runtime.redaction import asked, strategies_of
from engine.runtime.reference import ReferenceMatcher
from engine.runtime.store import Store

CONTENT = "content"
TO_COME = "the content, which is still to come"
MOST_RULES = 1_000
"""Of so many rules it is worked out beforehand what responses will be searched for."""


class Unheard(Evidence):
    """Evidence without the content: only of *heard*, found so far, it is known that it is there."""

    __slots__ = ("_heard",)

    def __init__(
        self,
        record: Record,
        policies: PolicySet,
        store: Store,
        now_ns: int,
        heard: frozenset[str],
    ) -> None:
        super().__init__(record, policies.senses, store, now_ns)
        self._heard = heard

    def parts(self, path: str) -> tuple[Part, ...]:
        """Return the texts at *path*; raise Unknowable for the content."""
        if path == CONTENT:
            raise Unknowable(TO_COME)
        return super().parts(path)

    def content(self) -> str:
        """Raise Unknowable."""
        raise Unknowable(TO_COME)

    def has(self, path: str, entities: frozenset[str]) -> bool:
        """Return whether *path* holds one of *entities*; of the content only yes can be known."""
        if path == CONTENT and not entities.isdisjoint(self._heard):
            return True
        return super().has(path, entities)


class Nothing(Evidence):
    """Evidence about a response of which only that is known: that it is one."""

    __slots__ = ()

    def attribute(self, path: str) -> object:
        """Return the stage; raise Unknowable for all else."""
        if path == "stage":
            return "response"
        raise Unknowable(path)

    def parts(self, path: str) -> tuple[Part, ...]:
        """Raise Unknowable."""
        raise Unknowable(path)

    def injection(self, path: str) -> float:
        """Raise Unknowable."""
        raise Unknowable(path)

    def argument(self, path: tuple[str | int, ...]) -> object:
        """Raise Unknowable."""
        raise Unknowable(f"arguments {path}")

    def meter(self, name: str) -> int:
        """Raise Unknowable."""
        raise Unknowable(f"meter.{name}")


@dataclass(frozen=True, slots=True)
class Foresight:
    """What is known: whether the stream is *blocked*, what to redact, what to ask again about."""

    blocked: bool
    redactions: tuple[Contribution, ...]
    strategies: Mapping[str, Strategy]
    """How each entity is redacted in the content."""
    watched: frozenset[str]
    """Entities that may block the stream when they are found."""


def foresee(
    policies: PolicySet,
    record: Record,
    store: Store,
    now_ns: int,
    heard: frozenset[str] = frozenset(),
) -> Foresight:
    """Return what is known about *record* before its content, in which *heard* was found so far."""
    if record.missing or record.too_large:
        return Foresight(blocked=True, redactions=(), strategies={}, watched=frozenset())
    evidence = Unheard(record, policies, store, now_ns, heard)
    match = policies.matcher.match(record, evidence)
    doubts = [number for number, _ in match.doubts]
    possible = [*doubts, *_rules_of_uncertain(policies, match)]
    applied = [*match.applied, *(number for number, _ in match.uncertain)]
    armed = Match(applied, [*match.hits, *possible], [], [])
    outcome = find_outcome(policies, armed, evidence)
    redactions = tuple(one for one in outcome.verdict.redactions if asked(one).path == CONTENT)
    # What a throttle takes for the content is not known yet: that there is room for nothing is.
    empty = Evidence(record, policies.senses, store, now_ns)
    return Foresight(
        _blocked(policies, match, doubts, Desk(record, empty, store, "", consume=False)),
        redactions,
        strategies_of(redactions).get(CONTENT, {}),
        frozenset().union(*(_entities(policies, number) for number in possible)),
    )


def expected(policies: PolicySet) -> frozenset[str]:
    """Return what a response is searched for while it streams, when nothing else is known of it.

    That is what most are searched for: what no rule rules out by the stage. Nothing of more than
    `MOST_RULES` rules, which would have to be decoded.
    """
    if len(policies.rules) > MOST_RULES:
        return frozenset()
    # Invariant: `Nothing` never asks its record or store.
    record, store = cast("Record", None), cast("Store", None)
    evidence = Nothing(record, policies.senses, store, 0)
    match = ReferenceMatcher(policies.program, policies.lists).match(record, evidence)
    possible = [*(number for number, _ in match.doubts), *_rules_of_uncertain(policies, match)]
    found = frozenset[str]().union(*(_entities(policies, number) for number in possible))
    for number in (*match.hits, *possible):
        rule, policy = policies.rules[number], policies.policies[policies.owner[number]]
        enforced = not (rule.shadow or policy.shadow)
        if enforced and isinstance(rule.action, Redact) and rule.action.path == CONTENT:
            found |= rule.action.entities
    return found


def _blocked(policies: PolicySet, match: Match, doubts: list[int], desk: Desk) -> bool:
    """Return whether it cannot pass even if all that is in doubt turns out well."""
    if match.uncertain and not match.applied:
        return False
    grants = [one for one in doubts if isinstance(policies.rules[one].action, Allow)]
    best = Match(match.applied, [*match.hits, *grants], [], [])
    verdict = find_outcome(policies, best, desk.evidence).verdict
    if verdict.denials or verdict.escalations:
        return True
    if not verdict.throttles:
        return False
    limits = take_limits(verdict.throttles, desk)
    return bool(limits.refused or limits.others)


def _rules_of_uncertain(policies: PolicySet, match: Match) -> Iterator[int]:
    """Yield the rules that redact or block in policies that may apply or not."""
    uncertain = {number for number, _ in match.uncertain}
    for number, owner in enumerate(policies.owner) if uncertain else ():
        action = policies.rules[number].action
        if owner in uncertain and isinstance(action, Redact | Deny | Escalate):
            yield number


def _entities(policies: PolicySet, number: int) -> frozenset[str]:
    """Return what a rule that denies or escalates asks the content for."""
    rule = policies.rules[number]
    found: frozenset[str] = frozenset()
    if isinstance(rule.action, Deny | Escalate) and rule.when is not None:
        for node in descend(rule.when):
            if (
                isinstance(node, Has)
                and isinstance(node.text, Attribute)
                and node.text.path == CONTENT
            ):
                found |= node.entities
    return found
