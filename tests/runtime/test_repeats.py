from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.runtime.repeats import has_repeats


@pytest.mark.parametrize(
    "text",
    [
        '{"a": 1, "a": 1}',
        '{"a": 1, "a": {"b": 2}}',
        '[{"x": {"a": 1, "b": 2, "a": 3}}]',
        r'{"a": 1, "\u0061": 2}',
        r'{"a": ":", "a": "\u003a"}',
        r'{"a:": 1, "a\u003A": 2}',
        r'{"a": "\u003a\u003a", "a": 1}',
    ],
)
def test_a_name_that_stands_twice_is_noticed(text: str) -> None:
    assert has_repeats(text.encode(), json.loads(text))


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        "null",
        '"a:b"',
        '{"a": {"a": ":"}, "b": [{"a": 1.5}, {"a": ":::"}], "c": "{\\"a\\":1,\\"a\\":2}"}',
        r'{"a:": 1, "b\u003a": true}',
    ],
)
def test_names_that_stand_once_in_each_object_are_fine(text: str) -> None:
    assert not has_repeats(text.encode(), json.loads(text))


NAMES = st.sampled_from(["a", "b", ":", "a:b", "\u003a"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | NAMES,
    lambda inner: st.lists(inner, max_size=3) | st.lists(st.tuples(NAMES, inner), max_size=4),
    max_leaves=12,
)


@given(VALUES)
def test_what_repeats_is_told_from_what_does_not(made: object) -> None:
    repeats = False

    def write(node: object) -> str:
        nonlocal repeats
        if not isinstance(node, list):
            return json.dumps(node)
        if node and all(isinstance(one, tuple) for one in node):
            repeats = repeats or len({name for name, _ in node}) < len(node)
            members = (f"{json.dumps(name)}:{write(one)}" for name, one in node)
            return "{" + ",".join(members) + "}"
        return f"[{','.join(map(write, node))}]"

    text = write(made)
    assert has_repeats(text.encode(), json.loads(text)) == repeats


def test_what_is_nested_too_deeply_is_not_walked_through() -> None:
    value: list[object] = []
    for _ in range(600):
        value = [value]
    with pytest.raises(RecursionError):
        has_repeats(b"", value)
