from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from engine.language.types import BOOL, STRING
from engine.runtime.explain import Explanation, explain
from engine.runtime.memory import MemoryStore
from engine.runtime.policyset import PolicySet
from engine.runtime.table import Table
from engine.runtime.trace import Step
from tests.runtime.made import (
    DENY,
    NOW,
    UNKNOWN,
    Words,
    answer,
    attribute,
    both,
    compare,
    load,
    number,
    policies,
    policy,
    redact,
    request,
    rule,
    schema,
    truth,
)
from tests.runtime.test_doubt import Broken


def why(made: PolicySet, **changes: object) -> Explanation:
    record = made.reader.read(request(**changes))
    return explain(made, record, MemoryStore(), NOW)


def one(body: str, head: str = "default allow") -> PolicySet:
    return load(f"policy p {{ {head} {body} }}")


CAP = one("rule cap { when context.amount is present and context.amount > 500 then deny }")


def test_every_part_has_its_value() -> None:
    made = why(CAP, context={"amount": 480})

    (trace,) = made.policies
    (cap,) = trace.rules
    assert (trace.policy, trace.applied, trace.outcome) == ("p", True, "allow")
    assert (cap.rule, cap.action, cap.matched) == ("p.cap", "deny", False)
    assert cap.when is not None
    present, over = cap.when.parts
    assert (cap.when.value, present.value, over.value) == (False, True, False)
    assert over.text == "context.amount > 500"
    assert [(part.text, part.value) for part in over.parts] == [("context.amount", 480)]
    assert over.place.startswith("file1.pol:1:")
    assert made.decision == answer(CAP, request(context={"amount": 480}))


def test_what_was_not_needed_says_so() -> None:
    (trace,) = why(CAP).policies
    when = trace.rules[0].when

    assert when is not None
    assert [part.reached for part in when.parts] == [True, False]


def test_what_is_unknown_says_why() -> None:
    made = why(policies(policy("p", rule("a", DENY, UNKNOWN), applies=None)), content="x")

    (a,) = made.policies[0].rules
    assert a.when is not None
    assert a.when.unknown == a.unknown == "classifier.toxicity (it is not connected)"
    assert a.matched
    assert "cannot be known" in made.text
    assert made.misses == (
        (
            "would have been allow (p.a) if classifier.toxicity(content) <= 0.5 "
            "(cannot be known: classifier.toxicity (it is not connected))"
        ),
    )


def test_content_is_never_shown() -> None:
    secret = "the secret is EMAIL " + "x" * 100
    made = why(
        one(
            'rule a { when content has pii.email and content contains "secret" then redact pii.email }'  # noqa: E501
        ),
        content=secret,
    )

    shown = msgspec.json.encode(replace_decision(made)).decode()
    assert secret not in shown
    assert secret[:59] in shown
    assert "pii.email at content 14:19" in made.text


def replace_decision(made: Explanation) -> Explanation:
    """Return *made* without the decision, which holds the redacted content."""
    return msgspec.structs.replace(made, decision=answer(CAP))


def test_nothing_is_taken_or_recorded() -> None:
    made = one('rule t { then throttle 1 requests per 1m by user.id label session "x" }')
    store = MemoryStore()
    record = made.reader.read(request(session={"id": "s"}))

    for _ in range(3):
        assert explain(made, record, store, NOW).decision.action == "allow"
    assert store.labels("north", "s", NOW) == frozenset()


def test_policies_that_do_not_apply_are_named() -> None:
    made = load(
        'policy a { applies when stage == "response" default allow rule x { then deny } }',
        "policy b { default allow }",
    )

    explanation = why(made)

    assert [(one.policy, one.applied, one.outcome) for one in explanation.policies] == [
        ("a", False, None),
        ("b", True, "allow"),
    ]
    assert explanation.policies[0].rules == ()
    assert explanation.policies[0].applies == Step(
        text='stage == "response"',
        value=False,
        place="file1.pol:1:25",
        parts=(Step(text="stage", value="request", place="file1.pol:1:25"),),
    )
    assert "do not apply: a" in explanation.text


