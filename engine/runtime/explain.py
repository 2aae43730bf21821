"""Policies and a record in; why the decision is what it is out: every condition with its value.

Nothing is consumed or recorded. Contents never appear in full: long texts are cut, and what
detectors found is told by kind and place.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from engine.language.functions import Unknowable
from engine.language.program import Policy, Redact, Rule
from engine.runtime.combine import Contribution, action_name, combine, contribute
from engine.runtime.decide import decide
from engine.runtime.decision import Action, Decision, plain
from engine.runtime.doubt import contribution_in_doubt
from engine.runtime.evidence import NO_MOCKS, Evidence, Mocks
from engine.runtime.misses import Scene, changes_for, nearest, sentence
from engine.runtime.policyset import PolicySet
from engine.runtime.record import Record
from engine.runtime.redaction import finds
from engine.runtime.reference import Unknown, rule_holds
from engine.runtime.reversal import turn_back
from engine.runtime.rollout import expired, policy_enforced, rule_enforced
from engine.runtime.store import Store
from engine.runtime.tell import tell
from engine.runtime.trace import PolicyTrace, RuleTrace, Step, Trace


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """Why a decision is what it is."""

    decision: Decision
    policies: tuple[PolicyTrace, ...] = ()
    misses: tuple[str, ...] = ()
    """What it would have needed to come out otherwise: one sentence each, the nearest first."""
    text: str = ""
    """The same for people, in the short form of ``tell``."""

    def to_dict(self) -> dict[str, object]:
        """Return the explanation in JSON-ready values."""
        return {
            "decision": self.decision.to_dict(),
            "policies": plain(msgspec.to_builtins(self.policies)),
            "misses": list(self.misses),
            "text": self.text,
        }


def explain(
    policies: PolicySet,
    record: Record,
    store: Store,
    now_ns: int,
    *,
    mocks: Mocks = NO_MOCKS,
) -> Explanation:
    """Return why *record* is decided as it is at *now_ns*; takes nothing and records nothing."""
    decision = decide(policies, record, store, now_ns, mocks=mocks, consume=False)
    if record.missing or record.too_large:
        return Explanation(decision=decision, text=tell(decision, (), ()))
    if policies.reversible:
        record = turn_back(policies, record, store, now_ns).record
    evidence = Evidence(record, policies.senses, store, now_ns, mocks)
    inquiry = Inquiry(policies, evidence)
    traces = tuple(inquiry.policy(policy) for policy in policies.policies)
    misses = inquiry.misses(decision)
    return Explanation(
        decision=decision,
        policies=traces,
        misses=misses,
        text=tell(decision, traces, misses),
    )


class Inquiry:
    """Looks at every policy for one request, and keeps what the misses need."""

    def __init__(self, policies: PolicySet, evidence: Evidence) -> None:
        self._policies = policies
        self._evidence = evidence
        self._trace = Trace(evidence, policies.lists)
        self._applied: list[Policy] = []
        self._acting: list[Contribution] = []
        self._idle: list[Rule] = []

    def policy(self, policy: Policy) -> PolicyTrace:
        """Return what *policy* came to."""
        applies: object = True
        step: Step | None = None
        if policy.applies is not None:
            applies = self._trace.interpreter.value(policy.applies)
            step = self._trace.step(policy.applies)
        shadow = not policy_enforced(policy, self._evidence)
        doubtful = isinstance(applies, Unknown)
        rules: tuple[RuleTrace, ...] = ()
        outcome: Action | None = "deny" if doubtful else None
        if applies is True:
            before = len(self._acting)
            rules = tuple(self.rule(rule, shadow=shadow) for rule in policy.rules)
            outcome = _outcome(policy, self._acting[before:])
            if not shadow:
                self._applied.append(policy)
        return PolicyTrace(
            policy=policy.name,
            applied=applies is True,
            outcome=outcome,
            shadow=shadow,
            applies=step,
            rules=rules,
            place=str(policy.span),
        )

    def rule(self, rule: Rule, *, shadow: bool) -> RuleTrace:
        """Return what *rule* of an applying policy came to."""
        holds = rule_holds(rule, self._trace.interpreter)
        gone = expired(rule, self._evidence)
        silent = shadow or not rule_enforced(rule, self._evidence)
        made: Contribution | None = None
        if isinstance(holds, Unknown):
            made = contribution_in_doubt(rule, holds, self._policies.program.classifiers)
        elif holds:
            made = contribute(rule)
        if not (gone or silent):
            if made is None:
                self._idle.append(rule)
            else:
                self._acting.append(made)
        return RuleTrace(
            rule=rule.name,
            action=action_name(rule) if made is None else made.action,
            matched=made is not None and not gone,
            unknown=holds.what if isinstance(holds, Unknown) else "",
            shadow=silent,
            expired=gone,
            when=None if rule.when is None else self._trace.step(rule.when),
            unless=None if rule.unless is None else self._trace.step(rule.unless),
            place=str(rule.span),
        )

    def misses(self, decision: Decision) -> tuple[str, ...]:
        """Return what it would have needed for another outcome than *decision*'s."""
        if not self._applied:
            return tuple(self._unapplied())
        everything = [*self._idle, *(one.rule for one in self._acting)]
        refusing = (one.rule for one in decision.reasons if one.action == "throttle")
        scene = Scene(
            action=decision.action,
            policies=tuple(self._applied),
            acting=tuple(self._acting),
            idle=tuple(self._idle),
            finding=frozenset(rule.name for rule in everything if self._finds(rule)),
            refusing=frozenset(refusing),
        )
        return nearest(scene, self._trace)

    def _finds(self, rule: Rule) -> bool:
        if not isinstance(rule.action, Redact):
            return False
        try:
            return finds(contribute(rule), self._evidence)
        except Unknowable:
            return False

    def _unapplied(self) -> Iterator[str]:
        """Yield what would have let a policy apply, where none does."""
        found = []
        for policy in self._policies.policies:
            if policy.applies is not None and policy_enforced(policy, self._evidence):
                changes = changes_for(policy.applies, self._trace, wanted=True)
                if changes:
                    found.append((len(changes), policy.name, policy.default, changes))
        for _, name, default, changes in sorted(found, key=lambda one: one[:2])[:1]:
            yield sentence(name, default, changes, self._trace)


def _outcome(policy: Policy, acting: list[Contribution]) -> Action:
    verdict = combine([policy], acting)
    if verdict.denials:
        return "deny"
    for some in (verdict.throttles, verdict.escalations, verdict.redactions):
        if some:
            return some[0].action
    return "allow"
