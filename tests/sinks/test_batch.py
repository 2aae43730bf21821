"""Records on their way: named, chosen, and in the bytes that the trail has."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.sinks.batch import (
    CUT,
    Batch,
    Chosen,
    Glance,
    checkpoint_payload,
    glance_at,
    halves,
    of,
    with_origin,
)
from tests.sinks.shipping_made import batch, item

DENIED = Glance("decision", "", "north", "deny")
ALLOWED = Glance("decision", "", "south", "allow")
ADMIN = Glance("admin")

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("chosen", "taken"),
    [
        (Chosen(), {DENIED, ALLOWED, ADMIN}),
        (Chosen(tenants=frozenset({"north"})), {DENIED}),
        (Chosen(actions=frozenset({"deny"})), {DENIED, ADMIN}),
        (Chosen(kinds=frozenset({"decision"})), {DENIED, ALLOWED}),
        (Chosen(kinds=frozenset({"decision"}), actions=frozenset({"allow"})), {ALLOWED}),
    ],
)
def test_a_sink_gets_what_it_chooses(chosen: Chosen, taken: set[Glance]) -> None:
    assert {one for one in (DENIED, ALLOWED, ADMIN) if chosen.takes(one)} == taken


def test_what_is_no_record_says_nothing_of_itself() -> None:
    assert glance_at(b"\xff") == glance_at(b"[]") == glance_at(b'{"kind":1}') == Glance()


@given(st.dictionaries(st.text(max_size=5), json_values, max_size=4))
def test_a_record_with_its_origin_is_the_record(fields: dict[str, object]) -> None:
    fields.pop("trail", None)
    fields.pop("sequence", None)
    found = msgspec.json.decode(with_origin("ab12", 7, msgspec.json.encode(fields)))
    assert found == {"trail": "ab12", "sequence": 7, **fields}


@given(st.binary(max_size=20))
def test_what_is_no_record_is_shipped_as_text(payload: bytes) -> None:
    if not payload.startswith(b"{"):
        found = msgspec.json.decode(with_origin("ab12", 7, payload))
        assert found["payload"] == payload.decode("utf-8", "replace")


def test_what_a_recovery_adds_is_not_taken_for_the_next_record() -> None:
    assert item(3).id == "t/3"
    assert item(3)._replace(kind=CUT).id == "t/3/cut"


def test_a_batch_is_known_by_what_is_in_it() -> None:
    assert batch(3).id == batch(3).id != batch(2).id
    assert of(reversed(batch(3).items)).id != batch(3).id
    assert batch(3).lines.count(b"\n") == 3
    assert batch(3).size == len(batch(3).lines) - 3


def test_halves_are_all_of_it() -> None:
    first, second = halves(batch(5))
    assert first.items + second.items == batch(5).items
    assert halves(batch(2)) == (Batch(batch(2).items[:1]), Batch(batch(2).items[1:]))


def test_a_checkpoint_is_a_record_of_its_kind() -> None:
    found = glance_at(checkpoint_payload("a note\n", "2026-01-01T00:00:00Z"))
    assert (found.kind, found.time) == ("checkpoint", "2026-01-01T00:00:00Z")
