from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engine.language.packed import Joined, join
from engine.service.parcel import unwrap, wrap


@given(st.lists(st.lists(st.binary(max_size=50), max_size=5), max_size=4))
def test_what_is_wrapped_comes_out_again(parts: list[list[bytes]]) -> None:
    value = {"rows": [join(one) for one in parts], "word": "w"}
    assert unwrap(wrap(value)) == value


def test_what_is_large_is_not_copied() -> None:
    data = wrap(join([b"x" * 1000, b"y"]))
    made = unwrap(data)
    assert isinstance(made, Joined)
    member = made[0]
    assert isinstance(member, memoryview)
    assert member.obj is data
    assert bytes(member) == b"x" * 1000
