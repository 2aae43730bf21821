from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from ipaddress import ip_address

from hypothesis import given
from hypothesis import strategies as st

from engine.runtime.keys import LONGEST, join_key


def test_keys_can_be_read() -> None:
    assert join_key(["p.r", "acme", 3, None]) == '["p.r","acme",3,null]'


def test_every_attribute_value_can_be_part_of_a_key() -> None:
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    key = join_key([Decimal("1.50"), frozenset({"b", "a"}), moment, ip_address("10.0.0.1")])
    assert key == '["1.50",["a","b"],"2026-01-01T00:00:00Z","10.0.0.1"]'


texts = st.text(st.sampled_from('a"\\[],é\0'), max_size=6) | st.sampled_from(["x" * 340, "x" * 341])
values = st.lists(texts, max_size=4)


@given(values, values)
def test_different_values_have_different_keys(one: list[str], other: list[str]) -> None:
    assert (join_key(one) == join_key(other)) == (one == other)


@given(values)
def test_keys_are_bounded(parts: list[str]) -> None:
    assert len(join_key(parts).encode()) <= LONGEST


def test_a_value_cannot_pose_as_a_digest() -> None:
    cut = join_key(["x" * 400])
    assert join_key([cut]) != cut
    assert join_key(["x" * 400, ""]) != cut
