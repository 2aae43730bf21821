"""Policies that ask classifiers, a record and the answers so far in; a decision or questions out.

Model servers are slow, so they are asked last and only where an answer can matter. Everything else
is worked out first, with the questions left open; nothing is taken or put meanwhile. What depends
on an open question is *pending*, and it is asked for unless the outcome is the same whatever the
answer is, also when there is none:

- The request is denied in any case, by a rule, a policy or a default that no pending rule can turn.
- A pending ``allow`` rule belongs to a policy that lets the request through anyway.

and the pending rule carries nothing that would add up: no advice, no label, no meter counts it.
So an answer that was not asked for cannot change the action, the redactions, limits, reviews,
advice or labels. Only the list of reasons (and of shadow reasons) is shorter than it might be.

    rule toxic { when classifier.toxicity(content) >= 0.9 then deny }        # asked …
    rule cards { when content has pii.card then deny }                       # … unless this matches
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

from engine.language.functions import Unknowable
from engine.language.program import Allow, Rule
from engine.runtime.decide import decide, decide_again
from engine.runtime.decision import Decision, Reason
from engine.runtime.evidence import Evidence, Senses
from engine.runtime.match import Match
from engine.runtime.outcome import Outcome, find_outcome
from engine.runtime.policyset import PolicySet
from engine.runtime.record import Record
from engine.runtime.redaction import look_for
from engine.runtime.reference import Interpreter, Unknown
from engine.runtime.rollout import Standing, divide
from engine.runtime.store import Store
from engine.runtime.witness import Seen, Witness

AWAITED = "its answer is awaited"
PENDING = re.compile(rf"classifier\.(\w+) \({AWAITED}\)")
"""How an open question is named among the causes of a doubt."""


class Question(NamedTuple):
    """What *classifier* is asked: how it scores *text*."""

    classifier: str
    text: str


Questions = tuple[Question, ...]

Lookup = Callable[[Question], float | None]
"""Returns a known answer or None; raises Unknowable when the question cannot be answered."""


class Unanswered(Exception):
    """There is no decision without the answers to *questions*."""

    def __init__(self, questions: Questions) -> None:
        super().__init__(f"{len(questions)} questions are open")
        self.questions = questions


class Recalling:
    """Answers from what is known, and remembers in *open* what is asked beyond that."""

    def __init__(self, lookup: Lookup) -> None:
        self._lookup = lookup
        self.open: dict[Question, None] = {}

    def __call__(self, classifier: str, text: str) -> float:
        """Return the score, or raise Unknowable: for good, or because it is awaited."""
        question = Question(classifier, text)
        found = self._lookup(question)
        if found is None:
            self.open[question] = None
            raise Unknowable(AWAITED)
        return found


class Inquiry:
    """Answers from what is known and remembers what is asked beyond that, for one try.

    Without a *lookup* the *senses* answer for classifiers. Between two tries it is to `forget`.
    """

    def __init__(self, lookup: Lookup | None, senses: Senses) -> None:
        # Invariant: no cycles, in which servers would live on that nobody asks any more.
        self.open: dict[Question, None] = {}
        self.senses = senses
        if lookup is not None:
            recalling = Recalling(lookup)
            self.open = recalling.open
            self.senses = replace(senses, classify=recalling)

    def forget(self) -> None:
        """Be ready for another try."""
        if self.open:
            self.open.clear()

    def settle(self, policies: PolicySet, match: Match, evidence: Evidence) -> Outcome:
        """Return the outcome of *match*, or raise Unanswered where an answer can change it."""
        if self.open:
            known, pending = set_aside(match)
            outcome = find_outcome(policies, known, evidence)
            if pending.any:
                self._insist(asked_by(policies, known, pending, outcome, evidence))
        else:
            # Hot path: nothing is awaited.
            outcome = find_outcome(policies, match, evidence)
        if outcome.advice:
            self._insist(asked_by_advice(policies, outcome, evidence))
        if self.senses.ahead is not None:
            _look(outcome, evidence)
        return outcome

    def _insist(self, classifiers: Iterable[str]) -> None:
        """Raise Unanswered when there are open questions to *classifiers*."""
        names = frozenset(classifiers)
        questions = tuple(one for one in self.open if one.classifier in names)
        if questions:
            raise Unanswered(questions)


@dataclass(frozen=True, slots=True)
class Pending:
    """What waits for answers: *rules* of applying policies, and *policies*, each with its doubt."""

    rules: dict[int, str]
    policies: dict[int, str]

    @property
    def any(self) -> bool:
        """Whether anything waits."""
        return bool(self.rules or self.policies)


def decide_asking(
    policies: PolicySet,
    record: Record,
    store: Store,
    now_ns: int,
    lookup: Lookup | None,
    *,
    decision_id: str = "",
    senses: Senses | None = None,
    witness: Witness | None = None,
) -> Decision | Questions:
    """Return the decision about *record*, or the questions without whose answers there is none.

    With questions nothing was taken or put: call again when *lookup* knows the answers. Every call
    looks at the state anew, so nothing that is decided rests on what was true before the wait.
    *senses* (those of *policies* without any) may raise `sight.Unlooked`, for which the same holds.
    """
    asking = Inquiry(lookup, senses or policies.senses)
    try:
        return decide(
            policies,
            record,
            store,
            now_ns,
            decision_id=decision_id,
            asking=asking,
            witness=witness,
        )
    except Unanswered as unanswered:
        return unanswered.questions


def decide_instead(  # noqa: PLR0913  all that a decision goes by
    policies: PolicySet,
    record: Record,
    store: Store,
    now_ns: int,
    lookup: Lookup | None,
    before: Seen,
    *,
    decision_id: str,
    senses: Senses,
    witness: Witness,
) -> Decision | Questions:
    """Return what `decide_asking` does, of what `decide_again` decides."""
    asking = Inquiry(lookup, senses)
    try:
        return decide_again(
            policies,
            record,
            store,
            now_ns,
            before,
            decision_id=decision_id,
            asking=asking,
            witness=witness,
        )
    except Unanswered as unanswered:
        return unanswered.questions


def decide_known(
    asking: Inquiry,
    policies: PolicySet,
    record: Record,
    store: Store,
    now_ns: int,
    *,
    decision_id: str,
    witness: Witness | None,
) -> Decision | None:
    """Return the decision, or None where classifiers must be asked, as `decide_asking` has it.

    *asking* serves all decisions that one thread makes by *policies*.
    """
    # Hot path: most decisions need no answer, and making an inquiry costs as much as they do.
    try:
        return decide(
            policies,
            record,
            store,
            now_ns,
            decision_id=decision_id,
            asking=asking,
            witness=witness,
        )
    except Unanswered:
        return None
    finally:
        asking.forget()


def _look(outcome: Outcome, evidence: Evidence) -> None:
    """Look for what redactions need, as `decide` will after it has put labels: it may stop here."""
    for verdict in (outcome.verdict, outcome.shadow):
        if verdict is not None and not verdict.denials:
            look_for(verdict.redactions, evidence)


def set_aside(match: Match) -> tuple[Match, Pending]:
    """Return what is known of *match*, and what waits for answers."""
    rules = {number: what for number, what in match.doubts if AWAITED in what}
    doubted = {number: what for number, what in match.uncertain if AWAITED in what}
    if not (rules or doubted):
        return match, Pending(rules, doubted)
    doubts = [one for one in match.doubts if one[0] not in rules]
    uncertain = [one for one in match.uncertain if one[0] not in doubted]
    return Match(match.applied, match.hits, doubts, uncertain), Pending(rules, doubted)


def asked_by(
    policies: PolicySet, known: Match, pending: Pending, outcome: Outcome, evidence: Evidence
) -> Iterator[str]:
    """Yield the classifiers whose answers can change *outcome*, which the *known* comes to."""
    standing = divide(
        policies.policies, policies.rules, policies.owner, known.applied, pending.rules, evidence
    )
    denied = denied_anyway(policies, standing, outcome)
    letting = {reason.policy for reason in outcome.verdict.grants}
    for number in (*standing.hits, *standing.shadow_hits):
        rule = policies.rules[number]
        idle = denied or (rule.policy in letting and only_allows(rule))
        if not idle or adds_up(policies, rule):
            yield from PENDING.findall(pending.rules[number])
    for number, what in pending.policies.items():
        if not denied or any(adds_up(policies, one) for one in policies.policies[number].rules):
            yield from PENDING.findall(what)


def denied_anyway(policies: PolicySet, standing: Standing, outcome: Outcome) -> bool:
    """Return whether no pending rule (those in *standing*) can turn the denial of *outcome*."""
    pending = [policies.rules[one] for one in (*standing.hits, *standing.shadow_hits)]
    granting = {rule.policy for rule in pending if isinstance(rule.action, Allow)}

    def firm(reason: Reason) -> bool:
        if reason.rule or reason.failure:
            return True
        # A default: a grant would end it, in the shadow too. Or no policy applies: one might.
        named = reason.policy != "" and reason.policy not in granting
        return named and outcome.shadow is None

    return any(firm(reason) for reason in outcome.verdict.denials)


def only_allows(rule: Rule) -> bool:
    """Return whether *rule* can do nothing but grant, also when it cannot be known."""
    return isinstance(rule.action, Allow) and rule.on_failure in {None, "allow"}


def adds_up(policies: PolicySet, rule: Rule) -> bool:
    """Return whether *rule* does something beside its action, whatever the outcome is."""
    return bool(rule.advise or rule.labels or policies.meters.get(rule.name))


def asked_by_advice(policies: PolicySet, outcome: Outcome, evidence: Evidence) -> Iterator[str]:
    """Yield the classifiers that the advice of *outcome* waits for."""
    interpreter = Interpreter(evidence, policies.lists)
    for advise in outcome.advice:
        value = interpreter.value(advise.value)
        if isinstance(value, Unknown):
            yield from PENDING.findall(value.what)
