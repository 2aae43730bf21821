"""What tests become: requests in the form of the doors, expectations over decisions."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from engine.language import program, typed
from engine.language.types import DECIMAL, DURATION, INT, JSON, STRING, TEXT
from tests.language.checking import check_texts, checked, codes

SCHEMA = """
schema {
  user.clearance:   int?
  context.urgent:   bool?
  context.amount:   decimal?
  context.score:    float?
  context.since:    time?
  context.age:      duration?
  context.topics:   set<string>?
  context.lines:    list<int>?
  context.order.id: int?
}
policy p { default allow rule r { when session.turn > limit then deny } }
let limit = 5
"""
BASIC = '{ tenant.id: "a", user.id: "b", stage: "request" }'


def steps(text: str) -> tuple[program.Step, ...]:
    return checked(a=f'{SCHEMA} test "t" {{ {text} }}').tests[0].steps


def given(record: str, below: str = BASIC) -> Mapping[str, object]:
    """Return the request that *record*, laid over *below*, makes."""
    text = f'{SCHEMA} fixture f {below} test "t" {{ given f with {record} expect allow }}'
    first = checked(a=text).tests[0].steps[0]
    assert isinstance(first, program.Given)
    return first.request


def expectation(text: str) -> program.Expectation:
    step = steps(f"given {BASIC} expect {text}")[1]
    assert isinstance(step, program.Expect)
    return step.expectation


def test_a_request_has_the_form_of_the_doors() -> None:
    request = given(
        """{
        user: { roles: {"nurse", "doctor"}, clearance: 2 },
        session.turn: -1, source.ip: "10.0.0.1", content: "hello",
        context.urgent: true, context.amount: 2.50, context.score: 1,
        context.since: 2026-01-01T00:00:00Z, context.age: 90s,
        context.topics: {}, context.lines: [1, -2], context.order: { id: 7 }
        }"""
    )
    assert request == {
        "tenant": {"id": "a"},
        "user": {"id": "b", "roles": ["nurse", "doctor"], "clearance": 2},
        "stage": "request",
        "session": {"turn": -1},
        "source": {"ip": "10.0.0.1"},
        "content": "hello",
        "context": {
            "urgent": True,
            "amount": Decimal("2.50"),
            "score": 1.0,
            "since": datetime(2026, 1, 1, tzinfo=UTC),
            "age": timedelta(seconds=90),
            "topics": [],
            "lines": [1, -2],
            "order": {"id": 7},
        },
    }


def test_tool_arguments_are_json() -> None:
    request = given(
        """{ tool: { name: "mail", args: {
          to: ["a", { b: -1 }], "a.b": 0.5, c.d: true, gone: absent, e: {}
        } } }"""
    )
    assert request["tool"] == {
        "name": "mail",
        "args": {"to": ["a", {"b": -1}], "a.b": 0.5, "c": {"d": True}, "e": {}},
    }


def test_single_arguments_are_laid_over_those_below() -> None:
    below = '{ tenant.id: "a", user.id: "b", stage: "request", tool.args: { x: 1, y: { z: 2 } } }'
    assert given("{ tool.args.y.z: 3, tool.args.w: 4 }", below)["tool"] == {
        "args": {"x": 1, "y": {"z": 3}, "w": 4}
    }
    assert given("{ tool.args.x.y: 1 }", below)["tool"] == {"args": {"x": {"y": 1}, "y": {"z": 2}}}
    assert given("{ tool.args.x: 1 }")["tool"] == {"args": {"x": 1}}
    assert given("{ tool.args: {} }", below)["tool"] == {"args": {}}


def test_absent_takes_attributes_and_groups_away() -> None:
    below = (
        '{ tenant.id: "a", user.id: "b", stage: "request", model.name: "m", tool.name: "t", '
        'tool.args: { x: 1 }, content: "c" }'
    )
    request = given("{ model.name: absent, tool: absent, content: absent }", below)
    assert request == {"tenant": {"id": "a"}, "user": {"id": "b"}, "stage": "request"}


def test_messages_and_content_replace_each_other() -> None:
    messages = '{ messages: [{ role: "user", text: "a" }, { text: "b", role: "assistant" }] }'
    request = given(messages, BASIC.replace("}", ', content: "c" }'))
    assert request["messages"] == [
        {"role": "user", "text": "a"},
        {"role": "assistant", "text": "b"},
    ]
    assert "content" not in request
    below = BASIC.replace("}", ', messages: [{ role: "user", text: "a" }] }')
    request = given('{ content: "c" }', below)
    assert request["content"] == "c"
    assert "messages" not in request
    assert "messages" not in given("{ messages: absent }", below)


def test_a_case_changes_nothing_for_the_next() -> None:
    made = steps(
        f'given {BASIC} case "one" {{ content: "x" }} expect deny case "two" expect allow '
        "expect allow"
    )
    first, second = made[1], made[2]
    assert isinstance(first, program.Case)
    assert isinstance(second, program.Case)
    assert (first.name, first.request["content"]) == ("one", "x")
    assert "content" not in second.request


def test_steps_arrive_in_order() -> None:
    made = steps(
        f"""at 2026-03-01T12:00:00Z given {BASIC} repeat 3 {{ expect allow advance 1s }}
        mock injection(content) = 0.9 mock injection = 1"""
    )
    assert made[0] == program.At(datetime(2026, 3, 1, 12, tzinfo=UTC))
    assert isinstance(made[2], program.Repeat)
    assert (made[2].times, made[2].steps[1]) == (3, program.Advance(timedelta(seconds=1)))
    assert made[3:] == (program.Mock("injection", 0.9), program.Mock("injection", 1.0))


def test_taint_is_mocked_by_the_path_of_the_argument() -> None:
    steps = 'mock arg("to.0") tainted = true mock arg("cc") tainted = false'
    made = checked(a=f'test "t" {{ given {BASIC} {steps} expect allow }}')
    assert made.tests[0].steps[1:3] == (
        program.Mock("tainted.to.0", True),  # noqa: FBT003 - a field
        program.Mock("tainted.cc", False),  # noqa: FBT003 - a field
    )
    assert program.taint_mock(("to", 0)) == "tainted.to.0"


def test_the_state_is_mocked_as_away_and_as_here_again() -> None:
    steps = 'mock state = "away" mock state = "here"'
    made = checked(a=f'test "t" {{ given {BASIC} {steps} expect allow }}')
    found = [one.value for one in made.tests[0].steps if isinstance(one, program.Mock)]
    assert found == [True, False]


def test_a_meter_cannot_be_mocked_where_there_is_none() -> None:
    _, report = check_texts(a=f'test "t" {{ given {BASIC} mock meter.m = 6 expect allow }}')
    (found,) = report.sorted()
    assert (found.code, found.message) == ("E414", "`meter.m` cannot be mocked")


def test_meters_are_mocked_with_counts() -> None:
    text = "meter m counts rule p.r by user.id over 1m " + SCHEMA
    made = checked(a=f'{text} test "t" {{ given {BASIC} mock meter.m = 6 expect allow }}')
    mock = made.tests[0].steps[1]
    assert mock == program.Mock("meter.m", 6)
    assert isinstance(mock.value, int)


def test_what_is_given_in_a_repetition_stays_given() -> None:
    assert codes(a=f'test "t" {{ repeat 2 {{ given {BASIC} }} expect allow }}') == []


def test_a_test_belongs_to_its_package() -> None:
    test = checked(a=f'package x.y test "t" {{ given {BASIC} expect allow }}').tests[0]
    assert (test.name, test.package) == ("t", "x.y")


def test_rules_and_policies_are_named_in_full() -> None:
    made = checked(
        a=f'package x {SCHEMA} test "t" {{ given {BASIC} expect deny by p.r, x.p.r, p }}',
        b=f'package y import x as z test "t" {{ given {BASIC} expect deny by z.p.r, x.p }}',
    )
    found = [
        step.expectation.by
        for test in made.tests
        for step in test.steps
        if isinstance(step, program.Expect)
    ]
    assert found == [("x.p.r", "x.p.r", "x.p"), ("x.p.r", "x.p")]


def test_expectations_read_the_fields_of_a_decision() -> None:
    made = expectation(
        'throttle and content == "a" and reason == "b" and retry_after <= 1s and remaining > 5 '
        'and queue == "c" and reviewers == 2 and revision == "d" and advice.route == "e"'
    )
    assert made.action == "throttle"
    assert isinstance(made.condition, typed.And)
    reads = [part.left for part in made.condition.parts if isinstance(part, typed.Compare)]
    assert {one.path: one.type for one in reads if isinstance(one, typed.Attribute)} == {
        "decision.content": TEXT,
        "decision.reason": STRING,
        "decision.retry_after": DURATION,
        "decision.remaining": DECIMAL,
        "decision.queue": STRING,
        "decision.reviewers": INT,
        "decision.revision": STRING,
        "decision.advice.route": JSON,
    }


def test_expectations_use_constant_lets() -> None:
    condition = expectation("throttle and remaining < limit").condition
    assert isinstance(condition, typed.Compare)
    assert isinstance(condition.right, typed.Constant)
    assert condition.right.value == Decimal(5)
    expected = "expect throttle and remaining < most"
    text = f'{SCHEMA} let most = limit * 2 test "t" {{ given {BASIC} {expected} }}'
    assert codes(a=text) == []


def test_fields_of_a_decision_can_be_asked_for_presence() -> None:
    condition = expectation("deny and advice.route is absent").condition
    assert isinstance(condition, typed.Not)
    assert isinstance(condition.inner, typed.Present)


def test_a_decision_may_lack_what_an_expectation_defaults() -> None:
    condition = expectation('deny and (advice.route ?? "none") == "none"').condition
    assert isinstance(condition, typed.Compare)
    assert isinstance(condition.left, typed.Coalesce)


def test_a_property_is_about_requests() -> None:
    made = checked(
        a=f"""package x {SCHEMA}
        property closed "Nothing gets out" {{ never allow or redact when session.turn > limit }}"""
    ).properties[0]
    assert (made.name, made.title, made.kind) == ("x.closed", "Nothing gets out", "never")
    assert made.actions == {"allow", "redact"}
    assert isinstance(made.when, typed.Compare)


def test_facts_supply_what_a_record_lacks() -> None:
    schema = 'schema { tenant.plan: "free" | "pro" } '
    test = f'test "t" {{ given {BASIC} expect allow }}'
    assert codes(a=schema + test) == ["E411"]
    assert codes(a=f'{schema} facts tenant from "t.json" {test}') == []


def test_a_missing_attribute_is_reported_where_the_request_is_given() -> None:
    test = 'test "t" { given { tenant.id: "a" } case "x" { stage: "tool_call" } expect allow }'
    assert codes(a=test) == ["E411", "E411"]


def test_the_smallest_number_can_be_written() -> None:
    assert given("{ session.turn: -9223372036854775808 }")["session"] == {"turn": -(2**63)}
    for condition, found in (
        ("session.turn == -9223372036854775808", []),
        ("session.turn in {-9_223_372_036_854_775_808}", []),
        ("session.turn == -9223372036854775809", ["E107"]),
        ("session.turn - 9223372036854775808 < 0", ["E107"]),
        ("session.turn == -(9223372036854775808)", ["E107"]),
    ):
        rules = f"rule r {{ when {condition} then deny }}"
        assert codes(a=f"policy p {{ default allow {rules} }}") == found
