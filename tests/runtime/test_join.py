from __future__ import annotations

from dataclasses import replace

import pytest

from engine.language.types import BOOL, INT, STRING, Enumeration, SetOf
from engine.runtime.reader import Reader, build_reader
from engine.runtime.record import read_attribute
from engine.runtime.request import InvalidRequest
from engine.runtime.table import Table
from tests.runtime.made import FIELDS, request, schema

SMALL = build_reader(FIELDS)


def problems(asked: dict[str, object], reader: Reader) -> dict[str, str]:
    with pytest.raises(InvalidRequest) as raised:
        reader.read(asked)
    return {problem.path: problem.message for problem in raised.value.problems}


# --- facts ----------------------------------------------------------------------------------------

FACTS = schema(
    tenant__plan=Enumeration(("free", "pro")),
    tenant__region=(STRING, "?"),
    tenant__tags=SetOf(STRING),
    tenant__limits__daily=INT,
    tenant__other=(STRING, "?"),
    context__project__id=(STRING, "?"),
    context__project__open=(BOOL, "?"),
)
TENANTS = Table(
    "tenant",
    ("limits.daily", "plan", "region", "tags"),
    {"north": (5, "pro", None, frozenset({"a"}))},
)
PROJECTS = Table("context.project", ("open",), {"p1": (True,)})
JOINED = build_reader(FACTS, {"tenant": TENANTS, "context.project": PROJECTS})


def test_facts_fill_in_by_id() -> None:
    record = JOINED.read(request(context={"project": {"id": "p1"}}))

    assert (record.tenant.plan, record.tenant.limits.daily) == ("pro", 5)
    assert record.tenant.tags == {"a"}
    assert record.context.project.open is True
    assert record.missing == ()


def test_facts_outrank_what_the_request_sends() -> None:
    sent = {"id": "north", "plan": "free", "region": "eu", "limits": {"daily": 9}, "other": "x"}

    record = JOINED.read(request(tenant=sent))

    assert (record.tenant.plan, record.tenant.region, record.tenant.limits.daily) == (
        "pro",
        None,
        5,
    )
    assert record.tenant.other == "x"


def test_an_unknown_id_leaves_what_is_required_missing() -> None:
    record = JOINED.read(request(tenant={"id": "south", "plan": "pro", "tags": ["x"]}))

    assert record.missing == ("tenant.limits.daily", "tenant.plan", "tenant.tags")
    assert (record.tenant.plan, record.tenant.tags) == (None, None)


def test_a_wrong_value_is_refused_even_where_facts_outrank_it() -> None:
    assert problems(request(tenant={"id": "north", "plan": "x"}), JOINED) == {
        "tenant.plan": 'expected "free" | "pro"'
    }


def test_attributes_are_read_by_path() -> None:
    record = SMALL.read(request(context={"amount": 5}))

    assert read_attribute(record, "context.amount") == 5
    assert read_attribute(record, "stage") == "request"


# --- words that ask for more ---

APPS = schema(
    context__app=Enumeration(("support", "sales")),
    context__case=(STRING, "?"),
    user__team=(STRING, "?"),
)
for _path in ("context.case", "user.team"):
    APPS[_path] = replace(APPS[_path], required_when=("context.app", frozenset({"support"})))


def test_a_word_may_ask_for_more_attributes() -> None:
    reader = build_reader(APPS)
    team = {"id": "u", "team": "t"}

    assert reader.read(request(context={"app": "sales"})).context.case is None
    asked = request(context={"app": "support", "case": "c"}, user=team)
    assert reader.read(asked).context.case == "c"
    expected = 'required when context.app is "support"'
    asked = request(context={"app": "support"}, user=team)
    assert problems(asked, reader) == {"context.case": expected}
    assert problems(asked | {"stage": "tool_call", "content": 5}, reader) == {
        "content": "expected string, not an int",
        "context.case": expected,
        "tool.name": 'required when stage is "tool_call"',
    }


def test_what_a_word_asks_for_may_come_from_facts() -> None:
    table = Table("user", ("team",), {"u1": ("a",), "u2": (None,)})
    reader = build_reader(APPS, {"user": table})

    def missing(user: str) -> tuple[str, ...]:
        asked = request(context={"app": "support", "case": "c"}, user={"id": user})
        return reader.read(asked).missing

    assert [missing(user) for user in ("u1", "u2", "u3")] == [(), ("user.team",), ("user.team",)]
