"""A request that was decided on in; its content and arguments with labels in them out.

A label stands for what the policies redact, whatever came of the request and however they redact
it: also where it was denied, and where the rule only watches. For whoever keeps content.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple, cast

from engine.language.functions import Unknowable
from engine.language.program import Redact, Rule, Strategy
from engine.runtime.arguments import ARGUMENTS
from engine.runtime.combine import Contribution, contribute
from engine.runtime.policyset import PolicySet
from engine.runtime.record import Record
from engine.runtime.redaction import expect, finds, redact
from engine.runtime.sight import Unlooked
from engine.runtime.values import make_room
from engine.runtime.witness import Seen

LABEL = Strategy("label")
UNSEEN = "it was not looked at"
RESTORED = "placeholders in it were turned back"
SHOWN = frozenset({"content", ARGUMENTS})
"""What is retold; other texts of a request are not."""


class Retold(NamedTuple):
    """The content, all messages joined by line ends, and the tool's arguments."""

    text: str
    arguments: object


class Untold(Exception):
    """It cannot be retold; the text says why."""


def retell(policies: PolicySet, record: Record, seen: Seen | None) -> Retold:
    """Return what the request *record* says, as it came. Raises Untold."""
    if seen is None or record.too_large:
        raise Untold(UNSEEN)
    if record.streamed is not None and record.streamed.restored:
        raise Untold(RESTORED)
    evidence = seen.evidence if seen.record is record else seen.evidence.about(record)
    asked = [one for name in seen.outcome.acting if (one := labelling(policies, seen, name))]
    try:
        expect(asked, evidence)
        for one in asked:
            finds(one, evidence)
        made = redact(asked, record, evidence, policies.key)
    except Unknowable as unknown:
        raise Untold(unknown.what) from None
    except Unlooked:
        raise Untold(UNSEEN) from None
    if made.messages is not None:
        text = "\n".join([message.text for message in made.messages])
    else:
        text = evidence.content() if made.content is None else made.content
    return Retold(text, record.tool.args if made.arguments is None else made.arguments)


def labelling(policies: PolicySet, seen: Seen, name: str) -> Contribution | None:
    """Return the acting rule *name* as one that puts labels, if it redacts what is retold."""
    key = f"{name} as label"  # No rule is called so.
    if key not in policies.readings:
        make_room(policies)
        policies.readings[key] = with_labels(seen.outcome.acting[name])
    return cast("Contribution | None", policies.readings[key])


def with_labels(rule: Rule) -> Contribution | None:
    """Return *rule* as one that puts labels, if it redacts what is retold."""
    action = rule.action
    if not isinstance(action, Redact) or action.path not in SHOWN:
        return None
    return contribute(replace(rule, action=replace(action, strategy=LABEL)))
