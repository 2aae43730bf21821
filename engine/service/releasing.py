"""A decision that escalates and its review in; what that has made of the decision out.

What passes is what the reviewer saw, or put in its place. Where that is not what would pass by now,
it is decided on before it passes, as if it had come in the request: what an answer covers are the
escalations that it answers, and everything else that the policies say of it holds.

    escalate by pay.large  ->  edited: {"amount": 90}     ->  redact, with these arguments
                               edited: {"amount": 90000}  ->  deny by pay.cap
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import assert_never

import msgspec

from engine.runtime.decision import Action, Decision, Escalation, Reason
from engine.runtime.evidence import EPOCH
from engine.runtime.record import Record
from engine.storage.reviews import Review, Shown

APPROVED = "a reviewer approved it"
EDITED = "a reviewer let an edited form pass"
REJECTED = "a reviewer rejected it"
EXPIRED = "nobody reviewed it in time"
NO_MASK = "the caller cannot mask"
NO_EDIT = "what was streamed cannot be edited: ask about the whole of it"
PRESENT = "a reviewer approved it for once: present the approval token"
WITHHELD = "what the reviewer let pass instead is not let pass by the policies"
UNANSWERED = "what the reviewer let pass instead needs an answer that this is not"
UNFIT = "what the reviewer let pass instead could be no request"

PASSES = frozenset({"allow", "redact"})
MOST_NAMED = 8
"""How many rules a history names."""


@dataclass(frozen=True, slots=True)
class Substitute:
    """What a review lets pass in the place of what would pass: to be decided on before it does."""

    decision: Decision
    """On what was asked about, with how the review stands."""
    released: Shown
    why: str
    round: int


def answered(
    record: Record, decision: Decision, shown: Shown, review: Review, *, presented: bool = False
) -> Decision | Substitute:
    """Return what *review* has made of *decision*, which would let *shown* pass."""
    question = review.question
    escalation = Escalation(
        review_id=question.review_id,
        queue=question.queue,
        expires_at=EPOCH + timedelta(microseconds=question.expires_at // 1000),
        otherwise=question.otherwise,
        state=review.state,
        needed=question.needed,
    )
    made = msgspec.structs.replace(decision, escalation=escalation)
    match review.state:
        case "open":
            return made
        case "approved" | "edited" if question.once and not presented:
            return msgspec.structs.replace(made, reasons=because(made, "escalate", PRESENT))
        case "approved":
            return let_pass(record, made, shown, review, APPROVED)
        case "edited":
            return let_pass(record, made, shown, review, EDITED)
        case "rejected":
            return stopped(made, f"{REJECTED}: {review.note}" if review.note else REJECTED)
        case "expired" if question.otherwise == "allow":
            return let_pass(record, made, shown, review, EXPIRED)
        case "expired":
            return stopped(made, EXPIRED)
        case _:
            assert_never(review.state)


def let_pass(
    record: Record, decision: Decision, shown: Shown, review: Review, why: str
) -> Decision | Substitute:
    """Return *decision* as one that lets pass what *review* releases, or what is to be decided."""
    released = review.released
    if released == shown:  # As it is, redacted where it already was.
        action: Action = "redact" if decision.redactions else "allow"
        return msgspec.structs.replace(
            decision, action=action, effective_action=action, reasons=because(decision, action, why)
        )
    if record.streamed is not None:
        return stopped(decision, NO_EDIT)
    unable = record.capabilities is not None and "mask" not in record.capabilities
    if unable:
        made = stopped(decision, why)
        return msgspec.structs.replace(made, action="redact", downgrade_reason=NO_MASK)
    return Substitute(decision, released, why, review.round)


def substituted(instead: Substitute, found: Decision) -> Decision:
    """Return what comes of *instead*, about which *found* was decided."""
    asked, released = instead.decision, instead.released
    made = msgspec.structs.replace(
        asked,
        throttle=found.throttle or asked.throttle,
        advice=found.advice,
        labels=tuple(sorted({*asked.labels, *found.labels})),
        reserved=asked.reserved or found.reserved,
        shadow=found.shadow,
        degraded=asked.degraded or found.degraded,
    )
    if not (found.effective_action in PASSES or covers(asked, found)):
        return withheld(made, found)
    more = found.reasons if found.action == "redact" else ()
    return msgspec.structs.replace(
        made,
        action="redact",
        effective_action="redact",
        reasons=(*because(asked, "redact", instead.why), *more),
        content=released.content if found.content is None else found.content,
        messages=released.messages if found.messages is None else found.messages,
        arguments=released.arguments if found.arguments is None else found.arguments,
        attributes={**released.attributes, **found.attributes},
        redactions=(),  # Their places are those of another text.
    )


def covers(asked: Decision, found: Decision) -> bool:
    """Return whether all that makes *found* escalate was answered with what *asked* asked for."""
    rules = {one.rule for one in asked.reasons if one.rule}
    return found.effective_action == "escalate" and all(one.rule in rules for one in found.reasons)


def withheld(decision: Decision, found: Decision) -> Decision:
    """Return *decision* with what the policies say instead of letting it pass."""
    action: Action = "throttle" if found.effective_action == "throttle" else "deny"
    reasons = found.reasons
    if found.effective_action == "escalate":
        reasons = because(found, "deny", UNANSWERED)
    return msgspec.structs.replace(
        stopped(decision, WITHHELD),
        action=action,
        effective_action=action,
        reasons=(*reasons, *because(decision, action, WITHHELD)),
    )


def says_withheld(found: Decision) -> str:
    """Return what the history says of a substitute that *found* keeps from passing."""
    names = list(dict.fromkeys(one.rule or one.policy for one in found.reasons))
    named = ", ".join(f"`{one}`" for one in names[:MOST_NAMED] if one)
    return f"{WITHHELD}: {found.effective_action}" + (f" by {named}" if named else "")


def unfit(decision: Decision, why: str) -> Decision:
    """Return the ``deny`` of what a reviewer let pass instead, which could be no request: *why*."""
    reason = Reason(policy="", action="deny", message=UNFIT, failure=why)
    return msgspec.structs.replace(stopped(decision, UNFIT), reasons=(reason,))


def turned_down(decision: Decision, why: str) -> Decision:
    """Return *decision* as a ``deny``, since the token that was presented was refused."""
    made = msgspec.structs.replace(stopped(decision, why), escalation=None)
    reasons = tuple(msgspec.structs.replace(one, failure=why) for one in made.reasons)
    return msgspec.structs.replace(made, reasons=reasons)


def stopped(decision: Decision, why: str) -> Decision:
    """Return *decision* as a ``deny``, which carries no content."""
    return msgspec.structs.replace(
        decision,
        action="deny",
        effective_action="deny",
        reasons=because(decision, "deny", why),
        content=None,
        messages=None,
        arguments=None,
        attributes={},
        redactions=(),
        restored=0,
    )


def because(decision: Decision, action: Action, why: str) -> tuple[Reason, ...]:
    """Return the reasons of *decision* with what a reviewer made of them."""
    return tuple(
        msgspec.structs.replace(one, action=action, message=why) for one in decision.reasons
    )