def test_a_policy_in_doubt_denies() -> None:
    explanation = why(policies(policy("a", applies=UNKNOWN), policy("b")), content="x")

    assert [(one.applied, one.outcome) for one in explanation.policies] == [
        (False, "deny"),
        (True, "allow"),
    ]
    assert "policy a: deny\n  applies when classifier.toxicity(content) > 0.5 is unknown" in (
        explanation.text
    )


def test_shadow_and_expired_rules_are_marked() -> None:
    made = one(
        """
        rule a { then deny mode shadow }
        rule b { then deny expires 2025-01-01 }
        rule c { then deny rollout 0% by user.id }
        """
    )

    a, b, c = why(made).policies[0].rules

    assert [(one.matched, one.shadow, one.expired) for one in (a, b, c)] == [
        (True, True, False),
        (False, False, True),
        (True, True, False),
    ]
    assert why(made).misses == ()
    assert "rule b: deny, expired" in why(made).text
    assert "rule a: deny, matched (shadow)" in why(made).text


def test_a_shadow_policy_is_marked() -> None:
    explanation = why(load("policy p { mode shadow default deny }", "policy q { default allow }"))

    assert explanation.policies[0].shadow
    assert "policy p: deny (shadow)" in explanation.text


def test_an_unknown_id_is_told() -> None:
    table = Table("tenant", ("plan",), {"south": ("pro",)})
    fields = schema(tenant__plan=STRING)
    made = policies(policy("p"), fields=fields, facts={"tenant": table})

    explanation = why(made)

    assert explanation.policies == ()
    assert explanation.text == "deny\n  because the facts do not know tenant `north`: tenant.plan"
    assert made.facts["tenant"].ids == ("south",)


@pytest.mark.parametrize(
    ("project", "told"), [({}, "without an id"), ({"id": "p2"}, "`p2`"), ({"id": ""}, "``")]
)
def test_an_unknown_id_is_told_of_any_group(project: dict[str, object], told: str) -> None:
    table = Table("context.project", ("open",), {"p1": (True,)})
    fields = schema(context__project__id=(STRING, "?"), context__project__open=BOOL)
    tenants = Table("tenant", (), {"north": ()})
    facts = {"context.project": table, "tenant": tenants}
    made = policies(policy("p"), fields=fields, facts=facts)

    explanation = why(made, context={"project": project})

    says = f"deny\n  because the facts do not know context.project {told}: context.project.open"
    assert explanation.text == says


def test_the_explanation_is_json() -> None:
    raw = why(CAP, context={"amount": 480}).to_dict()

    assert msgspec.json.decode(msgspec.json.encode(raw)) == raw
    assert raw["decision"]["action"] == "allow"  # type: ignore[index]


