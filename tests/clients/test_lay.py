"""What is laid by hand is what protobuf would write; what cannot be sent is refused as there."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pol_client import InvalidRequest, Message
from pol_client._wire import engine_pb2 as wire
from pol_client.fields import FLOATS, KEYS, MOST_GROUP, MOST_TEXTS, SHORT, Groups, Odd, Texts
from pol_client.lay import DEEP, KNOWN_MODELS, KNOWN_USERS, TENANTS, laid, lay_batch, lay_request
from pol_client.request import STAGES, build_request

WHOLE: dict[str, Any] = {
    "approval": "a",
    "capabilities": ("route", "mask", "wait", "mask_stream"),
    "source": "192.0.2.1",
    "usage": {"output_tokens": 2, "input_tokens": 0, "cost_usd": Decimal("0.50")},
    "session": {"turn": 300, "labels": ["l", ""], "id": "s", "kind": "x"},
    "tool": {"server": "s", "args": {"x": [1, None, True]}, "name": "n", "risk": 2, "none": None},
    "model": {"version": "1", "name": "m", "provider": "p", "region": "eu", "none": None},
    "context": {"é\n": "\u2028", "list": [], "many": {"deep": {"er": [[1.5e300, -0.0]]}}},
    "messages": [Message("user", "hi"), {"role": "tool", "text": ""}],
    "content": "",
    "stage": "tool_call",
    "user": {"clearance": False, "roles": ("a", ""), "id": "u", "none": None},
    "tenant": {"plan": "pro", "id": "t" * 200, "none": None},
    "request_id": "r",
}


def outcome(write: Any, asked: Any) -> object:
    """Return what is written, or what is wrong."""
    try:
        return write(asked)
    except InvalidRequest as error:
        return error.violations


def both(asked: Any) -> object:
    """Return what both ways come to."""
    made = outcome(lay_request, asked)
    assert made == outcome(lambda given: build_request(given).SerializeToString(), asked)
    return made


def test_a_request_that_says_everything_is_laid_by_hand() -> None:
    assert laid(WHOLE) == build_request(WHOLE).SerializeToString()


@pytest.mark.parametrize("name", [*WHOLE])
def test_each_part_is_laid_alone(name: str) -> None:
    assert both({name: WHOLE[name]}) == laid({name: WHOLE[name]})
    assert both({name: None}) == b""


@pytest.mark.parametrize("name", ["tenant", "user", "model", "tool", "session", "source"])
@pytest.mark.parametrize("value", ["", "x", "é" * 70, {}, {"id": None}, {"more": 1}])
def test_groups_that_are_an_id_alone_or_hold_little(name: str, value: Any) -> None:
    both({name: value})


@pytest.mark.parametrize("stage", [*STAGES, "", "requst", 3, ["request"]])
def test_every_stage(stage: Any) -> None:
    both({"stage": stage})


@pytest.mark.parametrize(
    "odd",
    [
        {"tenent": "t"},
        {"tenant": 1},
        {"tenant": {"id": 1}},
        {"tenant": MappingProxyType({"id": "t", "plan": "pro"})},
        {"tenant": {"plan": object()}},
        {"tenant": {"plan": Decimal("1.50")}},
        {"user": {"roles": 3}},
        {"user": {"roles": "ab"}},
        {"user": {"roles": ["a", 3]}},
        {"content": 3},
        {"content": "\ud800"},
        {"messages": 3},
        {"messages": (Message("user", "hi"),)},
        {"messages": [{"role": "user"}]},
        {"messages": [{"role": "user", "txt": "hi"}]},
        {"messages": [{"role": "user", "text": "hi", "more": "x"}]},
        {"messages": ["hi"]},
        {"messages": [Message("user", 3)]},  # type: ignore[arg-type]
        {"context": {"x": float("nan")}},
        {"context": {"x": float("-inf")}},
        {"context": {"x": "\ud800"}},
        {"context": {"x": 10**5000}},
        {"context": {1: "x"}},
        {"context": {("a",): "x"}},
        {"context": {"x": {1.5: True}}},
        {"context": {"set": {"b", "a"}, "tuple": (1, 2)}},
        {"context": [1, 2]},
        {"context": object()},
        {"tool": {"args": object()}},
        {"tool": {"args": "text"}},
        {"tool": {"args": {"x": b"bytes"}}},
        {"session": {"turn": "x"}},
        {"session": {"turn": -1}},
        {"session": {"turn": True}},
        {"session": {"turn": 0}},
        {"session": {"turn": ""}},
        {"session": {"turn": 2**63}},
        {"session": {"labels": 3}},
        {"session": {"labels": "ab"}},
        {"source": {"ip": "::1", "asn": 7}},
        {"usage": {"input": 1}},
        {"usage": {"input_tokens": "x"}},
        {"usage": {"input_tokens": None, "output_tokens": None, "cost_usd": None}},
        {"usage": {"output_tokens": 2**63}},
        {"usage": 3},
        {"capabilities": ["fly"]},
        {"capabilities": [["mask"]]},
        {"capabilities": "mask"},
        {"capabilities": 3},
        {"capabilities": []},
        {"request_id": 3},
        MappingProxyType({"tenant": "t"}),
    ],
)
def test_what_is_odd_or_wrong_is_as_the_reference_has_it(odd: Any) -> None:
    both(odd)


def test_what_is_nested_without_end_is_refused_and_what_is_nested_deep_is_not() -> None:
    circle: list[Any] = []
    circle.append(circle)
    assert both({"context": {"x": circle}}) == outcome(build_request, {"context": {"x": circle}})
    deep: Any = "x"
    for _ in range(3 * DEEP):
        deep = {"x": [deep]}
    assert both({"context": deep}) == laid({"context": deep})


def test_a_part_that_is_none_is_no_part() -> None:
    with pytest.raises(Odd):
        laid({"tenent": "t"})


class Word(StrEnum):
    """Texts of a caller's own type, whose hash is not a text's."""

    clerk = "nurse"
    nurse = "clerk"


@pytest.mark.parametrize(
    "asked",
    [
        {"tenant": "again", "session": "again", "model": "again", "tool": "again"},
        {"user": {"id": "again", "roles": ["clerk", "nurse"]}},
        {"user": {"roles": ["clerk", "nurse"], "id": ""}},
        {"user": {"id": "again", "roles": []}},
        {"user": {"id": Word.clerk, "roles": [Word.nurse, Word.clerk]}, "tenant": Word.clerk},
        {"user": {"id": "again", "roles": ["clerk", ["nurse"]]}},
        {"user": {"id": "again", "roles": ["clerk", 1]}},
        {"model": {"name": "m", "provider": "p"}},
        {"model": {"name": "m", "provider": ""}},
        {"model": {"name": "m", "version": "p"}},
        {"model": {"name": "m", "region": "p"}},
        {"model": {"name": "m", "provider": ["p"]}},
        {"model": {"name": Word.clerk, "provider": Word.nurse}},
        {"context": {"x": 1, "y": {"x": [True, 2.5]}}},
    ],
)
def test_what_is_said_again_is_laid_as_the_first_time(asked: dict[str, Any]) -> None:
    plain = {"tenant": "nurse", "user": {"id": "nurse", "roles": ["clerk", "nurse"]}}
    assert both(asked) == both(asked)
    assert both(plain) == both(plain)
    assert both(asked) == both(asked)


def test_little_is_remembered_and_nothing_that_is_long() -> None:
    for number in range(MOST_TEXTS + 10):
        name = f"u{number}"
        both_known = {"tenant": name, "context": {name: number + 0.5}}
        laid(
            {
                **both_known,
                "user": {"id": name, "roles": ["r"]},
                "model": {"name": name, "provider": "p"},
            }
        )
    for known in (TENANTS.known, KNOWN_USERS.known, KNOWN_MODELS.known, KEYS, FLOATS):
        assert 10 <= len(known) <= MOST_TEXTS
    long = "x" * (SHORT + 1)
    roles = [f"{number}{long}" for number in range(8)]
    assert both({"tenant": long, "context": {long: 1}, "user": {"id": long, "roles": roles}})
    assert long not in TENANTS.known
    assert long not in KEYS
    assert long not in KNOWN_USERS.known


def test_fields_within_others_and_empty_ones() -> None:
    assert Texts(b"\x0a").lay("") == b""
    assert Texts(b"\x0a", empty=True).lay("") == b"\x0a\x00"
    assert Texts(b"\x0a", around=b"\x62").lay("m") == b"\x62\x03\x0a\x01m"


def test_of_each_name_what_was_said_last_is_known() -> None:
    groups = Groups()
    groups.keep("a", ["r"], b"made")
    assert groups.find("a", ["r"]) == b"made"
    assert groups.find("a", ["s"]) is groups.find("b", ["r"]) is groups.find(None, None) is None
    groups.keep("a", ["s"], b"other")
    assert groups.find("a", ["r"]) is None
    assert groups.find("a", ["s"]) == b"other"
    groups.keep(Word.clerk, ["r"], b"made")
    groups.keep("long", ["r"], bytes(MOST_GROUP + 1))
    assert [*groups.known] == ["a"]


def test_what_a_caller_changes_is_laid_as_it_is_then() -> None:
    roles = ["clerk"]
    for role in ("nurse", "doctor", "nurse"):
        roles[0] = role
        assert both({"user": {"id": "changing", "roles": roles}}) == both(
            {"user": {"roles": [role], "id": "changing"}}
        )


@pytest.mark.parametrize("number", [0.0, -0.0, 1.0, 1, True, 0.1, 1e300, -2.5, 1e-7])
def test_numbers_that_are_equal_are_laid_as_what_they_are(number: float) -> None:
    for _ in range(2):
        for each in (number, -0.0, 0.0, 1.0, 1, True):
            assert both({"context": {"x": [each, {"y": each}]}})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner),
)
GROUP = st.text() | st.dictionaries(
    st.sampled_from(["id", "name", "roles", "labels", "turn", "args", "version", "other"]), JSON
)


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "tenant": GROUP,
            "user": GROUP,
            "model": GROUP,
            "tool": GROUP,
            "session": GROUP,
            "context": st.dictionaries(st.text(), JSON),
            "content": st.text(),
            "usage": st.dictionaries(st.sampled_from(["input_tokens", "cost_usd"]), JSON),
        },
    )
)
def test_whatever_is_asked_is_written_as_protobuf_would(asked: dict[str, Any]) -> None:
    both(asked)


@pytest.mark.parametrize("number", [0, 1, 127, 128, 300, 2**14, 2**21])
def test_many_are_one_message(number: int) -> None:
    raw = wire.DecideRequest(content="x" * number).SerializeToString()
    made = wire.DecideBatchRequest.FromString(lay_batch([raw, raw]))
    assert [len(each.content) for each in made.requests] == [number, number]
