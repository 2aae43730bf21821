"""Matches, the clock and the record in; which policies and rules are enforced, which shadow, out.

A rule that has expired does nothing. A rule in ``mode shadow``, in a shadow policy or outside its
``rollout`` is evaluated, and shown in the decision's shadow, but never enforced.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from hashlib import blake2b
from typing import NamedTuple

from engine.language.program import Policy, Rollout, Rule
from engine.runtime.evidence import Evidence
from engine.runtime.keys import join_key

SHARES = 10_000
"""A rollout is cut into hundredths of a percent."""


class Standing(NamedTuple):
    """Numbers of policies and rules, enforced and shadow. Outcomes are remembered by it."""

    applied: tuple[int, ...]
    hits: tuple[int, ...]
    shadow_applied: tuple[int, ...]
    shadow_hits: tuple[int, ...]


def within(rollout: Rollout, name: str, evidence: Evidence) -> bool:
    """Return whether the request is in the share that gets *name* (a rule or policy) enforced.

    The key's hash with the name decides, so that two rollouts pick different users and a growing
    one keeps those it has. An absent key is outside.
    """
    value = evidence.attribute(rollout.key.path)
    if value is None:
        return False
    digest = blake2b(join_key((name, value)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") % SHARES < rollout.percent * Decimal(SHARES // 100)


def policy_enforced(policy: Policy, evidence: Evidence) -> bool:
    """Return whether *policy* is enforced for this request; else it is shadow."""
    if policy.shadow:
        return False
    return policy.rollout is None or within(policy.rollout, policy.name, evidence)


def rule_enforced(rule: Rule, evidence: Evidence) -> bool:
    """Return whether *rule* (of an enforced policy) is enforced for this request, or shadow."""
    if rule.shadow:
        return False
    return rule.rollout is None or within(rule.rollout, rule.name, evidence)


def expired(rule: Rule, evidence: Evidence) -> bool:
    """Return whether *rule* acts no more."""
    return rule.expires is not None and evidence.now >= rule.expires


def divide(
    policies: Sequence[Policy],
    rules: Sequence[Rule],
    owner: Sequence[int],
    applied: Iterable[int],
    hits: Iterable[int],
    evidence: Evidence,
) -> Standing:
    """Return which of the *applied* policies and of the *hits* are enforced, which shadow."""
    enforced: list[int] = []
    shadow: list[int] = []
    for number in applied:
        side = enforced if policy_enforced(policies[number], evidence) else shadow
        side.append(number)
    live = set(enforced)
    enforced_hits: list[int] = []
    shadow_hits: list[int] = []
    for number in hits:
        rule = rules[number]
        if expired(rule, evidence):
            continue
        acts = owner[number] in live and rule_enforced(rule, evidence)
        (enforced_hits if acts else shadow_hits).append(number)
    return Standing(tuple(enforced), tuple(enforced_hits), tuple(shadow), tuple(shadow_hits))
