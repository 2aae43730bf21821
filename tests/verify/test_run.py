from __future__ import annotations

import pytest

from engine.verify.coverage import Coverage
from engine.verify.results import Result
from engine.verify.run import run_tests
from tests.verify.bundles import GUEST, load

DOOR = """\
schema { context.n: int? }
classifier tox { endpoint = "grpc://127.0.0.1:1" timeout = 40ms on_failure = "deny" }
policy p {
  default allow
  rule word { when content contains "bad" then deny "no bad words" }
  rule other { when content contains "worse" then deny }
  rule night { when hour(now, "UTC") < 6 then escalate to "q" }
  rule pace { then throttle 2 requests per 1m by user.id burst 2 }
  rule tox { when classifier.tox(content) > 0.5 then redact pii.email }
  rule mail { when stage == "response" then redact pii.email }
  rule route { when context.n is present and context.n > 1 then allow advise level = context.n }
}
"""
CALM = "mock classifier.tox = 0.0 at 2026-01-01T12:00:00Z "


def run(steps: str) -> Result:
    (result,) = run_tests(load(f'{DOOR}{GUEST}test "x" {{ given guest {CALM}{steps} }}'))
    return result


@pytest.mark.parametrize(
    "steps",
    [
        "expect allow",
        "expect allow by p",
        'case "bad" { content: "bad" } expect deny by p.word',
        'case "bad" { content: "bad" } expect deny by p and reason == "no bad words"',
        'at 2026-01-02T03:00:00Z expect escalate and queue == "q"',
        "advance 17h expect escalate by p.night",
        "repeat 2 { expect allow } expect throttle by p.pace and retry_after <= 30s",
        "repeat 2 { expect allow } advance 30s expect allow",
        "expect allow and remaining == 1",
        'case "a" expect allow case "b" expect allow case "c" expect allow expect allow',
        (
            'given guest with { stage: "response", content: "a@b.org" } '
            'expect redact and content == "[EMAIL]"'
        ),
        'expect allow and content == "hello" and queue == "" and retry_after == 0s',
        "given guest with { context.n: 5 } expect allow and advice.level == 5",
        'mock classifier.tox = 0.9 given guest with { content: "a@b.org" } expect redact by p.tox',
    ],
)  # fmt: skip
def test_what_is_as_expected_passes(steps: str) -> None:
    result = run(steps)
    assert [one.message for one in result.failures] == []
    assert result.passed
    assert result.decisions >= 1


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        (
            'given guest with { content: "bad" } expect allow',
            "expected allow, but the decision is deny by p.word (no bad words)",
        ),
        ("expect deny", "expected deny, but the decision is allow by p"),
        (
            'given guest with { content: "bad" } expect deny by p.other',
            "expected deny by p.other, but it is deny by p.word (no bad words)",
        ),
        (
            'given guest with { content: "bad" } expect deny and reason == "good"',
            (
                "deny as expected, but the condition after `and` does not hold: "
                "reason is 'no bad words'"
            ),
        ),
        (
            "expect allow and advice.level > 5",
            (
                "allow as expected, but the condition after `and` cannot be known (the order of "
                "json values that are not two numbers or two strings): advice.level is absent"
            ),
        ),
        (
            'case "later" { content: "bad" } expect allow',
            "case 'later': expected allow, but the decision is deny by p.word (no bad words)",
        ),
        (
            'given guest with { user.id: "u\\u{0}" } expect allow',
            "the request is invalid: user.id: must not hold a NUL character",
        ),
    ],
)
def test_what_is_not_says_what_is_different(steps: str, message: str) -> None:
    result = run(steps)
    (failure,) = result.failures
    assert failure.message == message
    assert not result.passed
    assert failure.request


def test_a_failure_brings_the_decision_and_why() -> None:
    (failure,) = run('given guest with { content: "bad" } expect allow').failures
    assert failure.decision is not None
    assert failure.decision.action == "deny"
    assert failure.explanation is not None
    assert failure.explanation.decision.reasons == failure.decision.reasons


def test_the_explanation_is_of_the_moment_of_the_failure() -> None:
    (failure,) = run("repeat 2 { expect allow } expect allow").failures
    assert failure.explanation is not None
    assert failure.explanation.decision.action == "throttle"


def test_a_failing_step_does_not_stop_the_others() -> None:
    result = run("expect deny repeat 2 { expect allow } expect redact")
    assert len(result.failures) == 3
    assert result.decisions == 4


def test_a_repeat_stops_at_its_own_first_failure() -> None:
    result = run("repeat 50 { expect deny }")
    assert (len(result.failures), result.decisions) == (1, 1)


@pytest.mark.parametrize(
    "condition",
    ['advice.levle != "x"', "advice.levle is absent", '(advice.levle ?? "none") == "none"'],
)
def test_advice_that_no_rule_gives_is_no_expectation(condition: str) -> None:
    (failure,) = run(f"expect allow and {condition}").failures
    assert failure.message == "no rule advises `levle`"
    assert run(f"expect allow and {condition.replace('levle', 'level')}").passed


