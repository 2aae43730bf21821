"""What matched in; the whole static part of a decision out, remembered for the next one like it.

Hot path. Nearly all requests match the same few rules as some request before them, so everything
that follows from the matched rules alone (reasons, verdicts, labels) is made once and shared.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

from engine.language.program import Advise, Label, MeterDefinition, Rule
from engine.runtime.combine import (
    Contribution,
    Verdict,
    combine,
    contribute,
    uncertain_reason,
)
from engine.runtime.decision import STRICTNESS, Action, Reason
from engine.runtime.doubt import contribution_in_doubt
from engine.runtime.evidence import Evidence
from engine.runtime.match import Match
from engine.runtime.policyset import PolicySet
from engine.runtime.reference import Interpreter, Unknown, rule_holds
from engine.runtime.rollout import Standing, divide, policy_enforced

REMEMBERED = 4096
"""Outcomes kept. When there are more, all are forgotten: a simple bound that never costs much."""


@dataclass(frozen=True, slots=True)
class Effect:
    """What a matched rule does beside its action: it puts *labels*, *meters* count it."""

    contribution: Contribution
    labels: tuple[Label, ...]
    meters: tuple[MeterDefinition, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """The static part of a decision. *plain*: nothing but *action* and *reasons* is left to do."""

    verdict: Verdict
    shadow: Verdict | None
    """The verdict with the shadow rules enforced too; None when there are none."""
    shadow_only: frozenset[str]
    """Names of the rules that only the shadow verdict has."""
    advice: tuple[Advise, ...]
    effects: tuple[Effect, ...]
    labels: tuple[str, ...]
    plain: bool
    limited: bool
    """Nothing but *action*, *reasons* and throttles, if these let it pass."""
    action: Action
    reasons: tuple[Reason, ...]
    acting: Mapping[str, Rule]
    """The rules that contribute, those that only watch too, by name."""


def find_outcome(policies: PolicySet, match: Match, evidence: Evidence) -> Outcome:
    """Return the outcome of *match*, remembered where nothing is in doubt."""
    if match.doubts or match.uncertain:
        return _doubtful(policies, match, evidence)
    key: object
    applied, hits = match.applied, match.hits
    # Hot path: most policies know nothing that depends on the clock or a key.
    if (not policies.passing or policies.passing.isdisjoint(hits)) and (
        not policies.passing_policies or policies.passing_policies.isdisjoint(applied)
    ):
        key = (tuple(applied), tuple(hits))
    else:
        # Invariant: what depends on the clock or a key is decided before the look-up.
        key = _divide(policies, applied, hits, evidence)
    found = policies.remembered.get(key)
    if found is None:
        standing = _divide(policies, applied, hits, evidence)
        found = _outcome(policies, standing, (), ())
        if len(policies.remembered) >= REMEMBERED:
            policies.remembered.clear()
        policies.remembered[key] = found
    return cast("Outcome", found)


def _divide(
    policies: PolicySet, applied: Iterable[int], hits: Iterable[int], evidence: Evidence
) -> Standing:
    return divide(policies.policies, policies.rules, policies.owner, applied, hits, evidence)


def _doubtful(policies: PolicySet, match: Match, evidence: Evidence) -> Outcome:
    """Return the outcome where something cannot be known: what is in doubt contributes too."""
    standing = _divide(policies, match.applied, match.hits, evidence)
    whats = dict(match.doubts)
    doubted = _divide(policies, match.applied, whats, evidence)
    enforced: list[Contribution] = []
    shadow: list[Contribution] = []
    for numbers, side in ((doubted.hits, enforced), (doubted.shadow_hits, shadow)):
        for number in numbers:
            made = _in_doubt(policies, number, whats[number], evidence)
            if made is not None:
                side.append(made)
    certain_denials: list[Reason] = []
    shadow_denials: list[Reason] = []
    for number, what in match.uncertain:
        policy = policies.policies[number]
        denials = certain_denials if policy_enforced(policy, evidence) else shadow_denials
        denials.append(uncertain_reason(policy, what))
    return _outcome(
        policies,
        standing,
        enforced,
        shadow,
        uncertain=certain_denials,
        shadow_uncertain=shadow_denials,
    )


def _in_doubt(
    policies: PolicySet, number: int, what: str, evidence: Evidence
) -> Contribution | None:
    """Return what a rule in doubt contributes. The reference names all causes, not only one."""
    rule = policies.rules[number]
    unknown = rule_holds(rule, Interpreter(evidence, policies.lists))
    if not isinstance(unknown, Unknown):  # The matchers disagree: the doubt stands.
        unknown = Unknown(frozenset({what}))
    return contribution_in_doubt(rule, unknown, policies.program.classifiers)


def _outcome(
    policies: PolicySet,
    standing: Standing,
    enforced: Sequence[Contribution],
    shadow: Sequence[Contribution],
    *,
    uncertain: Sequence[Reason] = (),
    shadow_uncertain: Sequence[Reason] = (),
) -> Outcome:
    acting = [*(contribute(policies.rules[number]) for number in standing.hits), *enforced]
    silent = [*(contribute(policies.rules[number]) for number in standing.shadow_hits), *shadow]
    applied = [policies.policies[number] for number in standing.applied]
    verdict = combine(applied, acting, uncertain)
    would: Verdict | None = None
    if silent or standing.shadow_applied or shadow_uncertain:
        would = combine(
            [*applied, *(policies.policies[number] for number in standing.shadow_applied)],
            [*acting, *silent],
            [*uncertain, *shadow_uncertain],
        )
    advice = winning_advice(acting)
    effects = tuple(_effects(policies, acting))
    labels = {one.label for effect in effects for one in effect.labels}
    return Outcome(
        verdict=verdict,
        shadow=would,
        shadow_only=frozenset(one.rule.name for one in silent),
        advice=advice,
        effects=effects,
        labels=tuple(sorted(labels)),
        plain=verdict.settled and would is None and not effects,
        limited=_limited(verdict) and would is None and not effects,
        action="deny" if verdict.denials else "allow",
        reasons=verdict.denials or verdict.grants,
        acting={one.rule.name: one.rule for one in (*acting, *silent)},
    )


def _limited(verdict: Verdict) -> bool:
    others = verdict.denials or verdict.escalations or verdict.redactions
    return bool(verdict.throttles) and not others


def _effects(policies: PolicySet, acting: Iterable[Contribution]) -> Iterable[Effect]:
    for one in sorted(acting, key=lambda one: one.rule.name):
        meters = policies.meters.get(one.rule.name, ())
        if one.rule.labels or meters:
            yield Effect(one, one.rule.labels, meters)


def uncounted(outcome: Outcome, counted: Container[str]) -> Outcome:
    """Return *outcome* without limits and meters of the rules *counted*, which are so already."""
    verdict = _unlimited(outcome.verdict, counted)
    would = None if outcome.shadow is None else _unlimited(outcome.shadow, counted)
    effects = tuple(
        one if one.contribution.rule.name not in counted else replace(one, meters=())
        for one in outcome.effects
    )
    return replace(
        outcome,
        verdict=verdict,
        shadow=would,
        effects=effects,
        plain=verdict.settled and would is None and not effects,
        limited=_limited(verdict) and would is None and not effects,
    )


def _unlimited(verdict: Verdict, counted: Container[str]) -> Verdict:
    throttles = tuple(one for one in verdict.throttles if one.rule.name not in counted)
    return replace(verdict, throttles=throttles)


def winning_advice(contributions: Iterable[Contribution]) -> tuple[Advise, ...]:
    """Return one piece of advice for each name: the stricter rule's, then the smaller name's."""
    ordered = sorted(contributions, key=lambda one: (-STRICTNESS[one.action], one.rule.name))
    won: dict[str, Advise] = {}
    for one in ordered:
        for advise in one.rule.advise:
            won.setdefault(advise.name, advise)
    return tuple(won[name] for name in sorted(won))
