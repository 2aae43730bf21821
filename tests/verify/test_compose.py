from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from engine.language import program
from engine.language._grammar import KEYWORDS
from engine.verify.compose import Composed, Wanted, compose_test
from tests.language.checking import checked

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
  context.kind:     "a" | "b" ?
}
policy p { default allow rule r { when session.turn > 5 then escalate to "q" } }
"""
FIELDS = checked(a=SCHEMA).fields
BASE: dict[str, object] = {"tenant": {"id": "north"}, "user": {"id": "u1"}, "stage": "request"}
TIME = datetime(2026, 1, 2, 3, 4, 5, 600_000, tzinfo=UTC)

texts = st.text(st.characters(exclude_categories=["Cs"]))
json_values = st.recursive(
    st.booleans() | st.integers(-(2**63), 2**63 - 1) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)


def composed(request: Mapping[str, object], **changes: object) -> Composed:
    parts = {"title": "t", "comment": (), "time": TIME, "action": "escalate", "by": ("p.r",)}
    return compose_test(request, FIELDS, Wanted(**{**parts, **changes}))  # type: ignore[arg-type]


def read(text: str) -> tuple[program.Step, ...]:
    return checked(a=f"{SCHEMA}\n{text}").tests[0].steps


def back(request: Mapping[str, object]) -> Mapping[str, object]:
    """Return the request that the block of *request* parses to."""
    made = composed(request)
    assert made.left_out == ()
    step = read(made.text)[1]
    assert isinstance(step, program.Given)
    return step.request


def test_a_block_reads_as_a_person_would_write_it() -> None:
    request = {**BASE, "content": 'say "hi"\nnow', "user": {"id": "u1", "roles": ["b", "a"]}}
    made = composed(request, title="the first", comment=("why", "and how"))
    assert made.text == (
        "# why\n"
        "# and how\n"
        'test "the first" {\n'
        "  at 2026-01-02T03:04:05.600000Z\n"
        "  given {\n"
        '    content: "say \\"hi\\"\\nnow",\n'
        '    stage: "request",\n'
        '    tenant.id: "north",\n'
        '    user.id: "u1",\n'
        '    user.roles: {"b", "a"},\n'
        "  }\n"
        "  expect escalate by p.r\n"
        "}\n"
    )
    assert read(made.text)[0] == program.At(TIME)


@given(content=texts, key=texts | st.sampled_from(sorted(KEYWORDS)), value=json_values)
@example(content="", key="true", value=[])
@example(content="", key="a.b", value={"c.d": 1})
def test_whatever_is_asked_the_block_parses_back_to_it(
    content: str, key: str, value: object
) -> None:
    tool = {"name": "pay", "args": {key: value}}
    request = {**BASE, "stage": "tool_call", "content": content, "tool": tool}
    assert back(request) == request


@pytest.mark.nightly
@settings(max_examples=20_000, deadline=None)
@given(content=texts, key=texts | st.sampled_from(sorted(KEYWORDS)), value=json_values)
def test_a_long_search_finds_no_request_that_changes(content: str, key: str, value: object) -> None:
    tool = {"name": "pay", "args": {key: value}}
    request = {**BASE, "stage": "tool_call", "content": content, "tool": tool}
    assert back(request) == request


@given(st.lists(st.tuples(st.sampled_from(["user", "assistant", "tool"]), texts), min_size=1))
def test_whatever_was_said_the_block_parses_back_to_it(said: list[tuple[str, str]]) -> None:
    request = {**BASE, "messages": [{"role": role, "text": text} for role, text in said]}
    assert back(request) == request


@given(title=texts.filter(bool), comment=texts)
def test_whatever_it_is_called_the_block_has_that_name(title: str, comment: str) -> None:
    made = composed(BASE, title=title, comment=(comment,))
    assert checked(a=f"{SCHEMA}\n{made.text}").tests[0].name == title


def test_attributes_are_written_as_their_types_are() -> None:
    context = {
        "urgent": True,
        "amount": "-2.50",
        "score": 0.25,
        "since": "2026-01-01T00:00:00Z",
        "age": "PT90.5S",
        "topics": ["x", "y"],
        "lines": [1, -2],
        "kind": "a",
    }
    request = {**BASE, "user": {"id": "u1", "clearance": 2}, "context": context}
    found = back({**request, "source": {"ip": "10.0.0.1"}})
    assert found["source"] == {"ip": "10.0.0.1"}
    assert found["context"] == {
        **context,
        "amount": Decimal("-2.50"),
        "since": datetime(2026, 1, 1, tzinfo=UTC),
        "age": timedelta(seconds=90.5),
    }


def test_a_duration_of_nothing_and_sets_in_any_order_can_be_written() -> None:
    found = back({**BASE, "context": {"age": "PT0S", "topics": frozenset({"b", "a"}), "lines": []}})
    assert found["context"] == {"age": timedelta(0), "topics": ["a", "b"], "lines": []}


@pytest.mark.parametrize(
    ("more", "left_out"),
    [
        ({"tool": {"name": "n", "args": {"a": None, "b": 1}}}, "tool.args.a"),
        ({"tool": {"name": "n", "args": {"a": {"c": [None]}, "b": 1}}}, "tool.args.a.c"),
        ({"tool": {"name": "n", "args": {"a": 2**63, "b": 1}}}, "tool.args.a"),
        ({"tool": {"name": "n", "args": {"a": -(2**63) - 1, "b": 1}}}, "tool.args.a"),
        ({"tool": {"name": "n", "args": {"a": 1e300, "b": 1}}}, "tool.args.a"),
        ({"tool": {"name": "n", "args": {"a": float("inf"), "b": 1}}}, "tool.args.a"),
        ({"context": {"age": "PT0.0001S"}}, "context.age"),
        ({"context": {"age": "-PT1S"}}, "context.age"),
        ({"context": {"lines": "no list"}}, "context.lines"),
        ({"context": {"urgent": "no bool"}}, "context.urgent"),
    ],
)
def test_what_cannot_be_written_is_left_out_and_named(
    more: dict[str, object], left_out: str
) -> None:
    made = composed({**BASE, "stage": "tool_call", **more})
    assert made.left_out == (left_out,)
    assert "null" not in made.text.lower()


def test_what_the_schema_does_not_know_any_more_is_not_written() -> None:
    assert "gone" not in composed({**BASE, "context": {"gone": 1}}).text


def test_a_time_without_a_zone_is_one_of_utc() -> None:
    assert "at 2026-01-02T03:04:05Z" in composed(BASE, time=datetime(2026, 1, 2, 3, 4, 5)).text  # noqa: DTZ001
