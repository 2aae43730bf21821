"""Policies, a record, a store and an instant in; the decision out.

Order of work: match -> what follows from the matched rules (remembered) -> the session listens
-> labels and meters
-> redactions -> throttle units (all or none; none if denied) -> the strictest outcome
-> what the caller can carry out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import msgspec

from engine.content.pseudonyms import Tokens
from engine.language.functions import Unknowable
from engine.runtime.combine import Contribution, Verdict, sorted_reasons
from engine.runtime.decision import Action, Decision, Escalation, Reason, Shadow
from engine.runtime.doubt import overridden
from engine.runtime.evidence import NO_MOCKS, Evidence, Mocks, Senses, nanoseconds
from engine.runtime.limits import Desk, Limits, take_limits
from engine.runtime.listen import decide_uncounted, listen, note_content, overlook
from engine.runtime.match import Match
from engine.runtime.outcome import Outcome, find_outcome, uncounted
from engine.runtime.phrase import presentable
from engine.runtime.policyset import PolicySet
from engine.runtime.record import Record, read_attribute
from engine.runtime.redaction import Redacted, asked, expect, finds, redact
from engine.runtime.reference import Interpreter, Unknown
from engine.runtime.reversal import Turned, remember, show_restored, turn_back
from engine.runtime.review import open_review
from engine.runtime.shape import DEAF
from engine.runtime.store import Store, StoreUnavailable
from engine.runtime.streamed import show_streamed
from engine.runtime.unseen import decide_unseen
from engine.runtime.witness import Seen, Witness

NOTHING = Redacted()


class Asking(Protocol):
    """Asks classifiers only where that matters; see ``inquire``."""

    @property
    def senses(self) -> Senses:
        """The senses of the policies, with a classifier that may leave a question open."""
        ...

    def settle(self, policies: PolicySet, match: Match, evidence: Evidence) -> Outcome:
        """Return the outcome of *match*; raise when there is none without an answer."""
        ...


def decide(  # noqa: PLR0913  all that a decision goes by
    policies: PolicySet,
    record: Record,
    store: Store,
    now_ns: int,
    *,
    decision_id: str = "",
    mocks: Mocks = NO_MOCKS,
    consume: bool = True,
    asking: Asking | None = None,
    witness: Witness | None = None,
) -> Decision:
    """Return the decision about *record* at *now_ns* (since the Unix epoch).

    *mocks* answer for detectors, classifiers and meters; *asking* leaves questions to classifiers
    open. Without *consume* nothing is taken, put or noted. A settlement names the *decision_id*.
    *witness* is told what it went by.
    """
    if record.missing:
        return _missing(policies, record, decision_id)
    if record.too_large:
        away = overlook(policies, record, store, now_ns) if consume else ""
        return decide_unseen(policies, record, now_ns, decision_id, away)
    turned: Turned | None = None
    if policies.reversible:
        turned = turn_back(policies, record, store, now_ns)
        record = turned.record
    if asking is None:
        evidence = Evidence(record, policies.senses, store, now_ns, mocks)
        outcome = find_outcome(policies, policies.matcher.match(record, evidence), evidence)
    else:
        evidence = Evidence(record, asking.senses, store, now_ns, mocks)
        outcome = asking.settle(policies, policies.matcher.match(record, evidence), evidence)
    if witness is not None:
        witness.seen = Seen(record, evidence, outcome)
    advice = _advise(policies, outcome, evidence) if outcome.advice else {}
    if consume and policies.heard is not DEAF:
        away = listen(policies, record, store, now_ns)
        if away:
            return decide_uncounted(policies, record, decision_id, away)
    if outcome.plain:
        made = _plain(policies, outcome, advice, record.request_id, decision_id)
    else:
        desk = Desk(record, evidence, store, decision_id, consume=consume, away=policies.when_away)
        made = _carry_out(policies, outcome, desk, advice)
    if record.streamed is not None:
        made = show_streamed(made, record)
    return show_restored(made, turned) if turned is not None and turned.count else made


def decide_again(
    policies: PolicySet,
    record: Record,
    store: Store,
    now_ns: int,
    before: Seen,
    *,
    decision_id: str,
    asking: Asking,
    witness: Witness,
) -> Decision:
    """Return the decision about *record*, another form of a request that was decided on *before*.

    It is as it would pass: placeholders in it are not turned back, and nobody has said it. What the
    rules that acted before have taken and counted is not taken and counted again, and the state is
    as it was then; labels are put, and what other rules take is taken. See `decide`.
    """
    if record.too_large:
        return decide_unseen(policies, record, now_ns, decision_id)
    evidence = Evidence(record, asking.senses, store, now_ns)
    evidence.follow(before.evidence, turns=policies.heard.turns)
    outcome = asking.settle(policies, policies.matcher.match(record, evidence), evidence)
    outcome = uncounted(outcome, before.outcome.acting)
    witness.seen = Seen(record, evidence, outcome)
    advice = _advise(policies, outcome, evidence)
    if outcome.plain:
        return _plain(policies, outcome, advice, record.request_id, decision_id)
    desk = Desk(record, evidence, store, decision_id, consume=True, away=policies.when_away)
    return _carry_out(policies, outcome, desk, advice)


def _plain(
    policies: PolicySet,
    outcome: Outcome,
    advice: dict[str, object],
    request_id: str,
    decision_id: str,
) -> Decision:
    return Decision(
        action=outcome.action,
        effective_action=outcome.action,
        reasons=outcome.reasons,
        revision=policies.revision,
        advice=advice,
        request_id=request_id,
        decision_id=decision_id,
    )


def _within(
    policies: PolicySet, outcome: Outcome, limits: Limits, desk: Desk, advice: dict[str, object]
) -> Decision:
    """Return what `_carry_out` does of an outcome that only has *limits*, none of which hinders."""
    return Decision(
        action=outcome.action,
        effective_action=outcome.action,
        reasons=outcome.reasons,
        revision=policies.revision,
        throttle=limits.state,
        advice=advice,
        reserved=limits.reserved,
        degraded=limits.degraded,
        request_id=desk.record.request_id,
        decision_id=desk.decision_id,
    )


def _missing(policies: PolicySet, record: Record, decision_id: str) -> Decision:
    unknown = [
        _named(group, read_attribute(record, f"{group}.id"))
        for group, table in sorted(policies.facts.items())
        if not {f"{group}.{column}" for column in table.columns}.isdisjoint(record.missing)
    ]
    reason = Reason(
        policy="",
        action="deny",
        message=f"the facts do not know {' and '.join(unknown)}",
        failure=", ".join(record.missing),
    )
    return Decision(
        action="deny",
        effective_action="deny",
        reasons=(reason,),
        revision=policies.revision,
        request_id=record.request_id,
        decision_id=decision_id,
    )


def _named(group: str, known_by: str | None) -> str:
    return f"{group} without an id" if known_by is None else f"{group} `{known_by}`"


# --- one world: the enforced rules, or with the shadow rules too ----------------------------------


@dataclass(slots=True)
class Resolution:
    """What came of a verdict when content and state were looked at."""

    action: Action
    reasons: tuple[Reason, ...]
    limits: Limits = field(default_factory=Limits)
    escalations: tuple[Contribution, ...] = ()
    redactions: tuple[Contribution, ...] = ()


def _resolve(
    verdict: Verdict,
    failed: Sequence[Contribution],
    evidence: Evidence,
    limit: Callable[[Sequence[Contribution]], Limits],
) -> Resolution:
    """Return what *verdict* and what has *failed* beside it come to: the strictest that is left."""
    others = [*failed]
    if verdict.denials or any(one.action == "deny" for one in others):
        return _denied(verdict, others, Limits())
    redactions = _found(verdict.redactions, evidence, others)
    if any(one.action == "deny" for one in others):
        return _denied(verdict, others, Limits())
    limits = limit(verdict.throttles) if verdict.throttles else Limits()
    others += limits.others
    if any(one.action == "deny" for one in others):
        return _denied(verdict, others, limits)
    if limits.refused:
        return Resolution("throttle", _reasons(limits.refused), limits)
    escalations = (*verdict.escalations, *(one for one in others if one.action == "escalate"))
    if escalations:
        return Resolution("escalate", _reasons(escalations), limits, escalations, redactions)
    if redactions:
        return Resolution("redact", _reasons(redactions), limits, (), redactions)
    return Resolution("allow", verdict.grants, limits)


def _denied(verdict: Verdict, others: Sequence[Contribution], limits: Limits) -> Resolution:
    more = (one.reason for one in others if one.action == "deny")
    return Resolution("deny", sorted_reasons((*verdict.denials, *more)), limits)


def _reasons(contributions: Sequence[Contribution]) -> tuple[Reason, ...]:
    return sorted_reasons([one.reason for one in contributions])


def _found(
    redactions: Sequence[Contribution], evidence: Evidence, others: list[Contribution]
) -> tuple[Contribution, ...]:
    """Return those rules that find something to redact; a rule that cannot look goes to *others*.

    What cannot be looked at cannot be redacted, so such a rule denies unless it says otherwise.
    """
    found: list[Contribution] = []
    expect(redactions, evidence)
    for one in redactions:
        try:
            if finds(one, evidence):
                found.append(one)
        except Unknowable as unknown:
            made = overridden(one, one.rule.on_failure or "deny", unknown.what)
            if made is not None:
                others.append(made)
    return tuple(found)


# --- side effects, the decision -------------------------------------------------------------------


def _carry_out(
    policies: PolicySet, outcome: Outcome, desk: Desk, advice: dict[str, object]
) -> Decision:
    record = desk.record
    known: Limits | None = None
    if outcome.limited:
        # Hot path: most that do not only allow or deny are within limits.
        known = take_limits(outcome.verdict.throttles, desk)
        if not (known.refused or known.others):
            return _within(policies, outcome, known, desk, advice)
    failed = _put(policies, outcome, desk) if desk.consume else []

    def limit(some: Sequence[Contribution]) -> Limits:
        return take_limits(some, desk) if known is None else known

    real = _resolve(outcome.verdict, failed, desk.evidence, limit)
    would = _shadow(outcome, failed, desk, real)
    escalation: Escalation | None = None
    if real.escalations:
        escalation = open_review(
            real.escalations, record, desk.evidence, policies.revision, policies.key
        )
    effective, why = _strengthen(real, record)
    redacted = NOTHING
    reasons = real.reasons
    if real.redactions and effective != "deny":
        redacted = redact(real.redactions, record, desk.evidence, policies.key)
        if redacted.tokens and desk.consume:
            reasons = _remember(policies, redacted.tokens, desk, real)
    return Decision(
        action=real.action,
        effective_action=effective,
        reasons=reasons,
        revision=policies.revision,
        downgrade_reason=why,
        content=redacted.content,
        messages=redacted.messages,
        arguments=redacted.arguments,
        attributes=redacted.attributes,
        redactions=tuple(redacted.redactions),
        throttle=real.limits.state,
        escalation=escalation,
        advice=advice,
        labels=() if record.session.id is None else outcome.labels,
        reserved=real.limits.reserved or (would is not None and would.limits.reserved),
        shadow=None if would is None else Shadow(action=would.action, reasons=would.reasons),
        degraded=real.limits.degraded,
        request_id=record.request_id,
        decision_id=desk.decision_id,
    )


def _remember(
    policies: PolicySet, tokens: Tokens, desk: Desk, real: Resolution
) -> tuple[Reason, ...]:
    """Keep what *tokens* stand for; return the reasons, which say so where that failed."""
    try:
        remember(policies, desk.record, tokens, desk.store, desk.evidence.now_ns)
    except StoreUnavailable as away:
        failure = f"the state store ({away}): its placeholders cannot be turned back"
        rules = {one.rule.name for one in real.redactions if asked(one).strategy.name == "token"}
        return tuple(
            msgspec.structs.replace(one, failure=failure) if one.rule in rules else one
            for one in real.reasons
        )
    return real.reasons


def _put(policies: PolicySet, outcome: Outcome, desk: Desk) -> list[Contribution]:
    """Put labels and note meter events; return what follows for rules for which that failed.

    Invariant: this comes before units are taken, because a label that cannot be put may deny.
    """
    failed: list[Contribution] = []
    record, now = desk.record, desk.evidence.now_ns
    place = record.tenant.id, record.session.id
    for effect in outcome.effects:
        try:
            if record.session.id is not None:
                for put in effect.labels:
                    until = None if put.duration is None else now + nanoseconds(put.duration)
                    note_content(record, desk.evidence, put, until, policies.senses.key, desk.store)
                    desk.store.label(*place, put.label, until, now)
            for meter in effect.meters:
                key = desk.evidence.meter_key(meter)
                desk.store.record(meter.name, key, nanoseconds(meter.window), now)
        except (StoreUnavailable, Unknowable) as problem:
            one = effect.contribution
            what = (
                problem.what if isinstance(problem, Unknowable) else f"the state store ({problem})"
            )
            made = overridden(one, one.rule.on_failure or "deny", what)
            if made is not None:
                failed.append(made)
    return failed


def _shadow(
    outcome: Outcome, failed: Sequence[Contribution], desk: Desk, real: Resolution
) -> Resolution | None:
    """Return what would have been decided had the shadow rules been enforced too."""
    if outcome.shadow is None:
        return None

    def limit(throttles: Sequence[Contribution]) -> Limits:
        known = real.limits
        enforced = [one for one in throttles if one.rule.name not in outcome.shadow_only]
        if enforced and not known.asked:
            known = take_limits(enforced, desk.turned(consume=False))
        consume = desk.consume and not known.refused
        silent = [one for one in throttles if one.rule.name in outcome.shadow_only]
        own = take_limits(silent, desk.turned(consume=consume, shadow=True))
        refused, others = [*known.refused, *own.refused], [*known.others, *own.others]
        return Limits(refused, others, reserved=own.reserved)

    return _resolve(outcome.shadow, failed, desk.evidence, limit)


def _strengthen(real: Resolution, record: Record) -> tuple[Action, str]:
    """Return the action that the caller can carry out, never a weaker one, and why it differs."""
    action, able = real.action, record.capabilities
    if able is None:
        return action, ""
    if action == "escalate" and "wait" not in able:
        return "deny", "the caller cannot wait for a review"
    # What a review lets through is masked too.
    if real.redactions and "mask" not in able:
        return "deny", "the caller cannot mask"
    return action, ""


def _advise(policies: PolicySet, outcome: Outcome, evidence: Evidence) -> dict[str, object]:
    """Return the advice by name. What cannot be known is null: the gateway sees that it is owed."""
    interpreter = Interpreter(evidence, policies.lists)
    made: dict[str, object] = {}
    for advise in outcome.advice:
        value = interpreter.value(advise.value)
        made[advise.name] = None if isinstance(value, Unknown) else presentable(value)
    return made