# --- the nearest miss -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "head", "changes", "misses"),
    [
        (
            "rule cap { when (context.amount ?? 0) > 500 then deny }",
            "default allow",
            {"context": {"amount": 480}},
            ["would have been deny (p.cap) if (context.amount ?? 0) > 500 (is 480)"],
        ),
        (
            'rule cap { when (context.amount ?? 0) > 500 unless user.roles contains "boss" then deny }',  # noqa: E501
            "default allow",
            {"context": {"amount": 501}},
            ["would have been allow (p.cap) if (context.amount ?? 0) <= 500 (is 501)"],
        ),
        (
            (
                'rule ok { when stage == "response" and session.turn > 3 then allow } '
                'rule near { when not (stage == "request") then allow }'
            ),
            "default deny",
            {},
            [
                'would have been allow (p.near) if stage != "request" (is request)',
                'would have been allow (p.ok) if stage == "response" (is request) and session.turn > 3 (is 0)',  # noqa: E501
            ],
        ),
        (
            'rule a { when stage == "response" or session.turn == 9 then escalate to "q" }',
            "default allow",
            {},
            ['would have been escalate (p.a) if stage == "response" (is request)'],
        ),
        (
            'rule a { when stage == "response" then redact pii.email }',
            "default allow",
            {"content": "EMAIL"},
            ['would have been redact (p.a) if stage == "response" (is request)'],
        ),
        (
            'rule a { when stage == "response" then redact pii.email }',
            "default allow",
            {"content": "x"},
            [],
        ),
        (
            'rule a { when stage == "response" then throttle 1 requests per 1m by user.id }',
            "default allow",
            {},
            [],
        ),
        (
            "rule a { when session.turn == 0 then deny } rule b { then deny }",
            "default allow",
            {},
            [],
        ),
        ("rule a { then deny }", "default allow", {}, []),
        (
            "rule a { when content has pii.email then deny }",
            "default allow",
            {"content": "x"},
            ["would have been deny (p.a) if content has pii.email"],
        ),
        (
            'rule a { unless user.id in {"boss"} then deny }',
            "default allow",
            {},
            ['would have been allow (p.a) if user.id in {"boss"} (is u1)'],
        ),
        (
            "rule a { when context.amount is present and context.amount > 5 then deny }",
            "default allow",
            {},
            [
                "would have been deny (p.a) if context.amount is present and context.amount > 5 (is absent)"  # noqa: E501
            ],
        ),
        (
            'rule a { when session.turn == 1 and "a" == user.id then deny }',
            "default allow",
            {},
            ['would have been deny (p.a) if session.turn == 1 (is 0) and "a" == user.id (is u1)'],
        ),
        (
            "rule a { when user.id == tenant.id then deny }",
            "default allow",
            {},
            ["would have been deny (p.a) if user.id == tenant.id"],
        ),
    ],
)
def test_the_nearest_miss(
    body: str, head: str, changes: dict[str, object], misses: list[str]
) -> None:
    assert list(why(one(body, head), **changes).misses) == misses


def test_a_refused_throttle_is_what_would_have_to_change() -> None:
    made = one("rule a { when session.turn == 0 then throttle 1 tokens per 1m by user.id }")

    assert why(made, content="more than one token").misses == (
        "would have been allow (p.a) if session.turn != 0 (is 0)",
    )


def test_behind_a_refused_throttle_only_a_stricter_rule_would_matter() -> None:
    made = one(
        """
        rule t { then throttle 1 tokens per 1m by user.id }
        rule e { when session.turn == 1 then escalate to "q" }
        rule d { when session.turn == 2 then deny }
        """
    )

    assert why(made, content="more than one token").misses == (
        "would have been deny (p.d) if session.turn == 2 (is 0)",
    )


def test_constants_cost_nothing_or_cannot_be_changed() -> None:
    turn = compare(attribute("session.turn"), "==", number(1))
    made = policies(
        policy(
            "p",
            rule("a", DENY, both(truth(True), turn)),  # noqa: FBT003
            rule("b", DENY, both(truth(False), turn)),  # noqa: FBT003
        )
    )

    assert why(made).misses == ("would have been deny (p.a) if session.turn == 1 (is 0)",)


def test_where_no_policy_applies_the_nearest_one_is_named() -> None:
    made = load(
        'policy a { applies when stage == "response" and session.turn == 1 default allow }',
        'policy b { applies when stage == "document" default deny }',
        'policy c { applies when stage == "response" mode shadow default allow }',
    )

    assert why(made).misses == ('would have been deny (b) if stage == "document" (is request)',)
    assert why(load()).misses == ()


def test_a_constant_that_never_applies_helps_nobody() -> None:
    made = policies(policy("a", rule("x", DENY), applies=truth(False)))  # noqa: FBT003

    assert why(made).misses == ()


def test_detectors_that_fail_leave_no_redaction_to_miss() -> None:
    made = policies(policy("p", rule("a", redact("pii.email"), on_failure="allow")))
    blind = replace(made, senses=replace(made.senses, scanner=Broken()))

    assert why(blind, content="x").misses == ()
    assert isinstance(made.senses.scanner, Words)
