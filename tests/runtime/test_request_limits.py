from __future__ import annotations

import pytest

from engine.language.types import (
    STRING,
    TEXT,
)
from engine.runtime.objections import Problem
from engine.runtime.reader import build_reader
from engine.runtime.request import InvalidRequest
from tests.runtime.made import FIELDS, request, schema
from tests.runtime.reading import FULL, READER, SMALL, context, full, problems


@pytest.mark.parametrize(
    ("name", "sent", "message"),
    [
        ("wait", "999999999w", "expected duration: too long for a duration"),
        ("price", "1e999999", "expected decimal: more than 64 digits"),
        ("price", "1e-999999", "expected decimal: more than 64 digits"),
        ("price", "1" * 129, "expected decimal: more than 64 digits"),
        ("price", "0." + "1" * 65, "expected decimal: more than 64 digits"),
        ("price", 10**64, "expected decimal: more than 64 digits"),
        ("due", "9999-12-31T23:59:59-14:00", "not in the years 1 to 9999"),
        ("due", "0001-01-01T00:00:00+14:00", "not in the years 1 to 9999"),
        ("name", "x" * 1_048_577, "1,048,577 characters, and the limit is 1,048,576"),
    ],
)
def test_what_would_be_too_much_work_is_refused(name: str, sent: object, message: str) -> None:
    reader = build_reader(FULL | schema(context__name=(STRING, "?")))

    assert problems(context(**{name: sent}), reader) == {f"context.{name}": message}


@pytest.mark.parametrize("context", [b'{"wait": "999999999w"}', b'{"price": "1e999999"}'])
def test_too_much_work_is_refused_in_json_too(context: bytes) -> None:
    with pytest.raises(InvalidRequest, match=r"context\.\w+: expected"):
        READER.read_parts(full(), context)


def test_texts_and_arguments_are_as_short_as_content() -> None:
    fields = FIELDS | schema(context__note=(TEXT, "?"))
    reader = build_reader(fields, limit=7)
    tool = {"name": "t", "args": {"a": ["abc"], "b": "def"}}

    assert problems(
        request(stage="tool_call", tool=tool, context={"note": "abcdefgh"}), reader
    ) == {
        "context.note": "content too large: 8 characters, and the limit is 7",
        "tool.args": "content too large: 8 characters, and the limit is 7",
    }
    fits = {"name": "t", "args": {"a": ["abc"], "b": "de"}}
    assert reader.read(request(stage="tool_call", tool=fits, context={"note": "abcde"}))


@pytest.mark.parametrize("path", ["tenant.id", "user.id", "session.id", "tool.name", "model.name"])
def test_ids_and_names_are_short(path: str) -> None:
    group, _, name = path.partition(".")
    asked = full()
    asked[group] = {**asked.get(group, {}), name: "x" * 1_025}

    assert problems(asked) == {path: "1,025 characters, and the limit is 1,024"}


def test_a_request_id_is_short() -> None:
    told = "1,025 characters, and the limit is 1,024"
    assert problems(request(request_id="x" * 1_025), SMALL) == {"request_id": told}


def test_messages_are_not_too_many() -> None:
    messages = [{"role": "user", "text": ""}] * 10_001
    told = "10,001 messages, and the limit is 10,000"
    assert problems(request(messages=messages), SMALL) == {"messages": told}


def test_not_everything_is_told_of_a_request_with_very_many_mistakes() -> None:
    asked = full(context={f"x{number}": 1 for number in range(5_000)})
    with pytest.raises(InvalidRequest) as raised:
        READER.read(asked)
    *first, last = raised.value.problems
    assert len(first) == 100
    assert last == Problem("", "and more")
