"""An escalation and a request in, the review that it opens or joins out."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence

import msgspec

from engine.runtime.combine import Contribution
from engine.runtime.decision import Escalation
from engine.runtime.evidence import Evidence
from engine.runtime.record import Record

_canonical = msgspec.json.Encoder(enc_hook=str, order="deterministic", decimal_format="string")


def open_review(
    contributions: Sequence[Contribution],
    record: Record,
    evidence: Evidence,
    revision: str,
    key: bytes,
) -> Escalation:
    """Return the review for what escalates: of several the one that is strictest with the caller.

    That is one with ``otherwise deny``, then the shortest time, then the smallest rule name.
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
    return Escalation(
        review_id=review_id(record, chosen.rule.name, revision, key),
        queue=asked.queue,
        expires_at=evidence.now + asked.within,
        otherwise=asked.otherwise,
    )


def review_id(record: Record, rule: str, revision: str, key: bytes) -> str:
    """Return the id under which the same content of the same user is reviewed once.

    It is keyed, so that nobody can find out content by trying ids. 32 hexadecimal digits. Bound is
    all that is asked for and about: also the model, the tool's server and every attribute of the
    context, since an approval of one amount is none of another. Not bound is what differs when the
    same is asked again: the session, its turn and labels, usage, the address, the time.
    """
    bound = (
        record.tenant.id,
        record.user.id,
        record.stage,
        record.content,
        record.messages,
        record.model,
        record.tool,
        record.context,
        rule,
        revision,
    )
    return hmac.new(key, _canonical.encode(bound), hashlib.sha256).hexdigest()[:32]
