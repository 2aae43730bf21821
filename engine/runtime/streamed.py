"""The decision on a text that came in as a stream in; the same with what was done meanwhile out.

The decision is on the whole text, and was made as for any other. What has flowed may lack more than
it says: what might have been the beginning of a finding for longer than is held back was replaced,
though no finding came of it. That is a redaction, and is recorded as one.
"""

from __future__ import annotations

import msgspec

from engine.runtime.decision import Decision, Reason, Redaction
from engine.runtime.record import Record
from engine.runtime.reversal import Turned, show_restored

ENDLESS = "what might be something to redact did not end where it would have to, and was replaced"
PASSES = frozenset({"allow", "redact"})


def show_streamed(decision: Decision, record: Record) -> Decision:
    """Return *decision* with what was done while the content of *record* came in."""
    done = record.streamed
    assert done is not None
    if done.restored:
        decision = show_restored(decision, Turned(record, done.restored))
    found = decision.redactions
    more = [one for one in done.endless if not any(_begins_in(one, other) for other in found)]
    if not more or decision.effective_action not in PASSES:
        return decision
    apart = [one for one in found if not any(_begins_in(one, other) for other in more)]
    made = sorted((*apart, *more), key=lambda one: (one.path, one.start))
    reason = Reason(policy="", action="redact", message=ENDLESS)
    reasons = decision.reasons if decision.action == "redact" else ()
    return msgspec.structs.replace(
        decision,
        action="redact",
        effective_action="redact",
        reasons=(*reasons, reason),
        redactions=tuple(made),
    )


def _begins_in(one: Redaction, other: Redaction) -> bool:
    return one.path == other.path and other.start <= one.start < other.end
