"""What is read of a Struct by hand is what protobuf and the reference read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from google.protobuf.struct_pb2 import ListValue, Struct, Value
from hypothesis import given
from hypothesis import strategies as some

from engine.doors.grpc import convert
from engine.doors.grpc.fields import DEEPEST, END, bounds, number, read_struct
from engine.runtime.objections import Problem

NAMES = some.sampled_from(("", "a", "é", "x" * 130)) | some.text()
JSON = some.recursive(
    some.none()
    | some.booleans()
    | some.floats(allow_nan=False, allow_infinity=False)
    | some.text()
    | some.just("y" * 200),
    lambda inner: some.lists(inner) | some.dictionaries(NAMES, inner),
    max_leaves=12,
)


def refused(read: Callable[[], object]) -> bool:
    """Return whether it is left to the reference to *read* it."""
    try:
        read()
    except (ValueError, IndexError):
        return True
    return False


def by_hand(raw: bytes) -> object:
    """Return what *raw* holds, or None where it is to be read as a whole."""

    def read() -> object:
        return read_struct(raw + END, 0, len(raw), 0)

    return None if refused(read) else read()


def as_a_whole(raw: bytes) -> object:
    """Return the same as the reference has it."""
    problems: list[Problem] = []
    made = convert.read_struct(Struct.FromString(raw), "context", problems)
    return None if problems else made


def struct_of(made: dict[str, Any]) -> Struct:
    """Return *made* as protobuf has it."""
    struct = Struct()
    struct.update(made)
    return struct


@given(some.dictionaries(NAMES, JSON))
def test_a_struct_is_read_as_the_reference_reads_it(made: dict[str, object]) -> None:
    raw = struct_of(made).SerializeToString()
    assert by_hand(raw) == as_a_whole(raw) == made


FULL = struct_of(
    {"a": 1.5, "b": [None, "x", True, {"c": []}], "n": None, "s": "text", "o": {"p": False}}
).SerializeToString(deterministic=True)


@given(some.lists(some.tuples(some.integers(0, len(FULL) - 1), some.binary(max_size=2))))
def test_a_damaged_struct_is_read_alike_or_left_to_the_reference(
    damage: list[tuple[int, bytes]],
) -> None:
    raw = FULL
    for at, put in damage:
        raw = raw[:at] + put + raw[at + 1 :]
    found = by_hand(raw)
    if found is not None:
        assert found == as_a_whole(raw)


@pytest.mark.parametrize(
    "raw",
    [
        struct_of({"a": float("inf")}).SerializeToString(),
        struct_of({"a": float("nan")}).SerializeToString(),
        struct_of({"a": 1.0}).SerializeToString() * 2,
        b"\x0a\x04\x12\x02\x1a\x00",  # no name
        b"\x0a\x03\x0a\x01a",  # no value
        b"\x0a\x07\x0a\x01a\x12\x02\x20\x02",  # neither true nor false
        b"\x0a\x07\x0a\x01a\x12\x02\x08\x01",  # no such null
        b"\x0a\x07\x0a\x01a\x12\x02\x38\x00",  # no such kind
        b"\x0a\x09\x0a\x01a\x12\x04\x1a\x00\x20\x01",  # two kinds
        b"\x0a\x09\x0a\x01a\x12\x04\x32\x02\x12\x00",  # a list of something else
        b"\x0a\x09\x0a\x01a\x12\x04\x32\x02\x0a\x05",  # longer than the list
        b"\x12\x00",
        b"\x0a\x05\x0a\x01a\x12\x09",
    ],
)
def test_what_is_not_as_usual_is_left_to_the_reference(raw: bytes) -> None:
    assert by_hand(raw) is None


@pytest.mark.parametrize("listed", [True, False])
def test_what_is_nested_deeply_is_left_to_the_reference(*, listed: bool) -> None:
    def nested(levels: int) -> bytes:
        made = Value(string_value="x")
        for _ in range(levels):
            made = (
                Value(list_value=ListValue(values=[made]))
                if listed
                else Value(struct_value=Struct(fields={"a": made}))
            )
        return Struct(fields={"a": made}).SerializeToString()

    assert by_hand(nested(DEEPEST)) == as_a_whole(nested(DEEPEST))
    assert by_hand(nested(DEEPEST + 1)) is None


def test_lengths_and_numbers_that_take_more_bytes_than_usual_are_refused() -> None:
    assert bounds(b"\x0a\x85\x01", 0) == (3, 136)
    assert refused(lambda: bounds(b"\x0a\x85\x81\x01", 0))
    assert number(b"\x85\x81\x81\x01", 0) == (2_113_669, 4)
    assert refused(lambda: number(b"\x85\x81\x81\x81\x81\x01", 0))


def test_a_value_of_no_kind_is_null() -> None:
    raw = Struct(fields={"a": Value()}).SerializeToString()
    assert by_hand(raw) == as_a_whole(raw) == {"a": None}
