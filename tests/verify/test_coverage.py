from __future__ import annotations

import pytest

from engine.verify.coverage import Coverage, Summary
from engine.verify.run import run_tests
from tests.verify.bundles import GUEST, load


def covered(policies: str, *cases: str) -> Summary:
    """Return the coverage of a policy by a test with *cases*."""
    steps = " ".join(f'case "{number}" {one}' for number, one in enumerate(cases))
    made = load(f'{policies}\n{GUEST}test "t" {{ given guest {steps} }}')
    coverage = Coverage()
    for result in run_tests(made, coverage=coverage):
        assert result.passed, result.failures
    return coverage.summary(made.program)


def one(when: str) -> str:
    return f"policy p {{ default allow rule r {{ {when} then deny }} }}"


DENY, ALLOW = "expect deny", "expect allow"


@pytest.mark.parametrize(
    "when",
    [
        'when user.id not in {"u"}',
        'when not (user.id == "u")',
        "when model.name is absent",
        'unless user.id == "u"',
        "unless not (model.name is present)",
    ],
)
def test_a_negation_does_not_count_for_both_ways(when: str) -> None:
    action = DENY if "absent" in when else ALLOW
    summary = covered(one(when), action)
    assert (summary.outcomes, summary.outcomes_seen) == (2, 1)


def test_a_condition_must_come_out_both_ways() -> None:
    policy = one('when user.id == "x" and stage == "request"')
    half = covered(policy, ALLOW)
    assert [gap.message for gap in half.gaps] == [
        "rule p.r never matched",
        '`user.id == "x"` was never true',
        '`stage == "request"` was never false',
        '`stage == "request"` was never true',
    ]
    assert (half.rules, half.rules_matched, half.outcomes, half.outcomes_seen) == (1, 0, 4, 1)
    assert half.percent == 20.0
    both = covered(
        policy,
        '{ user.id: "x" } expect deny',
        '{ user.id: "x", stage: "response" } expect allow',
        ALLOW,
    )
    assert both.gaps == ()
    assert both.percent == 100.0


def test_gaps_point_at_the_condition() -> None:
    summary = covered(one('when stage == "request" or user.id == "x"'), DENY)
    assert [(str(gap.span), gap.message) for gap in summary.gaps] == [
        ("p.pol:1:40", '`stage == "request"` was never false'),
        ("p.pol:1:62", '`user.id == "x"` was never false'),
        ("p.pol:1:62", '`user.id == "x"` was never true'),
    ]


def test_the_body_of_a_quantifier_is_the_condition() -> None:
    policy = one('when any x in user.roles: (x == "a")')
    assert covered(policy, ALLOW).outcomes_seen == 0
    assert covered(policy, '{ user.roles: {"b"} } expect allow').outcomes_seen == 1
    assert (
        covered(
            policy, '{ user.roles: {"b"} } expect allow', '{ user.roles: {"a"} } expect deny'
        ).percent
        == 100.0
    )


def test_constants_are_no_conditions() -> None:
    assert covered("policy p { default allow }", ALLOW).percent == 100.0
    assert covered(one("when true"), DENY).outcomes == 0


def test_policies_that_do_not_apply_are_not_covered() -> None:
    policy = (
        "policy q { default allow } "
        'policy p { applies when user.id == "x" default allow rule r { then deny } }'
    )
    summary = covered(policy, ALLOW)
    assert (summary.rules_matched, summary.outcomes_seen) == (0, 1)
    assert covered(policy, '{ user.id: "x" } expect deny', ALLOW).percent == 100.0


def test_in_doubt_a_rule_matches_only_if_it_restricts() -> None:
    model = 'classifier c { endpoint = "grpc://127.0.0.1:1" timeout = 40ms on_failure = "deny" }\n'
    policy = (
        "policy p { default allow rule deny { when classifier.c(content) > 0.5 then deny } "
        "rule allow { when classifier.c(content) > 0.5 then allow } }"
    )
    summary = covered(model + policy, DENY)
    assert summary.rules_matched == 1
    assert summary.gaps[0].message == "`classifier.c(content) > 0.5` was never false"


def test_what_two_processes_saw_adds_up() -> None:
    made = load(
        one('when user.id == "x"')
        + f"\n{GUEST}"
        + 'test "a" { given guest expect allow } '
        + 'test "b" { given guest with { user.id: "x" } expect deny }'
    )
    parts = []
    for test in made.program.tests:
        coverage = Coverage()
        assert all(result.passed for result in run_tests(made, [test], coverage=coverage))
        parts.append(coverage)
    whole, other = parts
    assert whole.summary(made.program).percent < 100
    whole.merge(other)
    assert whole.summary(made.program).percent == 100
