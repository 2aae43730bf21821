from __future__ import annotations

import weakref

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.language.packed import Joined, join
from engine.service.cache import PIECE_BYTES
from engine.service.parcel import unwrap, wrap


@given(st.lists(st.lists(st.binary(max_size=50), max_size=5), max_size=4))
def test_what_is_wrapped_comes_out_again(parts: list[list[bytes]]) -> None:
    value = {"rows": [join(one) for one in parts], "word": "w"}
    assert unwrap(wrap(value)) == value


def test_what_is_large_is_given_back_by_itself() -> None:
    first, second = unwrap(wrap([join([b"x" * PIECE_BYTES, b"y"]), join([b"z"])]))
    assert isinstance(first, Joined)
    assert [bytes(one[0]) for one in (first, second)] == [b"x" * PIECE_BYTES, b"z"]
    member = first[0]
    assert isinstance(member, memoryview)
    memory = weakref.ref(member.obj)
    del first, member
    assert memory() is None
    assert bytes(second[0]) == b"z"


def test_what_was_read_cannot_be_changed() -> None:
    [made] = unwrap(wrap([join([b"x"])]))
    with pytest.raises(TypeError, match="read-only"):
        made[0][0] = 0
