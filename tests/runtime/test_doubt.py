from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import pytest

from engine.language.functions import Unknowable
from engine.language.program import ClassifierDefinition, Rule
from engine.runtime.evidence import Evidence
from engine.runtime.match import Match
from engine.runtime.record import Record
from tests.runtime.made import (
    ALLOW,
    DENY,
    ESCALATE,
    UNKNOWN,
    Away,
    answer,
    attribute,
    classifier,
    either,
    holds,
    load,
    negated,
    policies,
    policy,
    redact,
    request,
    rule,
    score,
    throttle,
    truth,
)

TRUE = truth(True)  # noqa: FBT003
OnFailure = Literal["allow", "deny", "escalate"]
WHAT = "classifier.toxicity (it is not connected)"


def decide_in_doubt(
    made: Rule, classifiers: Sequence[ClassifierDefinition] = (), default: str = "allow"
) -> tuple[str, str]:
    """Return the action and the failure in its reason, for a policy with one rule in doubt."""
    built = policies(policy("p", made, default=default), classifiers=classifiers)
    decision = answer(built, request(content="EMAIL"))
    return decision.action, decision.reasons[0].failure


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        (DENY, "deny"),
        (ESCALATE, "escalate"),
        (redact("pii.email"), "redact"),
        (throttle(1, "tokens"), "throttle"),
    ],
)
def test_a_restricting_rule_in_doubt_counts_as_matched(action: object, expected: str) -> None:
    made = rule("a", action, UNKNOWN)  # type: ignore[arg-type]

    assert decide_in_doubt(made) == (expected, WHAT)


def test_an_allow_rule_in_doubt_does_not_grant() -> None:
    assert decide_in_doubt(rule("a", ALLOW, UNKNOWN), default="deny") == ("deny", "")


@pytest.mark.parametrize(
    ("on_failure", "expected"),
    [("allow", ("allow", "")), ("deny", ("deny", WHAT)), ("escalate", ("escalate", WHAT))],
)
def test_on_failure_decides_instead(on_failure: OnFailure, expected: tuple[str, str]) -> None:
    made = rule("a", redact("pii.email"), UNKNOWN, on_failure=on_failure)

    assert decide_in_doubt(made) == expected


def test_an_allow_rule_grants_in_doubt_only_if_it_says_so_itself() -> None:
    said = rule("a", ALLOW, UNKNOWN, on_failure="allow")
    stricter = rule("a", ALLOW, UNKNOWN, on_failure="escalate")
    shared = [classifier("toxicity", "allow")]

    assert decide_in_doubt(said, default="deny") == ("allow", WHAT)
    assert decide_in_doubt(stricter) == ("escalate", WHAT)
    assert decide_in_doubt(rule("a", ALLOW, UNKNOWN), shared, default="deny")[0] == "deny"


def test_an_escalation_for_failure_goes_to_its_own_queue() -> None:
    plain = policies(policy("p", rule("a", DENY, UNKNOWN, on_failure="escalate")))
    own = policies(policy("p", rule("a", ESCALATE, UNKNOWN, on_failure="escalate")))
    asked = request(content="x")

    assert answer(plain, asked).escalation.queue == "policy-failures"  # type: ignore[union-attr]
    assert answer(own, asked).escalation.queue == "clinical"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ("allow", "allow", "allow"),
        ("allow", "escalate", "escalate"),
        ("deny", "escalate", "deny"),
        ("allow", None, "redact"),
        (None, "deny", "redact"),
    ],
)
def test_the_strictest_failed_classifier_decides(
    first: OnFailure | None, second: OnFailure | None, expected: str
) -> None:
    made = rule("a", redact("pii.email"), either(score("one"), score("two")))
    classifiers = [classifier("one", first), classifier("two", second)]

    assert decide_in_doubt(made, classifiers)[0] == expected


def test_a_classifiers_leniency_covers_no_other_failure() -> None:
    made = load(
        """
        classifier toxicity { endpoint = "grpc://127.0.0.1:1" on_failure = "allow" }
        policy p {
          default allow
          rule a { when classifier.toxicity(content) > 0.5 or 1 / session.turn > 2 then deny }
          rule b { when classifier.toxicity(content) > 0.5 then escalate to "q" }
        }
        """
    )

    assert answer(made, request(content="x")).action == "deny"
    assert answer(made, request(content="x", session={"turn": 1})).action == "allow"


