from __future__ import annotations

import pytest

from engine.verify import properties
from engine.verify.properties import ATTEMPTS, ENOUGH, run_properties
from engine.verify.results import Result
from engine.verify.samples import INJECTION, find_samples
from tests.verify.bundles import load

SCHEMA = """\
schema {
  tenant.plan: "free" | "pro"
  context.amount: int?
  context.ward: string?
  context.note: text?
  context.beta: bool?
  context.tags: list<string>?
}
schema when tenant.plan == "pro" { context.seat: string }
"""


def law(condition: str, rules: str = "", kind: str = "never deny", before: str = "") -> Result:
    text = (
        f"{SCHEMA}{before}policy p {{ default allow {rules} }}\n"
        f"property l {{ {kind} when {condition} }}\n"
    )
    (result,) = run_properties(load(text))
    return result


@pytest.mark.parametrize(
    "condition",
    [
        'stage == "tool_description"',
        'stage != "request"',
        'tenant.plan == "pro" and context.seat != ""',
        'tenant.plan in {"pro"}',
        'tenant.id == "north" and user.id in {"a", "b"}',
        'tenant.id not in {"north"}',
        'user.roles contains "nurse" and not user.roles contains "clerk"',
        'user.roles overlaps {"nurse"}',
        'not user.roles overlaps {"nurse"}',
        'user.roles within {"nurse", "clerk"} and user.roles contains "nurse"',
        "context.amount is present and context.amount > 500",
        "context.amount is absent and context.ward is absent",
        "(context.amount ?? 0) == 501",
        "context.beta ?? false",
        "context.beta is present and not context.beta",
        'context.ward is present and context.ward like "ward-*?"',
        'content contains "needle"',
        "context.note is present and context.note has pii.email",
        "content has pii.card, pii.email",
        "not content has pii.email",
        "count(content, pii.email) > 0",
        "length(content) == 5",
        "injection(content) >= 0.8",
        'source.ip is present and source.ip within "10.0.0.0/8"',
        'stage == "tool_call" and tool.name == "pay" and (arg("amount") ?? 0) > 100',
        'stage == "tool_call" and tool.name == "x" and arg("deep.path") is present',
        'stage == "tool_call" and tool.name == "x" and arg("deep.path") is absent',
        'stage == "tool_call" and arg("to") tainted',
        'arg("to") tainted and arg("deep.path") not tainted and arg("to") != "a"',
        'session.labels contains "tainted"',
        '"tainted" in session.labels or session.turn == 3',
        'hour(now, "UTC") == 15',
        "now > 2027-03-01T08:00:00Z",
        'any x in user.roles: (x == "nurse")',
        'context.tags is present and any x in context.tags: (x == "a")',
        "usage.input_tokens is present and usage.input_tokens > 10",
    ],
)  # fmt: skip
def test_conditions_are_met(condition: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(properties, "ENOUGH", 3)
    result = law(condition)
    assert result.passed, result.failures
    assert result.decisions > 0


def test_lists_facts_classifiers_and_meters_are_met(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(properties, "ENOUGH", 3)
    text = SCHEMA + (
        'list words from "words.txt"\n'
        'facts tenant from "tenants.json"\n'
        'classifier tox { endpoint = "grpc://127.0.0.1:1" timeout = 40ms on_failure = "deny" }\n'
        "meter hits counts rule p.a by user.id over 1h\n"
        "policy p { default allow rule a { when user.id in words then deny } }\n"
        "property a { always deny when user.id in words }\n"
        "property b { always deny when user.roles overlaps words and user.id in words }\n"
        "property c { always deny when user.roles within words and user.id in words }\n"
        'property d { never deny when tenant.id == "north" and user.id not in words }\n'
        "property e { always deny when classifier.tox(content) > 0.7 and user.id in words }\n"
        "property f { always deny when meter.hits > 70 and user.id in words }\n"
    )
    facts = '{"north": {"plan": "free"}, "south": {"plan": "pro"}}'
    for result in run_properties(load(text, words_txt="alpha\nbeta\n", tenants_json=facts)):
        assert result.passed, (result.name, result.failures)
        assert result.decisions > 0


def test_a_property_that_holds_was_tried_often() -> None:
    result = law('stage == "request"')
    assert (result.kind, result.decisions) == ("property", ENOUGH)


def test_a_counterexample_holds_only_what_matters() -> None:
    result = law(
        'stage == "request"',
        "rule r { when context.amount is present and context.amount > 500 then deny }",
    )
    (failure,) = result.failures
    request = dict(failure.request)
    assert set(request) - {"context"} == {"stage", "tenant", "user"}
    context = request["context"]
    assert isinstance(context, dict)
    assert set(context) - {"seat"} == {"amount"}
    assert failure.message == "never deny is broken: the decision is deny by p.r"
    assert failure.decision is not None
    assert failure.decision.action == "deny"
    assert failure.explanation is not None


def test_a_counterexample_names_the_time_and_the_answers_it_needs() -> None:
    late = law('stage == "request"', 'rule r { when hour(now, "UTC") == 15 then deny }')
    assert late.failures[0].message.startswith("never deny is broken at 2026-01-")
    before = (
        "meter hits counts rule p.a by user.id over 1h\n"
        'classifier tox { endpoint = "grpc://127.0.0.1:1" timeout = 40ms on_failure = "allow" }\n'
    )
    rules = (
        'rule a { when user.id == "z" then allow } rule r { when meter.hits > 3 then deny } '
        "rule s { when classifier.tox(content) > 2 then deny }"
    )
    often = law('stage == "request"', rules, before=before)
    assert ", meter.hits = " in often.failures[0].message
    assert "tox" not in often.failures[0].message
    assert " at " not in often.failures[0].message


def test_a_counterexample_names_the_argument_that_must_be_tainted() -> None:
    rule = 'rule r { when arg("to.name") tainted then deny on_failure allow }'
    (failure,) = law('stage == "tool_call"', rule).failures
    assert failure.message.endswith('the decision is deny by p.r, arg("to.name") tainted = true')
    tool = failure.request["tool"]
    assert isinstance(tool, dict)
    assert set(tool["args"]) == {"to"}


def test_always_is_broken_by_any_other_action() -> None:
    result = law("content has pii.email", "rule r { then redact pii.email }", "always deny")
    assert result.failures[0].message == "always deny is broken: the decision is redact by p.r"
    assert law("content has pii.email", "rule r { then deny }", "always deny or redact").passed


@pytest.mark.slow
def test_a_property_that_was_never_tried_fails() -> None:
    result = law("length(content) > 1000000")
    assert result.failures[0].message == f"none of {ATTEMPTS} requests met its condition"
    unknown = law("content has secret.figma")
    assert unknown.failures[0].message.endswith(
        "no text with secret.figma is known: show one in a test"
    )


def test_the_seed_repeats_the_search() -> None:
    made = load(
        "policy p { default allow rule r { then redact pii.email } }\n"
        'property l { never redact when user.id != "x" }'
    )
    (one,), (again,) = (tuple(run_properties(made, seed=3)) for _ in range(2))
    assert one.failures == again.failures
    assert list(run_properties(made, [])) == []


def test_samples_are_found_for_what_policies_ask_for_only() -> None:
    made = load(
        "entity own.badge { pattern /BADGE-[0-9]{4}/ }\n"
        "policy p { default allow rule r { when content has own.badge then redact pii.email } }\n"
        'test "t" { given { tenant.id: "t", user.id: "u", stage: "request", '
        'content: "BADGE-1234" } repeat 1 { expect allow } }\n'
    )
    assert find_samples(made) == {
        "own.badge": "BADGE-1234",
        "pii.email": "kim.lee@example.com",
    }
    assert made.senses.injection(INJECTION, "user").score > 0.8
