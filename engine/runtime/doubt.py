"""Rules and policies that cannot be known in, what they contribute nevertheless out.

A restricting rule in doubt counts as matched, an allow rule in doubt as not matched. The rule's own
``on_failure`` overrides that; else, when nothing but classifiers failed, the strictest
``on_failure`` of these classifiers does. An overriding ``allow`` lets through: a restriction is
dropped; an allow rule grants, but only if it says so itself.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

from engine.language.program import ClassifierDefinition, Rule
from engine.runtime.combine import Contribution, contribute, fail
from engine.runtime.decision import STRICTNESS
from engine.runtime.reference import Unknown

CLASSIFIER = re.compile(r"classifier\.(\w+)")

OnFailure = Literal["allow", "deny", "escalate"]


def contribution_in_doubt(
    rule: Rule, unknown: Unknown, classifiers: Mapping[str, ClassifierDefinition]
) -> Contribution | None:
    """Return what *rule* contributes when *unknown* keeps it from being known; None for nothing."""
    own = contribute(rule, failure=unknown.what)
    if own.action == "allow":
        match rule.on_failure:
            case None:
                return None
            case "allow":
                return own
            case stricter:
                return fail(own, stricter, unknown.what)
    return overridden(own, rule.on_failure or shared_failure(unknown, classifiers), unknown.what)


def overridden(
    contribution: Contribution, on_failure: OnFailure | None, failure: str
) -> Contribution | None:
    """Return a restricting *contribution* as *on_failure* has it; None when it is dropped."""
    match on_failure:
        case None:
            return fail(contribution, contribution.action, failure)
        case "allow":
            return None
        case stricter:
            return fail(contribution, stricter, failure)


def shared_failure(
    unknown: Unknown, classifiers: Mapping[str, ClassifierDefinition]
) -> OnFailure | None:
    """Return the strictest ``on_failure`` of the failed classifiers.

    None (the rule counts as matched) when anything else failed too, or a classifier says nothing.
    """
    found: list[OnFailure] = []
    for cause in unknown.causes:
        named = CLASSIFIER.match(cause)
        classifier = classifiers.get(named[1]) if named else None
        if classifier is None or classifier.on_failure is None:
            return None
        found.append(classifier.on_failure)
    return max(found, key=STRICTNESS.__getitem__)
