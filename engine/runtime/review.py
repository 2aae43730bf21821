"""An escalation and a request in, the review that it opens or joins out."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import msgspec

from engine.runtime.combine import Contribution
from engine.runtime.decision import Escalation
from engine.runtime.evidence import Evidence
from engine.runtime.record import Record

LAST = datetime.max.replace(tzinfo=UTC)

_canonical = msgspec.json.Encoder(enc_hook=str, order="deterministic", decimal_format="string")


def open_review(
    contributions: Sequence[Contribution],
    record: Record,
    evidence: Evidence,
    revision: str,
    key: bytes,
) -> Escalation:
    """Return the review for what escalates: of several the one that is strictest with the caller.

    That is one with ``otherwise deny``, then the shortest time, then the smallest rule name. As
    many must approve as the most exacting of them asks for.
    """
    chosen = min(
        contributions,
        key=lambda one: (
            one.escalation.otherwise == "allow",
            one.escalation.within,
            one.rule.name,
        ),
    )
    asked = chosen.escalation
    needed = max(one.escalation.reviewers for one in contributions)
    return Escalation(
        review_id=review_id(record, bound_rule(contributions), revision, key, needed),
        queue=asked.queue,
        expires_at=ends(evidence, asked.within),
        otherwise=asked.otherwise,
        needed=needed,
    )


def ends(evidence: Evidence, within: timedelta) -> datetime:
    """Return when *within* is over; the last of all instants where that would come later."""
    try:
        return evidence.now + within
    except OverflowError:
        return LAST


def bound_rule(contributions: Sequence[Contribution]) -> str | list[str]:
    """Return the rule that escalates, or of several all their names in order.

    What one asked for does not pass what another asks for too: who answered has not seen that.
    """
    names = sorted({one.rule.name for one in contributions})
    return names[0] if len(names) == 1 else names


def review_id(
    record: Record, rule: str | list[str], revision: str, key: bytes, needed: int = 1
) -> str:
    """Return the id under which the same content of the same user is reviewed once.

    It is keyed, so that nobody can find out content by trying ids. 32 hexadecimal digits. Bound is
    all that is asked for, by whom and about what: also roles, the model, the tool's server and
    every attribute of tenant, user and context, since an approval of one amount is none of another;
    how many are *needed*, since what one approves does not pass where two must; and each rule that
    asks.
    Not bound is what differs when the same is asked again: session, usage, source, the time.
    """
    bound = (
        written_alike(to_plain(record.tenant)),
        written_alike(to_plain(record.user)),
        record.stage,
        record.content,
        record.messages,
        written_alike(to_plain(record.model)),
        written_alike(to_plain(record.tool)),
        written_alike(to_plain(record.context)),
        rule,
        revision,
        *((needed,) if needed > 1 else ()),
    )
    return hmac.new(key, _canonical.encode(bound), hashlib.sha256).hexdigest()[:32]


def to_plain(group: object) -> object:
    """Return *group* as JSON-ready values, with decimals as they are."""
    return msgspec.to_builtins(group, builtin_types=(Decimal,), enc_hook=str, order="deterministic")


def written_alike(value: object) -> object:
    """Return *value* with equal decimals written alike: 9, 9.0 and 9.00 are one amount.

    Invariant: exactly, at any length; rounded ones would be bound together with others.
    """
    match value:
        case Decimal():
            sign, digits, exponent = value.as_tuple()
            text = "".join(map(str, digits)).rstrip("0")
            places = int(exponent) + len(digits) - len(text)
            return ["decimal", sign, text, places] if text else ["decimal", 0, "", 0]
        case dict():
            return {name: written_alike(inner) for name, inner in value.items()}
        case list():
            return [written_alike(inner) for inner in value]
        case _:
            return value
