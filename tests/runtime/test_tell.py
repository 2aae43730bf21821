from __future__ import annotations

import pytest

from engine.runtime.explain import Explanation, explain
from engine.runtime.memory import MemoryStore
from engine.runtime.tell import MOST, tell
from tests.runtime.made import DENY, NOW, UNKNOWN, load, policies, policy, request, rule


def why(*texts: str, **changes: object) -> Explanation:
    made = load(*texts)
    return explain(made, made.reader.read(request(**changes)), MemoryStore(), NOW)


def told(condition: str, **changes: object) -> list[str]:
    """Return the lines about a rule that denies when *condition* holds."""
    text = why(f"policy p {{ default allow rule r {{ {condition} then deny }} }}", **changes).text
    return [line for line in text.splitlines() if line.startswith("   ") or "rule r" in line]


def whole(condition: str, **changes: object) -> list[str]:
    """Return the same in the full form."""
    made = why(f"policy p {{ default allow rule r {{ {condition} then deny }} }}", **changes)
    text = tell(made.decision, made.policies, made.misses, full=True)
    return [line for line in text.splitlines() if line.startswith("    ")]


def test_a_rule_that_decides_is_shown_with_its_values() -> None:
    assert told(
        'when stage == "request" and (context.amount ?? 0) > 100', context={"amount": 900}
    ) == [
        "  rule r: deny, matched",
        '    when stage == "request" is true',
        "    and (context.amount ?? 0) > 100 is true ((context.amount ?? 0) is 900)",
    ]


@pytest.mark.parametrize(
    ("condition", "reason"),
    [
        ('when stage == "response"', 'stage == "response" is false (stage is "request")'),
        (
            'when session.turn == 0 and stage == "response" and user.id == "x"',
            'stage == "response" is false (stage is "request")',
        ),
        (
            'when stage == "response" or session.turn > 4',
            (
                'stage == "response" or session.turn > 4 is false '
                '(stage is "request", session.turn is 0)'
            ),
        ),
        (
            'when user.id == "u1" and (stage == "response" or user.id == "x")',
            'stage == "response" or user.id == "x" is false (stage is "request", user.id is "u1")',
        ),
        (
            'unless user.id == "x" or tenant.id == "north"',
            'unless tenant.id == "north" is true',
        ),
        (
            'when session.turn == 0 unless session.turn < 1 and user.id != "x"',
            (
                'unless session.turn < 1 and user.id != "x" is true '
                '(session.turn is 0, user.id is "u1")'
            ),
        ),
        (
            'when stage not in {"request", "response"}',
            'stage not in {"request", "response"} is false (stage is "request")',
        ),
        ("when content has pii.email", "content has pii.email is false"),
        ('when false and user.id == "u1"', 'false and user.id == "u1" is false'),
        (
            'when any x in user.roles: (x == "a")',
            'any x in user.roles: (x == "a") is false (user.roles is ["b"])',
        ),
        (
            "when all x in user.roles: (x == tenant.id)",
            (
                "all x in user.roles: (x == tenant.id) is false "
                '(user.roles is ["b"], x is "b", tenant.id is "north")'
            ),
        ),
    ],
)
def test_a_rule_that_did_not_match_says_which_condition_kept_it(
    condition: str, reason: str
) -> None:
    changes = {"user": {"id": "u1", "roles": ["b"]}, "content": "x"}
    assert told(condition, **changes) == [f"  rule r: deny, no match: {reason}"]


def test_groups_inside_a_chain_stand_deeper() -> None:
    assert told('when session.turn == 0 and (stage == "response" or user.id == "u1")') == [
        "  rule r: deny, matched",
        "    when session.turn == 0 is true",
        '    and stage == "response" or user.id == "u1" is true',
        '      stage == "response" is false (stage is "request")',
        '      or user.id == "u1" is true',
    ]
    assert told('when not (stage == "response" or user.id == "x")') == [
        "  rule r: deny, matched",
        (
            '    when not (stage == "response" or user.id == "x") is true '
            '(stage is "request", user.id is "u1")'
        ),
        '      stage == "response" or user.id == "x" is false',
        '        stage == "response" is false (stage is "request")',
        '        or user.id == "x" is false (user.id is "u1")',
    ]