def test_a_known_false_part_leaves_no_doubt() -> None:
    made = rule("a", DENY, negated(either(TRUE, UNKNOWN)))

    assert decide_in_doubt(made) == ("allow", "")


def test_a_policy_of_which_nobody_knows_whether_it_applies_denies() -> None:
    made = policies(policy("p", applies=UNKNOWN), policy("q"))

    decision = answer(made, request(content="x"))

    assert decision.action == "deny"
    assert (decision.reasons[0].policy, decision.reasons[0].failure) == ("p", WHAT)


def test_a_doubtful_shadow_policy_denies_in_the_shadow_only() -> None:
    made = policies(policy("p", applies=UNKNOWN, shadow=True), policy("q"))

    decision = answer(made, request(content="x"))

    assert decision.action == "allow"
    assert decision.shadow is not None
    assert decision.shadow.action == "deny"


def test_a_doubtful_shadow_rule_is_not_enforced() -> None:
    made = policies(
        policy("p", rule("a", DENY, UNKNOWN, shadow=True), rule("b", ALLOW, UNKNOWN, shadow=True))
    )

    decision = answer(made, request(content="x"))

    assert decision.action == "allow"
    assert decision.shadow is not None
    assert [one.failure for one in decision.shadow.reasons] == [WHAT]


def test_a_store_that_is_away_leaves_meters_and_labels_unknown() -> None:
    made = load(
        """
        policy p {
          default allow
          rule a { when meter.m > 1 then escalate to "q" }
          rule b { when session.labels contains "tainted" then redact pii.email }
          rule c { when session.turn == 5 then allow }
        }
        meter m counts rule p.c by user.id over 10m
        """
    )
    asked = request(content="EMAIL", session={"id": "s"})

    decision = answer(made, asked, Away("count"))
    assert (decision.action, decision.reasons[0].failure) == (
        "escalate",
        "the state store (it is away)",
    )
    assert answer(made, asked, Away("labels")).action == "redact"
    assert answer(made, asked).action == "allow"


@pytest.mark.parametrize(
    ("on_failure", "expected"),
    [("", "deny"), ("on_failure escalate", "escalate"), ("on_failure allow", "allow")],
)
def test_a_label_or_meter_event_that_is_lost_denies(on_failure: str, expected: str) -> None:
    labelled = load(
        f'policy p {{ default allow rule a {{ then allow label session "x" {on_failure} }} }}'
    )
    metered = load(
        f"""
        policy p {{ default allow rule a {{ then allow {on_failure} }} }}
        meter m counts rule p.a by user.id over 10m
        """
    )
    asked = request(session={"id": "s"})

    assert answer(labelled, asked, Away("label")).action == expected
    assert answer(metered, asked, Away("record")).action == expected


class Broken:
    def scan(self, text: str, entities: frozenset[str]) -> tuple[()]:
        raise Unknowable(f"the detectors ({len(entities)} for {len(text)})")


@pytest.mark.parametrize(
    ("on_failure", "expected"), [(None, "deny"), ("escalate", "escalate"), ("allow", "allow")]
)
def test_what_cannot_be_looked_at_cannot_be_redacted(
    on_failure: OnFailure | None, expected: str
) -> None:
    made = policies(policy("p", rule("a", redact("pii.email"), on_failure=on_failure)))
    blind = replace(made, senses=replace(made.senses, scanner=Broken()))

    assert answer(blind, request(content="EMAIL")).action == expected


def test_a_failed_detector_leaves_its_condition_unknown() -> None:
    made = policies(policy("p", rule("a", DENY, holds("content", "pii.email"))))
    blind = replace(made, senses=replace(made.senses, scanner=Broken()))

    decision = answer(blind, request(content="EMAIL"))

    assert decision.reasons[0].failure == "the detectors (1 for 5)"


def test_a_doubt_stands_even_where_the_reference_has_none() -> None:
    class Doubtful:
        def match(self, record: Record, evidence: Evidence) -> Match:
            return Match([0], [], [(0, f"{record.stage} at {evidence.now_ns > 0}")], [])

    made = replace(policies(policy("p", rule("a", DENY))), matcher=Doubtful())

    assert answer(made).reasons[0].failure == "request at True"


def test_an_absent_text_cannot_be_scored() -> None:
    made = policies(policy("p", rule("a", DENY, holds("context.summary", "pii.email"))))

    assert answer(made).reasons[0].failure == "context.summary (it is absent)"
    assert attribute("context.summary").optional