@pytest.mark.parametrize("steps", ["", "advance 1s", "repeat 3 { }", "settle"])
def test_a_test_that_decides_nothing_has_not_passed(steps: str) -> None:
    result = run(steps)
    assert result.failures[-1].message == "the test expects nothing: add an `expect`"
    assert result.failures[-1].span == result.span
    assert not result.passed


def test_tests_do_not_see_each_other() -> None:
    one = f'test "a" {{ given guest {CALM} repeat 2 {{ expect allow }} }}\n'
    made = load(DOOR + GUEST + one + one.replace('"a"', '"b"'))
    assert [result.passed for result in run_tests(made)] == [True, True]


def test_only_the_tests_asked_for_are_run() -> None:
    made = load(DOOR + GUEST + f'test "a" {{ given guest {CALM} expect allow }}')
    assert list(run_tests(made, [])) == []


def test_coverage_watches_every_decision() -> None:
    made = load(DOOR + GUEST + f'test "a" {{ given guest {CALM} expect allow }}')
    coverage = Coverage()
    assert all(one.passed for one in run_tests(made, coverage=coverage))
    assert coverage.matched == {"p.pace"}


AWAY = """\
meter seen counts rule p.count by user.id over 1m
policy p {
  default allow
  rule count { when stage == "document" then allow label session "read" }
  rule pace {
    when stage == "request"
    then throttle 2 requests per 1m by user.id
    on_state_failure local
  }
  rule marked { when stage == "tool_result" and session.labels contains "x" then deny }
  rule often { when stage == "response" and meter.seen > 3 then escalate to "q" }
}
fixture one { tenant.id: "t", user.id: "u", session.id: "s", stage: "request", content: "a" }
"""


def away(steps: str) -> Result:
    (result,) = run_tests(load(f'{AWAY}test "x" {{ given one mock state = "away" {steps} }}'))
    return result


@pytest.mark.parametrize(
    "steps",
    [
        "repeat 2 { expect allow } expect throttle by p.pace",
        'repeat 2 { expect allow } mock state = "here" repeat 2 { expect allow } expect throttle',
        'expect allow case "a copy" expect allow case "another" expect allow expect allow',
        'given one with { stage: "tool_result", tool.name: "t" } expect deny by p.marked',
        'given one with { stage: "response" } expect escalate by p.often',
        'given one with { stage: "document" } expect deny by p.count',
    ],
)  # fmt: skip
def test_what_asks_a_state_that_is_away_is_in_doubt_and_local_limits_go_on(steps: str) -> None:
    result = away(steps)
    assert [one.message for one in result.failures] == []


def test_a_failure_while_the_state_is_away_says_so() -> None:
    result = away('given one with { stage: "response" } expect allow')
    (failure,) = result.failures
    assert "the state store (away, as the test has it)" in failure.message
    assert failure.explanation is not None


USED = """\
policy p {
  default allow
  rule words { when stage == "response" then throttle 100 tokens per 1h by user.id }
  rule money { when stage == "document" then throttle 1.00 usd per calendar day by user.id }
  rule slots { when stage == "request" then throttle 2 concurrent by user.id for 5m }
  rule never { when stage == "tool_result" then deny }
}
fixture one { tenant.id: "t", user.id: "u", stage: "request", content: "a" }
fixture words { tenant.id: "t", user.id: "u", stage: "response", usage.input_tokens: 60 }
fixture money { tenant.id: "t", user.id: "u", stage: "document", usage.cost_usd: 0.60 }
"""


def used(steps: str) -> Result:
    (result,) = run_tests(load(f'{USED}test "x" {{ {steps} }}'))
    return result


@pytest.mark.parametrize(
    "steps",
    [
        "given one repeat 2 { expect allow } expect throttle settle expect allow expect throttle",
        "given one repeat 2 { expect allow } repeat 2 { settle } repeat 2 { expect allow }",
        "given words expect allow expect throttle settle { usage.output_tokens: 10 } expect allow",
        "given words expect allow settle { usage: { input_tokens: 90 } } expect throttle",
        "given words expect allow settle { usage.cost_usd: 5.00 } expect throttle",
        "given money expect allow settle { usage.cost_usd: 0.05 } expect allow",
        "given money expect allow settle { usage.cost_usd: 3.00 } advance 1m expect throttle",
        'given one case "a copy" expect allow expect allow settle expect allow expect allow',
        'given one mock state = "away" expect throttle settle',
    ],
)  # fmt: skip
def test_the_latest_decision_that_took_something_is_settled(steps: str) -> None:
    messages = [one.message for one in used(steps).failures]
    assert messages == ([] if "away" not in steps else ["there is no decision left to settle"])


def test_settling_nothing_is_a_failure() -> None:
    failures = used("given one expect allow settle settle").failures
    assert [one.message for one in failures] == ["there is no decision left to settle"]
    denied = used('given one with { stage: "tool_result", tool.name: "t" } expect deny settle')
    assert [one.message for one in denied.failures] == ["there is no decision left to settle"]