def test_what_was_not_needed_is_shown_in_the_full_form_only() -> None:
    condition = 'when stage == "request" or (context.amount ?? 0) > 5'
    assert told(condition) == ["  rule r: deny, matched", '    when stage == "request" is true']
    assert whole(condition) == [
        '    when stage == "request" is true',
        "    or (context.amount ?? 0) > 5 is not needed",
    ]


def test_what_is_not_known_is_told_once() -> None:
    (_, _, line) = told(
        "when context.amount is present and 1 / context.amount > 5", context={"amount": 0}
    )
    assert line == ("    and 1.0 / context.amount > 5.0 is unknown (a number (division by zero))")


def test_conversions_are_no_parts() -> None:
    assert whole("when (context.ratio ?? 0.5) > session.turn") == [
        (
            "    when (context.ratio ?? 0.5) > session.turn is true "
            "((context.ratio ?? 0.5) is 0.5, session.turn is 0)"
        ),
        "      (context.ratio ?? 0.5) is 0.5",
    ]


def test_the_full_form_shows_every_part() -> None:
    assert whole("when (context.amount ?? 0) > 5", context={"amount": 1}) == [
        "    when (context.amount ?? 0) > 5 is false ((context.amount ?? 0) is 1)",
        "      (context.amount ?? 0) is 1 (context.amount is 1)",
    ]


def test_findings_are_told_by_place() -> None:
    assert told("when content has pii.email", content="an EMAIL") == [
        "  rule r: deny, matched",
        "    when content has pii.email is true (pii.email at content 3:8)",
    ]


def test_rules_that_match_without_deciding_have_one_line() -> None:
    made = why('policy p { default allow rule a { then escalate to "q" } rule b { then deny } }')
    assert made.text == (
        "deny\n  because p.b\npolicy p: deny\n  rule a: escalate, matched\n  rule b: deny, matched"
    )


def test_a_policy_that_did_not_decide_has_no_outcome() -> None:
    made = why("policy a { default allow }", "policy b { default deny }")
    assert made.text.splitlines()[-2:] == ["policy a", "policy b: deny"]


def test_policies_that_do_not_apply_share_a_line_in_the_short_form() -> None:
    made = why(
        'policy a { applies when stage == "response" default allow }',
        'policy b { applies when stage == "response" default allow }',
        "policy c { default allow }",
    )
    assert "do not apply: a, b" in made.text
    full = tell(made.decision, made.policies, (), full=True)
    assert "do not apply" not in full
    assert (
        "policy a: does not apply\n"
        '  applies when stage == "response" is false (stage is "request")\n'
    ) in full


def test_what_cannot_be_known_is_told() -> None:
    made = policies(policy("p", rule("a", DENY, UNKNOWN)))
    record = made.reader.read(request(content="x"))
    text = explain(made, record, MemoryStore(), NOW).text
    failure = "classifier.toxicity (it is not connected)"
    assert f"  rule a: deny, matched, {failure} cannot be known\n" in text
    assert f"    when classifier.toxicity(content) > 0.5 is unknown ({failure})" in text


def test_of_very_many_rules_that_do_not_match_only_some_are_shown() -> None:
    rules = " ".join(
        f'rule r{number} {{ when user.id == "x{number}" then deny }}' for number in range(MOST + 5)
    )
    made = why(f"policy p {{ default allow {rules} rule z {{ then allow }} }}")
    assert made.text.count("no match") == MOST
    assert "  and 5 more rules that do not match" in made.text
    assert "  rule z: allow, matched" in made.text
    full = tell(made.decision, made.policies, (), full=True)
    assert full.count("no match") == MOST + 5


@pytest.mark.parametrize(
    ("by", "told"), [("", []), (" by 2 reviewers", ["  2 reviewers of q must approve"])]
)
def test_a_review_by_several_people_says_so(by: str, told: list[str]) -> None:
    text = why(f'policy p {{ default allow rule r {{ then escalate to "q"{by} }} }}').text
    assert [line for line in text.splitlines() if "must approve" in line] == told
