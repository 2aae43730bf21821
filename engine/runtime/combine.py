"""Matching rules in, a verdict out: what denies, what grants, and what restricts.

The lattice is deny > throttle > escalate > redact > allow. Within a policy, only ``allow`` rules
grant; a policy with ``default deny`` and no grant denies. Across policies everything adds up, and
the strictest wins. Nothing here looks at content or state, so a verdict is the same for all
requests that match the same rules, and is remembered.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import assert_never, get_args

import msgspec

from engine.language.program import (
    Allow,
    Deny,
    Escalate,
    Policy,
    Redact,
    Rule,
    Throttle,
)
from engine.runtime.decision import Action, Reason
from engine.runtime.prepare import Prepared, prepare

ACTIONS: tuple[Action, ...] = get_args(Action)

FAILURES = Escalate("policy-failures", timedelta(hours=24), "deny")
"""Where an ``on_failure escalate`` goes when the rule itself does not escalate."""

NO_POLICY = Reason(policy="", action="deny", message="no policy applies")
NO_GRANT = "no rule allows it"
UNCERTAIN = "whether the policy applies cannot be known"


@dataclass(frozen=True, slots=True)
class Contribution:
    """What one rule brings to the outcome: *action* is the rule's own, or its ``on_failure``."""

    rule: Rule
    action: Action
    reason: Reason
    buckets: tuple[Prepared, Prepared] | None = None
    """A throttle rule's bucket, and the one of its own that it has in the shadow."""

    @property
    def escalation(self) -> Escalate:
        """Whom to ask."""
        return self.rule.action if isinstance(self.rule.action, Escalate) else FAILURES


@dataclass(frozen=True, slots=True)
class Verdict:
    """All that the matching rules say, each kind sorted by policy and rule name."""

    denials: tuple[Reason, ...]
    grants: tuple[Reason, ...]
    throttles: tuple[Contribution, ...]
    escalations: tuple[Contribution, ...]
    redactions: tuple[Contribution, ...]

    @property
    def settled(self) -> bool:
        """Whether neither content nor state can change the outcome any more."""
        return bool(self.denials) or not (self.throttles or self.escalations or self.redactions)


def action_name(rule: Rule) -> Action:
    """Return the word for the rule's own action."""
    match rule.action:
        case Allow():
            return "allow"
        case Deny():
            return "deny"
        case Redact():
            return "redact"
        case Escalate():
            return "escalate"
        case Throttle():
            return "throttle"
        case _:
            assert_never(rule.action)


def contribute(rule: Rule, action: Action | None = None, failure: str = "") -> Contribution:
    """Return what *rule* brings: its own action, or *action* because of *failure*."""
    made = action or action_name(rule)
    message = rule.action.reason if isinstance(rule.action, Deny) else ""
    reason = Reason(
        policy=rule.policy,
        rule=rule.name,
        action=made,
        message=message or rule.title or rule.doc,
        severity=rule.severity or "",
        tags=rule.tags,
        owner=rule.owner,
        failure=failure,
        place=str(rule.span),
    )
    buckets: tuple[Prepared, Prepared] | None = None
    if isinstance(rule.action, Throttle):
        # Hot path: contributions are remembered, so the figures are prepared once.
        buckets = (
            prepare(rule.action, rule.name),
            prepare(rule.action, rule.name, shadow=True),
        )
    return Contribution(rule, made, reason, buckets)


def fail(contribution: Contribution, action: Action, failure: str) -> Contribution:
    """Return *contribution* turned into *action* because of *failure*."""
    reason = msgspec.structs.replace(contribution.reason, action=action, failure=failure)
    return Contribution(contribution.rule, action, reason, contribution.buckets)


def default_reason(policy: Policy, message: str) -> Reason:
    """Return the reason that a policy's default gives."""
    return Reason(
        policy=policy.name, action=policy.default, message=message, place=str(policy.span)
    )


def uncertain_reason(policy: Policy, failure: str) -> Reason:
    """Return the reason of a policy of which it cannot be known whether it applies."""
    return Reason(
        policy=policy.name,
        action="deny",
        message=UNCERTAIN,
        failure=failure,
        place=str(policy.span),
    )


def combine(
    policies: Sequence[Policy],
    contributions: Iterable[Contribution],
    uncertain: Sequence[Reason] = (),
) -> Verdict:
    """Return the verdict of the applying *policies* and what their rules contribute."""
    by_action: dict[Action, list[Contribution]] = {action: [] for action in ACTIONS}
    for contribution in contributions:
        by_action[contribution.action].append(contribution)
    denials = [*uncertain, *(one.reason for one in by_action["deny"])]
    grants = [one.reason for one in by_action["allow"]]
    granted = {one.policy for one in grants}
    for policy in policies:
        if policy.name in granted:
            continue
        if policy.default == "deny":
            denials.append(default_reason(policy, policy.default_reason or NO_GRANT))
        else:
            grants.append(default_reason(policy, policy.default_reason))
    if not policies and not denials:
        denials.append(NO_POLICY)
    return Verdict(
        sorted_reasons(denials),
        sorted_reasons(grants),
        _sorted(by_action["throttle"]),
        _sorted(by_action["escalate"]),
        _sorted(by_action["redact"]),
    )


def sorted_reasons(reasons: Iterable[Reason]) -> tuple[Reason, ...]:
    """Return *reasons* by policy and rule, so that the order of files and rules does not show."""
    return tuple(sorted(reasons, key=lambda one: (one.policy, one.rule)))


def _sorted(contributions: Iterable[Contribution]) -> tuple[Contribution, ...]:
    return tuple(sorted(contributions, key=lambda one: one.rule.name))
